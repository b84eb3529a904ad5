import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Window } from './window.ts';

describe('Window', () => {
  it('begins at the bound and never passes it', () => {
    const window = new Window(8);
    expect(window.size).toBe(8);
    window.grow(100);
    expect(window.size).toBe(8);
  });

  it('is cut in half when the provider throttles', () => {
    const window = new Window(8);
    window.cut(0);
    expect(window.size).toBe(4);
    window.cut(1000);
    expect(window.size).toBe(2);
  });

  it('counts a burst of such answers once a second', () => {
    const window = new Window(8);
    window.cut(0);
    window.cut(0);
    window.cut(999);
    expect(window.size).toBe(4);
    window.cut(1000);
    expect(window.size).toBe(2);
    window.cut(1999);
    expect(window.size).toBe(2);
  });

  it('always lets one go', () => {
    const window = new Window(3);
    for (let second = 0; second < 10; second++) window.cut(second * 1000);
    expect(window.size).toBe(1);
    const single = new Window(1);
    single.cut(0);
    expect(single.size).toBe(1);
  });

  it('grows by one per round of answers after a cut', () => {
    const window = new Window(16);
    window.cut(0);
    window.grow(8);
    expect(window.size).toBe(9);
    window.grow(9);
    expect(window.size).toBe(10);
    for (let answer = 0; answer < 9; answer++) window.grow(1);
    expect(window.size).toBe(10);
    window.grow(1);
    window.grow(1);
    expect(window.size).toBe(11);
  });

  it('grows back to the bound and no further', () => {
    const window = new Window(4);
    window.cut(0);
    window.grow(7);
    expect(window.size).toBe(4);
    window.grow(1);
    expect(window.size).toBe(4);
  });

  it('begins with one after an outage and doubles per round', () => {
    const window = new Window(16);
    window.restart();
    const sizes = [window.size];
    for (let round = 0; round < 5; round++) {
      window.grow(window.size);
      sizes.push(window.size);
    }
    expect(sizes).toStrictEqual([1, 2, 4, 8, 16, 16]);
  });

  it('doubles after an outage also beyond what a cut had left', () => {
    const window = new Window(16);
    window.cut(0);
    window.restart();
    for (let round = 0; round < 4; round++) window.grow(window.size);
    expect(window.size).toBe(16);
  });

  it('grows slowly again from the size of the last cut, also during a slow start', () => {
    const window = new Window(64);
    window.restart();
    window.grow(1);
    window.grow(2);
    window.grow(4);
    window.cut(0);
    expect(window.size).toBe(4);
    window.grow(4);
    expect(window.size).toBe(5);
  });

  it('lies between one and the bound, and changes only as told, whatever happens', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ act: fc.constant('grow' as const), by: fc.integer({ min: 1, max: 500 }) }),
        fc.record({ act: fc.constant('cut' as const), by: fc.nat(3000) }),
        fc.record({ act: fc.constant('restart' as const), by: fc.constant(0) }),
      ),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), steps, (bound, all) => {
        const window = new Window(bound);
        let now = 0;
        for (const { act, by } of all) {
          const before = window.size;
          if (act === 'grow') {
            window.grow(by);
            expect(window.size).toBeGreaterThanOrEqual(before);
            expect(window.size).toBeLessThanOrEqual(before + by + 1);
          } else if (act === 'cut') {
            window.cut((now += by));
            expect(window.size).toBeLessThanOrEqual(before);
            expect(window.size).toBeGreaterThanOrEqual(Math.floor(before / 2));
          } else {
            window.restart();
            expect(window.size).toBe(1);
          }
          expect(window.size).toBeGreaterThanOrEqual(1);
          expect(window.size).toBeLessThanOrEqual(bound);
        }
      }),
    );
  });
});
