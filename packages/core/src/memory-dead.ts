import type { DeadEntry, DeadFilter } from './store.ts';

interface Placed {
  readonly dead: DeadEntry;
  /** Grows with each that comes: oldest first. */
  readonly place: number;
}

/** Dead letters in memory, the oldest thrown away beyond `most`. */
export class MemoryDeadLetters {
  readonly #most: number;
  readonly #dead = new Map<string, Placed>();
  /** Places of those that were taken out: a list can go on after one of them. */
  readonly #gone = new Map<string, number>();
  #next = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(dead: DeadEntry): void {
    const { id } = dead.entry;
    this.#dead.delete(id);
    this.#gone.delete(id);
    this.#dead.set(id, { dead, place: this.#next++ });
    if (this.#dead.size > this.#most) this.#takeOut(this.#dead.keys().next().value!);
  }

  get(id: string): DeadEntry | undefined {
    return this.#dead.get(id)?.dead;
  }

  list({ stream, tenant, after, limit }: DeadFilter): DeadEntry[] {
    const from = after === undefined ? -1 : (this.#dead.get(after)?.place ?? this.#gone.get(after) ?? -1);
    const found: DeadEntry[] = [];
    for (const { dead, place } of this.#dead.values()) {
      if (found.length === limit) break;
      const fits =
        (stream === undefined || dead.entry.stream === stream) &&
        (tenant === undefined || dead.entry.tenant === tenant);
      if (place > from && fits) found.push(dead);
    }
    return found;
  }

  bury(ids: readonly string[]): DeadEntry[] {
    return ids.flatMap((id) => this.#takeOut(id) ?? []);
  }

  erase(recipientHash: string): number {
    let erased = 0;
    for (const [id, { dead }] of this.#dead) {
      if (dead.entry.recipientHash !== recipientHash) continue;
      this.#takeOut(id);
      erased++;
    }
    return erased;
  }

  #takeOut(id: string): DeadEntry | undefined {
    const found = this.#dead.get(id);
    if (found === undefined) return undefined;
    this.#dead.delete(id);
    this.#gone.set(id, found.place);
    if (this.#gone.size > this.#most) this.#gone.delete(this.#gone.keys().next().value!);
    return found.dead;
  }
}
