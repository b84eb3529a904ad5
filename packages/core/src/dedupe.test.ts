import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyWindow } from './dedupe.ts';

/** The window with a clock that is handed in as a time. */
function windowOf(cap: number, random = 0.5) {
  const keys = new KeyWindow(cap, random);
  return {
    claim: (key: string, value: string, until: number, now: number) => keys.claim(key, value, until, () => now),
    release: (key: string) => keys.release(key),
    size: () => keys.size,
  };
}

describe('KeyWindow', () => {
  it('is undefined for the first, and gives what the first stored to all others', () => {
    const keys = windowOf(10);
    expect(keys.claim('a', 'first', 100, 0)).toBeUndefined();
    expect(keys.claim('a', 'second', 200, 50)).toBe('first');
    expect(keys.claim('b', 'other', 100, 50)).toBeUndefined();
  });

  it('keeps a key until its window ends, not longer, and a repeat does not lengthen it', () => {
    const keys = windowOf(10);
    keys.claim('a', 'first', 100, 0);
    expect(keys.claim('a', 'second', 500, 99)).toBe('first');
    expect(keys.claim('a', 'third', 300, 100)).toBeUndefined();
    expect(keys.claim('a', 'fourth', 400, 299)).toBe('third');
  });

  it('frees a key that is released, from either generation', () => {
    const keys = windowOf(4);
    keys.claim('a', '1', 100, 0);
    keys.claim('b', '1', 100, 0);
    keys.claim('c', '1', 100, 0);
    keys.release('a');
    keys.release('c');
    keys.release('nobody');
    expect(keys.claim('b', '2', 100, 0)).toBe('1');
    expect(keys.claim('a', '2', 100, 0)).toBeUndefined();
    expect(keys.claim('c', '2', 100, 0)).toBeUndefined();
  });

  it('gives what was stored last where a key lies in both generations', () => {
    const keys = windowOf(2);
    keys.claim('a', 'old', 10, 0);
    keys.claim('a', 'young', 100, 20);
    expect(keys.claim('a', 'later', 200, 30)).toBe('young');
    keys.release('a');
    expect(keys.claim('a', 'later', 200, 30)).toBeUndefined();
  });

  it('forgets the older half at once, when the younger one is full', () => {
    const keys = windowOf(4);
    for (const key of ['a', 'b', 'c', 'd']) keys.claim(key, key, 100, 0);
    expect(keys.size()).toBe(4);
    keys.claim('e', 'e', 100, 0);
    expect(keys.size()).toBe(3);
    expect(keys.claim('c', '', 100, 0)).toBe('c');
    expect(keys.claim('d', '', 100, 0)).toBe('d');
    expect(keys.claim('a', 'again', 100, 0)).toBeUndefined();
  });

  it('knows thousands of keys, and tells none from another by its length or form alone', () => {
    for (const random of [0, 0.3, 1 - 2 ** -53]) {
      const keys = windowOf(100_000, random);
      const made = Array.from({ length: 6000 }, (_, index) => [
        `order-${index}`,
        `${index}`,
        `${index}:${index}`,
      ]).flat();
      made.push('', ' ', 'ß', '日本', '日木', '\ud800', '\udbff', 'constructor', '__proto__');
      expect(made.filter((key) => keys.claim(key, `of ${key}`, 100, 0) !== undefined)).toStrictEqual([]);
      expect(made.filter((key) => keys.claim(key, '', 100, 0) !== `of ${key}`)).toStrictEqual([]);
      expect(keys.size()).toBe(made.length);
    }
  });

  it('takes none of 300,000 keys for another, though some share half of their hash', () => {
    const keys = windowOf(1_000_000);
    const claimAll = (): number => {
      let known = 0;
      for (let key = 0; key < 300_000; key++) if (keys.claim(`order-${key}`, '', 100, 0) !== undefined) known++;
      return known;
    };
    expect(claimAll()).toBe(0);
    expect(claimAll()).toBe(300_000);
  });

  it('finds the others still where many were released, and takes up what was', () => {
    const keys = windowOf(100_000);
    const made = Array.from({ length: 5000 }, (_, index) => `key-${index}`);
    for (const key of made) keys.claim(key, key, 100, 0);
    for (const [index, key] of made.entries()) if (index % 2 === 0) keys.release(key);
    for (const [index, key] of made.entries()) {
      expect(keys.claim(key, 'again', 100, 0)).toBe(index % 2 === 0 ? undefined : key);
    }
    expect(keys.size()).toBe(5000);
  });

  it('asks for the time only where the key is known', () => {
    const keys = new KeyWindow(10, 0);
    const never = (): number => {
      throw new Error('asked');
    };
    expect(keys.claim('a', '1', 100, never)).toBeUndefined();
    expect(keys.claim('b', '1', 100, never)).toBeUndefined();
    expect(() => keys.claim('a', '2', 100, never)).toThrow('asked');
  });

  it('is bounded, knows the latest half of its keys at least, and tells no key that was never claimed', () => {
    const operations = fc.array(
      fc.record({
        key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'),
        window: fc.integer({ min: 0, max: 20 }),
        pause: fc.integer({ min: 0, max: 3 }),
        release: fc.boolean(),
      }),
      { maxLength: 100 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), operations, (cap, steps) => {
        const keys = windowOf(cap);
        /** What was claimed, in order of claim; what was released keeps its place, past its window. */
        const claimed = new Map<string, { value: string; until: number }>();
        let now = 0;
        for (const [place, { key, window, pause, release }] of steps.entries()) {
          now += pause;
          if (release) {
            keys.release(key);
            if (claimed.has(key)) claimed.set(key, { value: '', until: -1 });
            continue;
          }
          const known = claimed.get(key);
          const valid = known !== undefined && known.until > now;
          const latest = [...claimed.keys()].slice(-Math.floor(cap / 2));
          const found = keys.claim(key, String(place), now + window, now);
          if (!valid) expect(found).toBeUndefined();
          else if (latest.includes(key)) expect(found).toBe(known.value);
          else expect([undefined, known.value]).toContain(found);
          if (found === undefined) {
            claimed.delete(key);
            claimed.set(key, { value: String(place), until: now + window });
          }
          expect(keys.size()).toBeLessThanOrEqual(cap);
        }
      }),
    );
  });
});
