import { defineAdapter, type Adapter, type Delivery, type SendResult } from '../adapter.ts';
import type { Policy } from '../policy.ts';
import type { Runtime } from '../runtime.ts';
import { checked, type Awaitable } from '../schema.ts';

export interface TokenTarget {
  readonly token: string;
}

/** What the adapter was asked to send, in order. */
export interface ScriptAdapter extends Adapter<string, TokenTarget, object, object> {
  readonly sent: Delivery<TokenTarget>[];
  /** Sends in flight now, and the most there were. */
  readonly load: { now: number; peak: number };
}

const token = checked<TokenTarget>((value) => {
  const found = (value as { readonly token?: unknown } | null)?.token;
  return typeof found === 'string' && found !== '' ? undefined : { message: 'text', path: ['token'] };
});

/** An adapter whose answers a test writes down: a result for each delivery, now or later. */
export function scriptAdapter(
  answer: (
    delivery: Delivery<TokenTarget>,
    context: { readonly signal: AbortSignal; readonly calls: number },
  ) => Awaitable<SendResult> = () => ({ kind: 'accepted' }),
  options: {
    readonly provider?: string;
    readonly batch?: number;
    readonly policy?: Policy;
    readonly partition?: (target: TokenTarget) => string;
  } = {},
): ScriptAdapter {
  const sent: Delivery<TokenTarget>[] = [];
  const load = { now: 0, peak: 0 };
  let calls = 0;
  const { provider = 'script', batch = 1, policy = {}, partition } = options;
  const adapter = defineAdapter({
    provider,
    target: token,
    native: checked<object>(() => undefined),
    limits: { batch },
    policy,
    ...(partition && { partition }),
    async send(deliveries, context) {
      calls++;
      load.now++;
      load.peak = Math.max(load.peak, load.now);
      try {
        const results: SendResult[] = [];
        for (const delivery of deliveries) {
          sent.push(delivery as Delivery<TokenTarget>);
          results.push(
            await answer(delivery as Delivery<TokenTarget>, {
              get signal() {
                return context.signal;
              },
              calls,
            }),
          );
        }
        return results;
      } finally {
        load.now--;
      }
    },
  });
  return Object.assign(adapter, { sent, load });
}

/** Resolves after `ms` of the runtime's time, or rejects when the signal aborts. */
export function after<T>(runtime: Runtime, ms: number, value: T, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = runtime.schedule(runtime.monotonic() + ms, () => resolve(value));
    signal?.addEventListener('abort', () => {
      cancel();
      reject(signal.reason as Error);
    });
  });
}
