import { durationExpected, durationOf, parseDuration, parseRate, type RateLimit } from './duration.ts';
import { tidingsError } from './errors.ts';
import type { BreakerRules } from './breaker.ts';
import type { BreakerPolicy, MessagePolicy, Policy, RetryPolicy } from './policy.ts';
import type { RetryRules } from './retry.ts';

/** A policy with every field there; all in ms. */
export interface LanePolicy extends RetryRules {
  readonly rate: RateLimit | undefined;
  readonly concurrency: number;
  readonly timeout: number;
  /** Retries per fresh delivery. */
  readonly budget: number;
  readonly breaker: BreakerRules | undefined;
  readonly batchSize: number;
  readonly batchWait: number;
}

const fields = ['rate', 'concurrency', 'timeout', 'retry', 'breaker', 'batch', 'ambiguous'];
const groups = {
  retry: ['attempts', 'first', 'max', 'budget'],
  breaker: ['threshold', 'minimum', 'open'],
  batch: ['size', 'wait'],
} as const;

/** One layer of policy and where it was written, for errors: `'channels.sms.policy'`. */
export interface Layer {
  readonly policy: Policy | undefined;
  readonly field: string;
}

/**
 * Lays policies over one another, the last one nearest, field by field (inside `retry`, `breaker` and `batch` too).
 * Throws `tidings.invalid_options`, naming the field.
 */
export function resolvePolicy(layers: readonly Layer[], limits: { readonly batch?: number | undefined }): LanePolicy {
  const merged: { -readonly [Key in keyof Policy]: Policy[Key] } = {};
  for (const { policy = {}, field } of layers) {
    checkFields(policy, field);
    if (policy.rate !== undefined && policy.rate !== false) parseRate(policy.rate, `${field}.rate`);
    for (const [key, value] of Object.entries(policy)) {
      if (value === undefined) continue;
      const below = merged[key as keyof Policy];
      const both = isGroup(value) && isGroup(below) && key !== 'rate';
      Object.assign(merged, { [key]: both ? { ...below, ...defined(value) } : value });
    }
  }
  const retry = merged.retry === false ? { attempts: 1 } : (merged.retry ?? {});
  const batch = merged.batch === false ? { size: 1 } : (merged.batch ?? {});
  const most = limits.batch ?? 1;
  return {
    rate: merged.rate ? parseRate(merged.rate, 'policy.rate') : undefined,
    concurrency: merged.concurrency ?? 64,
    timeout: parseDuration(merged.timeout ?? 30_000, 'policy.timeout'),
    attempts: retry.attempts ?? 5,
    first: parseDuration(retry.first ?? 500, 'policy.retry.first'),
    max: parseDuration(retry.max ?? 60_000, 'policy.retry.max'),
    budget: retry.budget ?? 0.2,
    repeatAmbiguous: merged.ambiguous !== 'stop',
    breaker: merged.breaker === false ? undefined : breakerRules(merged.breaker ?? {}),
    batchSize: Math.min(batch.size ?? most, most),
    batchWait: parseDuration(batch.wait ?? 0, 'policy.batch.wait'),
  };
}

/** A message's own policy over its lane's. It was validated when the message came in. */
export function overlay(lane: LanePolicy, policy: MessagePolicy | undefined): LanePolicy {
  if (policy === undefined) return lane;
  const retry: RetryPolicy = policy.retry === false ? { attempts: 1 } : (policy.retry ?? {});
  return {
    ...lane,
    timeout: durationOf(policy.timeout) ?? lane.timeout,
    attempts: retry.attempts ?? lane.attempts,
    first: durationOf(retry.first) ?? lane.first,
    max: durationOf(retry.max) ?? lane.max,
    repeatAmbiguous: policy.ambiguous === undefined ? lane.repeatAmbiguous : policy.ambiguous !== 'stop',
  };
}

function breakerRules({ threshold = 0.5, minimum = 20, open = 10_000 }: BreakerPolicy): BreakerRules {
  return { threshold, minimum, open: parseDuration(open, 'policy.breaker.open') };
}

/** What is wrong with a policy, or undefined. A rate is looked at where it is used: a message can't have one. */
export function policyProblem(policy: unknown): { readonly field: string; readonly expected: string } | undefined {
  if (!isGroup(policy)) return { field: '', expected: 'an object' };
  const unknown = unknownField(policy, '', fields);
  if (unknown !== undefined) return unknown;
  const { timeout, retry, breaker, batch, concurrency, ambiguous } = policy as Policy;
  return (
    durationProblem(timeout, 'timeout') ??
    numberProblem(concurrency, 'concurrency', 1, true) ??
    groupProblem(retry, 'retry') ??
    groupProblem(breaker, 'breaker') ??
    groupProblem(batch, 'batch') ??
    (retry ? retryProblem(retry) : undefined) ??
    (breaker ? breakerProblem(breaker) : undefined) ??
    (batch
      ? (numberProblem(batch.size, 'batch.size', 1, true) ?? durationProblem(batch.wait, 'batch.wait'))
      : undefined) ??
    (ambiguous === undefined || ambiguous === 'retry' || ambiguous === 'stop'
      ? undefined
      : { field: 'ambiguous', expected: "'retry' or 'stop'" })
  );
}

type Problem = ReturnType<typeof policyProblem>;

function retryProblem({ attempts, first, max, budget }: RetryPolicy): Problem {
  return (
    numberProblem(attempts, 'retry.attempts', 1, true) ??
    durationProblem(first, 'retry.first') ??
    durationProblem(max, 'retry.max') ??
    numberProblem(budget, 'retry.budget', 0)
  );
}

function breakerProblem({ threshold, minimum, open }: BreakerPolicy): Problem {
  if (typeof threshold === 'number' && threshold > 1)
    return { field: 'breaker.threshold', expected: 'a share from 0 to 1' };
  return (
    numberProblem(threshold, 'breaker.threshold', 0) ??
    numberProblem(minimum, 'breaker.minimum', 0, true) ??
    durationProblem(open, 'breaker.open')
  );
}

function durationProblem(value: unknown, field: string): Problem {
  if (value === undefined || durationOf(value) !== undefined) return undefined;
  return { field, expected: durationExpected };
}

function numberProblem(value: unknown, field: string, least: number, whole = false): Problem {
  if (value === undefined) return undefined;
  const fits =
    typeof value === 'number' && value >= least && Number.isFinite(value) && (!whole || Number.isInteger(value));
  return fits ? undefined : { field, expected: `a ${whole ? 'whole ' : ''}number, at least ${least}` };
}

function groupProblem(value: unknown, field: keyof typeof groups): Problem {
  if (value === undefined || value === false) return undefined;
  return isGroup(value) ? unknownField(value, `${field}.`, groups[field]) : { field, expected: 'an object or false' };
}

function unknownField(value: object, path: string, known: readonly string[]): Problem {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  return unknown === undefined ? undefined : { field: path + unknown, expected: `one of ${known.join(', ')}` };
}

function checkFields(policy: Policy, field: string): void {
  const problem = policyProblem(policy);
  if (problem === undefined) return;
  const path = problem.field === '' ? field : `${field}.${problem.field}`;
  throw tidingsError('tidings.invalid_options', `expected ${problem.expected}`, path);
}

const isGroup = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function defined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined));
}
