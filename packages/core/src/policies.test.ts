import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationExpected } from './duration.ts';
import { overlay, policyProblem, resolvePolicy, type LanePolicy } from './policies.ts';
import type { MessagePolicy, Policy } from './policy.ts';

const resolve = (...policies: (Policy | undefined)[]): LanePolicy =>
  resolvePolicy(
    policies.map((policy, index) => ({ policy, field: `layer${index}` })),
    { batch: 500 },
  );

const defaults: LanePolicy = {
  rate: undefined,
  concurrency: 64,
  timeout: 30_000,
  attempts: 5,
  first: 500,
  max: 60_000,
  budget: 0.2,
  repeatAmbiguous: true,
  breaker: { threshold: 0.5, minimum: 20, open: 10_000 },
  batchSize: 500,
  batchWait: 0,
};

describe('resolvePolicy', () => {
  it('has a default for every field', () => {
    expect(resolve()).toStrictEqual(defaults);
    expect(resolve(undefined, {}, { retry: {}, breaker: {}, batch: {} })).toStrictEqual(defaults);
    expect(resolve({ retry: { attempts: undefined }, timeout: undefined })).toStrictEqual(defaults);
    expect(resolvePolicy([], {}).batchSize).toBe(1);
  });

  it('takes every field, in ms', () => {
    const policy: Policy = {
      rate: '10/m',
      concurrency: 7,
      timeout: '5s',
      retry: { attempts: 2, first: '1s', max: '1m', budget: 0 },
      breaker: { threshold: 0, minimum: 0, open: '1m' },
      batch: { size: 100, wait: '50ms' },
      ambiguous: 'stop',
    };
    expect(resolve(policy)).toStrictEqual({
      rate: { limit: 10, per: 60_000, burst: 10 },
      concurrency: 7,
      timeout: 5000,
      attempts: 2,
      first: 1000,
      max: 60_000,
      budget: 0,
      repeatAmbiguous: false,
      breaker: { threshold: 0, minimum: 0, open: 60_000 },
      batchSize: 100,
      batchWait: 50,
    });
  });

  it('lets the nearest win, field by field, inside groups too', () => {
    const resolved = resolve(
      { timeout: 1, retry: { attempts: 9, first: 9, budget: 9 }, batch: { size: 9, wait: 9 }, breaker: { minimum: 9 } },
      { timeout: 2, retry: { first: 8, attempts: undefined }, batch: { wait: 8 }, concurrency: undefined },
      undefined,
      { retry: { max: 7 }, breaker: { open: 7 } },
    );
    expect(resolved).toMatchObject({ timeout: 2, attempts: 9, first: 8, max: 7, budget: 9, concurrency: 64 });
    expect(resolved).toMatchObject({ batchSize: 9, batchWait: 8, breaker: { threshold: 0.5, minimum: 9, open: 7 } });
  });

  it('takes a rate as a whole', () => {
    const below = { limit: 5, per: '1s', burst: 2 } as const;
    expect(resolve({ rate: below }, { rate: { limit: 9, per: '2s' } }).rate).toStrictEqual({
      limit: 9,
      per: 2000,
      burst: 9,
    });
  });

  it('lets a nearer layer switch something off, and a still nearer one on again', () => {
    const off: Policy = { rate: false, retry: false, breaker: false, batch: false };
    const on: Policy = { rate: '5/s', retry: { attempts: 9 }, breaker: { minimum: 9 }, batch: { size: 9 } };
    expect(resolve(on, off)).toMatchObject({ rate: undefined, attempts: 1, breaker: undefined, batchSize: 1 });
    expect(resolve(off, on)).toMatchObject({ rate: { limit: 5 }, attempts: 9, breaker: { minimum: 9 }, batchSize: 9 });
    // What was set below what was switched off does not come back.
    expect(resolve({ retry: { first: 9 } }, { retry: false }, { retry: { attempts: 3 } }).first).toBe(500);
  });

  it("never makes a batch greater than the provider's", () => {
    expect(resolve({ batch: { size: 9999 } }).batchSize).toBe(500);
    expect(resolvePolicy([{ policy: { batch: { size: 10 } }, field: 'policy' }], {}).batchSize).toBe(1);
  });

  it('names the layer and the field that is wrong', () => {
    const wrong =
      (policy: unknown): (() => LanePolicy) =>
      () =>
        resolve({}, policy as Policy);
    expect(wrong({ timeout: 'soon' })).toThrow(
      expect.objectContaining({
        code: 'tidings.invalid_options',
        field: 'layer1.timeout',
        message: `layer1.timeout: expected ${durationExpected}`,
      }),
    );
    expect(wrong({ retry: { attempts: 0 } })).toThrow(expect.objectContaining({ field: 'layer1.retry.attempts' }));
    for (const policy of [null, 'fast', []]) {
      expect(wrong(policy)).toThrow(
        expect.objectContaining({ field: 'layer1', message: 'layer1: expected an object' }),
      );
    }
  });

  it.each(['500', 0, '', null, true, { limit: 5 }])('names the layer of a rate that is none: %j', (rate) => {
    expect(() => resolve({}, { rate: rate as never })).toThrow(expect.objectContaining({ field: 'layer1.rate' }));
    // Also where a nearer layer has another.
    expect(() => resolve({ rate: rate as never }, { rate: '5/s' })).toThrow(
      expect.objectContaining({ field: 'layer0.rate' }),
    );
  });
});

describe('policyProblem', () => {
  const whole = (least: number): string => `a whole number, at least ${least}`;

  it.each<[unknown, string, string]>([
    [null, '', 'an object'],
    [undefined, '', 'an object'],
    ['x', '', 'an object'],
    [[], '', 'an object'],
    [{ retries: 1 }, 'retries', 'one of rate, concurrency, timeout, retry, breaker, batch, ambiguous'],
    [{ timeout: -1 }, 'timeout', durationExpected],
    [{ concurrency: 0 }, 'concurrency', whole(1)],
    [{ concurrency: 1.5 }, 'concurrency', whole(1)],
    [{ concurrency: Infinity }, 'concurrency', whole(1)],
    [{ concurrency: NaN }, 'concurrency', whole(1)],
    [{ concurrency: '5' }, 'concurrency', whole(1)],
    [{ retry: true }, 'retry', 'an object or false'],
    [{ retry: null }, 'retry', 'an object or false'],
    [{ breaker: [] }, 'breaker', 'an object or false'],
    [{ batch: 5 }, 'batch', 'an object or false'],
    [{ retry: { attempt: 3 } }, 'retry.attempt', 'one of attempts, first, max, budget'],
    [{ breaker: { share: 3 } }, 'breaker.share', 'one of threshold, minimum, open'],
    [{ batch: { max: 3 } }, 'batch.max', 'one of size, wait'],
    [{ retry: { attempts: 0 } }, 'retry.attempts', whole(1)],
    [{ retry: { attempts: 2.5 } }, 'retry.attempts', whole(1)],
    [{ retry: { first: 'x' } }, 'retry.first', durationExpected],
    [{ retry: { max: 'x' } }, 'retry.max', durationExpected],
    [{ retry: { budget: -0.1 } }, 'retry.budget', 'a number, at least 0'],
    [{ retry: { budget: Infinity } }, 'retry.budget', 'a number, at least 0'],
    [{ breaker: { threshold: 1.01 } }, 'breaker.threshold', 'a share from 0 to 1'],
    [{ breaker: { threshold: -0.1 } }, 'breaker.threshold', 'a number, at least 0'],
    [{ breaker: { threshold: '0.5' } }, 'breaker.threshold', 'a number, at least 0'],
    [{ breaker: { minimum: -1 } }, 'breaker.minimum', whole(0)],
    [{ breaker: { minimum: 0.5 } }, 'breaker.minimum', whole(0)],
    [{ breaker: { open: 'x' } }, 'breaker.open', durationExpected],
    [{ batch: { size: 0 } }, 'batch.size', whole(1)],
    [{ batch: { wait: 'x' } }, 'batch.wait', durationExpected],
    [{ ambiguous: 'maybe' }, 'ambiguous', "'retry' or 'stop'"],
    [{ ambiguous: true }, 'ambiguous', "'retry' or 'stop'"],
  ])('of %j is at %j', (policy, field, expected) => {
    expect(policyProblem(policy)).toStrictEqual({ field, expected });
  });

  it('finds nothing wrong with what is right, at its edges', () => {
    for (const policy of [
      {},
      { timeout: 0, concurrency: 1 },
      { retry: false, breaker: false, batch: false, rate: false },
      { retry: { attempts: 1, first: 0, max: '7d', budget: 0 } },
      { breaker: { threshold: 0, minimum: 0, open: 0 } },
      { breaker: { threshold: 1, minimum: 1, open: '1s' } },
      { batch: { size: 1, wait: 0 }, ambiguous: 'stop' },
      { batch: {}, ambiguous: 'retry' },
      { timeout: undefined, retry: { attempts: undefined }, ambiguous: undefined },
    ]) {
      expect(policyProblem(policy)).toBeUndefined();
    }
  });

  it('never throws, and lets nothing pass that does not resolve', () => {
    const anyGroup = fc.oneof(
      fc.anything(),
      fc.record({ attempts: fc.anything(), threshold: fc.anything(), size: fc.anything() }),
    );
    const anyPolicy = fc.oneof(
      fc.anything(),
      fc.record(
        { timeout: fc.anything(), retry: anyGroup, breaker: anyGroup, batch: anyGroup, concurrency: fc.anything() },
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(anyPolicy, (policy) => {
        if (policyProblem(policy) === undefined) {
          expect(() => resolve({ ...(policy as Policy), rate: false })).not.toThrow();
        }
      }),
    );
  });
});

describe('overlay', () => {
  const lane = resolve({ timeout: 9000, retry: { attempts: 9, first: 9, max: 99 } });

  it('is the very policy of the lane where a message has none', () => {
    expect(overlay(lane, undefined)).toBe(lane);
  });

  it.each<[MessagePolicy, Partial<LanePolicy>]>([
    [{}, {}],
    [{ timeout: '1s' }, { timeout: 1000 }],
    [{ timeout: 0 }, { timeout: 0 }],
    [{ retry: false }, { attempts: 1 }],
    [{ retry: {} }, {}],
    [{ retry: { attempts: 2 } }, { attempts: 2 }],
    [{ retry: { first: '1s' } }, { first: 1000 }],
    [{ retry: { max: '2s' } }, { max: 2000 }],
    [{ ambiguous: 'stop' }, { repeatAmbiguous: false }],
    [{ ambiguous: 'retry' }, { repeatAmbiguous: true }],
  ])('lays %j over it', (policy, changed) => {
    expect(overlay(lane, policy)).toStrictEqual({ ...lane, ...changed });
  });

  it("keeps the lane's word about lost answers, or takes the message's", () => {
    const never = { ...lane, repeatAmbiguous: false };
    expect(overlay(never, { timeout: 1 }).repeatAmbiguous).toBe(false);
    expect(overlay(never, { ambiguous: 'retry' }).repeatAmbiguous).toBe(true);
  });
});
