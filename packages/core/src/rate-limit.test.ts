import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBucket } from './rate-limit.ts';

const bucketOf = (limit: number, per: number, burst: number): TokenBucket => new TokenBucket({ limit, per, burst });

describe('TokenBucket', () => {
  it('grants a burst at once, wherever the clock stands', () => {
    for (const now of [0, 1, 1e9, 1.5]) {
      expect(bucketOf(10, 1000, 10).take(now, 10)).toStrictEqual({ granted: 10, wait: 0 });
    }
  });

  it('grants what there is, and says when one more may be had', () => {
    const bucket = bucketOf(10, 1000, 3);
    expect(bucket.take(0, 5)).toStrictEqual({ granted: 3, wait: 100 });
    expect(bucket.take(0, 1)).toStrictEqual({ granted: 0, wait: 100 });
    expect(bucket.take(99, 1)).toStrictEqual({ granted: 0, wait: 1 });
    expect(bucket.take(100, 1)).toStrictEqual({ granted: 1, wait: 0 });
    expect(bucket.take(100, 1)).toStrictEqual({ granted: 0, wait: 100 });
  });

  it('asks for no wait where all that was asked for is granted, also when it was the last', () => {
    expect(bucketOf(10, 1000, 3).take(0, 3)).toStrictEqual({ granted: 3, wait: 0 });
  });

  it('grants nothing where nothing is asked for', () => {
    const bucket = bucketOf(1, 1000, 1);
    expect(bucket.take(0, 0)).toStrictEqual({ granted: 0, wait: 0 });
    expect(bucket.take(0, 1)).toStrictEqual({ granted: 1, wait: 0 });
    expect(bucket.take(0, 0)).toStrictEqual({ granted: 0, wait: 0 });
  });

  it('refills one permit per interval', () => {
    const bucket = bucketOf(10, 1000, 4);
    bucket.take(0, 4);
    expect(bucket.take(250, 4)).toStrictEqual({ granted: 2, wait: 50 });
  });

  it('saves no more than a burst while it is idle, however long', () => {
    for (const idle of [400, 1e6, 1e12]) {
      const bucket = bucketOf(10, 1000, 4);
      bucket.take(0, 4);
      expect(bucket.take(idle, 100).granted).toBe(4);
    }
  });

  it('serves a rate below one per unit', () => {
    const bucket = bucketOf(0.5, 1000, 1);
    expect(bucket.take(0, 1)).toStrictEqual({ granted: 1, wait: 0 });
    expect(bucket.take(0, 1)).toStrictEqual({ granted: 0, wait: 2000 });
    expect(bucket.take(2000, 1)).toStrictEqual({ granted: 1, wait: 0 });
  });

  it('never grants a part of a burst that is no whole permit', () => {
    const bucket = bucketOf(2, 1000, 1.5);
    expect(bucket.take(0, 5)).toStrictEqual({ granted: 1, wait: 250 });
    expect(bucket.take(250, 1)).toStrictEqual({ granted: 1, wait: 0 });
  });

  it('gives out again what was given back', () => {
    const bucket = bucketOf(10, 1000, 3);
    bucket.take(0, 3);
    bucket.giveBack(2);
    expect(bucket.take(0, 3)).toStrictEqual({ granted: 2, wait: 100 });
  });

  it('holds no more than a burst, whatever is given back', () => {
    const fresh = bucketOf(10, 1000, 3);
    fresh.giveBack(5);
    expect(fresh.take(0, 9).granted).toBe(3);
    const late = bucketOf(10, 1000, 3);
    late.take(0, 3);
    late.giveBack(3);
    expect(late.take(200, 9).granted).toBe(3);
  });

  it('forgives rounding: ten permits of a tenth of a millisecond are due after one', () => {
    const bucket = bucketOf(3, 0.3, 10);
    bucket.take(0.7, 10);
    expect(bucket.take(1.7, 10).granted).toBe(10);
  });

  const rates = fc.record({
    limit: fc.oneof(fc.integer({ min: 1, max: 1_000_000 }), fc.double({ min: 0.01, max: 100, noNaN: true })),
    per: fc.constantFrom(1, 250, 1000, 60_000, 86_400_000),
    burst: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 1, max: 10, noNaN: true })),
  });
  const starts = fc.constantFrom(0, 1, 12_345, 1e9, 1e10);
  const asks = fc.array(fc.record({ pause: fc.nat(2000), count: fc.nat(50), unused: fc.nat(5) }), {
    minLength: 1,
    maxLength: 60,
  });

  it('grants in no window more than a burst and what the rate adds, given-back ones apart', () => {
    fc.assert(
      fc.property(rates, starts, asks, (rate, start, steps) => {
        const bucket = new TokenBucket(rate);
        const used: { at: number; count: number }[] = [];
        let now = start;
        for (const { pause, count, unused } of steps) {
          now += pause;
          const { granted } = bucket.take(now, count);
          const back = Math.min(granted, unused);
          if (back > 0) bucket.giveBack(back);
          used.push({ at: now, count: granted - back });
        }
        for (let from = 0; from < used.length; from++) {
          let sum = 0;
          for (let to = from; to < used.length; to++) {
            sum += used[to]!.count;
            const most = rate.burst + ((used[to]!.at - used[from]!.at) * rate.limit) / rate.per;
            // The small share is for rounding.
            expect(sum).toBeLessThanOrEqual(most + 1e-5);
          }
        }
      }),
    );
  });

  it('grants never more than asked, and says of what is missing when there is one more, no later than that', () => {
    fc.assert(
      fc.property(rates, starts, asks, (rate, start, steps) => {
        const bucket = new TokenBucket(rate);
        let now = start;
        for (const { pause, count } of steps) {
          now += pause;
          const { granted, wait } = bucket.take(now, count);
          expect(Number.isInteger(granted)).toBe(true);
          expect(granted).toBeGreaterThanOrEqual(0);
          expect(granted).toBeLessThanOrEqual(count);
          if (granted === count) {
            expect(wait).toBe(0);
            continue;
          }
          expect(wait).toBeGreaterThanOrEqual(1);
          expect(wait).toBeLessThanOrEqual(Math.ceil(rate.per / rate.limit));
          now += wait;
          expect(bucket.take(now, 1)).toStrictEqual({ granted: 1, wait: 0 });
        }
      }),
    );
  });

  it('uses up the whole rate: who asks as soon as told has burst and rate', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 2, max: 50 }), (limit, burst) => {
        const bucket = bucketOf(limit, 1000, burst);
        let granted = 0;
        for (let now = 0; now <= 2000;) {
          const grant = bucket.take(now, 1000);
          granted += grant.granted;
          now += grant.wait;
        }
        expect(granted).toBeGreaterThanOrEqual(burst + 2 * limit - 2);
        expect(granted).toBeLessThanOrEqual(burst + 2 * limit);
      }),
      { numRuns: 30 },
    );
  });
});
