import type { Runtime } from './runtime.ts';

/** The engine's time: whole milliseconds since it started, small integers that cost no allocation. */
export class Clock {
  readonly runtime: Runtime;
  readonly #start: number;
  readonly #startEpoch: number;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
    this.#start = Math.floor(runtime.monotonic());
    this.#startEpoch = Math.floor(runtime.now());
  }

  read(): number {
    return Math.floor(this.runtime.monotonic()) - this.#start;
  }

  /** Epoch ms that stays the same when the wall clock is set: for ids. */
  stamp(time: number): number {
    return this.#startEpoch + time;
  }

  /** Epoch ms of a time since start, by the wall clock as it is now. */
  toEpoch(time: number): number {
    return Math.round(this.runtime.now() - this.runtime.monotonic() + this.#start + time);
  }

  fromEpoch(epoch: number): number {
    return Math.ceil(epoch - this.runtime.now() + this.runtime.monotonic()) - this.#start;
  }

  toDate(time: number): Date {
    return new Date(this.toEpoch(time));
  }

  schedule(at: number, run: () => void): () => void {
    return this.runtime.schedule(at + this.#start, run);
  }
}
