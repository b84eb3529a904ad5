import type { SendResult } from './adapter.ts';
import { Breaker, type BreakerRules, type BreakerState } from './breaker.ts';
import type { EngineContext } from './context.ts';
import type { Failure } from './failure.ts';
import { quietly } from './quietly.ts';
import { Throughput } from './throughput.ts';
import { Window } from './window.ts';

/** Connections refused for this long, with no answer in between, open the breaker; ms. */
const unsentTolerance = 1000;

/** What a lane's answers say of its provider: the breaker, and how much may be in flight. */
export class LaneHealth {
  readonly #name: string;
  readonly #engine: EngineContext;
  readonly #breaker: Breaker | undefined;
  readonly #throughput = new Throughput();
  /** Attempts that may be in flight, below the hard bound. */
  readonly window: Window;
  /** Told when the lane will send nothing for a while. */
  readonly #stopped: (now: number) => void;
  #unsentSince = -1;
  lastFailure: Failure | undefined;

  constructor(
    name: string,
    engine: EngineContext,
    rules: BreakerRules | undefined,
    concurrency: number,
    stopped: (now: number) => void,
  ) {
    this.#name = name;
    this.#engine = engine;
    this.#breaker = rules && new Breaker(rules);
    this.#stopped = stopped;
    this.window = new Window(concurrency);
  }

  get state(): BreakerState {
    return this.#breaker === undefined ? 'closed' : this.#breaker.state;
  }

  /** When a probe may go; only while the breaker is open. */
  get probeAt(): number {
    return this.#breaker?.probeAt ?? 0;
  }

  /** How many attempts may begin now: all, one probe, or none. */
  admits(now: number): number {
    return this.#breaker === undefined ? Infinity : this.#breaker.admits(now);
  }

  /** The one that was admitted goes out. */
  probe(now: number): void {
    this.#breaker?.probe(now);
  }

  /** Answers per second that were no fault of the provider. */
  throughput(now: number): number {
    return this.#throughput.perSecond(now);
  }

  /** The results of one attempt, all of them before any is acted on: a few faults in a big batch must not count as if they were all there was. */
  answered(results: readonly SendResult[], now: number, startedAt: number): void {
    let sane = 0;
    for (const result of results) if (isSane(result)) sane++;
    if (sane > 0) this.#sane(sane, now, startedAt);
    else if (results.length === 0) this.#breaker?.withdraw(startedAt);
    if (sane === results.length) {
      const last = results.at(-1);
      if (last !== undefined && last.kind !== 'accepted') this.lastFailure = last;
      return;
    }
    for (const result of results) if (result.kind !== 'accepted') this.#failed(result, now, startedAt);
  }

  /** The credential was refused: nothing goes but a probe now and then. */
  trip(now: number): void {
    if (this.#breaker?.trip(now)) this.#opened();
    this.#stopped(now);
  }

  close(): void {
    this.#breaker?.close();
  }

  #sane(count: number, now: number, startedAt: number): void {
    this.#unsentSince = -1;
    this.window.grow(count);
    this.#throughput.add(count, now);
    if (this.#breaker?.succeed(count, now, startedAt)) this.#closed();
  }

  #failed(failure: Failure, now: number, startedAt: number): void {
    this.lastFailure = failure;
    if (isSane(failure)) return;
    if (failure.kind === 'unavailable' && failure.unsent) this.#neverLeft(now, startedAt);
    else if (failure.kind === 'unauthorized') this.#breaker?.inconclusive(now, startedAt);
    else {
      this.#unsentSince = -1;
      if (this.#breaker?.fail(now, startedAt)) this.#opened();
      if (this.state === 'open') this.#stopped(now);
    }
  }

  /** A refused stream costs nothing; connections refused for a while are an outage, and only probes may go. */
  #neverLeft(now: number, startedAt: number): void {
    if (this.#unsentSince < 0) this.#unsentSince = now;
    this.#breaker?.inconclusive(now, startedAt);
    if (now - this.#unsentSince >= unsentTolerance && this.state === 'closed') this.trip(now);
  }

  #opened(): void {
    const { coordination, logger, emitter } = this.#engine;
    quietly(logger, () => coordination.tell(this.#name, { open: true }));
    logger?.warn({ lane: this.#name, code: this.lastFailure?.code }, 'breaker opened');
    if (emitter.wants('breaker.opened')) emitter.emit({ type: 'breaker.opened', lane: this.#name });
  }

  #closed(): void {
    const { coordination, logger, emitter } = this.#engine;
    this.window.restart();
    quietly(logger, () => coordination.tell(this.#name, { open: false }));
    logger?.info({ lane: this.#name }, 'breaker closed');
    if (emitter.wants('breaker.closed')) emitter.emit({ type: 'breaker.closed', lane: this.#name });
  }
}

/** Says nothing against the provider: it answered, or the trouble is the target's. */
function isSane(result: SendResult): boolean {
  switch (result.kind) {
    case 'accepted':
    case 'unregistered':
    case 'blocked':
    case 'rejected':
    case 'throttled':
      return true;
    case 'unavailable':
      return result.scope === 'target' && result.unsent !== true;
    case 'ambiguous':
      return result.scope === 'target';
    case 'unauthorized':
      return false;
  }
}
