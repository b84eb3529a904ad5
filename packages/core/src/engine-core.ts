import type { Adapter, AdapterContext, Receipt } from './adapter.ts';
import { ChannelState } from './channel.ts';
import type { Channels } from './channels.ts';
import { Clock } from './clock.ts';
import { errorName, type EngineContext, type Hooks, type Logger } from './context.ts';
import type { DeadLetters } from './dead-letters.ts';
import { parseDuration } from './duration.ts';
import { Emitter, type EventStream } from './emitter.ts';
import type { EngineOptions } from './engine-options.ts';
import { tidingsError } from './errors.ts';
import type { EventName, EventOf } from './events.ts';
import { healthOf, laneStats, type Health, type LaneStats } from './health.ts';
import { IdSource } from './ids.ts';
import { Intake } from './intake.ts';
import { memoryCoordination } from './memory-coordination.ts';
import { checkOptions } from './options.ts';
import { Pipeline } from './pipeline.ts';
import type { Duration } from './policy.ts';
import type { Queueing } from './queueing.ts';
import { realRuntime, type Runtime } from './runtime.ts';
import { hear } from './route.ts';
import { send } from './send.ts';
import { SendAll } from './send-all.ts';
import type { Codec, Coordination, QueueDepth, Store } from './store.ts';
import { isTenantAdapter } from './tenants.ts';
import { channelParts } from './with-policy.ts';
import type { AnyMessage } from './record.ts';

/** Adapters have this long to close; ms. */
const longestClose = 10_000;

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
  readonly opened = new WeakSet<Adapter>();
  readonly closed = new WeakSet<Adapter>();
  readonly closing: AbortSignal;
  readonly keyWindow: number;
  readonly markSending: EngineContext['markSending'];
  readonly deadLetters: DeadLetters;
  readonly #store: Store<unknown> | undefined;
  readonly #codec: Codec | undefined;
  readonly #keepOutcomes: number | undefined;
  readonly #window: number | undefined;
  readonly #intake: Intake;
  readonly #stopping = new AbortController();
  #madeQueueing: Promise<Queueing> | undefined;
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
    this.#store = options.store;
    this.coordination = options.store?.coordination ?? memoryCoordination(runtime);
    this.keyWindow = parseDuration(options.idempotencyWindow ?? '1d', 'idempotencyWindow');
    this.#keepOutcomes =
      options.keepOutcomes === undefined ? undefined : parseDuration(options.keepOutcomes, 'keepOutcomes');
    this.#codec = options.codec;
    this.#window = options.memory?.deliveries;
    const { store } = options;
    this.markSending = store?.durable ? (leases) => store.queue.markSending(leases) : undefined;
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
    this.deadLetters = lazyDeadLetters(() => this.#queueing());
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
    return (await this.#queueing()).enqueue(message, options);
  }

  async cancel(messageId: string): Promise<{ readonly canceled: number }> {
    return (await this.#queueing()).cancel(messageId);
  }

  async status(deliveryId: string): Promise<{ readonly state: string; readonly outcome?: unknown } | undefined> {
    return (await this.#queueing()).status(deliveryId);
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

  async depth(): Promise<ReadonlyMap<string, QueueDepth>> {
    return (await this.#queueing()).depth();
  }

  async start(options: { readonly concurrency?: number | undefined } = {}): Promise<void> {
    (await this.#queueing()).start(options.concurrency);
  }

  /** Imported when first asked for: an engine that only sends does without it. */
  async #queueing(): Promise<Queueing> {
    this.#madeQueueing ??= import('./queueing.ts').then(
      (module) =>
        new module.Queueing({
          engine: this,
          intake: this.#intake,
          queue: this.#store?.queue,
          durable: this.#store?.durable ?? false,
          codec: this.#codec,
          keepOutcomes: this.#keepOutcomes,
        }),
    );
    const queueing = await this.#madeQueueing;
    if (this.#closed !== undefined) throw closedError();
    return queueing;
  }

  close(options: { readonly timeout?: Duration | undefined } = {}): Promise<void> {
    return (this.#closed ??= this.#close(parseDuration(options.timeout ?? 30_000, 'timeout')));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeout: number): Promise<void> {
    const queueing = await this.#madeQueueing;
    await queueing?.stop();
    this.pipeline.stop();
    await this.#idle(timeout);
    this.pipeline.giveUp();
    await queueing?.close();
    this.#stopping.abort();
    const closing = this.channels.flatMap(({ hosts }) => hosts.map((host) => host.close()));
    await this.#atMost(longestClose, Promise.allSettled(closing));
    this.emitter.close();
    await this.#store?.close();
  }

  /** An adapter whose own close hangs must not keep the application from ending. */
  #atMost(time: number, done: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.clock.schedule(this.clock.read() + time, resolve);
      void done.then(() => {
        cancel();
        resolve();
      });
    });
  }

  /** Waits until nothing is in an attempt, or in a middleware after one, or the time is over. */
  async #idle(timeout: number): Promise<void> {
    const { clock } = this;
    const until = clock.read() + timeout;
    const busy = (): boolean =>
      this.pipeline.inMiddleware ||
      this.channels.some((channel) => [...channel.lanes()].some(({ inFlight }) => inFlight > 0));
    while (busy() && clock.read() < until) {
      await new Promise<void>((resolve) => clock.schedule(Math.min(until, clock.read() + 10), resolve));
    }
  }
}

const closedError = (): Error => tidingsError('tidings.closed', 'this engine is closed');

function hooksOf({ authorize, render, encrypt, use = [], audience }: AnyOptions): Hooks {
  return {
    authorize: authorize,
    render: render,
    encrypt: encrypt,
    use: use as unknown as Hooks['use'],
    check: audience?.check && ((delivery) => audience.check!(delivery)),
    resolve: audience && ((recipient, context) => audience.resolve(recipient, context) as never),
  };
}

/** The same, where the queue's side is imported with the first call. */
function lazyDeadLetters(queueing: () => Promise<Queueing>): DeadLetters {
  return {
    async *list(filter) {
      yield* (await queueing()).deadLetters.list(filter);
    },
    inspect: async (deliveryId) => (await queueing()).deadLetters.inspect(deliveryId),
    replay: async (filter, options) => (await queueing()).deadLetters.replay(filter, options),
    discard: async (filter) => (await queueing()).deadLetters.discard(filter),
  };
}
