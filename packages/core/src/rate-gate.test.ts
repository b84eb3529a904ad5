import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { Clock } from './clock.ts';
import type { RateLimit } from './duration.ts';
import { memoryCoordination } from './memory-coordination.ts';
import { RateGate } from './rate-gate.ts';
import type { Grant } from './rate-limit.ts';
import type { Coordination } from './store.ts';
import { virtualRuntime } from './testing/virtual-runtime.ts';

const rate: RateLimit = { limit: 100, per: 1000, burst: 10 };

/** A gate to what answers at once, or after a round trip of `delay` ms. */
function setUp(options: { delay?: number; rate?: RateLimit } = {}) {
  const { delay, rate: limits = rate } = options;
  const runtime = virtualRuntime();
  const clock = new Clock(runtime);
  const memory = memoryCoordination(runtime);
  const asked: number[] = [];
  const returned: number[] = [];
  const later = <T>(value: T): T | Promise<T> =>
    delay === undefined
      ? value
      : new Promise((resolve) => runtime.schedule(runtime.monotonic() + delay, () => resolve(value)));
  const coordination: Coordination = {
    ...memory,
    reserve(key, given, count) {
      asked.push(count);
      return later(memory.reserve(key, given, count) as Grant);
    },
    giveBack(key, count) {
      returned.push(count);
      return memory.giveBack(key, count);
    },
  };
  const arrived = vi.fn<() => void>();
  const gate = new RateGate(coordination, 'lane', limits, clock, arrived);
  return { runtime, clock, coordination, asked, returned, arrived, gate };
}

describe('RateGate where permits are at hand', () => {
  it('takes at most what it is asked for, and asks for no more', () => {
    const { gate, asked } = setUp();
    expect(gate.take(4, 0)).toBe(4);
    expect(gate.take(4, 0)).toBe(4);
    expect(gate.take(4, 0)).toBe(2);
    expect(asked).toStrictEqual([4, 4, 4]);
  });

  it('says when there are more, and asks for none before', async () => {
    const { gate, asked, runtime, clock } = setUp();
    expect(gate.take(12, 0)).toBe(10);
    expect(gate.until).toBe(10);
    expect(gate.take(1, 9)).toBe(0);
    expect(asked).toStrictEqual([12]);
    await runtime.advance(10);
    expect(gate.take(1, clock.read())).toBe(1);
  });

  it('asks once for all that a run may use, and gives back what it did not', () => {
    const { gate, asked, returned } = setUp();
    gate.expected = 6;
    expect([gate.take(2, 0), gate.take(2, 0)]).toStrictEqual([2, 2]);
    gate.endRun();
    expect([asked, returned]).toStrictEqual([[6], [2]]);
    expect(gate.take(6, 0)).toBe(6);
    expect(asked).toStrictEqual([6, 6]);
    gate.endRun();
    expect(returned).toStrictEqual([2]);
  });

  it('does not wait for more where it gave some back', () => {
    const { gate } = setUp();
    gate.expected = 50;
    expect(gate.take(1, 0)).toBe(1);
    expect(gate.until).toBe(10);
    gate.endRun();
    expect(gate.take(9, 0)).toBe(9);
  });

  it('hands out again what the lane gave back', () => {
    const { gate, asked } = setUp();
    gate.take(10, 0);
    gate.giveBack(3);
    expect(gate.take(5, 0)).toBe(3);
    expect(asked).toStrictEqual([10, 2]);
  });

  it('gives back all it holds when it is closed', () => {
    const { gate, returned } = setUp();
    gate.close();
    gate.take(5, 0);
    gate.giveBack(2);
    gate.close();
    gate.close();
    expect(returned).toStrictEqual([2]);
  });

  it('never asks in blocks', () => {
    const { gate, asked } = setUp({ rate: { limit: 100_000, per: 1000, burst: 100_000 } });
    gate.take(1, 0);
    gate.take(1, 0);
    expect(asked).toStrictEqual([1, 1]);
  });
});

describe('RateGate where permits are far away', () => {
  it('gives none at first, and tells when they have come', async () => {
    const { gate, runtime, clock, arrived } = setUp({ delay: 5 });
    expect(gate.take(3, 0)).toBe(0);
    await runtime.advance(4);
    expect(arrived).not.toHaveBeenCalled();
    await runtime.advance(1);
    expect(arrived).toHaveBeenCalledOnce();
    expect(gate.take(3, clock.read())).toBe(3);
  });

  it('asks one time after the other', async () => {
    const { gate, asked, runtime } = setUp({ delay: 5 });
    gate.take(3, 0);
    gate.take(3, 0);
    expect(asked).toStrictEqual([3]);
    await runtime.advance(5);
    gate.take(3, 5);
    gate.take(3, 5);
    expect(asked).toHaveLength(2);
  });

  it('asks in blocks of a tenth of a second once it knows how far it is', async () => {
    const { gate, asked, runtime, clock } = setUp({ delay: 5, rate: { limit: 255, per: 1000, burst: 1000 } });
    gate.take(1, 0);
    await runtime.advance(5);
    expect(gate.take(1, clock.read())).toBe(1);
    gate.take(1, clock.read());
    await runtime.advance(5);
    for (let message = 0; message < 26; message++) expect(gate.take(1, clock.read())).toBe(1);
    expect(asked).toStrictEqual([1, 26]);
    gate.take(40, clock.read());
    expect(asked).toStrictEqual([1, 26, 40]);
  });

  it('holds what it has from run to run, but not for long', async () => {
    const { gate, returned, runtime, clock } = setUp({ delay: 5 });
    gate.take(4, 0);
    await runtime.advance(5);
    gate.endRun();
    expect(gate.take(1, clock.read())).toBe(1);
    await runtime.advance(1000);
    expect(gate.take(1, clock.read())).toBe(1);
    expect(returned).toStrictEqual([]);
    await runtime.advance(1);
    expect(gate.take(1, clock.read())).toBe(0);
    expect(returned).toStrictEqual([2]);
  });

  it('gives back what comes after it was closed', async () => {
    const { gate, returned, runtime, arrived } = setUp({ delay: 5 });
    gate.take(4, 0);
    gate.close();
    expect(returned).toStrictEqual([]);
    await runtime.advance(5);
    expect(returned).toStrictEqual([4]);
    expect(arrived).not.toHaveBeenCalled();
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('store down'))],
    [
      'throws',
      () => {
        throw new Error('store down');
      },
    ],
  ])('holds the lane for a second where the store %s', async (_what, reserve) => {
    const { coordination, clock, runtime } = setUp();
    const gate = new RateGate({ ...coordination, reserve }, 'lane', rate, clock, () => {});
    expect(gate.take(1, 0)).toBe(0);
    await runtime.advance(0);
    expect(gate.until).toBe(1000);
  });

  it('lets a store go that does not take permits back', async () => {
    const { coordination, clock, runtime } = setUp();
    const giveBack = (): Promise<void> => Promise.reject(new Error('store down'));
    const gate = new RateGate({ ...coordination, giveBack }, 'lane', rate, clock, () => {});
    gate.take(2, 0);
    gate.giveBack(2);
    gate.close();
    await runtime.advance(0);
    expect(gate.take(1, 0)).toBe(1);
  });

  it('comes again a moment later where it gets nothing and no time', () => {
    const { coordination, clock } = setUp();
    const reserve = (): Grant => ({ granted: 0, wait: 0 });
    const gate = new RateGate({ ...coordination, reserve }, 'lane', rate, clock, () => {});
    expect(gate.take(1, 7)).toBe(0);
    expect(gate.until).toBe(8);
  });
});

it('never lets more go than a burst, the rate, and what it may hold', async () => {
  const steps = fc.array(
    fc.record({ pause: fc.nat(1500), count: fc.integer({ min: 1, max: 40 }), unused: fc.nat(3) }),
    {
      maxLength: 30,
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(undefined, 0, 5), steps, async (delay, all) => {
      const { gate, runtime, clock } = setUp(delay === undefined ? {} : { delay });
      const used: { at: number; count: number }[] = [];
      for (const { pause, count, unused } of all) {
        await runtime.advance(pause);
        const now = clock.read();
        const taken = gate.take(count, now);
        const back = Math.min(taken, unused);
        gate.giveBack(back);
        gate.endRun();
        used.push({ at: now, count: taken - back });
      }
      const held = delay === undefined ? 0 : 40;
      for (const [from, { at }] of used.entries()) {
        let sum = 0;
        for (const each of used.slice(from)) {
          sum += each.count;
          expect(sum).toBeLessThanOrEqual(rate.burst + ((each.at - at) * rate.limit) / rate.per + held + 1e-6);
        }
      }
    }),
    { numRuns: 20 },
  );
});
