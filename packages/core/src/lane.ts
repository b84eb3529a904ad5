import TinyQueue from 'tinyqueue';
import type { Adapter, SendResult } from './adapter.ts';
import { AttemptContext, checkedResult, resultOfThrow, Slot, unfit } from './attempt.ts';
import { Breaker, type BreakerState } from './breaker.ts';
import type { EngineContext } from './context.ts';
import type { Failure } from './failure.ts';
import { LaneQueue } from './lane-queue.ts';
import { overlay, type LanePolicy } from './policies.ts';
import { RateGate } from './rate-gate.ts';
import { active, DeliveryView, held, preparing, settled, waiting, type DeliveryRecord, type Step } from './record.ts';
import { RetryBudget } from './retry-budget.ts';
import type { SlotHolder, Slots } from './slots.ts';
import { Throughput } from './throughput.ts';
import { Window } from './window.ts';

/** After the signal, an adapter has this long to say itself what became of the attempt; ms. */
const grace = 1000;
/** The lane lets others run after this long in one go; ms. */
const longestTurn = 8;
/** Turns further apart than this had others in between; ms. */
const shortestPause = 2;
/** Deadlines of waiting deliveries are looked at this often at most; ms. */
const sweepEvery = 100;
/** Connections refused for this long, with no answer in between, open the breaker; ms. */
const unsentTolerance = 1000;

interface Due {
  readonly at: number;
  readonly record: DeliveryRecord;
}
const byTime = (one: Due, other: Due): number => one.at - other.at;

const none: DeliveryRecord[] = [];

type Hold = 'throttle' | 'breaker' | 'rate';

export interface LaneOptions {
  /** `ios`, `sms/twilio`, `web/https://push.example`: in events, stats and what workers share. */
  readonly name: string;
  readonly adapter: Adapter;
  readonly policy: LanePolicy;
  readonly slots: Slots;
  readonly engine: EngineContext;
}

/**
 * One adapter's traffic (towards one of its services, where it has several): what waits, and the one pump that lets it go,
 * by priority, tenant, rate, concurrency, batch and breaker. It decides when an attempt is made; what follows is the pipeline's.
 */
export class Lane implements SlotHolder {
  readonly name: string;
  readonly adapter: Adapter;
  readonly policy: LanePolicy;
  readonly #engine: EngineContext;
  readonly #slots: Slots;
  readonly #queue = new LaneQueue();
  /** Wait for their time alone. */
  readonly #scheduled = new TinyQueue<Due>([], byTime);
  /** Wait for their time and then for the retry budget. */
  readonly #retries = new TinyQueue<Due>([], byTime);
  readonly #budget: RetryBudget;
  readonly #breaker: Breaker | undefined;
  readonly #window: Window;
  readonly #rate: RateGate | undefined;
  readonly #idle: Slot[] = [];
  /** All that are held, idle or not. */
  readonly #held = new Set<Slot>();
  /** Attempts in flight. */
  #active = 0;
  readonly #throughput = new Throughput();
  #requested = 0;
  #budgetAt = 0;
  #pausedUntil = 0;
  #lingerFrom = -1;
  #unsentSince = -1;
  #nextDeadline = Infinity;
  #sweptAt = -Infinity;
  #hold: { by: Hold; from: number; until: number } | undefined;
  #pumping = false;
  #wakeAsked = false;
  #roundAt = -1;
  #turnFrom = 0;
  #lastTurn = 0;
  #timerAt = Infinity;
  #cancelTimer: (() => void) | undefined;
  #closed = false;
  lastFailure: Failure | undefined;

  constructor({ name, adapter, policy, slots, engine }: LaneOptions) {
    this.name = name;
    this.adapter = adapter;
    this.policy = policy;
    this.#slots = slots;
    this.#engine = engine;
    this.#budget = new RetryBudget(policy.budget);
    this.#window = new Window(slots.concurrency);
    this.#breaker = policy.breaker && new Breaker(policy.breaker);
    this.#rate = policy.rate && new RateGate(engine.coordination, name, policy.rate, engine.clock, () => this.#wake());
  }

  // ---- what comes in

  enqueue(record: DeliveryRecord): void {
    record.lane = this;
    record.state = waiting;
    if (this.#queue.size === 0) this.#lingerFrom = -1;
    this.#queue.push(record);
    this.#wake();
  }

  /** Keeps it until `at`; `budgeted` ones then wait for the retry budget too. */
  holdUntil(record: DeliveryRecord, at: number, budgeted: boolean): void {
    record.lane = this;
    record.state = held;
    (budgeted ? this.#retries : this.#scheduled).push({ at, record });
    this.#wake();
  }

  /** One of those that wait or are held has settled. */
  settledWhileWaiting(record: DeliveryRecord): void {
    if (record.state === waiting) this.#queue.settledWhileWaiting();
    // One that is held is passed over when its time comes.
  }

  /** Takes out those that are wanted of what waits or is held: another lane will have them. */
  takeOut(wanted: (record: DeliveryRecord) => boolean): DeliveryRecord[] {
    const taken = this.#queue.takeOut(wanted);
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

  /** Ends the attempt that it is in, where that attempt is its alone. */
  abort(record: DeliveryRecord): void {
    for (const slot of this.#held) {
      if (slot.records.length === 1 && slot.records[0] === record) slot.context?.abort();
    }
  }

  /** The provider asked to slow down. */
  pause(until: number, now: number): void {
    if (until <= this.#pausedUntil) return;
    this.#pausedUntil = until;
    this.#window.cut(now);
    const { emitter, clock, coordination } = this.#engine;
    void coordination.pause(this.name, clock.toEpoch(until));
    if (emitter.wants('lane.throttled'))
      emitter.emit({ type: 'lane.throttled', lane: this.name, until: clock.toDate(until) });
  }

  /** The credential was refused: nothing goes but a probe now and then. */
  trip(now: number): void {
    if (this.#breaker?.trip(now)) this.#opened();
    else this.#engine.pipeline.laneStopped(this, now);
  }

  // ---- what can be seen

  /** It would send now; where only a probe may go, to the first that asks. */
  usable(now: number): boolean {
    if (this.#pausedUntil > now) return false;
    const admitted = this.#breaker?.admits(now) ?? Infinity;
    return admitted === Infinity || (admitted === 1 && this.empty);
  }
  get breaker(): BreakerState {
    return this.#breaker?.state ?? 'closed';
  }
  /** Could go now, but for rate, slots and breaker. */
  get queued(): number {
    return this.#queue.size;
  }
  get waiting(): number {
    return this.#queue.waiting + this.#scheduled.length + this.#retries.length;
  }
  get inFlight(): number {
    return this.#active;
  }
  /** Age of the oldest that waits, ms. */
  oldest(now: number): number {
    let oldest = 0;
    for (const { queuedAt } of this.waitingRecords()) oldest = Math.max(oldest, now - queuedAt);
    return oldest;
  }
  /** Answers per second that were no fault of the provider, over the last ten seconds. */
  throughput(now: number): number {
    return this.#throughput.perSecond(now);
  }
  /** Nothing here that could be lost. */
  get empty(): boolean {
    return this.waiting === 0 && this.#active === 0;
  }
  /** All that waits here, for whatever. */
  *waitingRecords(): Generator<DeliveryRecord> {
    for (const record of this.#queue) if (record.state === waiting) yield record;
    for (const { record } of [...this.#scheduled.data, ...this.#retries.data]) if (record.state === held) yield record;
  }
  *activeRecords(): Generator<DeliveryRecord> {
    for (const slot of this.#held) for (const record of slot.records) if (record.state === active) yield record;
  }

  // ---- slots

  granted(release: () => void): void {
    this.#requested--;
    const slot = new Slot(release, (each, results, error) => this.#finished(each, results, error));
    this.#held.add(slot);
    this.#idle.push(slot);
    if (this.#closed || this.#queue.size === 0) this.giveBackIdle();
    else this.#wake();
  }

  giveBackIdle(): void {
    for (const slot of this.#idle.splice(0)) this.#giveBack(slot);
  }

  #giveBack(slot: Slot): void {
    this.#held.delete(slot);
    slot.release();
  }

  /** Nothing goes any more; what is in flight may end. Permits, slots and the timer are given back. */
  close(): void {
    this.#closed = true;
    this.#disarm();
    this.#rate?.close();
    this.#breaker?.close();
    this.giveBackIdle();
    this.#slots.leave(this);
  }

  abortAll(): void {
    for (const slot of this.#held) slot.context?.abort();
  }

  // ---- the pump

  #wake(): void {
    if (this.#wakeAsked || this.#closed) return;
    this.#wakeAsked = true;
    queueMicrotask(() => this.#turn());
  }

  #turn(): void {
    this.#wakeAsked = false;
    if (this.#closed) return;
    const now = this.#engine.clock.read();
    this.#roundAt = -1;
    if (now - this.#lastTurn > shortestPause) this.#turnFrom = now;
    this.#lastTurn = now;
    if (now - this.#turnFrom > longestTurn) {
      // Answers that come as microtasks would keep timers and sockets from their turn.
      this.#wakeAsked = true;
      this.#engine.clock.schedule(now, () => {
        this.#turnFrom = this.#lastTurn = this.#engine.clock.read();
        this.#turn();
      });
      return;
    }
    this.#pump(now);
    this.#arm(now);
  }

  #pump(now: number): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#releaseDue(now);
    if (this.#queue.earliest <= now && now - this.#sweptAt >= sweepEvery) {
      this.#sweptAt = now;
      for (const record of this.#queue.expired(now)) this.#expire(record, now);
    }
    if (this.#rate !== undefined) this.#rate.expected = this.#mayGo();
    while (this.#queue.size > 0 && this.#next(now));
    this.#rate?.endRun();
    this.#pumping = false;
  }

  /** As many as there are slots for at once. */
  #mayGo(): number {
    return Math.min(this.#queue.size, (this.#slots.concurrency - this.#slots.busy) * this.policy.batchSize);
  }

  /** Makes one attempt, if everything allows it. */
  #next(now: number): boolean {
    if (this.#pausedUntil > now) return this.#noteWhy('throttle', now, this.#pausedUntil);
    const admitted = this.#breaker?.admits(now) ?? Infinity;
    if (admitted === 0) return this.#noteWhy('breaker', now, Math.max(now, this.#breaker!.probeAt));
    const onlyHigh = this.#onlyHigh();
    if (onlyHigh && this.#queue.high === 0) return false;
    if (this.#active >= this.#window.size + (onlyHigh ? this.#slots.keptForHigh : 0)) return false;
    const size = admitted === 1 ? 1 : this.policy.batchSize;
    if (this.#lingers(size, now)) return false;
    const slot = this.#idle.pop();
    if (slot === undefined) {
      this.#requestSlots(size);
      return false;
    }
    const permits = this.#rate === undefined ? size : this.#rate.take(Math.min(size, this.#queue.size), now);
    if (permits === 0) {
      this.#idle.push(slot);
      return this.#noteWhy('rate', now, this.#rate!.until);
    }
    const records = this.#take(permits, onlyHigh, now);
    if (this.#rate !== undefined && records.length < permits) this.#rate.giveBack(permits - records.length);
    if (records.length === 0) {
      this.#idle.push(slot);
      return this.#queue.size > 0 && !onlyHigh;
    }
    if (admitted === 1) this.#breaker!.probe();
    this.#begin(slot, records, now);
    return true;
  }

  /** The last slots are for `high`. */
  #onlyHigh(): boolean {
    const kept = this.#slots.keptForHigh;
    if (kept === 0) return false;
    return this.#slots.busy >= this.#slots.concurrency - kept || this.#active >= this.#window.size;
  }

  /** A batch that isn't full waits a little for more. */
  #lingers(size: number, now: number): boolean {
    const { batchWait } = this.policy;
    if (batchWait === 0 || this.#queue.size >= size) return false;
    if (this.#lingerFrom < 0) this.#lingerFrom = now;
    return now - this.#lingerFrom < batchWait;
  }

  #requestSlots(size: number): void {
    const wanted = Math.ceil(this.#queue.size / size);
    const room = this.#slots.concurrency - this.#active - this.#requested;
    for (let count = Math.min(wanted - this.#requested, room); count > 0; count--) {
      this.#requested++;
      this.#slots.request(this);
    }
  }

  #take(count: number, onlyHigh: boolean, now: number): DeliveryRecord[] {
    const records: DeliveryRecord[] = [];
    while (records.length < count) {
      const record = this.#queue.shift(onlyHigh);
      if (record === undefined) break;
      if (record.state === settled) this.#queue.passedOver();
      else if (record.expiresAt <= now) this.#expire(record, now);
      else records.push(record);
    }
    this.#lingerFrom = -1;
    return records;
  }

  /** Notes why nothing goes, for the traces of those that wait. */
  #noteWhy(by: Hold, now: number, until: number): false {
    const hold = this.#hold;
    if (hold?.by === by && hold.until >= now - 1) hold.until = until;
    else this.#hold = { by, from: now, until };
    return false;
  }

  #releaseDue(now: number): void {
    for (let due = this.#scheduled.peek(); due !== undefined && due.at <= now; due = this.#scheduled.peek()) {
      this.#scheduled.pop();
      this.#release(due.record, now);
    }
    if (this.#budgetAt > now) return;
    for (let due = this.#retries.peek(); due !== undefined && due.at <= now; due = this.#retries.peek()) {
      if (due.record.state === held && due.record.expiresAt > now) {
        const wait = this.#budget.take(now);
        if (wait > 0) {
          this.#budgetAt = now + wait;
          return;
        }
      }
      this.#retries.pop();
      this.#release(due.record, now);
    }
  }

  #release(record: DeliveryRecord, now: number): void {
    if (record.state !== held) return;
    if (record.expiresAt <= now) {
      this.#expire(record, now);
      return;
    }
    record.state = waiting;
    this.#queue.push(record);
  }

  #expire(record: DeliveryRecord, now: number): void {
    // It is out of the queue already.
    record.state = preparing;
    this.#engine.pipeline.expired(record, now);
  }

  // ---- attempts

  #begin(slot: Slot, records: DeliveryRecord[], now: number): void {
    let fresh = 0;
    let { timeout } = this.policy;
    for (const record of records) {
      record.state = active;
      if (record.attempts++ === 0) fresh++;
      if (this.#hold !== undefined && record.queuedAt <= this.#hold.until) this.#noteHold(record, this.#hold, now);
      const { policy } = record.message;
      if (policy !== undefined) timeout = Math.min(timeout, overlay(this.policy, policy).timeout);
    }
    this.#budget.earn(fresh, now);
    slot.records = records;
    slot.context = new AttemptContext();
    slot.startedAt = now;
    slot.deadline = now + timeout;
    slot.phase = 'running';
    if (slot.deadline < this.#nextDeadline) this.#nextDeadline = slot.deadline;
    this.#slots.busy++;
    this.#active++;
    const { hooks, markSending } = this.#engine;
    if (hooks.check === undefined && markSending === undefined) this.#send(slot);
    else void this.#engine.pipeline.beforeSend(records).then((kept) => this.#sendKept(slot, kept), slot.onError);
  }

  #sendKept(slot: Slot, kept: DeliveryRecord[]): void {
    slot.records = kept;
    if (kept.length === 0) slot.onResults([]);
    else this.#send(slot);
  }

  #send(slot: Slot): void {
    const { records } = slot;
    const deliveries =
      records.length === 1 ? [new DeliveryView(records[0]!)] : records.map((record) => new DeliveryView(record));
    try {
      this.adapter.send(deliveries, slot.context!).then(slot.onResults, slot.onError);
    } catch (error) {
      // An adapter that throws before it has a promise, or that returns none.
      void Promise.reject(error as Error).catch(slot.onError);
    }
  }

  #noteHold(record: DeliveryRecord, hold: { by: Hold; from: number; until: number }, now: number): void {
    const time = Math.max(hold.from, record.queuedAt);
    record.more.steps.push({ step: 'held', time, by: hold.by, until: hold.until } as Step);
    // Over for all that come from now on.
    if (hold.until < now - 1000 && this.#queue.size === 0) this.#hold = undefined;
  }

  #finished(slot: Slot, results: readonly SendResult[] | undefined, error: unknown): void {
    // Answers of one round share a time: each asks for a turn of the pump, which ends the round.
    const now = this.#roundAt < 0 ? (this.#roundAt = this.#engine.clock.read()) : this.#roundAt;
    const { records, phase, startedAt } = slot;
    this.#active--;
    this.#slots.busy--;
    if (phase !== 'givenUp') {
      const count = records.length;
      const lost = results === undefined ? resultOfThrow(error, phase === 'aborted') : unfit(results, count);
      const { pipeline } = this.#engine;
      let sane = 0;
      for (let index = 0; index < count; index++) {
        const result = lost ?? checkedResult(results![index]);
        if (result.kind === 'accepted' || this.#saysHealthy(result, now)) sane++;
        pipeline.answered(records[index]!, this, result, startedAt, now);
      }
      if (sane > 0) this.#answeredSanely(sane, now);
    }
    slot.records = none;
    slot.context = undefined;
    slot.phase = 'idle';
    if (this.#closed || this.#slots.wanted) this.#giveBack(slot);
    else this.#idle.push(slot);
    this.#wake();
  }

  /** Counts what says something about the provider's health; true where it is well. */
  #saysHealthy(result: Failure, now: number): boolean {
    this.lastFailure = result;
    if (result.kind === 'unavailable' && result.unsent) {
      this.#neverLeft(now);
      return false;
    }
    if ((result.kind === 'unavailable' || result.kind === 'ambiguous') && result.scope === 'provider') {
      this.#unsentSince = -1;
      if (this.#breaker?.fail(now)) this.#opened();
      else if (this.#breaker?.state === 'open') this.#engine.pipeline.laneStopped(this, now);
      return false;
    }
    if (result.kind === 'unauthorized') {
      this.#breaker?.inconclusive(now);
      return false;
    }
    return true;
  }

  /** A refused stream costs nothing; connections refused for a while are an outage, and only probes may go. */
  #neverLeft(now: number): void {
    if (this.#unsentSince < 0) this.#unsentSince = now;
    this.#breaker?.inconclusive(now);
    if (now - this.#unsentSince >= unsentTolerance && this.#breaker?.state === 'closed') this.trip(now);
  }

  #answeredSanely(count: number, now: number): void {
    this.#unsentSince = -1;
    this.#window.grow(count);
    this.#throughput.add(count, now);
    if (this.#breaker?.succeed(count, now)) {
      this.#window.restart();
      this.#engine.coordination.tell(this.name, { open: false });
      this.#engine.logger?.info({ lane: this.name }, 'breaker closed');
      const { emitter } = this.#engine;
      if (emitter.wants('breaker.closed')) emitter.emit({ type: 'breaker.closed', lane: this.name });
    }
  }

  #opened(): void {
    this.#engine.coordination.tell(this.name, { open: true });
    this.#engine.logger?.warn({ lane: this.name, code: this.lastFailure?.code }, 'breaker opened');
    const { emitter, pipeline } = this.#engine;
    if (emitter.wants('breaker.opened')) emitter.emit({ type: 'breaker.opened', lane: this.name });
    pipeline.laneStopped(this, this.#engine.clock.read());
  }

  // ---- the timer

  #arm(now: number): void {
    let at = Math.min(this.#nextDeadline, this.#scheduled.peek()?.at ?? Infinity);
    if (this.#retries.length > 0) at = Math.min(at, Math.max(this.#retries.peek()!.at, this.#budgetAt));
    if (this.#queue.size > 0) at = Math.min(at, this.#queueDueAt(now));
    if (this.#active === 0) {
      this.#nextDeadline = Infinity;
      if (this.empty) at = Infinity;
    }
    if (at === Infinity) this.#disarm();
    else if (at < this.#timerAt) {
      this.#cancelTimer?.();
      this.#timerAt = at;
      this.#cancelTimer = this.#engine.clock.schedule(at, () => this.#timerFired());
    }
  }

  /** When something about the queue may change without an answer coming in. */
  #queueDueAt(now: number): number {
    let at = Math.max(this.#queue.earliest, this.#sweptAt + sweepEvery);
    if (this.#pausedUntil > now) at = Math.min(at, this.#pausedUntil);
    else if (this.breaker === 'open') at = Math.min(at, this.#breaker!.probeAt);
    else if (this.#rate !== undefined && this.#rate.until > now) at = Math.min(at, this.#rate.until);
    if (this.#lingerFrom >= 0) at = Math.min(at, this.#lingerFrom + this.policy.batchWait);
    return at;
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerAt = Infinity;
  }

  #timerFired(): void {
    this.#cancelTimer = undefined;
    this.#timerAt = Infinity;
    const now = this.#engine.clock.read();
    if (this.#nextDeadline <= now) this.#passDeadlines(now);
    this.#wake();
  }

  /** Aborts attempts that took too long; a moment later they count as lost, though the slot stays taken until the adapter lets go. */
  #passDeadlines(now: number): void {
    this.#nextDeadline = Infinity;
    for (const slot of this.#held) {
      if (slot.phase === 'idle') continue;
      if (slot.deadline <= now && slot.phase === 'running') {
        slot.phase = 'aborted';
        slot.deadline = now + grace;
        slot.context!.abort();
      } else if (slot.deadline <= now && slot.phase === 'aborted') this.#giveUp(slot, now);
      if (slot.phase !== 'givenUp') this.#nextDeadline = Math.min(this.#nextDeadline, slot.deadline);
    }
  }

  #giveUp(slot: Slot, now: number): void {
    slot.phase = 'givenUp';
    for (const record of slot.records) {
      const lost: Failure = { kind: 'ambiguous', scope: 'provider', code: 'tidings.timeout' };
      this.#saysHealthy(lost, now);
      this.#engine.pipeline.answered(record, this, lost, slot.startedAt, now);
    }
  }
}
