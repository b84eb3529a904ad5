import type { AdapterContext, Receipt } from './adapter.ts';
import { ChannelState } from './channel.ts';
import type { Channels } from './channels.ts';
import { Clock } from './clock.ts';
import { errorName, type EngineContext, type Hooks, type Logger } from './context.ts';
import { deadLetters, type DeadLetters } from './dead-letters.ts';
import { parseDuration } from './duration.ts';
import { Emitter, type EventStream } from './emitter.ts';
import type { EngineOptions } from './engine-options.ts';
import { enqueue } from './enqueue.ts';
import { tidingsError } from './errors.ts';
import type { EventName, EventOf } from './events.ts';
import { healthOf, laneStats, type Health, type LaneStats } from './health.ts';
import { IdSource } from './ids.ts';
import { Intake } from './intake.ts';
import { memoryStore } from './memory-store.ts';
import { checkOptions } from './options.ts';
import { Pipeline } from './pipeline.ts';
import type { Duration } from './policy.ts';
import { realRuntime, type Runtime } from './runtime.ts';
import { hear } from './route.ts';
import { send } from './send.ts';
import { SendAll } from './send-all.ts';
import type { AcceptedOutcome } from './settled.ts';
import type { Codec, Coordination, QueueDepth, QueueEntry, Store } from './store.ts';
import { decode, decodeDelivery } from './stored.ts';
import { isTenantAdapter } from './tenants.ts';
import { channelParts } from './with-policy.ts';
import { Worker } from './worker.ts';
import type { AnyMessage } from './record.ts';

type AnyOptions = EngineOptions<Channels, unknown, never, never>;
type AnyEvent = EventOf<unknown, EventName>;

/** The engine without the types of its channels: puts the parts together and owns their life. */
export class EngineCore implements EngineContext {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly emitter: Emitter;
  readonly coordination: Coordination;
  readonly hooks: Hooks;
  readonly logger: Logger | undefined;
  readonly pipeline: Pipeline;
  readonly channels: readonly ChannelState[];
  readonly adapterContext: AdapterContext;
  readonly closing: AbortSignal;
  readonly keyWindow: number;
  readonly markSending: EngineContext['markSending'];
  readonly deadLetters: DeadLetters;
  readonly #store: Store<unknown>;
  readonly #codec: Codec | undefined;
  readonly #keepOutcomes: number | undefined;
  readonly #window: number | undefined;
  readonly #intake: Intake;
  readonly #stopping = new AbortController();
  #worker: Worker | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: AnyOptions) {
    checkOptions(options);
    const runtime: Runtime = options.runtime ?? realRuntime();
    const { deliveries = 10_000, bytes = 64 * 1024 * 1024 } = options.memory ?? {};
    this.logger = options.logger;
    this.clock = new Clock(runtime);
    this.ids = new IdSource(runtime);
    this.emitter = new Emitter((error) => this.logger?.error({ error: errorName(error) }, 'a listener threw'));
    this.hooks = hooksOf(options);
    this.closing = this.#stopping.signal;
    this.adapterContext = { runtime, signal: this.closing, receipt: (receipt) => this.receipt(receipt) };
    this.#store = options.store ?? memoryStore({ runtime });
    this.coordination = this.#store.coordination;
    this.keyWindow = parseDuration(options.idempotencyWindow ?? '1d', 'idempotencyWindow');
    this.#keepOutcomes =
      options.keepOutcomes === undefined ? undefined : parseDuration(options.keepOutcomes, 'keepOutcomes');
    this.#codec = options.codec;
    this.#window = options.memory?.deliveries;
    const { queue, durable } = this.#store;
    this.markSending = durable ? (leases) => queue.markSending(leases) : undefined;
    const parts = Object.entries(options.channels).map(([name, channel]) => ({ name, ...channelParts(channel) }));
    this.pipeline = new Pipeline(this, {
      channels: new Set(parts.map(({ name }) => name)),
      providers: parts.some(({ adapters }) => adapters.some(isTenantAdapter))
        ? undefined
        : new Set(parts.flatMap(({ adapters }) => adapters.map(({ provider }) => provider))),
    });
    this.channels = parts.map(({ name, adapters, policy, order }) => {
      const layers = [
        { policy: options.policy, field: 'policy' },
        { policy, field: `channels.${name}.policy` },
      ];
      return new ChannelState({ name, engine: this, adapters, layers, order, deliveries, bytes });
    });
    const byName = new Map(this.channels.map((channel) => [channel.name, channel]));
    const nowhere = new ChannelState({
      name: '',
      engine: this,
      adapters: [],
      layers: [],
      order: undefined,
      deliveries,
      bytes,
    });
    this.#intake = new Intake(this, byName, nowhere);
    this.deadLetters = deadLetters(this, queue, this.#codec);
  }

  send(message: AnyMessage, options?: { readonly signal?: AbortSignal | undefined }): Promise<unknown> {
    if (this.#closed !== undefined) return Promise.reject(closedError());
    return send(this, this.#intake, message, options?.signal);
  }

  sendAll(
    rows: Iterable<unknown> | AsyncIterable<unknown>,
    toMessage?: (row: unknown) => AnyMessage,
    options?: { readonly signal?: AbortSignal | undefined },
  ): AsyncIterable<unknown> {
    if (this.#closed !== undefined) throw closedError();
    // What is asked for is kept; else as little as keeps the lanes busy: more would only grow old in memory.
    const most = this.#window ?? 10_000;
    return new SendAll(this, this.#intake, rows, toMessage, this.#window ?? 1024, most, options?.signal);
  }

  /** Nothing waits in any lane: they could send more than they are given. */
  lanesAreDry(): boolean {
    for (const channel of this.channels) for (const lane of channel.lanes()) if (lane.queued > 0) return false;
    return true;
  }

  async enqueue(
    message: AnyMessage,
    options: { readonly tx?: unknown; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<{ readonly messageId: string; readonly duplicate?: true }> {
    if (this.#closed !== undefined) throw closedError();
    const { queue, durable } = this.#store;
    if (!durable) await this.start();
    return enqueue({ engine: this, intake: this.#intake, queue, codec: this.#codec, durable }, message, options);
  }

  async cancel(messageId: string): Promise<{ readonly canceled: number }> {
    const { removed, active } = await this.#store.queue.cancel(messageId);
    for (const entry of removed) await this.#canceledInQueue(entry, { status: 'canceled', by: 'caller' });
    let canceled = removed.length;
    for (const id of active) {
      const record = this.#worker?.held(id);
      if (record === undefined) continue;
      this.pipeline.cancel(record, { status: 'canceled', by: 'caller' });
      if (record.rare?.outcome?.status === 'canceled') canceled++;
    }
    return { canceled };
  }

  async status(deliveryId: string): Promise<{ readonly state: string; readonly outcome?: unknown } | undefined> {
    const found = await this.#store.queue.status(deliveryId);
    if (found === undefined) return undefined;
    const { state, record } = found;
    if (state !== 'settled' || record === undefined) return { state };
    return { state, outcome: withDates(await decode(record, this.#codec, deliveryId)) };
  }

  receipt(receipt: Receipt): void {
    const deliveryId = hear(this.pipeline.awaited, receipt);
    if (this.emitter.wants('receipt.arrived')) this.emitter.emit({ type: 'receipt.arrived', receipt, deliveryId });
  }

  on(name: EventName, listener: (event: never) => void): () => void {
    return this.emitter.on(name, listener);
  }

  events(...names: readonly EventName[]): EventStream<AnyEvent> {
    return this.emitter.stream(names);
  }

  stats(): { readonly [name: string]: readonly LaneStats[] } {
    const now = this.clock.read();
    return Object.fromEntries(
      this.channels.map((channel) => [channel.name, [...channel.lanes()].map((lane) => laneStats(lane, now))]),
    );
  }

  health(): Health {
    return healthOf(this.channels);
  }

  depth(): Promise<ReadonlyMap<string, QueueDepth>> {
    return this.#store.queue.depth();
  }

  start(options: { readonly concurrency?: number | undefined } = {}): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(closedError());
    if (this.#worker === undefined) {
      const window = options.concurrency ?? 2000;
      if (!(window >= 1))
        return Promise.reject(tidingsError('tidings.invalid_options', 'expected at least 1', 'concurrency'));
      this.#worker = new Worker({
        engine: this,
        intake: this.#intake,
        queue: this.#store.queue,
        codec: this.#codec,
        keepOutcomes: this.#keepOutcomes,
        window,
        awaitReceipt: (messageId, outcome) => this.#awaitReceipt(messageId, outcome),
      });
      this.#worker.start();
    }
    return Promise.resolve();
  }

  close(options: { readonly timeout?: Duration | undefined } = {}): Promise<void> {
    return (this.#closed ??= this.#close(parseDuration(options.timeout ?? 30_000, 'timeout')));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeout: number): Promise<void> {
    await this.#worker?.stop();
    this.pipeline.stop();
    await this.#idle(timeout);
    this.pipeline.giveUp();
    await this.#worker?.close();
    this.#stopping.abort();
    await Promise.allSettled(this.channels.flatMap(({ hosts }) => hosts.map((host) => host.close())));
    this.emitter.close();
    await this.#store.close();
  }

  /** Waits until nothing is in an attempt, or the time is over. */
  async #idle(timeout: number): Promise<void> {
    const { clock } = this;
    const until = clock.read() + timeout;
    const busy = (): boolean =>
      this.channels.some((channel) => [...channel.lanes()].some(({ inFlight }) => inFlight > 0));
    while (busy() && clock.read() < until) {
      await new Promise<void>((resolve) => clock.schedule(Math.min(until, clock.read() + 10), resolve));
    }
  }

  async #canceledInQueue(
    entry: QueueEntry,
    ending: { status: 'canceled'; by: 'caller' } | { status: 'suppressed'; reason: string },
  ): Promise<void> {
    const stored = await decodeDelivery(entry.body, this.#codec, entry.id);
    const record = this.#intake.takeLease({ entry, fence: '', sending: false, canceled: true, deaths: 0 }, stored, {
      settled() {},
    });
    this.pipeline.cancel(record, ending);
  }

  /** A stored route's next step waits in the queue: it goes when no receipt comes. */
  #awaitReceipt(messageId: string, outcome: AcceptedOutcome): void {
    if (outcome.providerMessageId === undefined) return;
    const key = `${outcome.provider}\n${outcome.providerMessageId}`;
    const { deliveryId } = outcome;
    this.pipeline.awaited.set(key, {
      deliveryId,
      heard: (receipt) => {
        if (!isArrival(receipt)) return;
        this.pipeline.awaited.delete(key);
        void this.#store.queue.cancel(messageId).then(async ({ removed }) => {
          for (const entry of removed)
            await this.#canceledInQueue(entry, { status: 'suppressed', reason: 'notNeeded' });
        });
      },
    });
  }
}

const isArrival = ({ kind }: Receipt): boolean =>
  kind === 'delivered' || kind === 'displayed' || kind === 'opened' || kind === 'replied';

const closedError = (): Error => tidingsError('tidings.closed', 'this engine is closed');

function hooksOf({ authorize, render, encrypt, use = [], audience }: AnyOptions): Hooks {
  return {
    authorize: authorize as Hooks['authorize'],
    render: render as Hooks['render'],
    encrypt: encrypt as Hooks['encrypt'],
    use: use as unknown as Hooks['use'],
    check: audience?.check && ((delivery) => audience.check!(delivery)),
    resolve: audience && ((recipient, context) => audience.resolve(recipient, context) as never),
  };
}

/** Times of a stored outcome as dates again. */
function withDates(outcome: unknown): unknown {
  const { attempts = [], trace = [] } = outcome as {
    attempts?: { startedAt: string }[];
    trace?: { at: string; until?: string }[];
  };
  return {
    ...(outcome as object),
    attempts: attempts.map((attempt) => ({ ...attempt, startedAt: new Date(attempt.startedAt) })),
    trace: trace.map(({ at, until, ...step }) => ({
      ...step,
      at: new Date(at),
      ...(until !== undefined && { until: new Date(until) }),
    })),
  };
}
