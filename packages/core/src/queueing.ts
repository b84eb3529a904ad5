import type { Receipt } from './adapter.ts';
import { errorName, type EngineContext } from './context.ts';
import { deadLetters, type DeadLetters } from './dead-letters.ts';
import { enqueue } from './enqueue.ts';
import { tidingsError } from './errors.ts';
import type { Intake } from './intake.ts';
import { memoryQueue } from './memory-queue.ts';
import { QueueIntake } from './queue-intake.ts';
import type { AnyMessage, Ending } from './record.ts';
import { arrivals, losses, receiptKey } from './route.ts';
import type { AcceptedOutcome } from './settled.ts';
import type { Codec, Queue, QueueDepth, QueueEntry } from './store.ts';
import { decode, decodeDelivery } from './stored.ts';
import { Worker } from './worker.ts';

export interface QueueingOptions {
  readonly engine: EngineContext;
  readonly intake: Intake;
  /** In memory where there is none. */
  readonly queue: Queue<unknown> | undefined;
  readonly durable: boolean;
  readonly codec: Codec | undefined;
  /** ms; undefined where outcomes are not kept. */
  readonly keepOutcomes: number | undefined;
}

/**
 * The engine's side towards its queue: what is enqueued, and the worker that sends it.
 * Imported when first needed: an engine that only sends does without it.
 */
export class Queueing {
  readonly #options: QueueingOptions;
  readonly #queue: Queue<unknown>;
  readonly #intake: QueueIntake;
  readonly deadLetters: DeadLetters;
  #worker: Worker | undefined;

  constructor(options: QueueingOptions) {
    const { engine, intake, codec } = options;
    this.#options = options;
    this.#queue = options.queue ?? memoryQueue(engine.clock.runtime);
    this.#intake = new QueueIntake(engine, intake);
    this.deadLetters = deadLetters(engine, this.#queue, codec);
  }

  enqueue(
    message: AnyMessage,
    options: { readonly tx?: unknown; readonly signal?: AbortSignal | undefined },
  ): Promise<{ readonly messageId: string; readonly duplicate?: true }> {
    const { engine, codec, durable } = this.#options;
    if (!durable) this.start();
    return enqueue({ engine, intake: this.#intake, queue: this.#queue, codec, durable }, message, options);
  }

  async cancel(messageId: string): Promise<{ readonly canceled: number }> {
    const { removed, active } = await this.#queue.cancel(messageId);
    for (const entry of removed) await this.#endInQueue(entry, { status: 'canceled', by: 'caller' });
    return { canceled: removed.length + active.filter((id) => this.#worker?.cancel(id)).length };
  }

  async status(deliveryId: string): Promise<{ readonly state: string; readonly outcome?: unknown } | undefined> {
    const found = await this.#queue.status(deliveryId);
    if (found === undefined) return undefined;
    const { state, record } = found;
    if (state !== 'settled' || record === undefined) return { state };
    return { state, outcome: withDates(await decode(record, this.#options.codec, deliveryId)) };
  }

  depth(): Promise<ReadonlyMap<string, QueueDepth>> {
    return this.#queue.depth();
  }

  /** Begins taking from the queue, once. @param window deliveries held at once */
  start(window: number = 2000): void {
    if (!(window >= 1)) throw tidingsError('tidings.invalid_options', 'expected at least 1', 'concurrency');
    if (this.#worker !== undefined) return;
    const { engine, codec, keepOutcomes } = this.#options;
    this.#worker = new Worker({
      engine,
      intake: this.#intake,
      queue: this.#queue,
      codec,
      keepOutcomes,
      window,
      awaitReceipt: (messageId, outcome) => this.#awaitReceipt(messageId, outcome),
    });
    this.#worker.start();
  }

  /** Takes no more. */
  async stop(): Promise<void> {
    await this.#worker?.stop();
  }

  /** Gives back what was taken and not tried, and tells the queue the last outcomes. */
  async close(): Promise<void> {
    await this.#worker?.close();
  }

  async #endInQueue(entry: QueueEntry, ending: Ending): Promise<void> {
    const stored = await decodeDelivery(entry.body, this.#options.codec, entry.id);
    const lease = { entry, fence: '', sending: false, canceled: true, deaths: 0 };
    this.#options.engine.pipeline.cancel(this.#intake.takeLease(lease, stored), ending);
    this.#intake.endSteps(entry, stored, ending);
  }

  /** A stored route's next step waits in the queue: it goes when no receipt comes. */
  #awaitReceipt(messageId: string, { provider, providerMessageId, deliveryId }: AcceptedOutcome): void {
    if (providerMessageId === undefined) return;
    const { awaited } = this.#options.engine.pipeline;
    const key = receiptKey(provider, providerMessageId);
    const heard = (receipt: Receipt): void => {
      const arrived = arrivals.has(receipt.kind);
      if (!arrived && !losses.has(receipt.kind)) return;
      awaited.delete(key);
      const done = arrived ? this.#notNeeded(messageId) : this.#hurry(messageId);
      done.catch((error: unknown) => {
        this.#options.engine.logger?.error({ error: errorName(error) }, 'queue can not be written');
      });
    };
    awaited.set(key, { deliveryId, heard });
  }

  async #notNeeded(messageId: string): Promise<void> {
    const { removed } = await this.#queue.cancel(messageId);
    for (const entry of removed) await this.#endInQueue(entry, { status: 'suppressed', reason: 'notNeeded' });
  }

  /** The step before surely did not arrive: the next one need not wait. */
  async #hurry(messageId: string): Promise<void> {
    const { removed } = await this.#queue.cancel(messageId);
    const notBefore = this.#options.engine.clock.runtime.now();
    if (removed.length > 0) await this.#queue.put({ entries: removed.map((entry) => ({ ...entry, notBefore })) }, {});
  }
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
