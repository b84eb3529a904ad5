/**
 * Idempotency keys with what was stored first, bounded by `cap`. At least the latest `cap / 2` keys are known; older ones may be forgotten
 * before their window ends.
 *
 * Two generations, the older one thrown away whole when the younger is full: a timer or a sweep per key would cost more than the rest of a
 * message. Each is an open-addressing table of 64-bit hashes in typed arrays: a Map of the strings themselves spends three times as much,
 * half of it in the garbage collector. Two keys of a million share a hash with a probability of 3e-8; the hash is seeded, so that nobody can
 * look for such a pair.
 */
export class KeyWindow {
  readonly #half: number;
  readonly #seed: number;
  #young: Generation;
  #old: Generation;

  /** @param cap at least 2 @param random 0 <= x < 1, for the seed */
  constructor(cap: number, random: number) {
    this.#half = Math.floor(cap / 2);
    this.#seed = Math.floor(random * 2 ** 32);
    this.#young = new Generation();
    this.#old = new Generation();
  }

  /** Keys that are known, those past their window included. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Undefined for the first, or what the first stored and has not run out. The clock is asked only where the key is known. */
  claim(key: string, value: string, until: number, now: () => number): string | undefined {
    hash(key, this.#seed);
    const found = this.#young.find(now) ?? this.#old.find(now);
    if (found !== undefined) return found;
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Generation();
    }
    this.#young.set(value, until);
    return undefined;
  }

  release(key: string): void {
    hash(key, this.#seed);
    this.#young.release();
    this.#old.release();
  }
}

/** The two halves of the hash last made: returned so, they cost no allocation. */
let high = 0;
let low = 0;

/** Two multiply-xor hashes side by side, mixed at the end. @see https://github.com/bryc/code/blob/master/jshash/experimental/cyrb53.js */
function hash(key: string, seed: number): void {
  let one = 0xdeadbeef ^ seed;
  let two = 0x41c6ce57 ^ Math.imul(seed, 0x9e3779b1);
  for (let index = 0; index < key.length; index++) {
    const code = key.charCodeAt(index);
    one = Math.imul(one ^ code, 0x9e3779b1);
    two = Math.imul(two ^ code, 0x5f356495);
  }
  one = Math.imul(one ^ (one >>> 16), 0x85ebca6b) ^ Math.imul(two ^ (two >>> 13), 0xc2b2ae35);
  two = Math.imul(two ^ (two >>> 16), 0x85ebca6b) ^ Math.imul(one ^ (one >>> 13), 0xc2b2ae35);
  high = one | 0;
  // 0 marks an empty place.
  low = two | 0 || 1;
}

const firstPlaces = 1024;

const places = (count: number): string[] => Array.from<string>({ length: count }).fill('');

/** A table that only grows: linear probing, at most half full. */
class Generation {
  #high = new Int32Array(firstPlaces);
  #low = new Int32Array(firstPlaces);
  #until = new Float64Array(firstPlaces);
  #values: string[] = places(firstPlaces);
  #mask = firstPlaces - 1;
  size = 0;

  find(now: () => number): string | undefined {
    const place = this.#placeOf();
    return this.#low[place] !== 0 && this.#until[place]! > now() ? this.#values[place] : undefined;
  }

  set(value: string, until: number): void {
    if (this.size * 2 >= this.#mask) this.#grow();
    const place = this.#placeOf();
    if (this.#low[place] === 0) this.size++;
    this.#high[place] = high;
    this.#low[place] = low;
    this.#until[place] = until;
    this.#values[place] = value;
  }

  /** The place stays taken, past its window: what was probed beyond it must still be found. */
  release(): void {
    const place = this.#placeOf();
    if (this.#low[place] !== 0) this.#until[place] = -Infinity;
  }

  /** Where the last hash is, or would be. */
  #placeOf(): number {
    let place = high & this.#mask;
    while (this.#low[place] !== 0 && (this.#low[place] !== low || this.#high[place] !== high))
      place = (place + 1) & this.#mask;
    return place;
  }

  #grow(): void {
    const olds = [this.#high, this.#low, this.#until, this.#values] as const;
    const wanted = [high, low] as const;
    const count = (this.#mask + 1) * 2;
    this.#mask = count - 1;
    this.#high = new Int32Array(count);
    this.#low = new Int32Array(count);
    this.#until = new Float64Array(count);
    this.#values = places(count);
    this.size = 0;
    const [highs, lows, untils, values] = olds;
    for (let place = 0; place < lows.length; place++) {
      if (lows[place] === 0) continue;
      high = highs[place]!;
      low = lows[place]!;
      this.set(values[place]!, untils[place]!);
    }
    [high, low] = wanted;
  }
}
