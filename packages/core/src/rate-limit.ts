import type { RateLimit } from './duration.ts';

/** What a bucket grants; `wait`: milliseconds until one more may be had, 0 when all asked for was granted. */
export interface Grant {
  readonly granted: number;
  readonly wait: number;
}

/**
 * Token bucket as one number, the virtual time up to which permits are spent (GCRA).
 * Time is handed in, so it serves any clock.
 * @see https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
 */
export class TokenBucket {
  readonly #interval: number;
  readonly #tolerance: number;
  #spentUntil = -Infinity;

  constructor({ limit, per, burst }: RateLimit) {
    this.#interval = per / limit;
    this.#tolerance = burst * this.#interval;
  }

  /** At most `count`; as many as there are. */
  take(now: number, count: number): Grant {
    const from = Math.max(this.#spentUntil, now);
    // The small share forgives rounding: 10 permits of 0.1 ms each are due after 1 ms, not after 1.0000000001.
    const free = Math.floor((now + this.#tolerance - from) / this.#interval + 1e-6);
    const granted = Math.max(0, Math.min(count, free));
    this.#spentUntil = from + granted * this.#interval;
    if (granted === count) return { granted, wait: 0 };
    return { granted, wait: Math.max(0, this.#spentUntil + this.#interval - this.#tolerance - now) };
  }

  /** Permits that were granted and not used. */
  giveBack(count: number): void {
    this.#spentUntil -= count * this.#interval;
  }
}
