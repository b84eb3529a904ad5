import { LaneQueue } from './lane-queue.ts';
import { parked, preparing, settled, type DeliveryRecord } from './record.ts';

/**
 * Bounds what one channel holds in memory, by count and by bytes. Who finds it full waits outside, tenants in turn;
 * a share is kept for `high`, so that a backlog can't keep a one-time code outside.
 */
export class Admission {
  readonly #limit: number;
  readonly #bytes: number;
  readonly #admitted: (record: DeliveryRecord) => void;
  readonly #outside = new LaneQueue();
  #count = 0;
  #high = 0;
  #weight = 0;
  #scheduled = false;

  /** @param admitted called for each that waited outside and may now go on */
  constructor(limit: number, bytes: number, admitted: (record: DeliveryRecord) => void) {
    this.#limit = limit;
    this.#bytes = bytes;
    this.#admitted = admitted;
  }

  get inside(): number {
    return this.#count;
  }

  get outside(): number {
    return this.#outside.waiting;
  }

  /** Earliest deadline outside, or before it. */
  get earliest(): number {
    return this.#outside.earliest;
  }

  /** True where it may go on at once; else it waits outside. */
  enter(record: DeliveryRecord): boolean {
    if (this.#hasRoom(record)) {
      this.#take(record);
      return true;
    }
    record.state = parked;
    this.#outside.push(record);
    return false;
  }

  /** One that was inside has settled. */
  leave(record: DeliveryRecord): void {
    this.#count--;
    if (record.level === 0) this.#high--;
    this.#weight -= record.weight;
    if (this.#outside.size > 0 && !this.#scheduled) {
      // Once per round of answers, not once per answer.
      this.#scheduled = true;
      queueMicrotask(() => this.#letIn());
    }
  }

  /** One that waited outside has settled. */
  settledOutside(): void {
    this.#outside.settledWhileWaiting();
  }

  /** Takes out what passed its deadline outside. */
  expired(now: number): DeliveryRecord[] {
    return this.#outside.expired(now);
  }

  /** All that waits outside. */
  *[Symbol.iterator](): Generator<DeliveryRecord> {
    yield* this.#outside;
  }

  #hasRoom(record: DeliveryRecord): boolean {
    if (record.level === 0 && this.#high < this.#limit / 10) return true;
    return this.#outside.size === 0 && this.#count < this.#limit && this.#weight < this.#bytes;
  }

  #take(record: DeliveryRecord): void {
    this.#count++;
    if (record.level === 0) this.#high++;
    this.#weight += record.weight;
  }

  #letIn(): void {
    this.#scheduled = false;
    while (this.#count < this.#limit && this.#weight < this.#bytes) {
      const record = this.#outside.shift(false);
      if (record === undefined) return;
      if (record.state === settled) {
        this.#outside.passedOver();
        continue;
      }
      record.state = preparing;
      this.#take(record);
      this.#admitted(record);
    }
  }
}
