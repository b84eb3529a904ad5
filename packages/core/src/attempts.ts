import type { Adapter, SendResult } from './adapter.ts';
import { AttemptContext, checkedResult, resultOfThrow, Slot, unfit } from './attempt.ts';
import type { EngineContext } from './context.ts';
import type { Failure } from './failure.ts';
import { active, DeliveryView, type DeliveryRecord } from './record.ts';
import type { SlotHolder, Slots } from './slots.ts';

/** After the signal, an adapter has this long to say itself what became of the attempt; ms. */
const grace = 1000;

const none: DeliveryRecord[] = [];
const timedOut: Failure = { kind: 'ambiguous', scope: 'provider', code: 'tidings.timeout' };

/** What the lane is told of its attempts. */
export interface AttemptsOwner {
  /** The time of one round of answers. */
  roundTime(): number;
  /** One result for each, in order; before the slot is free. */
  answered(records: readonly DeliveryRecord[], results: readonly SendResult[], startedAt: number, now: number): void;
  /** A slot is free, or has come. */
  freed(): void;
  /** Slots are of use now. */
  readonly wantsSlots: boolean;
}

/** A lane's slots and the attempts in them. */
export class Attempts implements SlotHolder {
  readonly #adapter: Adapter;
  readonly #engine: EngineContext;
  readonly #slots: Slots;
  readonly #owner: AttemptsOwner;
  readonly #idle: Slot[] = [];
  /** All that are held, idle or not. */
  readonly #held = new Set<Slot>();
  #requested = 0;
  #closed = false;
  /** Attempts in flight. */
  count = 0;
  /** When the next one takes too long, or before. */
  nextDeadline = Infinity;

  constructor(adapter: Adapter, engine: EngineContext, slots: Slots, owner: AttemptsOwner) {
    this.#adapter = adapter;
    this.#engine = engine;
    this.#slots = slots;
    this.#owner = owner;
  }

  get hasIdle(): boolean {
    return this.#idle.length > 0;
  }

  *records(): Generator<DeliveryRecord> {
    for (const slot of this.#held) for (const record of slot.records) if (record.state === active) yield record;
  }

  // ---- slots

  /** Asks for so many, as far as there is room. */
  request(wanted: number): void {
    const room = this.#slots.concurrency - this.count - this.#requested;
    for (let count = Math.min(wanted - this.#requested, room); count > 0; count--) {
      this.#requested++;
      this.#slots.request(this);
    }
  }

  granted(release: () => void): void {
    this.#requested--;
    const slot = new Slot(release, (each, results, error) => this.#finished(each, results, error));
    this.#held.add(slot);
    this.#idle.push(slot);
    if (this.#closed || !this.#owner.wantsSlots) this.giveBackIdle();
    else this.#owner.freed();
  }

  giveBackIdle(): void {
    for (const slot of this.#idle.splice(0)) this.#giveBack(slot);
  }

  #giveBack(slot: Slot): void {
    this.#held.delete(slot);
    slot.release();
  }

  // ---- attempts

  /** Sends, in an idle slot. */
  begin(records: DeliveryRecord[], now: number, timeout: number): void {
    const slot = this.#idle.pop()!;
    slot.records = records;
    slot.context = new AttemptContext();
    slot.startedAt = now;
    slot.deadline = now + timeout;
    slot.phase = 'running';
    if (slot.deadline < this.nextDeadline) this.nextDeadline = slot.deadline;
    this.#slots.busy++;
    this.count++;
    const { hooks, markSending, pipeline } = this.#engine;
    if (hooks.check === undefined && markSending === undefined) this.#send(slot);
    else {
      void pipeline.beforeSend(records).then(
        (kept) => this.#sendKept(slot, kept),
        () => slot.onResults(records.map(() => notMarked)),
      );
    }
  }

  #sendKept(slot: Slot, kept: DeliveryRecord[]): void {
    // The hook took too long: the attempt is over, and its deliveries may be in another one by now.
    if (slot.phase === 'givenUp') {
      slot.onResults([]);
      return;
    }
    slot.records = kept;
    if (kept.length === 0) slot.onResults([]);
    else this.#send(slot);
  }

  #send(slot: Slot): void {
    const { records } = slot;
    const deliveries =
      records.length === 1 ? [new DeliveryView(records[0]!)] : records.map((record) => new DeliveryView(record));
    try {
      this.#adapter.send(deliveries, slot.context!).then(slot.onResults, slot.onError);
    } catch (error) {
      // An adapter that throws before it has a promise, or that returns none.
      void Promise.reject(error as Error).catch(slot.onError);
    }
  }

  #finished(slot: Slot, results: readonly SendResult[] | undefined, error: unknown): void {
    const { records, startedAt, phase } = slot;
    this.count--;
    this.#slots.busy--;
    if (phase !== 'givenUp') {
      const checked = checkResults(records, results, error, phase === 'aborted');
      this.#owner.answered(records, checked, startedAt, this.#owner.roundTime());
    }
    slot.records = none;
    slot.context = undefined;
    slot.phase = 'idle';
    if (this.#closed || this.#slots.wanted) this.#giveBack(slot);
    else this.#idle.push(slot);
    this.#slots.passOn(this);
  }

  turn(): void {
    this.#owner.freed();
  }

  /** All slots are busy, perhaps with other lanes: it will be told when it is its turn. */
  waitTurn(): void {
    this.#slots.waitTurn(this);
  }

  /** Aborts attempts that took too long; a moment later they count as lost, though the slot stays taken until the adapter lets go. */
  passDeadlines(now: number): void {
    this.nextDeadline = Infinity;
    for (const slot of this.#held) {
      if (slot.phase === 'idle') continue;
      if (slot.deadline <= now && slot.phase === 'running') {
        slot.phase = 'aborted';
        slot.deadline = now + grace;
        slot.context!.timeOut();
      } else if (slot.deadline <= now && slot.phase === 'aborted') {
        slot.phase = 'givenUp';
        this.#owner.answered(
          slot.records,
          slot.records.map(() => timedOut),
          slot.startedAt,
          now,
        );
      }
      if (slot.phase !== 'givenUp') this.nextDeadline = Math.min(this.nextDeadline, slot.deadline);
    }
  }

  /** Ends the attempt that a delivery is in, where that attempt is its alone. */
  abort(record: DeliveryRecord): void {
    for (const slot of this.#held) {
      if (slot.records.length === 1 && slot.records[0] === record) slot.context?.abort();
    }
  }

  abortAll(): void {
    for (const slot of this.#held) slot.context?.abort();
  }

  /** No slot is asked for or kept any more; what is in flight may end. */
  close(): void {
    this.#closed = true;
    this.giveBackIdle();
    this.#slots.leave(this);
  }
}

/** The store did not take the mark that must be there before a send: so nothing was sent. */
const notMarked: SendResult = {
  kind: 'unavailable',
  scope: 'provider',
  code: 'tidings.store_unavailable',
  unsent: true,
};

/** One result for each record, whatever the adapter did. */
function checkResults(
  records: readonly DeliveryRecord[],
  results: readonly SendResult[] | undefined,
  error: unknown,
  aborted: boolean,
): readonly SendResult[] {
  const lost = results === undefined ? resultOfThrow(error, aborted) : unfit(results, records.length);
  if (lost !== undefined) return records.map(() => lost);
  // Most are as they should be: looked at without a copy. `from` also sees the holes of a list, which `map` passes over.
  for (const result of results!) {
    // Not `map`: it passes over what was left out.
    if (result?.kind !== 'accepted') return Array.from(results!, checkedResult);
  }
  return results!;
}
