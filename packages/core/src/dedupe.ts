/**
 * Keys with what was stored first, bounded by `cap`: two generations of a Map, the older one thrown away whole when the younger is full.
 * A timer or a sweep per key would cost more than the rest of a message. At least the latest `cap / 2` keys are known; older ones may be
 * forgotten before their window ends.
 */
export class KeyWindow {
  readonly #half: number;
  #young = new Map<string, Claim>();
  #old = new Map<string, Claim>();

  /** @param cap at least 2 */
  constructor(cap: number) {
    this.#half = Math.floor(cap / 2);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Undefined for the first, or what the first stored and has not run out. */
  claim(key: string, value: string, until: number, now: number): string | undefined {
    const found = this.#young.get(key) ?? this.#old.get(key);
    if (found !== undefined && found.until > now) return found.value;
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, { value, until });
    return undefined;
  }

  release(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}

interface Claim {
  readonly value: string;
  readonly until: number;
}
