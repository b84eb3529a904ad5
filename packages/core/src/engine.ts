import type { Receipt } from './adapter.ts';
import type { Channels, Derived } from './channels.ts';
import type { DeadLetters } from './dead-letters.ts';
import { EngineCore } from './engine-core.ts';
import type { EngineOptions } from './engine-options.ts';
import type { EventName, EventOf } from './events.ts';
import type { EventStream } from './emitter.ts';
import type { Message, OutcomeFor, RefOf, Strict } from './message.ts';
import type { Outcome } from './outcome.ts';
import type { Duration } from './policy.ts';
import type { Json } from './schema.ts';
import type { Health, LaneStats } from './health.ts';
import type { QueueDepth } from './store.ts';

/** The array is listed for its errors alone: they then name the wrong property instead of the iterator protocol. */
export type Source<T> = T[] | Iterable<T> | AsyncIterable<T>;

export interface CallOptions {
  /** Ends what has not been sent; what is in an attempt ends with it. */
  readonly signal?: AbortSignal | undefined;
}

/** What `enqueue` answers. */
export interface Enqueued {
  /** Of a duplicate, the first message's. */
  readonly messageId: string;
  readonly duplicate?: true;
}

/** Of one enqueued delivery. */
export interface DeliveryStatus<Target> {
  readonly state: 'waiting' | 'active' | 'settled' | 'dead';
  /** Where `keepOutcomes` is set. */
  readonly outcome?: Outcome<Target> | undefined;
}

/** Write it out where a declaration must be explicit: `Engine<{ ios: ApnsAdapter; sms: (TwilioAdapter | VonageAdapter)[] }>`. */
export interface Engine<C extends Channels, Tx = never, Principal = never, Recipient = never> extends AsyncDisposable {
  /** One target, one outcome; an array, an array in the same order. Never rejects for a message: an invalid one is `failed`, `rejected`, with its `field`, after no attempt. Rejects with `tidings.closed` after `close`. */
  send<const Given extends Derived<C, Recipient>['to'], Ref = undefined>(
    message: Message<C, Given, Ref, Principal>,
    options?: CallOptions,
  ): Promise<OutcomeFor<C, Given, Ref>>;
  /** Reads the source only as fast as deliveries settle; outcomes come as they settle. Leaving the loop stops the intake; what has begun goes on. */
  sendAll<Row, M extends Message<C, Derived<C, Recipient>['to'], unknown, Principal>>(
    rows: Source<Row>,
    toMessage: (row: Row) => Strict<M, keyof Message<C, unknown>>,
    options?: CallOptions,
  ): AsyncIterable<Outcome<Derived<C>['target'], RefOf<M>>>;
  /** One argument only: with two, errors in a callback become "No overload matches". To abort, leave the loop or end the source. */
  sendAll<Ref = undefined>(
    messages: Source<Message<C, Derived<C, Recipient>['to'], Ref, Principal>>,
  ): AsyncIterable<Outcome<Derived<C>['target'], Ref>>;
  /** Resolves when the queue holds it. Rejects with `tidings.invalid_message` (and its `field`), `tidings.denied` or `tidings.store_unavailable`: what can't be queued must not look queued. `tx`, where the store has transactions: it goes out only if yours commits. In memory, sending begins by itself. */
  enqueue(
    message: Message<C, Derived<C, Recipient>['to'], Json, Principal>,
    options?: CallOptions & ([Tx] extends [never] ? unknown : { readonly tx?: Tx | undefined }),
  ): Promise<Enqueued>;
  /** Ends what of an enqueued message has not been sent. */
  cancel(messageId: string, options?: CallOptions): Promise<{ readonly canceled: number }>;
  /** Of an enqueued delivery; undefined where nothing is known of it (any more). */
  status(deliveryId: string): Promise<DeliveryStatus<Derived<C>['target']> | undefined>;
  readonly deadLetters: DeadLetters;
  /** What a provider or a device tells later: from a webhook, or from the app itself. Ends the waiting of a `firstOf`; event `receipt.arrived`. */
  receipt(receipt: Receipt): void;
  /** Returns the function that ends it. A listener that throws harms no delivery. */
  on<Name extends EventName>(name: Name, listener: (event: EventOf<Derived<C>['target'], Name>) => void): () => void;
  /** `for await (const event of engine.events('target.gone'))`; bounded, the oldest dropped and counted. */
  events<Name extends EventName>(...names: readonly Name[]): EventStream<EventOf<Derived<C>['target'], Name>>;
  stats(): { readonly [Name in keyof C]: readonly LaneStats[] };
  health(): Health;
  /** Waiting and oldest (ms) in the store, also of channels that no worker here serves. */
  depth(): Promise<ReadonlyMap<string, QueueDepth>>;
  /** Begins taking from a durable queue, for its own channels only. `concurrency`: deliveries held at once, default 2,000. */
  start(options?: { readonly concurrency?: number | undefined }): Promise<void>;
  /** Stops intake, finishes or hands back what is in flight within `timeout` (default 30 s), closes every socket. Later calls wait for the first. */
  close(options?: { readonly timeout?: Duration | undefined }): Promise<void>;
}

/** Makes an engine. Throws `tidings.invalid_options`, naming the field. */
export function createEngine<C extends Channels, Tx = never, Principal = never, Recipient = never>(
  options: EngineOptions<C, Tx, Principal, Recipient>,
): Engine<C, Tx, Principal, Recipient> {
  // The types above are all that the core does not know of channels.
  return new EngineCore(options as never) as unknown as Engine<C, Tx, Principal, Recipient>;
}

/** `TargetOf<typeof engine>`, for code that takes or yields targets. */
export type TargetOf<E> =
  E extends Engine<infer C, infer _Tx, infer _Principal, infer _Recipient> ? Derived<C>['target'] : never;
/** `MessageOf<typeof engine>`, for code that takes or yields messages. */
export type MessageOf<E, Ref = unknown> =
  E extends Engine<infer C, infer _Tx, infer Principal, infer Recipient>
    ? Message<C, Derived<C, Recipient>['to'], Ref, Principal>
    : never;
