// Adapters that break one rule each. Each is made of the one that keeps them all.
import { connect } from 'node:net';
import type { Adapter, Delivery, Failure, Schema, SendResult } from '@tidings/core';
import { checked } from '@tidings/core';
import { until } from '../patience.ts';
import type { Trouble } from '../subject.ts';
import { apiKey, type TestTarget, testTarget } from './adapter.ts';
import type { TestService } from './service.ts';

export interface Broken {
  /** The rule that has to catch it. */
  readonly rule: string;
  readonly what: string;
  readonly change: (adapter: Adapter, service: TestService) => Adapter;
  /** Rules that can't be kept either. */
  readonly also?: readonly string[];
  /** Ends what it left open on purpose. */
  readonly cleanUp?: () => void;
}

type Send = Adapter['send'];
type SendContext = Parameters<Send>[1];
type Answers = readonly SendResult[];

const signal = new AbortController().signal;
const never = new Promise<never>(() => undefined);
const idOf = (deliveries: readonly Delivery[]): string => (deliveries[0]?.target as TestTarget).id;

const sending =
  (
    send: (
      good: Adapter,
      deliveries: readonly Delivery[],
      context: SendContext,
      service: TestService,
    ) => Promise<unknown>,
  ) =>
  (good: Adapter, service: TestService): Adapter => ({
    ...good,
    send: (deliveries, context) => send(good, deliveries, context, service) as Promise<Answers>,
  });

/** Something else is made of the answer to one trouble. */
const at = (trouble: Trouble | undefined, change: (result: SendResult, deliveries: readonly Delivery[]) => unknown) =>
  sending(async (good, deliveries, context, service) => {
    const results = await good.send(deliveries, context);
    return service.troubleOf(idOf(deliveries)) === trouble
      ? results.map((result) => change(result, deliveries))
      : results;
  });

/** Tries again by itself. */
const again = (trouble: Trouble | undefined) =>
  sending(async (good, deliveries, context, service) => {
    const results = await good.send(deliveries, context);
    const isIt = service.troubleOf(idOf(deliveries)) === trouble;
    if (!isIt || (trouble === undefined && results[0]?.kind !== 'accepted')) return results;
    const [controller, before] = [new AbortController(), service.requests];
    const second = good.send(deliveries, { signal: controller.signal });
    if (trouble === 'hang')
      await until(() => service.requests > before, 1000, 'the second request').then(() => controller.abort());
    await second;
    return results;
  });

const withTarget =
  (target: Schema<unknown, unknown>) =>
  (good: Adapter): Adapter => ({ ...good, target });
const problemsOf = (value: unknown) => {
  const result = testTarget['~standard'].validate(value);
  return 'issues' in result ? result.issues?.[0] : undefined;
};
const throwing = (text: string) => () => {
  throw new TypeError(text);
};

const limits = 'has limits and a policy that the engine takes';
const ends = 'delivers in an engine, and ends there when the timeout passes';

const contract: readonly Broken[] = [
  {
    rule: 'has the form of version 1 of the contract',
    what: 'another version',
    change: (good) => ({ ...good, version: 2 as 1 }),
    also: [limits, ends],
  },
  {
    rule: 'has the form of version 1 of the contract',
    what: 'no partition for a valid target',
    change: (good) => ({ ...good, partition: () => undefined as never }),
  },
  {
    rule: limits,
    what: 'negative limit',
    change: (good) => ({ ...good, limits: { ...good.limits, payloadBytes: -1 } }),
  },
  { rule: limits, what: 'unreadable rate', change: (good) => ({ ...good, policy: { rate: 'many' as '1/s' } }) },
  {
    rule: 'can be closed twice',
    what: 'a second close that rejects',
    change(good) {
      let closed = false;
      return { ...good, close: () => (closed ? Promise.reject(new Error('closed')) : ((closed = true), good.close())) };
    },
  },
];

const validation: readonly Broken[] = [
  {
    rule: 'takes valid targets and content',
    what: 'content refused',
    change: (good) => ({ ...good, content: checked(() => ({ message: 'expected other content', path: ['color'] })) }),
    also: [ends],
  },
  {
    rule: 'refuses what is ill-formed and names the field',
    what: 'everything taken',
    change: withTarget(checked(() => undefined)),
  },
  {
    rule: 'refuses what is ill-formed and names the field',
    what: 'no path',
    change: withTarget(
      checked((value) => (problemsOf(value) === undefined ? undefined : { message: 'expected a target' })),
    ),
  },
  {
    rule: 'tells what is ill-formed without quoting it',
    what: 'the value in the text',
    change: withTarget(
      checked((value) => {
        const issue = problemsOf(value);
        return issue && { ...issue, message: `${JSON.stringify(value)} is no target` };
      }),
    ),
  },
];

const request = 'makes one request for one attempt: ';
const requests: readonly Broken[] = [
  { rule: `${request}success`, what: 'everything twice', change: again(undefined) },
  ...(['throttled', 'unavailable', 'serverError', 'unauthorized', 'unknown', 'hang', 'reset', 'half'] as const).map(
    (trouble) => ({
      rule: request + trouble,
      what: `a retry of its own after ${trouble}`,
      change: again(trouble),
    }),
  ),
];

const classify = 'classifies rightly: ';
const scopes = [
  'unregistered',
  'blocked',
  'rejected',
  'throttled',
  'unavailable',
  'serverError',
  'unauthorized',
  'refused',
] as const;
const classification: readonly Broken[] = [
  ...scopes.map((trouble) => ({
    rule: classify + trouble,
    what: `an impossible scope of ${trouble}`,
    change: at(trouble, (result) => ({ ...result, scope: 'nobody' })),
  })),
  {
    rule: `${classify}blocked`,
    what: 'an opt-out as a dead target',
    change: at('blocked', (): Failure => ({ kind: 'unregistered', scope: 'target', code: 'stopped' })),
  },
  { rule: `${classify}serverError`, what: 'no code', change: at('serverError', (result) => ({ ...result, code: '' })) },
  {
    rule: `${classify}refused`,
    what: 'not taken, but not unsent',
    change: at('refused', (result) => ({ ...result, unsent: undefined })),
  },
  {
    rule: 'takes over how long the provider asks to wait',
    what: 'seconds for milliseconds',
    change: at('retryAfter', (result) => ({ ...result, retryAfter: 7 })),
  },
  {
    rule: 'never takes an answer it does not know for a dead target',
    what: 'any 410 is a dead target',
    change: at('unknown', (): Failure => ({ kind: 'unregistered', scope: 'target', code: 'http_410' })),
  },
];

const hostile = 'is not misled by a hostile answer: ';
const hostiles: readonly Broken[] = [
  {
    rule: `${hostile}garbage`,
    what: 'garbage is a dead target',
    change: at('garbage', (): Failure => ({ kind: 'unregistered', scope: 'target', code: 'x' })),
  },
  {
    rule: `${hostile}html`,
    what: "a proxy's page rejects the message",
    change: at('html', (): Failure => ({ kind: 'rejected', scope: 'message', code: 'http_502' })),
  },
  {
    rule: `${hostile}half`,
    what: 'half an answer was not sent',
    change: at('half', (): Failure => ({ kind: 'unavailable', scope: 'provider', code: 'x', unsent: true })),
  },
  { rule: `${hostile}stall`, what: 'an answer without end throws', change: at('stall', throwing('aborted')) },
  { rule: `${hostile}huge`, what: 'a huge answer throws', change: at('huge', throwing('too large')) },
];

const batch = 'gives each delivery of a batch its own result, in order';
const many: readonly Broken[] = [
  {
    rule: 'rejects what is too large before any request',
    what: 'the provider is asked first',
    change: sending(async (good, deliveries, context) => {
      const [first, second] = deliveries;
      const isLarge = second === undefined && JSON.stringify(first?.content).length > 1000;
      if (isLarge) await good.send([{ ...(first as Delivery), content: {} }], context);
      return good.send(deliveries, context);
    }),
  },
  {
    rule: batch,
    what: 'results in reverse',
    change: sending(async (good, deliveries, context) => (await good.send(deliveries, context)).toReversed()),
  },
  {
    rule: batch,
    what: 'a result missing',
    change: sending(async (good, deliveries, context) => {
      const results = await good.send(deliveries, context);
      return results.length > 1 ? results.slice(1) : results;
    }),
  },
  {
    rule: 'gives each of 200 parallel sends its own result',
    what: 'state shared between sends',
    change(good) {
      let current: readonly Delivery[] = [];
      return {
        ...good,
        async send(deliveries, context) {
          current = deliveries;
          await Promise.resolve();
          return good.send(current, context);
        },
      };
    },
  },
];

const aborts: readonly Broken[] = [
  {
    rule: 'ends a send as ambiguous when it is aborted',
    what: 'an abort rejects the message',
    change: at('hang', (): Failure => ({ kind: 'rejected', scope: 'message', code: 'aborted' })),
  },
  {
    rule: 'sends nothing when it is aborted before',
    what: 'a signal that is only listened to',
    change: sending((good, deliveries, context) =>
      good.send(deliveries, context.signal?.aborted ? { signal } : context),
    ),
  },
  // The engine makes its signal when it is first read: a copy of the context has none.
  {
    rule: ends,
    what: 'a copied context',
    change: sending((good, deliveries, context) => good.send(deliveries, { ...context })),
  },
  {
    rule: ends,
    what: 'no signal in an engine',
    change: sending((good, deliveries, context) => good.send(deliveries, Object.assign({ signal }, context))),
  },
];

const connections: readonly Broken[] = [
  {
    rule: 'says that nothing was sent where nothing listens',
    what: 'a refused connection may have sent',
    change: sending(async (good, deliveries, context) =>
      (await good.send(deliveries, context)).map((result) =>
        'code' in result && result.code === 'ECONNREFUSED' ? { ...result, kind: 'ambiguous' } : result,
      ),
    ),
  },
  {
    rule: 'delivers again after its connection was disturbed',
    what: 'no connection after a reset',
    change(good, service) {
      let dead = false;
      const results: Answers = [{ kind: 'ambiguous', scope: 'provider', code: 'dead' }];
      return {
        ...good,
        async send(deliveries, context) {
          if (dead) return results;
          dead = service.troubleOf(idOf(deliveries)) === 'reset';
          return good.send(deliveries, context);
        },
      };
    },
  },
];

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
    change(good) {
      timers.push(setInterval(() => undefined, 1000));
      return good;
    },
    cleanUp: () => timers.splice(0).forEach((timer) => clearInterval(timer)),
  },
  {
    rule: 'leaves nothing open when it is closed',
    what: 'a connection',
    change(good, service) {
      sockets.push(connect(Number(new URL(service.origin).port), 'localhost'));
      return good;
    },
    cleanUp: () => sockets.splice(0).forEach((socket) => socket.destroy()),
  },
];

export const brokenAdapters: readonly Broken[] = [
  ...contract,
  ...validation,
  ...requests,
  ...classification,
  ...hostiles,
  ...many,
  ...aborts,
  ...connections,
  ...redaction,
  ...closing,
];
