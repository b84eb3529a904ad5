import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Breaker, type BreakerRules } from './breaker.ts';

const usual: BreakerRules = { threshold: 0.5, minimum: 20, open: 10_000 };

function breakerOf(rules: Partial<BreakerRules> = {}): Breaker {
  const breaker = new Breaker({ ...usual, ...rules });
  onTestFinished(() => breaker.close());
  return breaker;
}

/** So many attempts that began and failed at `now`; answers which of them opened it. */
function failAt(breaker: Breaker, count: number, now: number): number[] {
  return Array.from({ length: count }, (_, index) => (breaker.fail(now, now) ? index + 1 : 0)).filter(
    (each) => each > 0,
  );
}

/** One that opened at 0. */
function opened(rules: Partial<BreakerRules> = {}): Breaker {
  const breaker = breakerOf(rules);
  breaker.trip(0);
  return breaker;
}

describe('Breaker', () => {
  it('is closed at first, and admits all', () => {
    const breaker = breakerOf();
    expect(breaker.state).toBe('closed');
    expect(breaker.admits(0)).toBe(Infinity);
  });

  it('opens by the first failure that makes the share too great, and says so once', () => {
    const breaker = breakerOf({ minimum: 1 });
    breaker.succeed(10, 0, 0);
    expect(failAt(breaker, 20, 0)).toStrictEqual([11]);
    expect(breaker.state).toBe('open');
  });

  it('stays closed at exactly the share', () => {
    const breaker = breakerOf({ minimum: 1, threshold: 0.25 });
    breaker.succeed(30, 0, 0);
    expect(failAt(breaker, 10, 0)).toStrictEqual([]);
    expect(breaker.fail(0, 0)).toBe(true);
  });

  it('stays closed below its minimum of attempts, good and bad together', () => {
    const alone = breakerOf();
    expect(failAt(alone, 19, 0)).toStrictEqual([]);
    expect(alone.fail(0, 0)).toBe(true);
    const mixed = breakerOf();
    mixed.succeed(9, 0, 0);
    expect(failAt(mixed, 10, 0)).toStrictEqual([]);
    expect(mixed.fail(0, 0)).toBe(true);
  });

  it('opens by one failure where no minimum is asked for', () => {
    expect(breakerOf({ minimum: 0 }).fail(0, 0)).toBe(true);
  });

  it('opens by one failure in many where the share is 0, and never where it is 1', () => {
    const strict = breakerOf({ threshold: 0 });
    strict.succeed(1000, 0, 0);
    expect(strict.fail(0, 0)).toBe(true);
    expect(failAt(breakerOf({ threshold: 1 }), 1000, 0)).toStrictEqual([]);
  });

  it('counts over the last ten seconds', () => {
    const breaker = breakerOf();
    failAt(breaker, 15, 999);
    expect(failAt(breaker, 4, 9999)).toStrictEqual([]);
    expect(breaker.fail(9999, 9999)).toBe(true);
  });

  it('forgets what is older, failures and successes alike', () => {
    const failures = breakerOf();
    failAt(failures, 19, 999);
    expect(failAt(failures, 19, 10_000)).toStrictEqual([]);
    const successes = breakerOf();
    successes.succeed(1000, 999, 999);
    expect(failAt(successes, 20, 10_000)).toStrictEqual([20]);
    const idle = breakerOf();
    failAt(idle, 19, 0);
    expect(failAt(idle, 19, 1e9)).toStrictEqual([]);
  });

  it('lets nothing go while it is open, then one probe', () => {
    const breaker = breakerOf({ minimum: 1 });
    breaker.fail(500, 500);
    expect(breaker.probeAt).toBe(10_500);
    expect(breaker.admits(500)).toBe(0);
    expect(breaker.admits(10_499)).toBe(0);
    expect(breaker.admits(10_500)).toBe(1);
    breaker.probe(10_500);
    expect(breaker.state).toBe('probing');
    expect(breaker.admits(10_500)).toBe(0);
    expect(breaker.admits(1e9)).toBe(0);
  });

  it('closes when the probe succeeds, and says so once', () => {
    const breaker = opened();
    breaker.probe(10_000);
    expect(breaker.succeed(1, 10_050, 10_000)).toBe(true);
    expect(breaker.state).toBe('closed');
    expect(breaker.admits(10_050)).toBe(Infinity);
    expect(breaker.succeed(1, 10_060, 10_055)).toBe(false);
  });

  it('counts anew after it has closed', () => {
    const breaker = breakerOf();
    failAt(breaker, 20, 0);
    breaker.probe(10_000);
    breaker.succeed(1, 10_000, 10_000);
    expect(failAt(breaker, 19, 10_000)).toStrictEqual([]);
    expect(breaker.fail(10_000, 10_000)).toBe(true);
  });

  it('stays open when the probe fails, for the same time again', () => {
    const breaker = opened();
    breaker.probe(10_000);
    expect(breaker.fail(12_000, 10_000)).toBe(false);
    expect(breaker.state).toBe('open');
    expect(breaker.admits(21_999)).toBe(0);
    expect(breaker.admits(22_000)).toBe(1);
  });

  it('sends another probe when one proved nothing, after the same time', () => {
    const breaker = opened();
    breaker.probe(10_000);
    breaker.inconclusive(11_000, 10_000);
    expect(breaker.state).toBe('open');
    expect(breaker.probeAt).toBe(21_000);
  });

  it('sends another probe at once when nothing was sent after all', () => {
    const breaker = opened();
    breaker.probe(10_000);
    breaker.withdraw(10_000);
    expect(breaker.state).toBe('open');
    expect(breaker.admits(10_000)).toBe(1);
  });

  it('heeds nothing but its probe while it is open', () => {
    const breaker = opened();
    expect(breaker.succeed(100, 5000, 0)).toBe(false);
    expect(breaker.fail(5000, 0)).toBe(false);
    breaker.inconclusive(5000, 0);
    breaker.withdraw(0);
    expect(breaker.state).toBe('open');
    expect(breaker.probeAt).toBe(10_000);
  });

  it('is moved by nothing that began before its probe', () => {
    const breaker = opened();
    breaker.probe(10_000);
    expect(breaker.succeed(100, 10_001, 9999)).toBe(false);
    expect(breaker.fail(10_001, 9999)).toBe(false);
    breaker.inconclusive(10_001, 9999);
    breaker.withdraw(9999);
    expect(breaker.state).toBe('probing');
    expect(breaker.succeed(1, 10_002, 10_000)).toBe(true);
  });

  it('is not opened again by failures from before it closed', () => {
    const breaker = opened({ minimum: 1 });
    breaker.probe(10_000);
    breaker.succeed(1, 10_000, 10_000);
    expect(breaker.fail(30_000, 500)).toBe(false);
    breaker.succeed(1, 30_000, 500);
    expect(breaker.state).toBe('closed');
    expect(breaker.fail(30_000, 10_001)).toBe(true);
  });

  it('opens at once when told, whatever the counts', () => {
    const breaker = breakerOf();
    breaker.succeed(1000, 0, 0);
    expect(breaker.trip(100)).toBe(true);
    expect(breaker.state).toBe('open');
    expect(breaker.probeAt).toBe(10_100);
  });

  it('is held open longer when told again, and its probe does not count', () => {
    const breaker = opened();
    expect(breaker.trip(5000)).toBe(false);
    expect(breaker.probeAt).toBe(15_000);
    breaker.probe(15_000);
    expect(breaker.trip(15_500)).toBe(false);
    expect(breaker.state).toBe('open');
    expect(breaker.succeed(1, 15_600, 15_000)).toBe(false);
  });

  it('keeps no timer but one that lets the process end', () => {
    const before = process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
    const breaker = opened();
    expect(process.getActiveResourcesInfo().filter((each) => each === 'Timeout')).toHaveLength(before);
    breaker.close();
    expect(process.getActiveResourcesInfo().filter((each) => each === 'Timeout')).toHaveLength(before);
  });

  it('does nothing more once it is shut down', () => {
    const breaker = breakerOf({ minimum: 1 });
    breaker.close();
    expect(breaker.fail(0, 0)).toBe(false);
    expect(breaker.state).toBe('closed');
  });

  it('counts for itself alone', () => {
    const first = breakerOf({ minimum: 10 });
    const second = breakerOf({ minimum: 10 });
    failAt(first, 9, 0);
    failAt(second, 9, 0);
    expect(first.state).toBe('closed');
    expect(second.state).toBe('closed');
  });

  it('opens and closes as a list of all attempts of the last ten seconds would', () => {
    const steps = fc.array(
      fc.record({
        pause: fc.oneof(fc.nat(800), fc.nat(15_000)),
        good: fc.nat(8),
        bad: fc.nat(8),
        probeGoes: fc.boolean(),
      }),
      { maxLength: 50 },
    );
    const anyRules = fc.record({
      threshold: fc.constantFrom(0, 0.1, 0.25, 0.5, 0.75, 1),
      minimum: fc.constantFrom(0, 1, 5, 20),
      open: fc.constantFrom(1000, 10_000),
    });
    fc.assert(
      fc.property(anyRules, fc.nat(50_000), steps, (rules, start, all) => {
        const breaker = new Breaker(rules);
        let attempts: { second: number; good: number; bad: number }[] = [];
        let openUntil: number | undefined;
        let now = start;
        for (const { pause, good, bad, probeGoes } of all) {
          now += pause;
          const second = Math.floor(now / 1000);
          if (openUntil !== undefined) {
            expect(breaker.admits(now)).toBe(now >= openUntil ? 1 : 0);
            if (now < openUntil) continue;
            breaker.probe(now);
            if (probeGoes) {
              expect(breaker.succeed(1, now, now)).toBe(true);
              openUntil = undefined;
              attempts = [];
            } else {
              breaker.fail(now, now);
              openUntil = now + rules.open;
            }
            continue;
          }
          expect(breaker.admits(now)).toBe(Infinity);
          breaker.succeed(good, now, now);
          attempts.push({ second, good, bad: 0 });
          for (let each = 0; each < bad && openUntil === undefined; each++) {
            attempts.push({ second, good: 0, bad: 1 });
            const recent = attempts.filter((attempt) => attempt.second > second - 10);
            const failures = recent.reduce((sum, attempt) => sum + attempt.bad, 0);
            const fires = recent.reduce((sum, attempt) => sum + attempt.good + attempt.bad, 0);
            const opens = fires >= rules.minimum && failures > rules.threshold * fires;
            expect(breaker.fail(now, now)).toBe(opens);
            if (opens) openUntil = now + rules.open;
          }
        }
        breaker.close();
      }),
      { numRuns: 60 },
    );
  });
});
