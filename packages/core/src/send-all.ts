import { errorName, type EngineContext } from './context.ts';
import type { Intake } from './intake.ts';
import { type AnyMessage, type DeliveryRecord, type Sink } from './record.ts';
import type { SettledOutcome } from './settled.ts';

type Rows = Iterable<unknown> | AsyncIterable<unknown>;

/** Messages taken in one go before others get their turn. */
const longestRun = 256;

/**
 * The stream behind `sendAll`: reads its source as fast as lanes and the taking of outcomes allow, and keeps no more than `most` deliveries
 * that it knows of.
 */
export class SendAll implements AsyncIterableIterator<SettledOutcome>, Sink {
  readonly #engine: EngineContext;
  readonly #intake: Intake;
  readonly #rows: Rows;
  readonly #toMessage: ((row: unknown) => AnyMessage) | undefined;
  readonly #most: number;
  #window: number;
  readonly #signal: AbortSignal | undefined;
  readonly #open = new Set<DeliveryRecord>();
  #source: Iterator<unknown> | AsyncIterator<unknown> | undefined;
  #isAsync = false;
  /** Not taken yet: from `head` to `tail`. The places are used again when all are taken, so that the array need not grow each time. */
  readonly #outcomes: (SettledOutcome | undefined)[] = [];
  #head = 0;
  #tail = 0;
  /** Deliveries begun and not yet handed out. */
  #pending = 0;
  /** Deliveries that found their channel full: no more is read until they are inside. */
  #outside = 0;
  #reading = false;
  #ended = false;
  #error: { readonly error: unknown } | undefined;
  #readers: { resolve(result: IteratorResult<SettledOutcome>): void; reject(error: unknown): void }[] = [];
  #onAbort: (() => void) | undefined;

  constructor(
    engine: EngineContext,
    intake: Intake,
    rows: Rows,
    toMessage: ((row: unknown) => AnyMessage) | undefined,
    first: number,
    most: number,
    signal: AbortSignal | undefined,
  ) {
    this.#engine = engine;
    this.#intake = intake;
    this.#rows = rows;
    this.#toMessage = toMessage;
    this.#most = most;
    this.#window = first;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<SettledOutcome>> {
    if (this.#source === undefined && !this.#ended) this.#start();
    const value = this.#shift();
    if (value !== undefined) {
      if (!this.#reading && !this.#ended && this.#pending <= this.#window / 2) this.#refill();
      return Promise.resolve({ value, done: false });
    }
    if (this.#done) return this.#end();
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
      if (!this.#reading) this.#read();
    });
  }

  /** The loop was left: nothing more is read. What has begun goes on; its outcomes are told by events. */
  async return(): Promise<IteratorResult<SettledOutcome>> {
    this.#stop();
    this.#forgetSignal();
    this.#outcomes.length = this.#head = this.#tail = 0;
    await this.#source?.return?.();
    return { value: undefined, done: true };
  }

  settled(outcome: SettledOutcome, record: DeliveryRecord): void {
    if (this.#signal !== undefined) this.#open.delete(record);
    if (this.#readers.length === 0) this.#outcomes[this.#tail++] = outcome;
    else {
      this.#pending--;
      this.#readers.shift()!.resolve({ value: outcome, done: false });
    }
    if (!this.#reading && !this.#ended && this.#pending <= this.#window / 2) this.#refill();
    if (this.#ended && this.#readers.length > 0) this.#tellEnd();
  }

  #start(): void {
    const signal = this.#signal;
    if (signal !== undefined) {
      this.#onAbort = () => this.#abort();
      signal.addEventListener('abort', this.#onAbort, { once: true });
    }
    this.#engine.pipeline.ongoing.add(this);
    try {
      this.#isAsync = Symbol.asyncIterator in this.#rows;
      this.#source = this.#isAsync
        ? (this.#rows as AsyncIterable<unknown>)[Symbol.asyncIterator]()
        : (this.#rows as Iterable<unknown>)[Symbol.iterator]();
      if (signal?.aborted) this.#abort();
      else this.#read();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Reads while there is room; comes back when there is again. */
  #read(): void {
    if (this.#ended || this.#outside > 0 || this.#source === undefined) return;
    this.#reading = true;
    if (this.#isAsync) void this.#readAsync();
    else this.#readSync();
  }

  #readSync(): void {
    const source = this.#source as Iterator<unknown>;
    try {
      const now = this.#engine.clock.read();
      for (let count = 0; this.#room; count++) {
        if (count === longestRun) {
          queueMicrotask(() => this.#read());
          return;
        }
        const { value, done } = source.next();
        if (done) {
          this.#stop();
          return;
        }
        this.#begin(value, now);
      }
      this.#reading = false;
    } catch (error) {
      this.#fail(error);
    }
  }

  async #readAsync(): Promise<void> {
    const source = this.#source as AsyncIterator<unknown>;
    try {
      while (this.#room) {
        const { value, done } = await source.next();
        if (this.#ended) return;
        if (done) {
          this.#stop();
          return;
        }
        this.#begin(value, this.#engine.clock.read());
      }
      this.#reading = false;
    } catch (error) {
      this.#fail(error);
    }
  }

  get #room(): boolean {
    return !this.#ended && this.#outside === 0 && this.#pending < this.#window;
  }

  /** Half of what was read has ended: reads on, further ahead if the lanes have run dry with so few, and not for want of a taker. */
  #refill(): void {
    const taken = this.#tail === this.#head;
    if (taken && this.#window < this.#most && this.#engine.lanesAreDry())
      this.#window = Math.min(this.#most, this.#window * 2);
    this.#read();
  }

  #begin(row: unknown, now: number): void {
    const message = this.#toMessage === undefined ? (row as AnyMessage) : this.#toMessage(row);
    this.#pending++;
    if (this.#intake.takeOne(message, this, now)) return;
    this.#pending--;
    void this.#beginMany(message);
  }

  async #beginMany(message: AnyMessage): Promise<void> {
    // Counts as one until it is known how many it is.
    this.#pending++;
    const taken = await this.#intake.take(message, this);
    this.#pending += taken.records.length - 1;
    taken.begin();
    if (taken.records.length === 0 && this.#done) this.#tellEnd();
  }

  began(record: DeliveryRecord): void {
    if (this.#signal === undefined) return;
    this.#open.add(record);
    if (this.#signal.aborted) this.#engine.pipeline.cancel(record, { status: 'canceled', by: 'signal' });
  }

  parked(): void {
    this.#outside++;
  }

  unparked(): void {
    if (--this.#outside === 0 && !this.#reading) this.#read();
  }

  #shift(): SettledOutcome | undefined {
    if (this.#head === this.#tail) {
      this.#head = this.#tail = 0;
      return undefined;
    }
    const outcome = this.#outcomes[this.#head];
    this.#outcomes[this.#head++] = undefined;
    this.#pending--;
    return outcome;
  }

  get #done(): boolean {
    return this.#ended && this.#pending === 0;
  }

  /** The engine closes: nothing more is read. What has begun is still told. */
  close(): void {
    this.#stop();
    try {
      // A source that hangs, or that is closing the engine itself just now, is not waited for.
      void Promise.resolve(this.#source?.return?.()).catch(() => undefined);
    } catch (error) {
      this.#engine.logger?.error({ error: errorName(error) }, 'a source can not be ended');
    }
  }

  #stop(): void {
    this.#engine.pipeline.ongoing.delete(this);
    this.#ended = true;
    this.#reading = false;
    if (this.#readers.length > 0) this.#tellEnd();
  }

  #forgetSignal(): void {
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#onAbort = undefined;
  }

  #abort(): void {
    this.#stop();
    for (const record of this.#open) this.#engine.pipeline.cancel(record, { status: 'canceled', by: 'signal' });
  }

  /** The source threw: what has begun is still told, then the error. */
  #fail(error: unknown): void {
    this.#error = { error };
    this.#stop();
  }

  #tellEnd(): void {
    if (!this.#done) return;
    for (const reader of this.#readers.splice(0)) this.#end().then(reader.resolve, reader.reject);
  }

  #end(): Promise<IteratorResult<SettledOutcome>> {
    this.#forgetSignal();
    const failed = this.#error;
    this.#error = undefined;
    return failed === undefined ? Promise.resolve({ value: undefined, done: true }) : Promise.reject(failed.error);
  }
}
