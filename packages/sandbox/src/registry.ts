import { inputError } from './errors.ts';

/** Targets a service keeps at most. */
const limit = 1_000_000;

/** The targets a service knows. */
export interface Registry {
  add(token: string): void;
  /** Epoch ms since when it is gone, 0 while it is alive, undefined if it never was there. */
  goneSince(token: string): number | undefined;
  /** Returns whether it was alive. */
  remove(token: string): boolean;
}

export function createRegistry(): Registry {
  const targets = new Map<string, number>();

  function set(token: string, since: number): void {
    if (targets.size >= limit && !targets.has(token)) throw inputError('token', `at most ${limit} targets`);
    targets.set(token, since);
  }

  return {
    add: (token) => set(token, 0),
    goneSince: (token) => targets.get(token),
    remove(token) {
      const alive = targets.get(token) === 0;
      // Stays known: a target that is gone is answered otherwise than one that never was.
      if (alive || !targets.has(token)) set(token, Date.now());
      return alive;
    },
  };
}
