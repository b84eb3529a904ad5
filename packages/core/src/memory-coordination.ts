import { parseRate } from './duration.ts';
import { KeyWindow } from './dedupe.ts';
import { TokenBucket, type Grant } from './rate-limit.ts';
import type { Rate } from './policy.ts';
import type { Runtime } from './runtime.ts';
import type { Coordination } from './store.ts';

/** Idempotency keys kept at most. */
const mostKeys = 1_000_000;
/** Rates kept at most: one per lane, and a lane per push service that a caller names. */
const mostRates = 10_000;

/** What workers share, where there is but one process. Answers at once. */
export function memoryCoordination(runtime: Runtime): Coordination {
  const buckets = new Buckets();
  const keys = new KeyWindow(mostKeys, runtime.random());
  return {
    reserve(key: string, rate: Rate, count: number): Grant {
      const bucket = buckets.get(key) ?? buckets.add(key, new TokenBucket(parseRate(rate, 'rate')));
      return bucket.take(runtime.monotonic(), count);
    },
    giveBack(key, count) {
      buckets.get(key)?.giveBack(count);
    },
    // One process has heard of it already.
    pause() {},
    tell() {},
    hear: () => () => {},
    claim: (key, value, until) => keys.claim(key, value, until, runtime.now),
    release: (key) => keys.release(key),
  };
}

/** Those used lately: two generations, as of idempotency keys. */
class Buckets {
  #young = new Map<string, TokenBucket>();
  #old = new Map<string, TokenBucket>();

  get(key: string): TokenBucket | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    return old && this.add(key, old);
  }

  add(key: string, bucket: TokenBucket): TokenBucket {
    if (this.#young.size >= mostRates / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, bucket);
    return bucket;
  }
}
