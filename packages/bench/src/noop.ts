// Our side of the no-op rows: an adapter that only reads and accepts, in an engine with every step of the pipeline on.
import type { Adapter, Delivery, Policy, SendResult } from '@tidings/core';
import { createEngine, defineAdapter, schema } from '@tidings/core';

interface Target {
  readonly token: string;
}
interface Own {
  readonly title: string;
}
export type NoopAdapter = Adapter<'noop', Target, Own, never>;
export type NoopDelivery = Delivery<Target, Own, never>;
type Send = (deliveries: readonly NoopDelivery[]) => Promise<readonly SendResult[]>;

const isTarget = (value: unknown): value is Target => typeof (value as Target | null)?.token === 'string';
const isOwn = (value: unknown): value is Own => typeof (value as Own | null)?.title === 'string';

/** Target and content are checked, as real adapters do. */
export function noopAdapter(send: Send, batch = 1): NoopAdapter {
  return defineAdapter({
    provider: 'noop',
    target: schema(isTarget, 'an object with a token'),
    content: schema(isOwn, 'an object with a title'),
    limits: { batch },
    send,
  });
}

/** Reads what a real adapter reads of each delivery, so that nothing can be left undone by being lazy. */
export function acceptAll(): { send: Send; readonly read: number } {
  const accepted: SendResult = { kind: 'accepted' };
  let read = 0;
  const accept = ({ target, content }: NoopDelivery): SendResult => {
    read += target.token.length + content.title.length;
    return accepted;
  };
  return {
    send: async (deliveries) => deliveries.map(accept),
    get read() {
      return read;
    },
  };
}

/** Nothing is switched off. The rate lies far above what is reached: it has to be counted and never waited for. */
const noopPolicy = {
  rate: { limit: 100_000_000, per: '1s' },
  concurrency: 64,
  timeout: '30s',
  retry: { attempts: 5, first: '500ms', max: '60s', budget: 0.2 },
  breaker: { threshold: 0.5, minimum: 20, open: '10s' },
  ambiguous: 'retry',
} satisfies Policy;

type Options = Omit<Parameters<typeof createEngine<{ noop: NoopAdapter }>>[0], 'channels'>;

export function noopEngine(adapter: NoopAdapter, options: Options = {}) {
  return createEngine({ channels: { noop: adapter }, ...options, policy: { ...noopPolicy, ...options.policy } });
}
export type NoopEngine = ReturnType<typeof noopEngine>;
