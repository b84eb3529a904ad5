import type { SendResult } from './adapter.ts';
import { Agenda } from './agenda.ts';
import { Answers } from './answers.ts';
import { Choice } from './choice.ts';
import { errorName, type EngineContext } from './context.ts';
import { Entrance } from './entrance.ts';
import type { Failure } from './failure.ts';
import { Lane } from './lane.ts';
import { Making } from './making.ts';
import { overlay } from './policies.ts';
import {
  active,
  entering,
  HookView,
  parked,
  preparing,
  settled,
  type DeliveryRecord,
  type Ending,
  type Step,
} from './record.ts';
import type { Awaited, Route } from './route.ts';
import { isThenable, type Awaitable } from './schema.ts';
import { AcceptedOutcome, CanceledOutcome, FailureOutcome, SuppressedOutcome, type SettledOutcome } from './settled.ts';
import { Settlement } from './settlement.ts';
import type { Problem } from './validate.ts';
import { Watch } from './watch.ts';

/** Names that a message's overrides may use; providers are unknown where an adapter is made per tenant. */
export interface Names {
  readonly channels: ReadonlySet<string>;
  readonly providers: ReadonlySet<string> | undefined;
}

/**
 * One delivery's way, from a checked message to its outcome:
 * enter (checked against its adapter, authorized, deduplicated) → admit → schedule → ready (hooks) → choose → toLane → answered → settle.
 * Steps fall through without a promise unless a hook makes one. Each step's own work is in the file it names.
 */
export class Pipeline {
  readonly names: Names;
  /** Routes that wait for a receipt. */
  readonly awaited: Awaited = new Map();
  /** Routes that wait and streams that read: closing ends them first. */
  readonly ongoing = new Set<{ close(): void }>();
  /** Puts a leased delivery back into its queue until a time; false where it is not from a queue. Set by the worker. */
  putBack: ((record: DeliveryRecord, at: number) => boolean) | undefined;
  readonly #engine: EngineContext;
  readonly #watch: Watch;
  readonly #entrance: Entrance;
  readonly #agenda: Agenda;
  readonly #making: Making;
  readonly #choice: Choice;
  readonly #answers: Answers;
  readonly #settlement: Settlement;
  /** Newest unsettled delivery by tenant, target and collapse key. */
  readonly #latest = new Map<string, DeliveryRecord>();
  #closing = false;

  constructor(engine: EngineContext, names: Names) {
    this.#engine = engine;
    this.names = names;
    this.#watch = new Watch(engine);
    this.#entrance = new Entrance(engine, this.#watch);
    this.#agenda = new Agenda(engine.clock, (record) => this.#ready(record, this.#now()));
    this.#making = new Making(engine, this.#watch);
    this.#choice = new Choice(engine);
    this.#answers = new Answers(engine, this.#choice);
    this.#settlement = new Settlement(engine, this.#latest);
  }

  // ---- towards the lane

  /** The deliveries of one message; of a route, its steps. */
  enter(records: readonly DeliveryRecord[], route?: Route): void {
    this.#entrance.enter(records, route);
  }

  /** The one delivery of a message, at a time just read. */
  enterOne(record: DeliveryRecord, now: number): void {
    this.#entrance.enterOne(record, now);
  }

  /** Into its channel, or into the line before it. */
  admit(record: DeliveryRecord, now: number): void {
    if (record.state !== entering) return;
    if (this.#closing) this.cancel(record, closed);
    else if (record.channel.admission.enter(record)) this.#schedule(record, now);
    else {
      record.sink.parked?.();
      this.#watch.look();
    }
  }

  /** One that waited outside may come in. */
  admitted(record: DeliveryRecord, now: number): void {
    record.sink.unparked?.();
    this.#schedule(record, now);
  }

  #schedule(record: DeliveryRecord, now: number): void {
    record.state = preparing;
    const { emitter } = this.#engine;
    if (emitter.wantsQueued) {
      emitter.emit({ type: 'delivery.queued', deliveryId: record.id, messageId: record.messageId, to: record.to });
    }
    const { rare } = record;
    if (rare !== null && rare.dueAt > now) {
      rare.steps.push({ step: 'held', time: record.queuedAt, by: 'schedule', until: rare.dueAt } as Step);
      this.#agenda.add(record);
    } else this.#ready(record, now);
  }

  #ready(record: DeliveryRecord, now: number): void {
    if (this.#closing) this.cancel(record, closed);
    else if (!this.#making.begin(record)) this.choose(record, now);
  }

  choose(record: DeliveryRecord, now: number): void {
    const { collapseKey } = record.message;
    if (collapseKey !== undefined && this.#supersede(record, collapseKey)) return;
    try {
      const lane = this.#choice.laneFor(record, now);
      if (lane instanceof Lane) this.#intoLane(record, lane, now);
      else this.toLane(record, lane);
    } catch (error) {
      this.hookFailed(record, 'partition', error, 'tidings.adapter_threw');
    }
  }

  toLane(record: DeliveryRecord, lane: Awaitable<Lane | Problem>): void {
    if (!isThenable(lane)) {
      this.#intoLane(record, lane, this.#now());
      return;
    }
    this.#watch.entered(record);
    lane.then(
      (found) => {
        this.#watch.left(record);
        this.#intoLane(record, found, this.#now());
      },
      (error: unknown) => this.hookFailed(record, 'adapter', error, 'tidings.no_adapter'),
    );
  }

  #intoLane(record: DeliveryRecord, lane: Lane | Problem, now: number): void {
    if (record.state !== preparing) return;
    if (!(lane instanceof Lane)) this.reject(record, lane, 'tidings.invalid_message');
    else if (this.#closing) this.cancel(record, closed);
    else if (record.expiresAt <= now) this.expired(record, now);
    else lane.enqueue(record);
  }

  /**
   * An older one for the same place on the same device need not go any more, and must not arrive after this one:
   * true where it is in an attempt, and this one has to wait for its end.
   */
  #supersede(record: DeliveryRecord, collapseKey: string): boolean {
    const key = `${record.message.tenant ?? ''}\n${JSON.stringify(record.to)}\n${collapseKey}`;
    const older = this.#latest.get(key);
    record.more.collapse = key;
    this.#latest.set(key, record);
    if (older === undefined || older === record) return false;
    const ahead = older.state === active ? older : older.rare?.ahead;
    this.cancel(older, { status: 'suppressed', reason: 'superseded' });
    if (ahead?.state !== active) return false;
    ahead.more.successor = record;
    record.more.ahead = ahead;
    this.#watch.entered(record);
    return true;
  }

  /** The one that it had to wait for has ended. */
  succeed(record: DeliveryRecord): void {
    this.#watch.left(record);
    record.more.ahead = undefined;
    if (record.state === preparing) this.choose(record, this.#now());
  }

  // ---- what the lane tells

  /** Right before an attempt: still wanted, still ours? Answers those that may go. */
  async beforeSend(records: readonly DeliveryRecord[]): Promise<DeliveryRecord[]> {
    const { hooks, markSending } = this.#engine;
    const kept: DeliveryRecord[] = [];
    for (const record of records) {
      const verdict = hooks.check === undefined ? 'send' : await this.#check(record);
      if (record.state !== active) continue;
      const ending = record.rare?.ending ?? (verdict === 'send' ? undefined : suppressed(verdict.suppress));
      if (ending === undefined) kept.push(record);
      else this.#end(record, ending);
    }
    const leases = kept.flatMap(({ rare }) => rare?.lease ?? []);
    if (markSending === undefined || leases.length === 0) return kept;
    const ours = await markSending(leases);
    return kept.filter(({ rare }) => rare?.lease === undefined || ours.has(rare.lease.entry.id));
  }

  async #check(record: DeliveryRecord): Promise<'send' | { suppress: string }> {
    try {
      const verdict = await this.#engine.hooks.check!(new HookView(record) as never);
      if (verdict === 'send' || typeof verdict?.suppress === 'string') return verdict;
      throw new TypeError('check answered neither send nor a reason');
    } catch (error) {
      // Nobody can say that it still is this person's device: it is not sent.
      this.#engine.logger?.error({ hook: 'check', error: errorName(error) }, 'hook failed');
      return { suppress: 'unchecked' };
    }
  }

  /** An attempt has its answer. */
  answered(record: DeliveryRecord, lane: Lane, result: SendResult, startedAt: number, now: number): void {
    if (record.state !== active) return;
    if (result.kind === 'accepted') {
      const { messageId, parts } = result;
      this.settle(record, new AcceptedOutcome(record, startedAt, now, lane.adapter.provider, messageId, parts));
      return;
    }
    this.#answers.note(record, lane, result, startedAt, now);
    const ending = record.rare!.ending ?? (this.#closing ? closed : undefined);
    if (ending === undefined || isFinal(result)) this.#answers.follow(record, lane, result, now);
    else this.#end(record, ending);
  }

  /** Past its deadline before it could go (again). */
  expired(record: DeliveryRecord, now: number): void {
    const { rare } = record;
    if (rare?.ambiguous !== undefined) this.settle(record, new FailureOutcome('unknown', record, now, rare.ambiguous));
    else this.settle(record, new FailureOutcome('expired', record, now, rare?.tried.at(-1)?.failure));
  }

  /** A lane sends nothing for a while: what waits there and can go elsewhere does. */
  laneStopped(lane: Lane, now: number): void {
    const moving = lane.takeOut(
      (record) => this.#mayMove(record) && this.#choice.other(record, lane, now) !== undefined,
    );
    for (const record of moving) {
      const index = this.#choice.other(record, lane, now);
      if (index === undefined) lane.enqueue(record);
      else this.#answers.failOver(record, index, now);
    }
  }

  /** After a lost answer another provider could double it. */
  #mayMove(record: DeliveryRecord): boolean {
    return record.rare?.ambiguous === undefined || this.mayRepeat(record);
  }

  // ---- endings

  /** Ends a delivery that is not in an attempt; one that is ends when its attempt does. */
  cancel(record: DeliveryRecord, ending: Ending): void {
    if (record.state === settled) return;
    if (record.state !== active) {
      this.#end(record, ending);
      return;
    }
    record.more.ending = ending;
    if (ending.status === 'canceled' && ending.by === 'signal') record.lane?.abort(record);
  }

  /** What is wrong with the message itself. */
  reject(record: DeliveryRecord, { field, expected }: Problem, code: string): void {
    this.fail(record, { kind: 'rejected', scope: 'message', code, field, message: `expected ${expected}` });
  }

  hookFailed(record: DeliveryRecord, hook: string, error: unknown, code = 'tidings.hook_failed'): void {
    this.#watch.left(record);
    this.#engine.logger?.error({ hook, error: errorName(error) }, 'hook failed');
    this.fail(record, { kind: 'rejected', scope: 'message', code });
  }

  /** Taken from a queue after its holders died in the middle of it. */
  poisoned(record: DeliveryRecord): void {
    this.fail(record, { kind: 'rejected', scope: 'message', code: 'tidings.poison' });
  }

  /** A holder died while it was being sent: nobody knows, and it must not go twice. */
  lost(record: DeliveryRecord): void {
    record.more.ambiguous ??= { kind: 'ambiguous', scope: 'provider', code: 'tidings.worker_lost' };
    this.expired(record, this.#now());
  }

  /** After a lost answer it may go again. */
  mayRepeat(record: DeliveryRecord): boolean {
    const policy = record.lane?.policy ?? record.channel.hosts[0]!.policy;
    return overlay(policy, record.message.policy).repeatAmbiguous;
  }

  /** Back into the queue that it came from, until a time. */
  handBack(record: DeliveryRecord, at: number): boolean {
    if (record.rare?.lease === undefined || this.putBack?.(record, at) !== true) return false;
    this.#settlement.leave(record);
    return true;
  }

  fail(record: DeliveryRecord, failure: Failure): void {
    const ambiguous = record.rare?.ambiguous;
    const status = ambiguous === undefined ? 'failed' : 'unknown';
    this.settle(record, new FailureOutcome(status, record, this.#now(), ambiguous ?? failure));
  }

  settle(record: DeliveryRecord, outcome: SettledOutcome): void {
    this.#settlement.settle(record, outcome);
  }

  /** Tells the outcome of one that has settled inside a middleware. */
  finish(record: DeliveryRecord, outcome: SettledOutcome): void {
    this.#settlement.finish(record, outcome);
  }

  /** The same, of one whose middleware does not end. */
  finishWithout(record: DeliveryRecord): void {
    this.#settlement.finishWithout(record);
  }

  /** Something has settled whose middleware has not ended yet. */
  get inMiddleware(): boolean {
    return this.#watch.after().next().done !== true;
  }

  #end(record: DeliveryRecord, ending: Ending): void {
    const now = this.#now();
    const ambiguous = record.rare?.ambiguous;
    if (ambiguous !== undefined) this.settle(record, new FailureOutcome('unknown', record, now, ambiguous));
    else if (ending.status === 'canceled') this.settle(record, new CanceledOutcome(record, now, ending.by));
    else this.settle(record, new SuppressedOutcome(record, now, ending.reason, undefined));
  }

  #now(): number {
    return this.#engine.clock.read();
  }

  // ---- close

  /** Nothing new begins: what is not in an attempt ends as canceled. */
  stop(): void {
    this.#closing = true;
    for (const each of [...this.ongoing]) each.close();
    this.#watch.close();
    for (const record of this.#watch) this.cancel(record, closed);
    for (const record of this.#agenda) this.cancel(record, closed);
    this.#agenda.close();
    for (const channel of this.#engine.channels) {
      for (const record of [...channel.admission]) if (record.state === parked) this.cancel(record, closed);
      for (const lane of channel.lanes()) for (const record of [...lane.waitingRecords()]) this.cancel(record, closed);
    }
  }

  /** Ends what is still in an attempt: nobody will hear its answer. */
  giveUp(): void {
    for (const lane of this.#engine.channels.flatMap((channel) => [...channel.lanes()])) {
      for (const record of [...lane.activeRecords()]) {
        record.more.ambiguous ??= { kind: 'ambiguous', scope: 'provider', code: 'tidings.closed' };
        if (!this.mayRepeat(record) || !this.handBack(record, this.#now())) this.#end(record, closed);
      }
      lane.abortAll();
    }
    for (const record of this.#watch.after()) this.finishWithout(record);
  }
}

const closed: Ending = { status: 'canceled', by: 'close' };
const suppressed = (reason: string): Ending => ({ status: 'suppressed', reason });

/** Ends the delivery whatever else was wanted of it. */
function isFinal({ kind }: Failure): boolean {
  return kind === 'unregistered' || kind === 'blocked';
}
