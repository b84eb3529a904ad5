const seconds = 10;

/** How many per second, over the last ten whole seconds. */
export class Throughput {
  readonly #counts: number[] = Array.from({ length: seconds + 1 }, () => 0);
  #second = 0;
  #end = 1000;

  add(count: number, now: number): void {
    this.#turn(now);
    this.#counts[this.#second % this.#counts.length]! += count;
  }

  perSecond(now: number): number {
    this.#turn(now);
    const all = this.#counts.reduce((sum, count) => sum + count, 0);
    // The running second is not over yet.
    return (all - this.#counts[this.#second % this.#counts.length]!) / seconds;
  }

  #turn(now: number): void {
    if (now < this.#end) return;
    const second = Math.floor(now / 1000);
    this.#end = (second + 1) * 1000;
    for (let steps = Math.min(second - this.#second, this.#counts.length); steps > 0; steps--) {
      this.#counts[(second - steps + 1) % this.#counts.length] = 0;
    }
    this.#second = second;
  }
}
