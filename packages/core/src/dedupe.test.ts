import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyWindow } from './dedupe.ts';

describe('KeyWindow', () => {
  it('is undefined for the first, and gives what the first stored to all others', () => {
    const keys = new KeyWindow(10);
    expect(keys.claim('a', 'first', 100, 0)).toBeUndefined();
    expect(keys.claim('a', 'second', 200, 50)).toBe('first');
    expect(keys.claim('b', 'other', 100, 50)).toBeUndefined();
  });

  it('keeps a key until its window ends, not longer, and a repeat does not lengthen it', () => {
    const keys = new KeyWindow(10);
    keys.claim('a', 'first', 100, 0);
    expect(keys.claim('a', 'second', 500, 99)).toBe('first');
    expect(keys.claim('a', 'third', 300, 100)).toBeUndefined();
    expect(keys.claim('a', 'fourth', 400, 299)).toBe('third');
  });

  it('frees a key that is released, from either generation', () => {
    const keys = new KeyWindow(4);
    keys.claim('a', '1', 100, 0);
    keys.claim('b', '1', 100, 0);
    keys.claim('c', '1', 100, 0);
    keys.release('a');
    keys.release('c');
    keys.release('nobody');
    expect(keys.claim('a', '2', 100, 0)).toBeUndefined();
    expect(keys.claim('c', '2', 100, 0)).toBeUndefined();
    expect(keys.claim('b', '2', 100, 0)).toBe('1');
  });

  it('gives what was stored last where a key lies in both generations', () => {
    const keys = new KeyWindow(2);
    keys.claim('a', 'old', 10, 0);
    keys.claim('a', 'young', 100, 20);
    expect(keys.claim('a', 'later', 200, 30)).toBe('young');
    keys.release('a');
    expect(keys.claim('a', 'later', 200, 30)).toBeUndefined();
  });

  it('forgets the older half at once, when the younger one is full', () => {
    const keys = new KeyWindow(4);
    for (const key of ['a', 'b', 'c', 'd']) keys.claim(key, key, 100, 0);
    expect(keys.size).toBe(4);
    keys.claim('e', 'e', 100, 0);
    expect(keys.size).toBe(3);
    expect(keys.claim('c', '', 100, 0)).toBe('c');
    expect(keys.claim('d', '', 100, 0)).toBe('d');
    expect(keys.claim('a', 'again', 100, 0)).toBeUndefined();
  });

  it('is bounded, knows the latest half of its keys at least, and tells no key that was never claimed', () => {
    const operations = fc.array(
      fc.record({
        key: fc.constantFrom(...'abcdefghij'),
        window: fc.integer({ min: 0, max: 20 }),
        pause: fc.integer({ min: 0, max: 3 }),
        release: fc.boolean(),
      }),
      { maxLength: 100 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), operations, (cap, steps) => {
        const keys = new KeyWindow(cap);
        /** What is claimed, in order of claim. */
        const claimed = new Map<string, { value: string; until: number }>();
        let now = 0;
        for (const [place, { key, window, pause, release }] of steps.entries()) {
          now += pause;
          if (release) {
            keys.release(key);
            claimed.delete(key);
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
          expect(keys.size).toBeLessThanOrEqual(cap);
        }
      }),
    );
  });
});
