/** Seconds over which retries are held against fresh traffic. */
const seconds = 10;
/** Retries per second that a lane may always make, so that a quiet one can. */
const minimumPerSecond = 10;

/**
 * Bounds what retries add to the load: at most a share of the fresh deliveries of the last ten seconds, and a few more.
 * It only delays retries; it never ends a delivery.
 * @see https://finagle.github.io/blog/2016/02/08/retry-budgets/
 */
export class RetryBudget {
  readonly #share: number;
  readonly #fresh: number[] = Array.from({ length: seconds }, () => 0);
  readonly #spent: number[] = Array.from({ length: seconds }, () => 0);
  #second = 0;
  #end = 1000;
  #allFresh = 0;
  #allSpent = 0;

  /** @param share retries per fresh delivery */
  constructor(share: number) {
    this.#share = share;
  }

  /** Fresh deliveries have begun. */
  earn(count: number, now: number): void {
    this.#turn(now);
    this.#fresh[this.#second % seconds]! += count;
    this.#allFresh += count;
  }

  /** Takes one; answers 0, or the ms until there may be one. */
  take(now: number): number {
    this.#turn(now);
    if (this.#allSpent + 1 > this.#allFresh * this.#share + minimumPerSecond * seconds) return 1000 - (now % 1000);
    this.#spent[this.#second % seconds]!++;
    this.#allSpent++;
    return 0;
  }

  #turn(now: number): void {
    if (now < this.#end) return;
    const second = Math.floor(now / 1000);
    this.#end = (second + 1) * 1000;
    for (let steps = Math.min(second - this.#second, seconds); steps > 0; steps--) {
      const place = (second - steps + 1) % seconds;
      this.#allFresh -= this.#fresh[place]!;
      this.#allSpent -= this.#spent[place]!;
      this.#fresh[place] = this.#spent[place] = 0;
    }
    this.#second = second;
  }
}
