import type { EngineContext } from './context.ts';
import { entering, settled, type DeliveryRecord } from './record.ts';

/** How often deliveries outside the lanes are looked at; ms. */
const lookEvery = 1000;

/** Keeps the deadline of deliveries that are in no lane: in a hook, or outside a full channel. Nothing hangs there for ever. */
export class Watch {
  readonly #engine: EngineContext;
  readonly #inHooks = new Set<DeliveryRecord>();
  /** Settled, but a middleware still has the outcome. */
  readonly #untold = new Map<DeliveryRecord, () => void>();
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
    this.#untold.delete(record);
  }

  /** Its outcome is told at its deadline, if it has not `left` until then. */
  untold(record: DeliveryRecord, tell: () => void): void {
    this.#untold.set(record, tell);
    this.look();
  }

  /** Tells what middleware still has. */
  tellAll(): void {
    for (const tell of this.#untold.values()) tell();
    this.#untold.clear();
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
      if (record.expiresAt <= now) pipeline.expired(record, now);
      if (record.state === settled) this.#inHooks.delete(record);
    }
    for (const [record, tell] of this.#untold) {
      if (record.expiresAt > now) continue;
      this.#untold.delete(record);
      tell();
    }
    return outside + this.#inHooks.size + this.#untold.size;
  }
}
