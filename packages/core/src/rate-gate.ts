import type { Clock } from './clock.ts';
import type { RateLimit } from './duration.ts';
import type { Coordination } from './store.ts';

/** A lane's permits: had from what all workers share, in blocks where that is far away. */
export class RateGate {
  readonly #coordination: Coordination;
  readonly #key: string;
  readonly #rate: RateLimit;
  readonly #clock: Clock;
  readonly #arrived: () => void;
  #permits = 0;
  #asking = false;
  #local = false;
  /** No permit before this time. */
  until = 0;
  /** How many may be used in the run that begins now: they are asked for at once. */
  expected = 0;

  /** @param arrived called when permits that had to be waited for are there */
  constructor(coordination: Coordination, key: string, rate: RateLimit, clock: Clock, arrived: () => void) {
    this.#coordination = coordination;
    this.#key = key;
    this.#rate = rate;
    this.#clock = clock;
    this.#arrived = arrived;
  }

  /** At most `count` permits, taken. 0: come again at `until`, or when told. */
  take(count: number, now: number): number {
    if (this.#permits < count && !this.#asking && now >= this.until) {
      this.#ask(Math.max(count, this.expected) - this.#permits, now);
    }
    const taken = Math.min(count, this.#permits);
    this.#permits -= taken;
    return taken;
  }

  giveBack(count: number): void {
    this.#permits += count;
  }

  /** The run is over: permits that are at hand whenever they are wanted are not held. */
  endRun(): void {
    this.expected = 0;
    if (this.#local) this.close();
  }

  /** Gives back what was had and not used. */
  close(): void {
    if (this.#permits > 0) void this.#coordination.giveBack(this.#key, this.#permits);
    this.#permits = 0;
  }

  #ask(count: number, now: number): void {
    const answer = this.#coordination.reserve(this.#key, this.#rate, count);
    if ('granted' in answer) {
      this.#local = true;
      this.#take(answer, now);
      return;
    }
    this.#asking = true;
    const told = (grant: { readonly granted: number; readonly wait: number }): void => {
      this.#asking = false;
      this.#take(grant, this.#clock.read());
      this.#arrived();
    };
    // A store that can't be reached holds the lane for a second; it must not let it run free.
    answer.then(told, () => told({ granted: 0, wait: 1000 }));
  }

  #take({ granted, wait }: { readonly granted: number; readonly wait: number }, now: number): void {
    this.#permits += granted;
    if (wait > 0) this.until = now + Math.ceil(wait);
  }
}
