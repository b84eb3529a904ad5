import PQueue from 'p-queue';

/** What a lane gets slots for. */
export interface SlotHolder {
  /** A slot is there; it is the holder's until `release`. */
  granted(release: () => void): void;
  /** Others wait: give back what is not in use. */
  giveBackIdle(): void;
  /** It waited for its turn: there is room for one more attempt. */
  turn(): void;
}

/**
 * The concurrency of one adapter, granted by p-queue as long-lived slots that a lane uses for one attempt after the other.
 * A slot is free again only when the adapter's promise has settled, so the bound is hard: p-queue's own timeout and signal would free it early.
 * One `add` per attempt would cost more than the rest of the pipeline.
 */
export class Slots {
  readonly #queue: PQueue;
  readonly #holders = new Set<SlotHolder>();
  /** Those that found all busy, in order. */
  readonly #turns = new Set<SlotHolder>();
  readonly concurrency: number;
  /** Slots that only `high` may take the last of. */
  readonly keptForHigh: number;
  /** Attempts in flight, over all lanes that share these slots. */
  busy = 0;

  constructor(concurrency: number) {
    this.concurrency = concurrency;
    this.keptForHigh = Math.floor(concurrency / 10);
    this.#queue = new PQueue({ concurrency });
  }

  /** Some lane waits for a slot. */
  get wanted(): boolean {
    return this.#queue.size > 0;
  }

  request(holder: SlotHolder): void {
    this.#holders.add(holder);
    // Never rejects: the promise ends with `release` alone.
    void this.#queue.add(() => new Promise<void>((release) => holder.granted(release)));
    if (this.wanted) for (const each of this.#holders) if (each !== holder) each.giveBackIdle();
  }

  /** All are busy: it is told when one is free, after the others that wait. One alone finds out by itself. */
  waitTurn(holder: SlotHolder): void {
    this.#holders.add(holder);
    if (this.#holders.size > 1) this.#turns.add(holder);
  }

  /** An attempt of this holder has ended: the next in line goes, or the holder itself. */
  passOn(holder: SlotHolder): void {
    for (const next of this.#turns) {
      this.#turns.delete(next);
      if (next === holder) continue;
      this.#turns.add(holder);
      next.turn();
      return;
    }
    holder.turn();
  }

  leave(holder: SlotHolder): void {
    this.#holders.delete(holder);
    this.#turns.delete(holder);
    // What it had the turn for must not be lost.
    for (const next of this.#turns) next.turn();
  }
}
