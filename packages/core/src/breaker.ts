import { EventEmitter } from 'node:events';
import CircuitBreaker from 'opossum';

/** In ms; `threshold` is a share. */
export interface BreakerRules {
  readonly threshold: number;
  readonly minimum: number;
  readonly open: number;
}

/** The window in which faults are counted, and its buckets. */
const window = 10_000;
const buckets = 10;

/** opossum's own counter keeps every latency of the window and walks it at each failure; this one is ten pairs of integers. Not exported by its types, so it is reached by its factory. */
const neverRotated = new EventEmitter();
const quiet = { rotateBucketController: neverRotated, rollingPercentilesEnabled: false, enableSnapshots: false };
const Status = CircuitBreaker.newStatus(quiet).constructor as new (options: object) => EventEmitter;

class Counts extends Status {
  readonly #fires = new Int32Array(buckets);
  readonly #failures = new Int32Array(buckets);
  #allFires = 0;
  #allFailures = 0;
  #bucket = 0;

  constructor() {
    // With a controller for its rotation it starts no timer of its own.
    super(quiet);
    neverRotated.removeAllListeners();
  }

  increment(property: string): void {
    if (property === 'fires') this.succeed(1);
    else if (property === 'failures') {
      this.#failures[this.#bucket]!++;
      this.#allFailures++;
    }
  }

  /** Attempts that said nothing against the provider. */
  succeed(count: number): void {
    this.#fires[this.#bucket]! += count;
    this.#allFires += count;
  }

  get stats(): { fires: number; failures: number } {
    return { fires: this.#allFires, failures: this.#allFailures };
  }

  /** Moves on to a time's bucket, forgetting what has left the window. */
  rotate(from: number, to: number): void {
    const steps = Math.min(buckets, to - from);
    for (let step = 1; step <= steps; step++) {
      this.#bucket = (from + step) % buckets;
      this.#allFires -= this.#fires[this.#bucket]!;
      this.#allFailures -= this.#failures[this.#bucket]!;
      this.#fires[this.#bucket] = 0;
      this.#failures[this.#bucket] = 0;
    }
    this.#bucket = to % buckets;
  }

  forget(): void {
    this.#fires.fill(0);
    this.#failures.fill(0);
    this.#allFires = this.#allFailures = 0;
  }

  // Called by the breaker on its own events; the counts above are all that is wanted.
  open(): void {}
  close(): void {}
}

const fault = (): never => {
  throw new Error('provider fault');
};
const ignore = (): void => {};

export type BreakerState = 'closed' | 'open' | 'probing';

/**
 * A lane's circuit breaker: opossum counts and decides when to open and keeps the state; the engine's clock decides when a probe may go,
 * since opossum's own timer can't be virtual. Calls do not run through `fire`, only faults do: that keeps an attempt free of its cost.
 */
export class Breaker {
  readonly #rules: BreakerRules;
  readonly #counts = new Counts();
  readonly #circuit: CircuitBreaker;
  #slice = 0;
  #sliceEnd = window / buckets;
  /** What opossum says, kept: it is asked with every attempt. */
  #isOpen = false;
  #probeAt = 0;
  #probing = false;
  /** When the last probe went out: what began before it proves nothing of now, good or bad. */
  #since = -Infinity;

  constructor(rules: BreakerRules) {
    this.#rules = rules;
    this.#circuit = new CircuitBreaker(fault, {
      timeout: false,
      errorThresholdPercentage: rules.threshold * 100,
      volumeThreshold: rules.minimum,
      // As late as a timer goes; it is cleared when the circuit closes or shuts down.
      resetTimeout: 2 ** 31 - 1,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      status: this.#counts as never,
    });
  }

  get state(): BreakerState {
    if (!this.#isOpen) return 'closed';
    return this.#probing ? 'probing' : 'open';
  }

  /** When the next probe may go; only while open. */
  get probeAt(): number {
    return this.#probeAt;
  }

  /** How many may go now: all, one probe, or none. */
  admits(now: number): number {
    if (!this.#isOpen) return Infinity;
    return !this.#probing && now >= this.#probeAt ? 1 : 0;
  }

  /** The one that was admitted goes out. */
  probe(now: number): void {
    this.#probing = true;
    this.#since = now;
  }

  /** An attempt in which nothing was sent after all; if it was the probe, another may go at once. */
  withdraw(startedAt: number): void {
    if (startedAt >= this.#since) this.#probing = false;
  }

  /** Attempts that said nothing against the provider. Answers whether it closed by this. */
  succeed(count: number, now: number, startedAt: number): boolean {
    if (startedAt < this.#since) return false;
    if (this.#isOpen) {
      if (!this.#probing) return false;
      this.#probing = false;
      this.#counts.forget();
      this.#circuit.close();
      this.#isOpen = false;
      return true;
    }
    this.#turn(now);
    this.#counts.succeed(count);
    return false;
  }

  /** An attempt failed by the provider's fault. Answers whether it opened by this. */
  fail(now: number, startedAt: number): boolean {
    if (startedAt < this.#since) return false;
    if (this.#isOpen) {
      if (this.#probing) this.#reopen(now);
      return false;
    }
    this.#turn(now);
    this.#circuit.fire().catch(ignore);
    if (this.#circuit.opened) {
      this.#reopen(now);
      return true;
    }
    return false;
  }

  /** A probe that proved nothing (it never left): another may go after the same time. */
  inconclusive(now: number, startedAt: number): void {
    if (this.#probing && startedAt >= this.#since) this.#reopen(now);
  }

  /** Opens at once, whatever the counts say. Answers whether it was closed. */
  trip(now: number): boolean {
    const closed = !this.#isOpen;
    this.#circuit.open();
    this.#reopen(now);
    return closed;
  }

  close(): void {
    this.#circuit.shutdown();
  }

  #reopen(now: number): void {
    this.#isOpen = true;
    this.#probing = false;
    this.#probeAt = now + this.#rules.open;
  }

  #turn(now: number): void {
    if (now < this.#sliceEnd) return;
    const slice = Math.floor(now / (window / buckets));
    this.#sliceEnd = (slice + 1) * (window / buckets);
    this.#counts.rotate(this.#slice, slice);
    this.#slice = slice;
  }
}
