import TinyQueue from 'tinyqueue';
import { LaneQueue } from './lane-queue.ts';
import { held, settled, waiting, type DeliveryRecord } from './record.ts';
import { RetryBudget } from './retry-budget.ts';

/** Deadlines of waiting deliveries are looked at this often at most; ms. */
const sweepEvery = 100;

interface Due {
  readonly at: number;
  readonly record: DeliveryRecord;
}
const byTime = (one: Due, other: Due): number => one.at - other.at;

/** What waits in a lane: for a slot, for a time, or for a time and then for the retry budget. */
export class Backlog {
  /** May go as soon as the lane lets it. */
  readonly ready = new LaneQueue();
  readonly #scheduled = new TinyQueue<Due>([], byTime);
  readonly #retries = new TinyQueue<Due>([], byTime);
  readonly #budget: RetryBudget;
  readonly #expire: (record: DeliveryRecord, now: number) => void;
  #budgetAt = 0;
  #sweptAt = -Infinity;

  /** @param budget retries per fresh delivery @param expire told of each that is past its deadline and out of here */
  constructor(budget: number, expire: (record: DeliveryRecord, now: number) => void) {
    this.#budget = new RetryBudget(budget);
    this.#expire = expire;
  }

  get waiting(): number {
    return this.ready.waiting + this.#scheduled.length + this.#retries.length;
  }

  hold(record: DeliveryRecord, at: number, budgeted: boolean): void {
    record.state = held;
    (budgeted ? this.#retries : this.#scheduled).push({ at, record });
  }

  /** Deliveries were tried for the first time: they earn retries. */
  fresh(count: number, now: number): void {
    this.#budget.earn(count, now);
  }

  /** Makes ready what has come of age, and ends what is past its deadline. */
  release(now: number): void {
    for (let due = this.#scheduled.peek(); due !== undefined && due.at <= now; due = this.#scheduled.peek()) {
      this.#scheduled.pop();
      this.#release(due.record, now);
    }
    if (this.#budgetAt <= now) this.#releaseRetries(now);
    if (this.ready.earliest <= now && now - this.#sweptAt >= sweepEvery) {
      this.#sweptAt = now;
      for (const record of this.ready.expired(now)) this.#expire(record, now);
    }
  }

  #releaseRetries(now: number): void {
    for (let due = this.#retries.peek(); due !== undefined && due.at <= now; due = this.#retries.peek()) {
      const { record } = due;
      if (record.state === held && record.expiresAt > now) {
        const wait = this.#budget.take(now);
        if (wait > 0) {
          this.#budgetAt = now + wait;
          return;
        }
      }
      this.#retries.pop();
      this.#release(record, now);
    }
  }

  #release(record: DeliveryRecord, now: number): void {
    if (record.state !== held) return;
    if (record.expiresAt <= now) {
      this.#expire(record, now);
      return;
    }
    record.state = waiting;
    this.ready.push(record);
  }

  /** At most `count` that may go, by priority and turn. */
  take(count: number, onlyHigh: boolean, now: number): DeliveryRecord[] {
    const records: DeliveryRecord[] = [];
    while (records.length < count) {
      const record = this.ready.shift(onlyHigh);
      if (record === undefined) break;
      if (record.state === settled) this.ready.passedOver();
      else if (record.expiresAt <= now) this.#expire(record, now);
      else records.push(record);
    }
    return records;
  }

  /** Takes out those that are wanted: another lane will have them. */
  takeOut(wanted: (record: DeliveryRecord) => boolean): DeliveryRecord[] {
    const taken = this.ready.takeOut(wanted);
    for (const heap of [this.#scheduled, this.#retries]) {
      const dues = heap.data.splice(0);
      heap.length = 0;
      for (const due of dues) {
        if (due.record.state !== held) continue;
        if (wanted(due.record)) taken.push(due.record);
        else heap.push(due);
      }
    }
    return taken;
  }

  /** When something comes of age. */
  get nextDue(): number {
    const scheduled = this.#scheduled.peek()?.at ?? Infinity;
    const retry = this.#retries.peek();
    return retry === undefined ? scheduled : Math.min(scheduled, Math.max(retry.at, this.#budgetAt));
  }

  /** When a deadline may pass. */
  get nextDeadline(): number {
    return Math.max(this.ready.earliest, this.#sweptAt + sweepEvery);
  }

  /** All that waits here, for whatever. */
  *[Symbol.iterator](): Generator<DeliveryRecord> {
    for (const record of this.ready) if (record.state === waiting) yield record;
    for (const { record } of [...this.#scheduled.data, ...this.#retries.data]) if (record.state === held) yield record;
  }
}
