import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Throughput } from './throughput.ts';

describe('Throughput', () => {
  it('is 0 where nothing happened', () => {
    expect(new Throughput().perSecond(5000)).toBe(0);
  });

  it('leaves the running second out', () => {
    const throughput = new Throughput();
    throughput.add(50, 0);
    expect(throughput.perSecond(999)).toBe(0);
    expect(throughput.perSecond(1000)).toBe(5);
  });

  it('counts the last ten whole seconds', () => {
    const throughput = new Throughput();
    throughput.add(50, 500);
    expect(throughput.perSecond(10_999)).toBe(5);
    expect(throughput.perSecond(11_000)).toBe(0);
  });

  it('answers as a list of everything would', () => {
    const steps = fc.array(fc.record({ pause: fc.oneof(fc.nat(1500), fc.nat(30_000)), count: fc.nat(100) }));
    fc.assert(
      fc.property(fc.nat(100_000), steps, (start, all) => {
        const throughput = new Throughput();
        const list: { second: number; count: number }[] = [];
        let now = start;
        for (const { pause, count } of all) {
          now += pause;
          const second = Math.floor(now / 1000);
          throughput.add(count, now);
          list.push({ second, count });
          const sum = list
            .filter((each) => each.second < second && each.second >= second - 10)
            .reduce((total, each) => total + each.count, 0);
          expect(throughput.perSecond(now)).toBeCloseTo(sum / 10);
        }
      }),
    );
  });
});
