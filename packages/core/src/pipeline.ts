import type { Content, SendResult } from './adapter.ts';
import { Agenda } from './agenda.ts';
import { errorName, type EngineContext } from './context.ts';
import type { Failure } from './failure.ts';
import { runMiddleware } from './middleware.ts';
import type { Lane } from './lane.ts';
import { overlay } from './policies.ts';
import { decide, type Decision } from './retry.ts';
import {
  active,
  DeliveryView,
  entering,
  parked,
  preparing,
  settled,
  type DeliveryRecord,
  type Ending,
  type Step,
} from './record.ts';
import type { Awaited, Route } from './route.ts';
import type { Awaitable } from './schema.ts';
import { AcceptedOutcome, CanceledOutcome, FailureOutcome, SuppressedOutcome, type SettledOutcome } from './settled.ts';
import { Settlement } from './settlement.ts';
import type { Problem } from './validate.ts';

/** How often deliveries outside the lanes (parked, in a hook) are looked at for their deadline; ms. */
const lookEvery = 1000;

/** Names that a message's overrides may use; providers are unknown where an adapter is made per tenant. */
export interface Names {
  readonly channels: ReadonlySet<string>;
  readonly providers: ReadonlySet<string> | undefined;
}

/**
 * One delivery's way, from a checked message to its outcome:
 * enter (check against the adapter, authorize, dedupe) → admit → schedule → render, encrypt → choose a lane → lane → answered →
 * settle, retry or fail over. Steps fall through without a promise unless a hook makes one.
 */
export class Pipeline {
  readonly names: Names;
  /** Routes that wait for a receipt. */
  readonly awaited: Awaited = new Map();
  readonly #engine: EngineContext;
  readonly #agenda: Agenda;
  readonly #settlement: Settlement;
  /** Newest unsettled delivery by tenant, target and collapse key. */
  readonly #latest = new Map<string, DeliveryRecord>();
  /** Neither in a lane nor on the agenda: in a hook. Watched for their deadline. */
  readonly #inHooks = new Set<DeliveryRecord>();
  #cancelLook: (() => void) | undefined;
  #closing = false;

  constructor(engine: EngineContext, names: Names) {
    this.#engine = engine;
    this.names = names;
    this.#agenda = new Agenda(engine.clock, (record) => this.#ready(record));
    this.#settlement = new Settlement(engine, this.#latest);
  }

  // ---- enter

  /** The deliveries of one message; of a route, its steps. */
  enter(records: readonly DeliveryRecord[], route?: Route): void {
    const [record] = records;
    if (records.length === 1 && record !== undefined && this.#engine.hooks.authorize === undefined) {
      const problem = record.channel.prepare(record);
      if (!isThenable(problem)) {
        if (problem !== undefined) this.reject(record, problem, 'tidings.invalid_message');
        else this.#claim(records, route);
        return;
      }
    }
    void this.#enterAll(records, route);
  }

  async #enterAll(records: readonly DeliveryRecord[], route: Route | undefined): Promise<void> {
    for (const record of records) {
      this.#inHook(record);
      try {
        const problem = await record.channel.prepare(record);
        if (record.state !== entering) continue;
        if (problem !== undefined) this.reject(record, problem, 'tidings.invalid_message');
        else if (this.#engine.hooks.authorize !== undefined) await this.#authorize(record);
      } catch (error) {
        this.#hookFailed(record, 'prepare', error, 'tidings.no_adapter');
      }
      this.#inHooks.delete(record);
    }
    const left = records.filter(({ state }) => state === entering);
    if (left.length > 0) this.#claim(left, route);
  }

  async #authorize(record: DeliveryRecord): Promise<void> {
    try {
      const { principal } = record.message;
      const verdict = await this.#engine.hooks.authorize!(principal as never, new DeliveryView(record) as never);
      if (verdict === 'allow' || record.state !== entering) return;
      this.#settle(record, new SuppressedOutcome(record, this.#now(), 'denied', String(verdict?.deny ?? '')));
    } catch (error) {
      this.#hookFailed(record, 'authorize', error);
    }
  }

  /** Dedupe: a message's key is claimed once, for all its deliveries. */
  #claim(records: readonly DeliveryRecord[], route: Route | undefined): void {
    const [record] = records as [DeliveryRecord];
    const { message, rare } = record;
    // Of an entry from a queue the key was claimed when it was stored.
    if (message.idempotencyKey === undefined || rare?.lease !== undefined) {
      this.#goOn(records, route);
      return;
    }
    const key = `${message.tenant ?? ''}\n${message.idempotencyKey}`;
    const { coordination, clock, keyWindow } = this.#engine;
    const until = clock.toEpoch(clock.read() + keyWindow);
    const first = coordination.claim(key, record.messageId, until);
    if (isThenable(first)) {
      for (const record of records) this.#inHook(record);
      first.then(
        (found) => this.#claimed(records, route, key, found),
        () => {
          for (const record of records) this.#fail(record, storeFailure);
        },
      );
    } else this.#claimed(records, route, key, first);
  }

  #claimed(records: readonly DeliveryRecord[], route: Route | undefined, key: string, first: string | undefined): void {
    for (const record of records) this.#inHooks.delete(record);
    const left = records.filter(({ state }) => state === entering);
    if (first !== undefined) {
      const now = this.#now();
      for (const record of left) this.#settle(record, new SuppressedOutcome(record, now, 'duplicate', first));
      return;
    }
    if (left.length === 0) {
      void this.#engine.coordination.release(key);
      return;
    }
    const claim = { key, open: left.length, sent: false };
    for (const record of left) record.more.claim = claim;
    this.#goOn(left, route);
  }

  #goOn(records: readonly DeliveryRecord[], route: Route | undefined): void {
    if (route !== undefined) route.next();
    else for (const record of records) this.admit(record);
  }

  // ---- admit, schedule

  /** Into its channel, or into the line before it. */
  admit(record: DeliveryRecord): void {
    if (record.state !== entering) return;
    if (record.channel.admission.enter(record)) {
      this.#inside(record);
      return;
    }
    record.sink.parked?.();
    this.#look();
  }

  /** One that waited outside may come in. */
  admitted(record: DeliveryRecord): void {
    record.sink.unparked?.();
    this.#inside(record);
  }

  #inside(record: DeliveryRecord): void {
    record.state = preparing;
    const { emitter } = this.#engine;
    if (emitter.wants('delivery.queued')) {
      emitter.emit({ type: 'delivery.queued', deliveryId: record.id, messageId: record.messageId, to: record.to });
    }
    if (record.rare !== null && record.rare.dueAt > this.#now()) {
      const until = record.rare.dueAt;
      record.rare.steps.push({ step: 'held', time: record.queuedAt, by: 'schedule', until } as Step);
      this.#agenda.add(record);
    } else this.#ready(record);
  }

  // ---- hooks

  #ready(record: DeliveryRecord): void {
    const { hooks } = this.#engine;
    if (this.#closing) this.cancel(record, { status: 'canceled', by: 'close' });
    else if (hooks.use.length > 0) void this.#throughMiddleware(record);
    else if (hooks.render !== undefined || hooks.encrypt !== undefined) void this.#make(record);
    else this.#choose(record);
  }

  async #throughMiddleware(record: DeliveryRecord): Promise<void> {
    this.#inHook(record);
    record.more.inner = () => {};
    const outcome = await runMiddleware(this.#engine, record, (changed) => {
      this.#inHooks.delete(record);
      if (changed !== undefined) record.more.made = changed;
      return new Promise((resolve) => {
        record.more.inner = resolve;
        if (record.state === settled) resolve(record.more.outcome!);
        else void this.#make(record);
      });
    });
    this.#inHooks.delete(record);
    record.more.inner = undefined;
    if (record.state === settled) this.#settlement.finish(record, outcome ?? record.more.outcome!);
    else if (outcome !== undefined) this.#settle(record, outcome);
    else this.#fail(record, { kind: 'rejected', scope: 'message', code: 'tidings.middleware_failed' });
  }

  /** Content made for this delivery, and sealed for its device. */
  async #make(record: DeliveryRecord): Promise<void> {
    const { render, encrypt } = this.#engine.hooks;
    this.#inHook(record);
    try {
      if (render !== undefined) await this.#makeBy(record, render, 'rendered');
      if (encrypt !== undefined) await this.#makeBy(record, encrypt, 'encrypted');
      record.more.sealed = encrypt !== undefined;
      const problem = record.more.made === undefined ? undefined : await record.channel.prepareFor(record);
      if (record.state !== preparing) return;
      if (problem !== undefined) this.reject(record, problem, 'tidings.invalid_content');
      else this.#choose(record);
    } catch (error) {
      this.#hookFailed(record, 'render or encrypt', error);
    } finally {
      this.#inHooks.delete(record);
    }
  }

  async #makeBy(
    record: DeliveryRecord,
    hook: (delivery: never) => Awaitable<Content>,
    step: 'rendered' | 'encrypted',
  ): Promise<void> {
    if (record.more.made !== undefined) await record.channel.prepareFor(record);
    record.more.made = await hook(new DeliveryView(record) as never);
    record.more.steps.push({ step, time: this.#now() });
  }

  // ---- choose a lane

  #choose(record: DeliveryRecord): void {
    const { channel, message } = record;
    if (message.collapseKey !== undefined) this.#supersede(record, message.collapseKey);
    if (channel.adapters.length === 1) {
      const lane = this.#laneOf(record, 0);
      if (lane === undefined) return;
      if (isThenable(lane)) this.#whenLane(record, lane);
      else this.#toLane(record, lane);
      return;
    }
    void this.#chooseAmong(record, this.#order(record));
  }

  /** The first that would send now, else the first at all. */
  async #chooseAmong(record: DeliveryRecord, order: readonly number[]): Promise<void> {
    if (order.length === 0) {
      this.#fail(record, { kind: 'rejected', scope: 'message', code: 'tidings.no_adapter' });
      return;
    }
    const now = this.#now();
    let index = order[0]!;
    for (const each of order) {
      const lane = this.#laneOf(record, each);
      if (lane === undefined) return;
      const found = isThenable(lane) ? await lane.then(undefined, () => undefined) : lane;
      if (found?.usable(now)) {
        index = each;
        break;
      }
    }
    await this.#moveTo(record, index);
  }

  async #moveTo(record: DeliveryRecord, index: number): Promise<void> {
    try {
      // What the first adapter made of the target and content need not be what this one makes of it.
      if (record.adapter !== index) {
        record.adapter = index;
        const problem = await record.channel.prepareFor(record);
        if (record.state === settled) return;
        if (problem !== undefined) {
          this.reject(record, problem, 'tidings.invalid_message');
          return;
        }
      }
      const lane = await record.channel.laneOf(record, index);
      if (record.state !== settled) this.#toLane(record, lane);
    } catch (error) {
      this.#hookFailed(record, 'adapter', error, 'tidings.no_adapter');
    }
  }

  #laneOf(record: DeliveryRecord, index: number): Awaitable<Lane> | undefined {
    try {
      return record.channel.laneOf(record, index);
    } catch (error) {
      this.#hookFailed(record, 'partition', error, 'tidings.adapter_threw');
      return undefined;
    }
  }

  #whenLane(record: DeliveryRecord, lane: PromiseLike<Lane>): void {
    this.#inHook(record);
    lane.then(
      (found) => {
        this.#inHooks.delete(record);
        if (record.state === preparing) this.#toLane(record, found);
      },
      (error: unknown) => this.#hookFailed(record, 'adapter', error, 'tidings.no_adapter'),
    );
  }

  #toLane(record: DeliveryRecord, lane: Lane): void {
    const now = this.#now();
    if (record.expiresAt <= now) this.expired(record, now);
    else lane.enqueue(record);
  }

  /** Adapters not given up for this delivery, in the order of the channel's routing. */
  #order(record: DeliveryRecord): number[] {
    const { adapters, order } = record.channel;
    const tried = record.rare?.triedAdapters ?? 0;
    let indexes = adapters.map((_adapter, index) => index);
    if (order !== undefined) {
      const names = order({ target: record.to, tenant: record.message.tenant });
      indexes = names
        .map((name) => adapters.findIndex(({ provider }) => provider === name))
        .filter((index) => index >= 0);
    }
    return indexes.filter((index) => (tried & (1 << index)) === 0);
  }

  /** An older one for the same place on the same device need not go any more, and must not go after this one. */
  #supersede(record: DeliveryRecord, collapseKey: string): void {
    const key = `${record.message.tenant ?? ''}\n${JSON.stringify(record.to)}\n${collapseKey}`;
    const older = this.#latest.get(key);
    if (older !== undefined && older !== record) this.cancel(older, { status: 'suppressed', reason: 'superseded' });
    record.more.collapse = key;
    this.#latest.set(key, record);
  }

  // ---- what the lane tells

  /** Right before an attempt: still wanted, still ours? Answers those that may go. */
  async beforeSend(records: readonly DeliveryRecord[], _lane: Lane): Promise<DeliveryRecord[]> {
    const { hooks, markSending } = this.#engine;
    const kept: DeliveryRecord[] = [];
    for (const record of records) {
      const verdict = hooks.check === undefined ? 'send' : await this.#check(record);
      if (record.state !== active) continue;
      if (verdict === 'send') kept.push(record);
      else this.#end(record, { status: 'suppressed', reason: verdict.suppress });
    }
    if (markSending === undefined) return kept;
    const leases = kept.flatMap(({ rare }) => (rare?.lease === undefined ? [] : [rare.lease]));
    const mine = leases.length === 0 ? undefined : await markSending(leases);
    return kept.filter(({ rare }) => rare?.lease === undefined || mine?.has(rare.lease.entry.id));
  }

  async #check(record: DeliveryRecord): Promise<'send' | { suppress: string }> {
    try {
      return await this.#engine.hooks.check!(new DeliveryView(record) as never);
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
      const outcome = new AcceptedOutcome(record, startedAt, now, lane.adapter.provider, messageId, parts);
      this.#settle(record, outcome);
      return;
    }
    this.#note(record, lane, result, startedAt, now);
    const { rare } = record;
    if (rare!.ending !== undefined) this.#end(record, rare!.ending);
    else if (this.#closing) this.#end(record, { status: 'canceled', by: 'close' });
    else this.#follow(record, lane, result, this.#decide(record, lane, result, now), now);
  }

  /** Past its deadline before it could go (again). */
  expired(record: DeliveryRecord, now: number): void {
    const { rare } = record;
    if (rare?.ambiguous !== undefined) this.#settle(record, new FailureOutcome('unknown', record, now, rare.ambiguous));
    else this.#settle(record, new FailureOutcome('expired', record, now, rare?.tried.at(-1)?.failure));
  }

  /** A lane sends nothing for a while: what waits there and can go elsewhere does. */
  laneStopped(lane: Lane, now: number): void {
    for (const record of lane.takeOut(
      (each) => each.channel.adapters.length > 1 && this.#alternative(each, lane, now),
    )) {
      this.#failOver(record, lane, now);
    }
  }

  // ---- after a failed attempt

  #note(record: DeliveryRecord, lane: Lane, failure: Failure, startedAt: number, now: number): void {
    const rare = record.more;
    const { provider } = lane.adapter;
    rare.steps.push({
      step: rare.ambiguous === undefined ? 'attempted' : 'repeated',
      time: startedAt,
      provider,
    } as Step);
    rare.tried.push({ provider, startedAt, duration: now - startedAt, failure });
    // These use up no attempt.
    if (failure.kind === 'throttled') rare.throttles++;
    else if (failure.kind === 'unauthorized') rare.refusals++;
    else if (failure.kind === 'unavailable' && failure.unsent) rare.unsent++;
    if (rare.throttles + rare.refusals + rare.unsent > 0)
      record.attempts = rare.tried.length - rare.throttles - rare.refusals - rare.unsent;
    if (failure.kind === 'ambiguous') rare.ambiguous = failure;
    this.#react(record, lane, failure, now);
  }

  /** What a failure means for others than this delivery. */
  #react(record: DeliveryRecord, lane: Lane, failure: Failure, now: number): void {
    const { emitter, clock, logger } = this.#engine;
    if (emitter.wants('attempt.failed')) {
      const { provider, startedAt, duration } = record.more.tried.at(-1)!;
      const attempt = { provider, startedAt: clock.toDate(startedAt), duration, failure };
      emitter.emit({ type: 'attempt.failed', deliveryId: record.id, attempt, failure });
    }
    if (failure.kind === 'unregistered' && emitter.wants('target.gone')) {
      emitter.emit({ type: 'target.gone', to: record.to, failure });
    }
    if (failure.kind === 'throttled' && failure.scope !== 'target') {
      const wait = Math.min(failure.retryAfter ?? 1000, record.expiresAt - now);
      lane.pause(now + wait, now);
    }
    if (failure.kind === 'unauthorized' && record.more.refusals > 1) {
      logger?.error({ lane: lane.name, code: failure.code }, 'credential refused');
      if (emitter.wants('credential.refused')) emitter.emit({ type: 'credential.refused', lane: lane.name, failure });
      lane.trip(now);
    }
  }

  #decide(record: DeliveryRecord, lane: Lane, failure: Failure, now: number): Decision {
    const { attempts, expiresAt, message } = record;
    const { throttles, unsent, refusals, ambiguous } = record.more;
    const rules = overlay(lane.policy, message.policy);
    const alternative = record.channel.adapters.length > 1 && this.#alternative(record, lane, now);
    const state = {
      attempts,
      throttles,
      unsent,
      refusals,
      ambiguous: ambiguous !== undefined,
      left: expiresAt - now,
      alternative,
    };
    return decide(failure, state, rules, this.#engine.clock.runtime.random());
  }

  #follow(record: DeliveryRecord, lane: Lane, failure: Failure, decision: Decision, now: number): void {
    switch (decision.act) {
      case 'settle':
        this.#fail(record, failure);
        return;
      case 'expire':
        this.expired(record, now);
        return;
      case 'failOver':
        this.#failOver(record, lane, now);
        return;
      case 'wait': {
        const at = now + Math.max(0, Math.round(decision.wait));
        record.more.steps.push({ step: 'held', time: now, by: decision.by, until: at } as Step);
        const { emitter, clock } = this.#engine;
        if (emitter.wants('retry.scheduled')) {
          emitter.emit({ type: 'retry.scheduled', deliveryId: record.id, at: clock.toDate(at) });
        }
        if (!this.#handBack(record, at, now)) lane.holdUntil(record, at, decision.budgeted);
      }
    }
  }

  /** A long wait of a delivery from a durable queue is the queue's to keep. Set by the worker. */
  handBack: ((record: DeliveryRecord, at: number) => boolean) | undefined;

  #handBack(record: DeliveryRecord, at: number, now: number): boolean {
    if (record.rare?.lease === undefined || at - now < 5000) return false;
    if (!this.handBack?.(record, at)) return false;
    record.state = settled;
    record.channel.admission.leave(record);
    return true;
  }

  #alternative(record: DeliveryRecord, lane: Lane, now: number): boolean {
    return this.#order(record).some((index) => {
      const other = index === record.adapter ? lane : record.channel.laneOf(record, index);
      return !isThenable(other) && other !== lane && other.usable(now);
    });
  }

  #failOver(record: DeliveryRecord, lane: Lane, now: number): void {
    const rare = record.more;
    rare.triedAdapters |= 1 << record.adapter;
    const order = this.#order(record);
    const next = order.find((index) => {
      const other = record.channel.laneOf(record, index);
      return isThenable(other) || (other !== lane && other.usable(now));
    });
    const index = next ?? order[0];
    if (index === undefined) {
      lane.holdUntil(record, now, true);
      return;
    }
    // When all have been tried, the round begins anew; attempts bound it.
    if (order.length === 1) rare.triedAdapters = 0;
    record.state = preparing;
    rare.steps.push({ step: 'failedOver', time: now, provider: record.channel.adapters[index]!.provider } as Step);
    void this.#moveTo(record, index);
  }

  // ---- settle

  /** Ends a delivery that is not in an attempt; one that is ends when its attempt does. */
  cancel(record: DeliveryRecord, ending: Ending): void {
    if (record.state === settled) return;
    if (record.state === active) {
      record.more.ending = ending;
      if (ending.status === 'canceled' && ending.by === 'signal') record.lane?.abort(record);
    } else this.#end(record, ending);
  }

  /** Taken from a queue after its holders died in the middle of it. */
  poisoned(record: DeliveryRecord): void {
    this.#fail(record, { kind: 'rejected', scope: 'message', code: 'tidings.poison' });
  }

  /** A holder died while it was being sent: nobody knows, and it must not go twice. */
  lost(record: DeliveryRecord): void {
    record.more.ambiguous ??= { kind: 'ambiguous', scope: 'provider', code: 'tidings.worker_lost' };
    this.expired(record, this.#now());
  }

  /** After a lost answer it may go again. */
  mayRepeat(record: DeliveryRecord): boolean {
    return overlay(record.channel.hosts[0]!.policy, record.message.policy).repeatAmbiguous;
  }

  /** What is wrong with the message itself. */
  reject(record: DeliveryRecord, problem: Problem, code: string): void {
    const { field, expected: message } = problem;
    this.#fail(record, { kind: 'rejected', scope: 'message', code, field, message: `expected ${message}` });
  }

  #end(record: DeliveryRecord, ending: Ending): void {
    const now = this.#now();
    const ambiguous = record.rare?.ambiguous;
    if (ambiguous !== undefined) this.#settle(record, new FailureOutcome('unknown', record, now, ambiguous));
    else if (ending.status === 'canceled') this.#settle(record, new CanceledOutcome(record, now, ending.by));
    else this.#settle(record, new SuppressedOutcome(record, now, ending.reason, undefined));
  }

  #fail(record: DeliveryRecord, failure: Failure): void {
    const ambiguous = record.rare?.ambiguous;
    const status = ambiguous === undefined ? 'failed' : 'unknown';
    this.#settle(record, new FailureOutcome(status, record, this.#now(), ambiguous ?? failure));
  }

  #settle(record: DeliveryRecord, outcome: SettledOutcome): void {
    this.#settlement.settle(record, outcome);
  }

  #hookFailed(record: DeliveryRecord, hook: string, error: unknown, code = 'tidings.hook_failed'): void {
    this.#inHooks.delete(record);
    this.#engine.logger?.error({ hook, error: errorName(error) }, 'hook failed');
    if (record.state !== settled) this.#fail(record, { kind: 'rejected', scope: 'message', code });
  }

  // ---- deadlines outside the lanes

  #now(): number {
    return this.#engine.clock.read();
  }

  #inHook(record: DeliveryRecord): void {
    this.#inHooks.add(record);
    this.#look();
  }

  /** While something is parked or in a hook, its deadline is kept all the same. */
  #look(): void {
    if (this.#cancelLook !== undefined || this.#closing) return;
    const { clock } = this.#engine;
    this.#cancelLook = clock.schedule(clock.read() + lookEvery, () => {
      this.#cancelLook = undefined;
      const now = clock.read();
      let outside = 0;
      for (const channel of this.#engine.channels) {
        for (const record of channel.admission.expired(now)) this.#expireOutside(record, now);
        outside += channel.admission.outside;
      }
      for (const record of this.#inHooks) if (record.expiresAt <= now) this.expired(record, now);
      for (const record of this.#inHooks) if (record.state === settled) this.#inHooks.delete(record);
      if (outside + this.#inHooks.size > 0) this.#look();
    });
  }

  #expireOutside(record: DeliveryRecord, now: number): void {
    // It is out of the line already.
    record.state = entering;
    this.expired(record, now);
  }

  // ---- close

  /** Nothing new begins: what has not been tried yet ends as canceled, what is in an attempt may end. */
  stop(): void {
    this.#closing = true;
    this.#cancelLook?.();
    const ending: Ending = { status: 'canceled', by: 'close' };
    for (const record of this.#inHooks) this.cancel(record, ending);
    for (const record of this.#agenda) this.cancel(record, ending);
    this.#agenda.close();
    for (const channel of this.#engine.channels) {
      for (const record of [...channel.admission]) if (record.state === parked) this.cancel(record, ending);
      for (const lane of channel.lanes()) for (const record of [...lane.waitingRecords()]) this.cancel(record, ending);
    }
  }

  /** Ends what is still in an attempt: nobody will hear its answer. */
  giveUp(): void {
    for (const channel of this.#engine.channels) {
      for (const lane of channel.lanes()) {
        for (const record of [...lane.activeRecords()]) {
          record.more.ambiguous ??= { kind: 'ambiguous', scope: 'provider', code: 'tidings.closed' };
          if (this.mayRepeat(record) && this.handBack?.(record, this.#now())) record.state = settled;
          else this.#end(record, { status: 'canceled', by: 'close' });
        }
        lane.abortAll();
      }
    }
  }
}

const storeFailure: Failure = {
  kind: 'unavailable',
  scope: 'provider',
  code: 'tidings.store_unavailable',
  unsent: true,
};

export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value;
}
