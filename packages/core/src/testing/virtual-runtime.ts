import TinyQueue from 'tinyqueue';
import type { Runtime } from '../runtime.ts';

/** A runtime whose time passes only when told to, and whose random numbers follow from a seed. */
export interface VirtualRuntime extends Runtime {
  /**
   * Lets `ms` pass: runs what is scheduled in the order of its time, and between two such steps all that follows from it
   * (promises, I/O callbacks that are due).
   */
  advance(ms: number): Promise<void>;
  /** Lets time pass from one scheduled step to the next until nothing is scheduled, or `until` says so; at most `most` ms (default 1 day). */
  run(options?: { readonly until?: (() => boolean) | undefined; readonly most?: number | undefined }): Promise<void>;
  /** Sets the wall clock forward or back by `ms`; waits are not touched. */
  step(ms: number): void;
  /** Steps that wait for their time. */
  readonly scheduled: number;
}

interface Step {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/**
 * @param options `seed` of the random numbers, default 1; `now`, epoch ms at start, default 2026-01-01
 */
export function virtualRuntime(options: { readonly seed?: number; readonly now?: number } = {}): VirtualRuntime {
  const steps = new TinyQueue<Step>([], (one, other) => one.at - other.at || one.order - other.order);
  let state = (options.seed ?? 1) >>> 0;
  let wall = options.now ?? Date.UTC(2026, 0, 1);
  let time = 0;
  let order = 0;
  let waiting = 0;

  /** Promises that follow from a step may be many deep; a turn of the event loop lets all of them run. */
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  };
  const passTo = (at: number): void => {
    if (at <= time) return;
    wall += at - time;
    time = at;
  };
  const next = (): Step | undefined => {
    while (steps.peek() !== undefined && steps.peek()!.run === undefined) steps.pop();
    return steps.peek();
  };
  const runNext = async (step: Step): Promise<void> => {
    steps.pop();
    passTo(step.at);
    waiting--;
    const { run } = step;
    step.run = undefined;
    run!();
    await settle();
  };

  return {
    now: () => wall,
    monotonic: () => time,
    random() {
      // mulberry32: small, and good enough for jitter.
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
    schedule(at, run) {
      const step: Step = { at: Math.max(at, time), order: order++, run };
      steps.push(step);
      waiting++;
      return () => {
        if (step.run === undefined) return;
        step.run = undefined;
        waiting--;
      };
    },
    async advance(ms) {
      const until = time + ms;
      await settle();
      for (let step = next(); step !== undefined && step.at <= until; step = next()) await runNext(step);
      passTo(until);
      await settle();
    },
    async run({ until, most = 86_400_000 } = {}) {
      const end = time + most;
      await settle();
      for (let step = next(); step !== undefined && step.at <= end && !until?.(); step = next()) await runNext(step);
    },
    step(ms) {
      wall += ms;
    },
    get scheduled() {
      return waiting;
    },
  };
}
