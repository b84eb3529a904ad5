import { parseRate } from './duration.ts';
import { KeyWindow } from './dedupe.ts';
import { TokenBucket, type Grant } from './rate-limit.ts';
import type { Rate } from './policy.ts';
import type { Runtime } from './runtime.ts';
import type { Coordination } from './store.ts';

/** Idempotency keys kept at most. */
const mostKeys = 1_000_000;

/** What workers share, where there is but one process. Answers at once. */
export function memoryCoordination(runtime: Runtime): Coordination {
  const buckets = new Map<string, TokenBucket>();
  const keys = new KeyWindow(mostKeys, runtime.random());
  return {
    reserve(key: string, rate: Rate, count: number): Grant {
      let bucket = buckets.get(key);
      if (bucket === undefined) buckets.set(key, (bucket = new TokenBucket(parseRate(rate, 'rate'))));
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
