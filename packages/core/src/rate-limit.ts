import type { RateLimit } from './duration.ts';

/** What a bucket grants; `wait`: whole milliseconds until one more may be had, 0 when all asked for was granted. */
export interface Grant {
  readonly granted: number;
  readonly wait: number;
}

/** This share of a permit is forgiven, for rounding: 10 permits of 0.1 ms each are due after 1 ms, not after 1.0000000001. */
const forgiven = 1e-6;

/**
 * Token bucket, filled when it is looked at. Time is handed in, so it serves any clock; only differences of times are reckoned with, so that
 * a rate of many per millisecond stays exact when the clock is at months.
 */
export class TokenBucket {
  readonly #interval: number;
  readonly #burst: number;
  #permits: number;
  #filledAt = 0;

  constructor({ limit, per, burst }: RateLimit) {
    this.#interval = per / limit;
    this.#burst = burst;
    this.#permits = burst;
  }

  /** At most `count`; as many as there are. */
  take(now: number, count: number): Grant {
    this.#fill((now - this.#filledAt) / this.#interval);
    this.#filledAt = now;
    const granted = Math.min(count, Math.max(0, Math.floor(this.#permits + forgiven)));
    this.#permits -= granted;
    if (granted === count) return { granted, wait: 0 };
    return { granted, wait: Math.ceil((1 - forgiven / 2 - this.#permits) * this.#interval) };
  }

  /** Permits that were granted and not used. */
  giveBack(count: number): void {
    this.#fill(count);
  }

  #fill(permits: number): void {
    this.#permits = Math.min(this.#burst, this.#permits + permits);
  }
}
