/** What can stand in a WaitingList: the links are its own, so that joining and leaving cost no allocation. */
export interface Waiter<Self> {
  ahead: Self | undefined;
  behind: Self | undefined;
}

/** First in, first out; leaving from the middle (an abort) costs the same as leaving from the front. */
export class WaitingList<T extends Waiter<T>> {
  size = 0;
  #first: T | undefined;
  #last: T | undefined;

  push(waiter: T): void {
    waiter.ahead = this.#last;
    waiter.behind = undefined;
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.behind = waiter;
    this.#last = waiter;
    this.size += 1;
  }

  /** To the front: what was taken too early. */
  unshift(waiter: T): void {
    waiter.ahead = undefined;
    waiter.behind = this.#first;
    if (this.#first === undefined) this.#last = waiter;
    else this.#first.ahead = waiter;
    this.#first = waiter;
    this.size += 1;
  }

  shift(): T | undefined {
    const first = this.#first;
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** The waiter must be in this list. */
  remove(waiter: T): void {
    const { ahead, behind } = waiter;
    if (ahead === undefined) this.#first = behind;
    else ahead.behind = behind;
    if (behind === undefined) this.#last = ahead;
    else behind.ahead = ahead;
    waiter.ahead = undefined;
    waiter.behind = undefined;
    this.size -= 1;
  }
}
