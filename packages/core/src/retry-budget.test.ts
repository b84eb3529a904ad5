import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RetryBudget } from './retry-budget.ts';

/** How many can be taken at one time, one after the other. */
function drain(budget: RetryBudget, now: number): number {
  let taken = 0;
  while (taken < 100_000 && budget.take(now) === 0) taken++;
  return taken;
}

describe('RetryBudget', () => {
  it('lets a quiet lane retry ten times a second, saved up over ten seconds', () => {
    const budget = new RetryBudget(0.2);
    expect(drain(budget, 0)).toBe(100);
  });

  it('gives a share of the fresh deliveries of the last ten seconds', () => {
    const budget = new RetryBudget(0.2);
    budget.earn(1000, 0);
    expect(drain(budget, 9999)).toBe(300);
  });

  it('gives no more than the few where the share is 0', () => {
    const budget = new RetryBudget(0);
    budget.earn(1000, 0);
    expect(drain(budget, 0)).toBe(100);
  });

  it('names the ms until the next second, when there may be one', () => {
    const budget = new RetryBudget(0);
    drain(budget, 250);
    expect(budget.take(250)).toBe(750);
    expect(budget.take(999)).toBe(1);
    expect(budget.take(1000)).toBe(1000);
    expect(budget.take(1001)).toBe(999);
  });

  it('forgets what was spent ten seconds ago, second by second', () => {
    const budget = new RetryBudget(0);
    for (let spent = 0; spent < 60; spent++) budget.take(500);
    for (let spent = 0; spent < 40; spent++) budget.take(3999);
    expect(drain(budget, 9999)).toBe(0);
    expect(drain(budget, 10_000)).toBe(60);
    expect(drain(budget, 12_999)).toBe(0);
    expect(drain(budget, 13_000)).toBe(40);
  });

  it('forgets what was earned ten seconds ago', () => {
    const budget = new RetryBudget(1);
    budget.earn(50, 999);
    budget.earn(7, 1000);
    expect(drain(budget, 10_000)).toBe(107);
    const idle = new RetryBudget(1);
    idle.earn(50, 0);
    expect(drain(idle, 1e9)).toBe(100);
  });

  it('starts wherever the clock stands', () => {
    for (const now of [0, 999, 12_345, 1e12]) {
      const budget = new RetryBudget(1);
      budget.earn(5, now);
      expect(drain(budget, now)).toBe(105);
      expect(drain(budget, now + 10_000)).toBe(100);
    }
  });

  it('answers as a list of everything earned and spent in the last ten seconds would', () => {
    const steps = fc.array(
      fc.record({
        pause: fc.oneof(fc.nat(1500), fc.nat(30_000)),
        earned: fc.nat(100),
        wanted: fc.nat(80),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(fc.constantFrom(0, 0.2, 0.5, 1, 3), fc.nat(100_000), steps, (share, start, all) => {
        const budget = new RetryBudget(share);
        const earned: { second: number; count: number }[] = [];
        const spent: { second: number; count: number }[] = [];
        let now = start;
        for (const step of all) {
          now += step.pause;
          const second = Math.floor(now / 1000);
          const sum = (list: { second: number; count: number }[]): number =>
            list.filter((each) => each.second > second - 10).reduce((total, { count }) => total + count, 0);
          budget.earn(step.earned, now);
          earned.push({ second, count: step.earned });
          for (let each = 0; each < step.wanted; each++) {
            const mayTake = sum(spent) + 1 <= sum(earned) * share + 100;
            const wait = budget.take(now);
            expect(wait).toBe(mayTake ? 0 : 1000 - (now % 1000));
            if (mayTake) spent.push({ second, count: 1 });
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});
