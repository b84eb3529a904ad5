import type { Delivery, Failure } from '@tidings/core';
import type { Answers, Broken } from './broken.ts';
import { at, ends, idOf, sending, signal } from './broken.ts';

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
    hangs: true,
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

export const brokenSends = [...many, ...aborts, ...connections];
