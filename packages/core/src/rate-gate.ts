import type { Clock } from './clock.ts';
import type { RateLimit } from './duration.ts';
import type { Grant } from './rate-limit.ts';
import type { Coordination } from './store.ts';

/** Where permits are far away they are asked for in blocks of this long, so that no message pays a round trip; ms. */
const block = 100;
/** Permits held longer go back: beside a bucket that has filled up meanwhile they would be more than a burst; ms. */
const longestHeld = 1000;
/** A store that can't be reached holds the lane this long; it must not let it run free. */
const unreachable: Grant = { granted: 0, wait: 1000 };

/** A lane's permits: had from what all workers share, in blocks where that is far away. */
export class RateGate {
  readonly #coordination: Coordination;
  readonly #key: string;
  readonly #rate: RateLimit;
  readonly #clock: Clock;
  readonly #arrived: () => void;
  #permits = 0;
  #grantedAt = 0;
  #asking = false;
  #closed = false;
  /** Answers come at once. */
  #local = true;
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
    if (this.#permits > 0 && now - this.#grantedAt > longestHeld) this.#return();
    if (this.#permits < count && !this.#asking && now >= this.until) this.#ask(Math.max(count, this.expected), now);
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
    if (this.#local) this.#return();
  }

  /** Gives back what was had and not used. */
  close(): void {
    this.#closed = true;
    this.#return();
  }

  #return(): void {
    if (this.#permits === 0) return;
    const answer = this.#coordination.giveBack(this.#key, this.#permits);
    // Permits that a store does not take back are lost for a while, no more.
    if (answer !== undefined) answer.then(undefined, () => {});
    this.#permits = 0;
    this.until = 0;
  }

  #ask(wanted: number, now: number): void {
    const { limit, per } = this.#rate;
    const count = this.#local ? wanted : Math.max(wanted, Math.ceil((limit / per) * block));
    let answer;
    try {
      answer = this.#coordination.reserve(this.#key, this.#rate, count - this.#permits);
    } catch {
      answer = unreachable;
    }
    if ('granted' in answer) {
      this.#take(answer, now);
      return;
    }
    this.#local = false;
    this.#asking = true;
    const told = (grant: Grant): void => {
      this.#asking = false;
      this.#take(grant, this.#clock.read());
      if (this.#closed) this.#return();
      else this.#arrived();
    };
    answer.then(told, () => told(unreachable));
  }

  #take({ granted, wait }: Grant, now: number): void {
    this.#permits += granted;
    this.#grantedAt = now;
    // Who gets nothing and is told to wait for nothing comes again a moment later, not for ever at once.
    if (wait > 0 || granted === 0) this.until = now + Math.max(1, Math.ceil(wait));
  }
}
