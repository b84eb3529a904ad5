/**
 * All time and chance of the engine; real by default, virtual in tests and simulation.
 * Core reads no clock, timer or random source but this.
 */
export interface Runtime {
  /** Wall clock, epoch ms: read for deadlines only. */
  now(): number;
  /** Milliseconds since start; never steps back. Waits use it. */
  monotonic(): number;
  /** Runs `run` once when `monotonic()` has reached `at` (at the next turn of the event loop when it already has); returns the function that calls it off. */
  schedule(at: number, run: () => void): () => void;
  /** 0 <= x < 1. */
  random(): number;
}

/** The longest delay a Node timer takes; a longer one would fire at once. */
const longestTimer = 2 ** 31 - 1;

/** Epoch ms of the machine: the one place where core reads it. */
export const wallClock = (): number => Date.now();

/** The process's own clock, timers and random source. */
export function realRuntime(): Runtime {
  const start = performance.now();
  const monotonic = (): number => performance.now() - start;
  return {
    now: wallClock,
    monotonic,
    random: Math.random,
    schedule(at, run) {
      const delay = at - monotonic();
      if (delay <= 0) {
        const immediate = setImmediate(run);
        return () => clearImmediate(immediate);
      }
      let timer: NodeJS.Timeout;
      const arm = (): void => {
        const rest = Math.max(1, Math.ceil(at - monotonic()));
        timer = rest > longestTimer ? setTimeout(arm, longestTimer) : setTimeout(run, rest);
      };
      arm();
      return () => clearTimeout(timer);
    },
  };
}
