import { channel, type Channel as DiagnosticsChannel } from 'node:diagnostics_channel';
import type { EventName, EventOf } from './events.ts';

type Listener = (event: never) => unknown;
type AnyEvent = EventOf<unknown, EventName>;

const names = [
  'delivery.queued',
  'delivery.settled',
  'attempt.failed',
  'retry.scheduled',
  'target.gone',
  'receipt.arrived',
  'lane.throttled',
  'breaker.opened',
  'breaker.closed',
  'credential.refused',
] as const satisfies readonly EventName[];

/** One diagnostics channel per event: `tidings.delivery.settled`, ... */
const diagnostics = Object.fromEntries(names.map((name) => [name, channel(`tidings.${name}`)])) as Record<
  EventName,
  DiagnosticsChannel
>;
/** Told of every delivery: looked at without a look-up. */
const queuedChannel = diagnostics['delivery.queued'];
const settledChannel = diagnostics['delivery.settled'];

/** Events that one `events()` iterator keeps while nobody reads; then the oldest go. */
const kept = 1024;

/** An iterator over events; `dropped` counts those that were lost because it was not read in time. */
export interface EventStream<Event> extends AsyncIterableIterator<Event> {
  readonly dropped: number;
}

/** Listeners of one engine. What nobody listens to costs one look-up. */
export class Emitter {
  readonly #listeners = new Map<EventName, Set<Listener>>();
  readonly #failed: (error: unknown) => void;
  readonly #ends = new Set<() => void>();
  #closed = false;

  /** @param failed told when a listener throws: that harms no delivery */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  #queuedHeard = false;
  #settledHeard = false;

  /** Somebody wants `delivery.queued`. */
  get wantsQueued(): boolean {
    return this.#queuedHeard || queuedChannel.hasSubscribers;
  }

  /** Somebody wants `delivery.settled`. */
  get wantsSettled(): boolean {
    return this.#settledHeard || settledChannel.hasSubscribers;
  }

  #noteHeard(): void {
    this.#queuedHeard = this.#listeners.has('delivery.queued');
    this.#settledHeard = this.#listeners.has('delivery.settled');
  }

  /** Somebody wants events of this name: make one. */
  wants(name: EventName): boolean {
    return this.#listeners.has(name) || diagnostics[name].hasSubscribers;
  }

  emit(event: AnyEvent): void {
    const { type } = event;
    const listeners = this.#listeners.get(type);
    if (listeners !== undefined) {
      for (const listener of listeners) {
        try {
          const returned: unknown = listener(event as never);
          // Nobody awaits a listener, but it may be an async function: what it rejects with must not end the process.
          if (returned instanceof Promise) returned.catch(this.#failed);
        } catch (error) {
          this.#failed(error);
        }
      }
    }
    const published = diagnostics[type];
    if (published.hasSubscribers) published.publish(event);
  }

  on(name: EventName, listener: Listener): () => void {
    // Of its own, so that the same function given twice is called twice and ended one by one.
    const each: Listener = (event) => listener(event);
    let listeners = this.#listeners.get(name);
    if (listeners === undefined) this.#listeners.set(name, (listeners = new Set()));
    listeners.add(each);
    this.#noteHeard();
    return () => {
      listeners.delete(each);
      if (listeners.size === 0 && this.#listeners.get(name) === listeners) this.#listeners.delete(name);
      this.#noteHeard();
    };
  }

  stream(streamed: readonly EventName[]): EventStream<AnyEvent> {
    const waiting: AnyEvent[] = [];
    const readers: ((result: IteratorResult<AnyEvent>) => void)[] = [];
    let dropped = 0;
    let ended = this.#closed;
    const offs = [...new Set(ended ? [] : streamed)].map((name) =>
      this.on(name, (event: AnyEvent) => {
        const reader = readers.shift();
        if (reader !== undefined) reader({ value: event, done: false });
        else if (waiting.push(event) > kept) {
          waiting.shift();
          dropped++;
        }
      }),
    );
    const end = (): void => {
      ended = true;
      this.#ends.delete(end);
      for (const off of offs) off();
      for (const reader of readers.splice(0)) reader({ value: undefined, done: true });
    };
    if (!ended) this.#ends.add(end);
    return {
      get dropped() {
        return dropped;
      },
      next: () => {
        const value = waiting.shift();
        if (value !== undefined) return Promise.resolve({ value, done: false });
        if (ended) return Promise.resolve({ value: undefined, done: true });
        return new Promise((resolve) => readers.push(resolve));
      },
      return: () => {
        end();
        waiting.length = 0;
        return Promise.resolve({ value: undefined, done: true });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** Ends all streams, those made later too; what they hold can still be read. */
  close(): void {
    this.#closed = true;
    for (const end of this.#ends) end();
  }
}
