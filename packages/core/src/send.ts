import type { EngineContext } from './context.ts';
import type { Shape } from './expansion.ts';
import type { Intake } from './intake.ts';
import type { AnyMessage, DeliveryRecord, Sink } from './record.ts';
import type { SettledOutcome } from './settled.ts';

/** One target, one outcome: the hot path. */
class One implements Sink {
  settled!: (outcome: SettledOutcome) => void;
}

/** Deliveries that one abort signal ends. */
class Abortable implements Sink {
  readonly #engine: EngineContext;
  readonly #signal: AbortSignal;
  readonly #inner: Sink;
  readonly #open = new Set<DeliveryRecord>();
  readonly #onAbort = (): void => {
    for (const record of this.#open) this.#engine.pipeline.cancel(record, { status: 'canceled', by: 'signal' });
  };

  constructor(engine: EngineContext, signal: AbortSignal, inner: Sink) {
    this.#engine = engine;
    this.#signal = signal;
    this.#inner = inner;
  }

  began(record: DeliveryRecord): void {
    if (this.#open.size === 0) this.#signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#open.add(record);
  }

  settled(outcome: SettledOutcome, record: DeliveryRecord): void {
    this.#open.delete(record);
    if (this.#open.size === 0) this.#signal.removeEventListener('abort', this.#onAbort);
    this.#inner.settled(outcome, record);
  }

  /** For one that was aborted before it began. */
  endIfAborted(): void {
    if (this.#signal.aborted) this.#onAbort();
  }
}

/** Resolves to what `to` was shaped like: an outcome, or an array of them. */
export function send(
  engine: EngineContext,
  intake: Intake,
  message: AnyMessage,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  if (signal !== undefined) return sendMany(engine, intake, message, signal);
  const sink = new One();
  const outcome = new Promise<unknown>((resolve) => {
    sink.settled = resolve;
  });
  return intake.takeOne(message, sink, engine.clock.read()) ? outcome : sendMany(engine, intake, message, undefined);
}

async function sendMany(
  engine: EngineContext,
  intake: Intake,
  message: AnyMessage,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const outcomes: SettledOutcome[] = [];
  let left = Infinity;
  let done!: () => void;
  const all = new Promise<void>((resolve) => (done = resolve));
  const collect: Sink = {
    settled(outcome, record) {
      outcomes[record.index] = outcome;
      if (--left === 0) done();
    },
  };
  const sink = signal === undefined ? collect : new Abortable(engine, signal, collect);
  const { records, shape, begin } = await intake.take(message, sink);
  left = records.length;
  if (left === 0) return [];
  if (sink instanceof Abortable) sink.endIfAborted();
  begin();
  await all;
  return reshape(shape, outcomes);
}

function reshape(shape: Shape, outcomes: readonly SettledOutcome[]): unknown {
  return typeof shape === 'number' ? outcomes[shape] : shape.map((each) => reshape(each, outcomes));
}
