import { connect } from 'node:net';
import type { Delivery } from '@tidings/core';
import { apiKey } from '../adapter.ts';
import type { Broken, Send } from './broken.ts';
import { at, idOf, never } from './broken.ts';

const told = 'keeps target, content and credential out of results and errors';
const seen = 'keeps target, content and credential out of what can be seen of it';
const redaction: readonly Broken[] = [
  {
    rule: told,
    what: 'the target in a message',
    change: at('throttled', (result, deliveries) => ({ ...result, message: `for ${idOf(deliveries)}` })),
  },
  {
    rule: told,
    what: 'the credential in a message',
    change: at('unauthorized', (result) => ({ ...result, message: `not ${apiKey}` })),
  },
  {
    rule: told,
    what: 'the content on the cause of an error',
    change: at('reset', (_result, [delivery]) => {
      throw new Error('reset', { cause: { request: { body: JSON.stringify(delivery?.content) } } });
    }),
  },
  {
    rule: seen,
    what: 'the last delivery',
    change(good) {
      const state: { last?: readonly Delivery[] } = {};
      const send: Send = (deliveries, context) => good.send((state.last = deliveries), context);
      return Object.defineProperty({ ...good, send }, 'state', { value: state, enumerable: false });
    },
  },
  { rule: seen, what: 'its options', change: (good) => ({ ...good, options: { headers: { authorization: apiKey } } }) },
];

const timers: NodeJS.Timeout[] = [];
const sockets: ReturnType<typeof connect>[] = [];
const closing: readonly Broken[] = [
  {
    rule: 'settles every send when it is closed meanwhile',
    what: 'sends forgotten at close',
    hangs: true,
    change(good) {
      let closed = false;
      return {
        ...good,
        async send(deliveries, context) {
          const results = await good.send(deliveries, context);
          return closed && !context.signal.aborted ? never : results;
        },
        close: () => ((closed = true), good.close()),
      };
    },
  },
  {
    rule: 'lets go of a hanging send when it is closed and aborted',
    what: 'an aborted send is waited for',
    hangs: true,
    change(good) {
      let [closed, stuck] = [false, false];
      return {
        ...good,
        async send(deliveries, context) {
          const results = await good.send(deliveries, context);
          if (closed && context.signal.aborted) stuck = true;
          return results;
        },
        async close() {
          closed = true;
          await good.close();
          await new Promise(setImmediate);
          if (stuck) await never;
        },
      };
    },
  },
  {
    rule: 'leaves nothing open when it is closed',
    what: 'a timer',
    hangs: true,
    change(good) {
      timers.push(setInterval(() => undefined, 1000));
      return good;
    },
    cleanUp: () => timers.splice(0).forEach((timer) => clearInterval(timer)),
  },
  {
    rule: 'leaves nothing open when it is closed',
    what: 'a connection',
    hangs: true,
    change(good, service) {
      sockets.push(connect(Number(new URL(service.origin).port), 'localhost'));
      return good;
    },
    cleanUp: () => sockets.splice(0).forEach((socket) => socket.destroy()),
  },
];

export const brokenLifetime = [...redaction, ...closing];
