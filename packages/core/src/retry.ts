import type { Failure } from './failure.ts';

/** What of a policy decides about another attempt; all in ms. */
export interface RetryRules {
  readonly attempts: number;
  readonly first: number;
  readonly max: number;
  readonly repeatAmbiguous: boolean;
}

/** What is known of the delivery when an attempt has failed. */
export interface RetryState {
  /** Attempts made that count, this one included. */
  readonly attempts: number;
  /** Throttled answers so far, this one included. */
  readonly throttles: number;
  /** Attempts that surely never reached the provider, this one included. */
  readonly unsent: number;
  /** Times the credential was refused, this one included. */
  readonly refusals: number;
  /** An attempt, this one included, may have arrived. */
  readonly ambiguous: boolean;
  /** Milliseconds until the deadline. */
  readonly left: number;
  /** Another adapter of the channel, not tried yet for this delivery, could take it now. */
  readonly alternative: boolean;
}

export type Decision =
  /** It ends here: `failed`, or `unknown` where an attempt may have arrived. */
  | { readonly act: 'settle' }
  /** No further attempt fits before the deadline: `expired`. */
  | { readonly act: 'expire' }
  | { readonly act: 'failOver' }
  /** Again, in `wait` ms; `budgeted` ones wait for the lane's retry budget too. */
  | { readonly act: 'wait'; readonly wait: number; readonly by: 'retry' | 'throttle'; readonly budgeted: boolean };

const settle: Decision = { act: 'settle' };
const expire: Decision = { act: 'expire' };
const failOver: Decision = { act: 'failOver' };

/** Where the provider gives no hint, throttling is waited out at least this long; ms. */
const leastThrottle = 1000;
/** What never left goes again soon: the connection is the trouble, not the provider's load. */
const firstUnsent = 50;

/**
 * What follows a failed attempt: the table of failure kinds as code.
 * @param random 0 <= x < 1, for the jitter
 */
export function decide(failure: Failure, state: RetryState, rules: RetryRules, random: number): Decision {
  switch (failure.kind) {
    case 'unregistered':
    case 'blocked':
      return settle;
    case 'rejected':
      return settleOrFailOver(state);
    case 'unauthorized':
      // Once more at once: the adapter asks for a fresh credential before it sends again.
      if (state.refusals < 2) return { act: 'wait', wait: 0, by: 'retry', budgeted: false };
      return settleOrFailOver(state);
    case 'throttled':
      return waitOut(failure, state, rules, random);
    case 'unavailable':
      if (state.alternative && mayRepeat(state, rules)) return failOver;
      if (failure.unsent) return again(backoff(firstUnsent, rules.max, state.unsent, random), state, false);
      if (state.attempts >= rules.attempts) return settle;
      return again(hinted(failure, backoff(rules.first, rules.max, state.attempts, random)), state, true);
    case 'ambiguous':
      if (!rules.repeatAmbiguous) return settle;
      if (state.alternative) return failOver;
      if (state.attempts >= rules.attempts) return settle;
      return again(hinted(failure, backoff(rules.first, rules.max, state.attempts, random)), state, true);
  }
}

/** Full jitter: anywhere between 0 and `first * 2^(n - 1)`, at most `max`. @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
export function backoff(first: number, max: number, attempt: number, random: number): number {
  return Math.min(max, first * 2 ** Math.min(attempt - 1, 30)) * random;
}

function mayRepeat(state: RetryState, rules: RetryRules): boolean {
  return !state.ambiguous || rules.repeatAmbiguous;
}

function settleOrFailOver(state: RetryState): Decision {
  // After a lost answer another provider could double it.
  return state.alternative && !state.ambiguous ? failOver : settle;
}

function waitOut(failure: Failure, state: RetryState, rules: RetryRules, random: number): Decision {
  const wait =
    failure.retryAfter ??
    leastThrottle + backoff(rules.first, Math.max(rules.max, leastThrottle), state.throttles, random);
  // A hint of 0 still gets some jitter, so that all that was refused does not come back at once.
  const jittered = wait + Math.min(1000, Math.max(wait * 0.1, 20)) * random;
  if (jittered >= state.left) return state.alternative && mayRepeat(state, rules) ? failOver : expire;
  return { act: 'wait', wait: jittered, by: 'throttle', budgeted: false };
}

function hinted(failure: Failure, wait: number): number {
  return failure.retryAfter === undefined ? wait : Math.max(failure.retryAfter, wait);
}

/** A wait of our own making is shortened to fit before the deadline; a provider's hint is not, but then it is over. */
function again(wait: number, state: RetryState, budgeted: boolean): Decision {
  if (state.left <= 1) return expire;
  return { act: 'wait', wait: Math.min(wait, state.left - 1), by: 'retry', budgeted };
}
