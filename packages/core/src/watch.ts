import type { EngineContext } from './context.ts';
import { entering, settled, type DeliveryRecord } from './record.ts';

/** How often deliveries outside the lanes are looked at; ms. */
const lookEvery = 1000;

/** Keeps the deadline of deliveries that are in no lane: in a hook, or outside a full channel. Nothing hangs there for ever. */
export class Watch {
  readonly #engine: EngineContext;
  readonly #inHooks = new Set<DeliveryRecord>();
  #cancelTimer: (() => void) | undefined;
  #closed = false;

  constructor(engine: EngineContext) {
    this.#engine = engine;
  }

  /** It is in a hook, or waits for one, until `left`. */
  entered(record: DeliveryRecord): void {
    this.#inHooks.add(record);
    this.look();
  }

  left(record: DeliveryRecord): void {
    this.#inHooks.delete(record);
  }

  /** Something is outside: look at it now and then. */
  look(): void {
    if (this.#cancelTimer !== undefined || this.#closed) return;
    const { clock } = this.#engine;
    this.#cancelTimer = clock.schedule(clock.read() + lookEvery, () => {
      this.#cancelTimer = undefined;
      if (this.#expire(clock.read()) > 0) this.look();
    });
  }

  /** Those in hooks. */
  [Symbol.iterator](): IterableIterator<DeliveryRecord> {
    return this.#inHooks.values();
  }

  /** Those that have settled, and whose middleware has not ended yet. */
  *after(): Generator<DeliveryRecord> {
    for (const record of this.#inHooks) if (isAfter(record)) yield record;
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
  }

  /** Answers how many are still outside. */
  #expire(now: number): number {
    const { channels, pipeline } = this.#engine;
    let outside = 0;
    for (const { admission } of channels) {
      for (const record of admission.expired(now)) {
        // It is out of the line already.
        record.state = entering;
        record.sink.unparked?.();
        pipeline.expired(record, now);
      }
      outside += admission.outside;
    }
    for (const record of this.#inHooks) {
      if (record.expiresAt <= now) {
        if (isAfter(record)) pipeline.finishWithout(record);
        else pipeline.expired(record, now);
      }
      if (record.state === settled && !isAfter(record)) this.#inHooks.delete(record);
    }
    return outside + this.#inHooks.size;
  }
}

const isAfter = ({ state, rare }: DeliveryRecord): boolean => state === settled && rare?.inner !== undefined;
