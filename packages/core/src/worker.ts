import { conclusionOf } from './conclusion.ts';
import { errorName, type EngineContext } from './context.ts';
import type { QueueIntake } from './queue-intake.ts';
import type { DeliveryRecord, Ending, Sink } from './record.ts';
import { AcceptedOutcome, CanceledOutcome, type SettledOutcome } from './settled.ts';
import type { Codec, Lease, Queue, QueueEntry, Settlement } from './store.ts';
import { decodeDelivery, encode, type StoredDelivery } from './stored.ts';

/** A worker's right to a delivery, renewed at a third of it; ms. */
const lease = 30_000;
/** Deliveries taken at once, and held at once. */
const batch = 500;
/** A store that fails is asked again after this long; ms. */
const pause = 1000;
/** What can't be read here waits this long for another worker; ms. */
const unreadable = 60_000;
/** Holders that may die in the middle of an attempt before a delivery counts as poison. */
const mostDeaths = 3;

export interface WorkerOptions {
  readonly engine: EngineContext;
  readonly intake: QueueIntake;
  readonly queue: Queue<unknown>;
  readonly codec: Codec | undefined;
  /** ms; undefined where outcomes are not kept. */
  readonly keepOutcomes: number | undefined;
  /** Deliveries held at once. */
  readonly window: number;
  /** A step of a route was accepted: the next one is not needed once a receipt tells that it arrived. */
  readonly awaitReceipt: (messageId: string, outcome: AcceptedOutcome) => void;
}

/** Takes deliveries from the queue, runs them through the pipeline, and settles them there. */
export class Worker implements Sink {
  readonly #options: WorkerOptions;
  readonly #held = new Map<string, DeliveryRecord>();
  readonly #stored = new Map<DeliveryRecord, StoredDelivery>();
  readonly #stopping = new AbortController();
  /** Taken and not held yet: being decoded. True where it was canceled meanwhile. */
  readonly #beginning = new Map<string, boolean>();
  readonly #encoding = new Set<Promise<void>>();
  #settlements: Settlement[] = [];
  #flushing: Promise<void> | undefined;
  #loop: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #roomWanted: (() => void) | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    options.engine.pipeline.putBack = (record, at) => this.#handBack(record, at);
  }

  start(): void {
    if (this.#loop !== undefined) return;
    this.#loop = this.#run();
    this.#heartbeat();
  }

  /** Cancels a delivery that was taken from the queue; true where it surely is not sent any more. */
  cancel(deliveryId: string): boolean {
    if (this.#beginning.has(deliveryId)) {
      this.#beginning.set(deliveryId, true);
      return true;
    }
    const record = this.#held.get(deliveryId);
    if (record === undefined) return false;
    this.#options.engine.pipeline.cancel(record, { status: 'canceled', by: 'caller' });
    return record.rare?.outcome?.status === 'canceled';
  }

  /** Takes no more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#roomWanted?.();
    await this.#loop;
  }

  /** Gives back what was taken and not tried, and tells the queue the last outcomes. */
  async close(): Promise<void> {
    await this.stop();
    this.#cancelTimer?.();
    // What is being encoded has to be told too.
    while (this.#encoding.size > 0) await Promise.allSettled(this.#encoding);
    while (this.#settlements.length > 0 || this.#flushing !== undefined) await this.#flush();
  }

  async #run(): Promise<void> {
    const { queue, engine, window } = this.#options;
    const { signal } = this.#stopping;
    const streams = engine.channels.map(({ name }) => name);
    while (!signal.aborted) {
      const limit = Math.min(batch, window - this.#held.size);
      if (limit <= 0) {
        await new Promise<void>((resolve) => (this.#roomWanted = resolve));
        continue;
      }
      try {
        for (const each of await queue.take({ streams, limit, lease, signal })) await this.#begin(each);
      } catch (error) {
        engine.logger?.error({ error: errorName(error) }, 'queue can not be read');
        await this.#wait(pause);
      }
    }
  }

  async #begin(each: Lease): Promise<void> {
    const { intake, engine, codec } = this.#options;
    const { pipeline, clock, logger } = engine;
    const { id } = each.entry;
    let stored: StoredDelivery;
    this.#beginning.set(id, each.canceled);
    try {
      stored = await decodeDelivery(each.entry.body, codec, id);
    } catch (error) {
      // A newer version wrote it, or its key is not here: another worker may read it.
      logger?.error({ error: errorName(error) }, 'a queue entry can not be read');
      const entry = { ...each.entry, notBefore: clock.runtime.now() + unreadable };
      this.#beginning.delete(id);
      this.#settle({ lease: each, as: 'again', entries: [entry] });
      return;
    }
    const canceled = this.#beginning.get(id) === true;
    this.#beginning.delete(id);
    const record = intake.takeLease(each, stored, this);
    this.#held.set(id, record);
    this.#stored.set(record, stored);
    if (canceled) pipeline.cancel(record, { status: 'canceled', by: 'caller' });
    else if (each.deaths >= mostDeaths) pipeline.poisoned(record);
    else if (each.sending && !pipeline.mayRepeat(record)) pipeline.lost(record);
    else pipeline.enter([record]);
  }

  settled(outcome: SettledOutcome, record: DeliveryRecord): void {
    const own = record.rare?.lease;
    const stored = this.#stored.get(record);
    this.#letGo(record);
    if (own !== undefined && stored !== undefined) this.#encode(this.#conclude(outcome, record, own, stored));
  }

  /** What the queue is told of an outcome. */
  async #conclude(outcome: SettledOutcome, record: DeliveryRecord, own: Lease, stored: StoredDelivery): Promise<void> {
    const { engine, intake, codec, keepOutcomes } = this.#options;
    let conclusion: Settlement;
    try {
      conclusion = await conclusionOf({
        outcome,
        record,
        lease: own,
        stored,
        codec,
        keepOutcomes,
        now: engine.clock.runtime.now(),
      });
      this.#settle(conclusion);
    } catch (error) {
      // Not settled: when the lease ends it is taken again.
      engine.logger?.error({ error: errorName(error) }, 'an outcome can not be encoded');
      return;
    }
    const { route } = stored;
    if (route === undefined || conclusion.as === 'again') {
      if (outcome instanceof AcceptedOutcome) this.#options.awaitReceipt(own.entry.messageId, outcome);
      return;
    }
    // The route ends here: the steps that it leaves over end with it.
    intake.endSteps(own.entry, stored, endingOf(outcome));
  }

  #encode(encoding: Promise<void>): void {
    this.#encoding.add(encoding);
    void encoding.finally(() => this.#encoding.delete(encoding));
  }

  /** A long wait, or what can't be finished before closing, is the queue's to keep. */
  #handBack(record: DeliveryRecord, at: number): boolean {
    const own = record.rare?.lease;
    const stored = this.#stored.get(record);
    if (own === undefined || stored === undefined) return false;
    const { engine, codec } = this.#options;
    this.#letGo(record);
    const entry: QueueEntry = { ...own.entry, attempts: record.attempts, notBefore: engine.clock.toEpoch(at) };
    const encoding = encode({ ...stored, ambiguous: record.rare?.ambiguous }, codec, entry.id).then(
      (body) => this.#settle({ lease: own, as: 'again', entries: [{ ...entry, body }] }),
      (error: unknown) => engine.logger?.error({ error: errorName(error) }, 'a delivery can not be put back'),
    );
    this.#encode(encoding);
    return true;
  }

  #letGo(record: DeliveryRecord): void {
    this.#held.delete(record.id);
    this.#stored.delete(record);
    this.#roomWanted?.();
  }

  #settle(settlement: Settlement): void {
    this.#settlements.push(settlement);
    void this.#flush();
  }

  /** One batch at a time; a store that fails is asked again, until it takes them. */
  #flush(): Promise<void> {
    this.#flushing ??= this.#flushAll().finally(() => {
      this.#flushing = undefined;
      // One may have come since the last look.
      if (this.#settlements.length > 0 && !this.#stopping.signal.aborted) void this.#flush();
    });
    return this.#flushing;
  }

  async #flushAll(): Promise<void> {
    await undefined;
    const { queue, engine } = this.#options;
    while (this.#settlements.length > 0) {
      const settlements = this.#settlements.splice(0, batch);
      try {
        await queue.settle(settlements);
      } catch (error) {
        engine.logger?.error({ error: errorName(error) }, 'queue can not be written');
        this.#settlements.unshift(...settlements);
        if (this.#stopping.signal.aborted) return;
        await this.#wait(pause);
      }
    }
  }

  #wait(time: number): Promise<void> {
    const { clock } = this.#options.engine;
    const { signal } = this.#stopping;
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const cancel = clock.schedule(clock.read() + time, end);
      signal.addEventListener('abort', end, { once: true });
    });
  }

  /** Keeps the leases of what is held; what was lost is ended here without an outcome. */
  #heartbeat(): void {
    const { clock, logger } = this.#options.engine;
    this.#cancelTimer = clock.schedule(clock.read() + lease / 3, () => {
      const leases = [...this.#held.values()].flatMap((record) => record.rare?.lease ?? []);
      this.#options.queue.extend(leases, lease).then(
        (kept) => {
          for (const each of leases) if (!kept.has(each.entry.id)) this.#held.delete(each.entry.id);
        },
        (error: unknown) => logger?.error({ error: errorName(error) }, 'leases can not be renewed'),
      );
      if (!this.#stopping.signal.aborted) this.#heartbeat();
    });
  }
}

/** What becomes of the steps after the one with this outcome. */
function endingOf(outcome: SettledOutcome): Ending | 'expired' {
  if (outcome instanceof AcceptedOutcome) return { status: 'suppressed', reason: 'notNeeded' };
  if (outcome instanceof CanceledOutcome) return { status: 'canceled', by: outcome.by };
  return 'expired';
}
