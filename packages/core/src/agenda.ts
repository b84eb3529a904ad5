import TinyQueue from 'tinyqueue';
import type { Clock } from './clock.ts';
import { settled, type DeliveryRecord } from './record.ts';

/** Deliveries whose time has not come, over one timer. */
export class Agenda {
  readonly #clock: Clock;
  readonly #due: (record: DeliveryRecord) => void;
  readonly #heap = new TinyQueue<DeliveryRecord>([], (one, other) => one.more.dueAt - other.more.dueAt);
  #timerAt = Infinity;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, due: (record: DeliveryRecord) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /** Until its `dueAt`. */
  add(record: DeliveryRecord): void {
    this.#heap.push(record);
    this.#arm();
  }

  *[Symbol.iterator](): Generator<DeliveryRecord> {
    for (const record of [...this.#heap.data]) if (record.state !== settled) yield record;
  }

  /** Also lets go of what was canceled, so that a timer is not kept for it. */
  close(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerAt = Infinity;
  }

  #arm(): void {
    while (this.#heap.peek()?.state === settled) this.#heap.pop();
    const at = this.#heap.peek()?.more.dueAt ?? Infinity;
    if (at >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    this.#cancelTimer = this.#clock.schedule(at, () => this.#fire());
  }

  #fire(): void {
    this.#timerAt = Infinity;
    this.#cancelTimer = undefined;
    const now = this.#clock.read();
    for (let next = this.#heap.peek(); next !== undefined && next.more.dueAt <= now; next = this.#heap.peek()) {
      this.#heap.pop();
      if (next.state !== settled) this.#due(next);
    }
    this.#arm();
  }
}
