import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Failure } from './failure.ts';
import { backoff, decide, type RetryRules, type RetryState } from './retry.ts';

const rules: RetryRules = { attempts: 5, first: 500, max: 60_000, repeatAmbiguous: true };
const state: RetryState = {
  attempts: 1,
  throttles: 0,
  unsent: 0,
  refusals: 0,
  ambiguous: false,
  left: 86_400_000,
  alternative: false,
};
const year = 365 * 86_400_000;

const gone: Failure = { kind: 'unregistered', scope: 'target', code: '410' };
const blocked: Failure = { kind: 'blocked', scope: 'target', code: 'STOP' };
const rejected: Failure = { kind: 'rejected', scope: 'message', code: '413' };
const throttled: Failure = { kind: 'throttled', scope: 'provider', code: '429' };
const unavailable: Failure = { kind: 'unavailable', scope: 'provider', code: '503' };
const unsent: Failure = { kind: 'unavailable', scope: 'provider', code: 'ECONNREFUSED', unsent: true };
const ambiguous: Failure = { kind: 'ambiguous', scope: 'provider', code: 'timeout' };
const unauthorized: Failure = { kind: 'unauthorized', scope: 'credential', code: '403' };

const settle = { act: 'settle' };
const expire = { act: 'expire' };
const failOver = { act: 'failOver' };
const wait = (ms: number, by: 'retry' | 'throttle', budgeted: boolean) => ({ act: 'wait', wait: ms, by, budgeted });

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('decide', () => {
  it.each([gone, blocked])('ends at once what is $kind, though another adapter could take it', (failure) => {
    expect(decide(failure, { ...state, alternative: true }, rules, 0.5)).toStrictEqual(settle);
    expect(decide(failure, state, rules, 0.5)).toStrictEqual(settle);
  });

  describe('rejected', () => {
    it('is not tried again here, but elsewhere', () => {
      expect(decide(rejected, state, rules, 0.5)).toStrictEqual(settle);
      expect(decide(rejected, { ...state, alternative: true }, rules, 0.5)).toStrictEqual(failOver);
    });

    it('ends after a lost answer: another provider could double it', () => {
      const after = { ...state, ambiguous: true, alternative: true };
      expect(decide(rejected, after, rules, 0.5)).toStrictEqual(settle);
    });
  });

  describe('unauthorized', () => {
    it('goes once more at once, at no cost', () => {
      const first = { ...state, refusals: 1 };
      expect(decide(unauthorized, first, rules, 0.5)).toStrictEqual(wait(0, 'retry', false));
      expect(decide(unauthorized, { ...first, alternative: true }, rules, 0.5)).toStrictEqual(wait(0, 'retry', false));
    });

    it('then fails over, or ends', () => {
      const second = { ...state, refusals: 2 };
      expect(decide(unauthorized, second, rules, 0.5)).toStrictEqual(settle);
      expect(decide(unauthorized, { ...second, alternative: true }, rules, 0.5)).toStrictEqual(failOver);
      const after = { ...second, alternative: true, ambiguous: true };
      expect(decide(unauthorized, after, rules, 0.5)).toStrictEqual(settle);
    });

    it('is over at the deadline', () => {
      expect(decide(unauthorized, { ...state, refusals: 1, left: 1 }, rules, 0.5)).toStrictEqual(expire);
    });
  });

  describe('throttled', () => {
    it('waits what the provider asks, and up to a tenth more, at most a second', () => {
      const asked = { ...throttled, retryAfter: 5000 };
      expect(decide(asked, state, rules, 0)).toStrictEqual(wait(5000, 'throttle', false));
      expect(decide(asked, state, rules, 0.5)).toStrictEqual(wait(5250, 'throttle', false));
      expect(decide({ ...asked, retryAfter: 60_000 }, state, rules, 0.5)).toStrictEqual(
        wait(60_500, 'throttle', false),
      );
    });

    it('spreads out those that may come back at once', () => {
      expect(decide({ ...throttled, retryAfter: 0 }, state, rules, 0.5)).toStrictEqual(wait(10, 'throttle', false));
      expect(decide({ ...throttled, retryAfter: 100 }, state, rules, 0.5)).toStrictEqual(wait(110, 'throttle', false));
    });

    it('waits a second and a growing share of chance where there is no hint', () => {
      const waits = [1, 2, 3, 20].map((throttles) => decide(throttled, { ...state, throttles }, rules, 0.5));
      expect(waits).toStrictEqual(
        [1250, 1500, 2000, 31_000].map((ms) => wait(ms + Math.min(1000, ms * 0.1) * 0.5, 'throttle', false)),
      );
      expect(decide(throttled, { ...state, throttles: 9 }, rules, 0)).toStrictEqual(wait(1000, 'throttle', false));
    });

    it('spreads its waits over a second even where the policy wants shorter ones', () => {
      const short = { ...rules, max: 10 };
      expect(decide(throttled, { ...state, throttles: 9 }, short, 0.5)).toStrictEqual(wait(1575, 'throttle', false));
    });

    it('uses up no attempt', () => {
      const often = { ...state, attempts: 99, throttles: 99 };
      expect(decide({ ...throttled, retryAfter: 5000 }, often, rules, 0)).toStrictEqual(wait(5000, 'throttle', false));
    });

    it('stays where it is while the wait fits, though another adapter could take it', () => {
      const here = { ...state, alternative: true };
      expect(decide({ ...throttled, retryAfter: 5000 }, here, rules, 0)).toStrictEqual(wait(5000, 'throttle', false));
    });

    it('fails over when waiting would outlast the deadline, and is over where nobody else can take it', () => {
      const asked = { ...throttled, retryAfter: 5000 };
      expect(decide(asked, { ...state, left: 5000, alternative: true }, rules, 0)).toStrictEqual(failOver);
      expect(decide(asked, { ...state, left: 5000 }, rules, 0)).toStrictEqual(expire);
      expect(decide(asked, { ...state, left: 5001, alternative: true }, rules, 0)).toStrictEqual(
        wait(5000, 'throttle', false),
      );
      expect(decide(asked, { ...state, left: 5001 }, rules, 0)).toStrictEqual(wait(5000, 'throttle', false));
    });

    it('shortens what was added by chance, not what the provider asked for', () => {
      expect(decide({ ...throttled, retryAfter: 5000 }, { ...state, left: 5101 }, rules, 0.9)).toStrictEqual(
        wait(5100, 'throttle', false),
      );
      expect(decide(throttled, { ...state, throttles: 9, left: 2001 }, rules, 0.9)).toStrictEqual(
        wait(2000, 'throttle', false),
      );
      expect(decide(throttled, { ...state, throttles: 9, left: 1000 }, rules, 0.9)).toStrictEqual(expire);
    });

    it('waits no year', () => {
      expect(decide({ ...throttled, retryAfter: year }, state, rules, 0.5)).toStrictEqual(expire);
      expect(decide({ ...throttled, retryAfter: Infinity }, state, rules, 0.5)).toStrictEqual(expire);
    });
  });

  describe('unavailable', () => {
    it('goes again after a wait between 0 and twice as much each time, within the budget', () => {
      for (const [attempts, most] of [
        [1, 500],
        [2, 1000],
        [3, 2000],
        [4, 4000],
      ] as const) {
        const decision = decide(unavailable, { ...state, attempts }, rules, 0.5);
        expect(decision).toStrictEqual(wait(most / 2, 'retry', true));
      }
      expect(decide(unavailable, state, rules, 0)).toStrictEqual(wait(0, 'retry', true));
    });

    it('ends when its attempts are used up', () => {
      expect(decide(unavailable, { ...state, attempts: 5 }, rules, 0.5)).toStrictEqual(settle);
      expect(decide(unavailable, { ...state, attempts: 6 }, rules, 0.5)).toStrictEqual(settle);
    });

    it('goes elsewhere at once where it can', () => {
      const elsewhere = { ...state, alternative: true };
      expect(decide(unavailable, elsewhere, rules, 0.5)).toStrictEqual(failOver);
      expect(decide(unsent, elsewhere, rules, 0.5)).toStrictEqual(failOver);
    });

    it("waits for the provider's hint, spread out, or longer", () => {
      const asked = { ...unavailable, retryAfter: 5000 };
      expect(decide(asked, state, rules, 0)).toStrictEqual(wait(5000, 'retry', true));
      expect(decide(asked, state, rules, 0.5)).toStrictEqual(wait(5250, 'retry', true));
      expect(decide({ ...asked, retryAfter: 100 }, { ...state, attempts: 4 }, rules, 0.5)).toStrictEqual(
        wait(2000, 'retry', true),
      );
    });

    it('is over where the hint lies beyond the deadline: no attempt fits before', () => {
      const asked = { ...unavailable, retryAfter: 5000 };
      expect(decide(asked, { ...state, left: 5000 }, rules, 0)).toStrictEqual(expire);
      expect(decide(asked, { ...state, left: 5001 }, rules, 0.9)).toStrictEqual(wait(5000, 'retry', true));
      expect(decide({ ...asked, retryAfter: year }, state, rules, 0.5)).toStrictEqual(expire);
    });

    it('shortens a wait of our own making to fit before the deadline', () => {
      expect(decide(unavailable, { ...state, attempts: 4, left: 101 }, rules, 0.5)).toStrictEqual(
        wait(100, 'retry', true),
      );
      expect(decide(unavailable, { ...state, left: 2 }, rules, 0.5)).toStrictEqual(wait(1, 'retry', true));
      expect(decide(unavailable, { ...state, left: 1 }, rules, 0.5)).toStrictEqual(expire);
      expect(decide(unavailable, { ...state, left: -5 }, rules, 0)).toStrictEqual(expire);
    });
  });

  describe('what never left', () => {
    it('goes again soon, beside attempts and budget', () => {
      for (const [times, most] of [
        [1, 50],
        [2, 100],
        [5, 800],
        [30, 60_000],
      ] as const) {
        const decision = decide(unsent, { ...state, attempts: 99, unsent: times }, rules, 0.5);
        expect(decision).toStrictEqual(wait(most / 2, 'retry', false));
      }
    });

    it('waits for a hint all the same', () => {
      const asked = { ...unsent, retryAfter: 5000 };
      expect(decide(asked, { ...state, unsent: 1 }, rules, 0)).toStrictEqual(wait(5000, 'retry', false));
      expect(decide(asked, { ...state, unsent: 30 }, rules, 0.5)).toStrictEqual(wait(30_000, 'retry', false));
      expect(decide(asked, { ...state, unsent: 1, left: 5000 }, rules, 0)).toStrictEqual(expire);
    });
  });

  describe('ambiguous', () => {
    const lost = { ...state, ambiguous: true };

    it('ends where a repeat is not allowed', () => {
      const never = { ...rules, repeatAmbiguous: false };
      expect(decide(ambiguous, lost, never, 0.5)).toStrictEqual(settle);
      expect(decide(ambiguous, { ...lost, alternative: true }, never, 0.5)).toStrictEqual(settle);
    });

    it('goes again as what is unavailable does where it is', () => {
      expect(decide(ambiguous, lost, rules, 0.5)).toStrictEqual(wait(250, 'retry', true));
      expect(decide({ ...ambiguous, retryAfter: 5000 }, lost, rules, 0)).toStrictEqual(wait(5000, 'retry', true));
      expect(decide(ambiguous, { ...lost, attempts: 5 }, rules, 0.5)).toStrictEqual(settle);
      expect(decide(ambiguous, { ...lost, alternative: true }, rules, 0.5)).toStrictEqual(failOver);
      expect(decide(ambiguous, { ...lost, left: 1 }, rules, 0.5)).toStrictEqual(expire);
    });

    it('is never unsent, whatever an adapter says', () => {
      const odd = { ...ambiguous, unsent: true } as Failure;
      expect(decide(odd, { ...lost, unsent: 1 }, rules, 0.5)).toStrictEqual(wait(250, 'retry', true));
    });
  });

  const anyFailure: fc.Arbitrary<Failure> = fc
    .tuple(
      fc.constantFrom(gone, blocked, rejected, throttled, unavailable, unsent, ambiguous, unauthorized),
      fc.option(fc.oneof(fc.nat(1000), fc.nat(100_000_000), fc.constantFrom(0, year, Infinity)), { nil: undefined }),
    )
    .map(([failure, retryAfter]) => (retryAfter === undefined ? failure : { ...failure, retryAfter }));
  const anyState: fc.Arbitrary<RetryState> = fc.record({
    attempts: fc.integer({ min: 1, max: 2000 }),
    throttles: fc.integer({ min: 1, max: 2000 }),
    unsent: fc.integer({ min: 1, max: 2000 }),
    refusals: fc.integer({ min: 1, max: 3 }),
    ambiguous: fc.boolean(),
    left: fc.oneof(fc.integer({ min: -1000, max: 2000 }), fc.integer({ min: 0, max: 30 * 86_400_000 })),
    alternative: fc.boolean(),
  });
  const anyRules: fc.Arbitrary<RetryRules> = fc.record({
    attempts: fc.integer({ min: 1, max: 100 }),
    first: fc.nat(100_000),
    max: fc.nat(1_000_000),
    repeatAmbiguous: fc.boolean(),
  });

  it('never waits up to the deadline, nor less than asked, whatever the hint', () => {
    fc.assert(
      fc.property(anyFailure, anyState, anyRules, chance, (failure, given, policy, random) => {
        const decision = decide(failure, given, policy, random);
        if (decision.act !== 'wait') return;
        expect(decision.wait).toBeGreaterThanOrEqual(0);
        expect(decision.wait).toBeLessThanOrEqual(given.left - 1);
        if (failure.kind !== 'unauthorized') expect(decision.wait).toBeGreaterThanOrEqual(failure.retryAfter ?? 0);
      }),
    );
  });

  it('sends nothing again after a lost answer where that is not allowed', () => {
    fc.assert(
      fc.property(anyFailure, anyState, anyRules, chance, (failure, given, policy, random) => {
        const after = { ...given, ambiguous: true };
        const decision = decide(failure, after, { ...policy, repeatAmbiguous: false }, random);
        expect(decision).toStrictEqual(settle);
      }),
    );
  });

  it('leaves a provider after a lost answer for nothing but its trouble', () => {
    fc.assert(
      fc.property(anyFailure, anyState, anyRules, chance, (failure, given, policy, random) => {
        const decision = decide(failure, { ...given, ambiguous: true }, policy, random);
        if (decision.act === 'failOver') expect(['unavailable', 'ambiguous', 'throttled']).toContain(failure.kind);
      }),
    );
  });

  it('fails over only where another adapter is there, and budgets only what was sent', () => {
    fc.assert(
      fc.property(anyFailure, anyState, anyRules, chance, (failure, given, policy, random) => {
        const decision = decide(failure, given, policy, random);
        if (decision.act === 'failOver') expect(given.alternative).toBe(true);
        if (decision.act !== 'wait') return;
        const counts = failure.kind === 'ambiguous' || (failure.kind === 'unavailable' && failure.unsent !== true);
        expect(decision.budgeted).toBe(counts);
        expect(decision.by).toBe(failure.kind === 'throttled' ? 'throttle' : 'retry');
        if (counts) expect(given.attempts).toBeLessThan(policy.attempts);
      }),
    );
  });

  it('decides by what it is given alone', () => {
    fc.assert(
      fc.property(anyFailure, anyState, anyRules, chance, (failure, given, policy, random) => {
        const frozen = [
          Object.freeze({ ...failure }),
          Object.freeze({ ...given }),
          Object.freeze({ ...policy }),
        ] as const;
        expect(decide(...frozen, random)).toStrictEqual(decide(...frozen, random));
      }),
    );
  });
});

describe('backoff', () => {
  it('lies anywhere between 0 and first * 2^(n - 1), at most max', () => {
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.nat(1e9),
        fc.integer({ min: 1, max: 20 }),
        chance,
        (first, max, attempt, random) => {
          const most = Math.min(max, first * 2 ** (attempt - 1));
          expect(backoff(first, max, attempt, random)).toBe(most * random);
        },
      ),
    );
  });

  it('stays finite, however often', () => {
    expect(backoff(1, Infinity, 31, 0.5)).toBe(2 ** 29);
    expect(backoff(1, Infinity, 100_000, 0.5)).toBe(2 ** 29);
  });
});
