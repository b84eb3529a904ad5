import type { Adapter, SendResult } from './adapter.ts';
import { Attempts, type AttemptsOwner } from './attempts.ts';
import { Backlog } from './backlog.ts';
import type { BreakerState } from './breaker.ts';
import type { EngineContext } from './context.ts';
import type { Failure } from './failure.ts';
import { LaneHealth } from './lane-health.ts';
import { overlay, type LanePolicy } from './policies.ts';
import { quietly } from './quietly.ts';
import { RateGate } from './rate-gate.ts';
import { active, preparing, waiting, type DeliveryRecord, type Step } from './record.ts';
import type { Slots } from './slots.ts';

/** The lane lets others run after this long in one go; ms. */
const longestTurn = 8;
/** Turns further apart than this had others in between; ms. */
const shortestPause = 2;

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
 * One adapter's traffic (towards one of its services, where it has several): what waits (`Backlog`), what is in attempts (`Attempts`), what the
 * answers say (`LaneHealth`), and here the one pump that lets deliveries go by pause, breaker, concurrency, batch and rate.
 * It decides when an attempt is made; what follows is the pipeline's.
 */
export class Lane implements AttemptsOwner {
  readonly name: string;
  readonly adapter: Adapter;
  readonly policy: LanePolicy;
  readonly #engine: EngineContext;
  readonly #slots: Slots;
  readonly #backlog: Backlog;
  readonly #attempts: Attempts;
  readonly #health: LaneHealth;
  readonly #rate: RateGate | undefined;
  #pausedUntil = 0;
  #lingerFrom = -1;
  #hold: { by: Hold; from: number; until: number } | undefined;
  #pumping = false;
  #wakeAsked = false;
  #roundAt = -1;
  #turnFrom = 0;
  #lastTurn = 0;
  #timerAt = Infinity;
  #cancelTimer: (() => void) | undefined;
  #closed = false;

  constructor({ name, adapter, policy, slots, engine }: LaneOptions) {
    this.name = name;
    this.adapter = adapter;
    this.policy = policy;
    this.#slots = slots;
    this.#engine = engine;
    this.#backlog = new Backlog(policy.budget, (record, now) => this.#expire(record, now));
    this.#attempts = new Attempts(adapter, engine, slots, this);
    this.#health = new LaneHealth(name, engine, policy.breaker, slots.concurrency, (now) =>
      engine.pipeline.laneStopped(this, now),
    );
    this.#rate = policy.rate && new RateGate(engine.coordination, name, policy.rate, engine.clock, () => this.#wake());
  }

  // ---- what comes in

  enqueue(record: DeliveryRecord): void {
    record.lane = this;
    record.state = waiting;
    if (this.#backlog.ready.size === 0) this.#lingerFrom = -1;
    this.#backlog.ready.push(record);
    this.#wake();
  }

  /** Keeps it until `at`; `budgeted` ones then wait for the retry budget too. */
  holdUntil(record: DeliveryRecord, at: number, budgeted: boolean): void {
    record.lane = this;
    this.#backlog.hold(record, at, budgeted);
    this.#wake();
  }

  /** One of those that wait or are held has settled; one that is held is passed over when its time comes. */
  settledWhileWaiting(record: DeliveryRecord): void {
    if (record.state === waiting) this.#backlog.ready.settledWhileWaiting();
  }

  /** Takes out those that are wanted of what waits or is held: another lane will have them. */
  takeOut(wanted: (record: DeliveryRecord) => boolean): DeliveryRecord[] {
    return this.#backlog.takeOut(wanted);
  }

  /** Ends the attempt that it is in, where that attempt is its alone. */
  abort(record: DeliveryRecord): void {
    this.#attempts.abort(record);
  }

  abortAll(): void {
    this.#attempts.abortAll();
  }

  /** The provider asked to slow down. */
  pause(until: number, now: number): void {
    if (until <= this.#pausedUntil) return;
    this.#pausedUntil = until;
    this.#health.window.cut(now);
    const { emitter, clock, coordination, logger } = this.#engine;
    quietly(logger, () => coordination.pause(this.name, clock.toEpoch(until)));
    if (emitter.wants('lane.throttled')) {
      emitter.emit({ type: 'lane.throttled', lane: this.name, until: clock.toDate(until) });
    }
  }

  /** The credential was refused: nothing goes but a probe now and then. */
  trip(now: number): void {
    this.#health.trip(now);
  }

  /** Nothing goes any more; what is in flight may end. Permits, slots and the timer are given back. */
  close(): void {
    this.#closed = true;
    this.#disarm();
    this.#rate?.close();
    this.#health.close();
    this.#attempts.close();
  }

  // ---- what can be seen

  /** It would send now; where only a probe may go, to the first that asks. */
  usable(now: number): boolean {
    if (this.#pausedUntil > now) return false;
    const admitted = this.#health.admits(now);
    return admitted === Infinity || (admitted === 1 && this.empty);
  }
  get breaker(): BreakerState {
    return this.#health.state;
  }
  get lastFailure(): Failure | undefined {
    return this.#health.lastFailure;
  }
  /** Could go now, but for rate, slots and breaker. */
  get queued(): number {
    return this.#backlog.ready.size;
  }
  get waiting(): number {
    return this.#backlog.waiting;
  }
  get inFlight(): number {
    return this.#attempts.count;
  }
  /** Nothing here that could be lost. */
  get empty(): boolean {
    return this.#attempts.count === 0 && this.#backlog.waiting === 0;
  }
  /** Age of the oldest that waits, ms. */
  oldest(now: number): number {
    let oldest = 0;
    for (const { queuedAt } of this.#backlog) oldest = Math.max(oldest, now - queuedAt);
    return oldest;
  }
  /** Answers per second that were no fault of the provider, over the last ten seconds. */
  throughput(now: number): number {
    return this.#health.throughput(now);
  }
  /** All that waits here, for whatever. */
  waitingRecords(): Iterable<DeliveryRecord> {
    return this.#backlog;
  }
  activeRecords(): Iterable<DeliveryRecord> {
    return this.#attempts.records();
  }

  // ---- what attempts tell

  get wantsSlots(): boolean {
    return !this.#closed && this.#backlog.ready.size > 0;
  }

  freed(): void {
    this.#wake();
  }

  /** Answers of one round share a time: each asks for a turn of the pump, which ends the round. */
  roundTime(): number {
    if (this.#roundAt < 0) this.#roundAt = this.#engine.clock.read();
    return this.#roundAt;
  }

  answered(records: readonly DeliveryRecord[], results: readonly SendResult[], startedAt: number, now: number): void {
    this.#health.answered(results, now, startedAt);
    const { pipeline } = this.#engine;
    for (let index = 0; index < results.length; index++) {
      pipeline.answered(records[index]!, this, results[index]!, startedAt, now);
    }
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
    const { ready } = this.#backlog;
    this.#backlog.release(now);
    if (this.#rate !== undefined) this.#rate.expected = this.#mayGo();
    while (ready.size > 0 && this.#next(now));
    this.#rate?.endRun();
    this.#pumping = false;
  }

  /** As many as there are slots for at once. */
  #mayGo(): number {
    return Math.min(this.#backlog.ready.size, (this.#slots.concurrency - this.#slots.busy) * this.policy.batchSize);
  }

  /** Makes one attempt, if everything allows it. */
  #next(now: number): boolean {
    const { ready } = this.#backlog;
    if (this.#pausedUntil > now) return this.#noteWhy('throttle', now, this.#pausedUntil);
    const admitted = this.#health.admits(now);
    if (admitted === 0) return this.#noteWhy('breaker', now, Math.max(now, this.#health.probeAt));
    const onlyHigh = this.#onlyHigh();
    if (onlyHigh && (ready.high === 0 || this.#isFull())) {
      this.#attempts.waitTurn();
      return false;
    }
    const size = admitted === 1 ? 1 : this.policy.batchSize;
    if (this.#lingers(size, now)) return false;
    if (!this.#attempts.hasIdle) {
      this.#attempts.request(Math.ceil(ready.size / size));
      return false;
    }
    const permits = this.#rate === undefined ? size : this.#rate.take(Math.min(size, ready.size), now);
    if (permits === 0) return this.#noteWhy('rate', now, this.#rate!.until);
    const records = this.#backlog.take(permits, onlyHigh, now);
    this.#lingerFrom = -1;
    if (records.length < permits) this.#rate?.giveBack(permits - records.length);
    if (records.length === 0) return ready.size > 0 && !onlyHigh;
    if (admitted === 1) this.#health.probe(now);
    this.#begin(records, now);
    return true;
  }

  /** The last slots are for `high`. */
  #onlyHigh(): boolean {
    const { busy, concurrency, keptForHigh } = this.#slots;
    return busy >= concurrency - keptForHigh || this.#attempts.count >= this.#health.window.size;
  }

  /** Not even `high` may go: the bound itself is p-queue's, this is the provider's that asked to slow down. */
  #isFull(): boolean {
    return this.#attempts.count >= this.#health.window.size + this.#slots.keptForHigh;
  }

  /** A batch that isn't full waits a little for more. */
  #lingers(size: number, now: number): boolean {
    const { batchWait } = this.policy;
    if (batchWait === 0 || this.#backlog.ready.size >= size) return false;
    if (this.#lingerFrom < 0) this.#lingerFrom = now;
    return now - this.#lingerFrom < batchWait;
  }

  #begin(records: DeliveryRecord[], now: number): void {
    let fresh = 0;
    let { timeout } = this.policy;
    for (const record of records) {
      record.state = active;
      if (record.attempts++ === 0) fresh++;
      if (this.#hold !== undefined && record.queuedAt <= this.#hold.until) this.#noteHold(record, this.#hold, now);
      const { policy } = record.message;
      if (policy !== undefined) timeout = Math.min(timeout, overlay(this.policy, policy).timeout);
    }
    this.#backlog.fresh(fresh, now);
    this.#attempts.begin(records, now, timeout);
  }

  #expire(record: DeliveryRecord, now: number): void {
    // It is out of the backlog already.
    record.state = preparing;
    this.#engine.pipeline.expired(record, now);
  }

  /** Notes why nothing goes, for the traces of those that wait. */
  #noteWhy(by: Hold, now: number, until: number): false {
    const hold = this.#hold;
    if (hold?.by === by && hold.until >= now - 1) hold.until = until;
    else this.#hold = { by, from: now, until };
    return false;
  }

  #noteHold(record: DeliveryRecord, hold: { by: Hold; from: number; until: number }, now: number): void {
    const time = Math.max(hold.from, record.queuedAt);
    record.more.steps.push({ step: 'held', time, by: hold.by, until: hold.until } as Step);
    // Over for all that come from now on.
    if (hold.until < now - 1000 && this.#backlog.ready.size === 0) this.#hold = undefined;
  }

  // ---- the timer

  #arm(now: number): void {
    if (this.#attempts.count === 0) this.#attempts.nextDeadline = Infinity;
    let at = Math.min(this.#attempts.nextDeadline, this.#backlog.nextDue);
    if (this.#backlog.ready.size > 0) at = Math.min(at, this.#readyDueAt(now));
    if (at === Infinity) this.#disarm();
    else if (at < this.#timerAt) {
      this.#cancelTimer?.();
      this.#timerAt = at;
      this.#cancelTimer = this.#engine.clock.schedule(at, () => this.#timerFired());
    }
  }

  /** When something about what is ready may change without an answer coming in. */
  #readyDueAt(now: number): number {
    let at = this.#backlog.nextDeadline;
    if (this.#pausedUntil > now) at = Math.min(at, this.#pausedUntil);
    else if (this.breaker === 'open') at = Math.min(at, this.#health.probeAt);
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
    if (this.#attempts.nextDeadline <= now) this.#attempts.passDeadlines(now);
    this.#wake();
  }
}
