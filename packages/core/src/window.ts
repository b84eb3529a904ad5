/**
 * How many attempts may be in flight below the hard bound: cut in half when the provider throttles, started small after an outage,
 * grown by one per round of answers.
 */
export class Window {
  readonly #bound: number;
  #size: number;
  #threshold: number;
  #cutAt = -Infinity;

  constructor(bound: number) {
    this.#bound = bound;
    this.#size = bound;
    this.#threshold = bound;
  }

  get size(): number {
    return Math.floor(this.#size);
  }

  /** So many were taken by the provider. */
  grow(count: number): void {
    // Doubling per round up to the size that last went well, then one per round.
    const more = this.#size < this.#threshold ? count : count / this.#size;
    this.#size = Math.min(this.#bound, this.#size + more);
  }

  /** The provider asked to slow down; a burst of such answers counts once a second. */
  cut(now: number): void {
    if (now - this.#cutAt < 1000) return;
    this.#cutAt = now;
    this.#threshold = Math.max(1, this.#size / 2);
    this.#size = this.#threshold;
  }

  /** Begins again after an outage. */
  restart(): void {
    this.#threshold = this.#bound;
    this.#size = 1;
  }
}
