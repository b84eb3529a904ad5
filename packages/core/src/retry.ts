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
  | Wait;

/** Again, in `wait` ms; `budgeted` ones wait for the lane's retry budget too. */
interface Wait {
  readonly act: 'wait';
  readonly wait: number;
  readonly by: 'retry' | 'throttle';
  readonly budgeted: boolean;
}

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
  // After a lost answer nothing goes again, nowhere, where a repeat is not allowed.
  if (state.ambiguous && !rules.repeatAmbiguous) return settle;
  switch (failure.kind) {
    case 'unregistered':
    case 'blocked':
      return settle;
    case 'rejected':
      return settleOrFailOver(state);
    case 'unauthorized':
      // Once more at once: the adapter asks for a fresh credential before it sends again.
      if (state.refusals < 2) return again(state, { least: 0, wait: 0, by: 'retry', budgeted: false });
      return settleOrFailOver(state);
    case 'throttled':
      return waitOut(failure, state, rules, random);
    case 'unavailable':
    case 'ambiguous':
      return state.alternative ? failOver : tryAgain(failure, state, rules, random);
  }
}

/** Full jitter: anywhere between 0 and `first * 2^(n - 1)`, at most `max`. @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
export function backoff(first: number, max: number, attempt: number, random: number): number {
  return Math.min(max, first * 2 ** Math.min(attempt - 1, 30)) * random;
}

function settleOrFailOver(state: RetryState): Decision {
  // After a lost answer another provider could double it.
  return state.alternative && !state.ambiguous ? failOver : settle;
}

function tryAgain(failure: Failure, state: RetryState, rules: RetryRules, random: number): Decision {
  const least = failure.retryAfter ?? 0;
  const hinted = failure.retryAfter === undefined ? 0 : spread(failure.retryAfter, random);
  if (failure.kind === 'unavailable' && failure.unsent) {
    const wait = Math.max(hinted, backoff(firstUnsent, rules.max, state.unsent, random));
    return again(state, { least, wait, by: 'retry', budgeted: false });
  }
  if (state.attempts >= rules.attempts) return settle;
  const wait = Math.max(hinted, backoff(rules.first, rules.max, state.attempts, random));
  return again(state, { least, wait, by: 'retry', budgeted: true });
}

function waitOut(failure: Failure, state: RetryState, rules: RetryRules, random: number): Decision {
  const least = failure.retryAfter ?? leastThrottle;
  const more = backoff(rules.first, Math.max(rules.max, leastThrottle), state.throttles, random);
  const wait = spread(failure.retryAfter ?? leastThrottle + more, random);
  if (wait > state.left - 1 && state.alternative) return failOver;
  return again(state, { least, wait, by: 'throttle', budgeted: false });
}

/** A little more than was asked for, also for a hint of 0, so that what was refused together does not come back together. */
function spread(wait: number, random: number): number {
  return wait + Math.min(1000, Math.max(wait * 0.1, 20)) * random;
}

interface Again extends Omit<Wait, 'act'> {
  /** What the provider asked for. */
  readonly least: number;
}

/** A wait of our own making is shortened to fit before the deadline; a provider's hint is not, but then it is over. */
function again({ left }: RetryState, { least, wait, by, budgeted }: Again): Decision {
  const most = left - 1;
  if (most <= 0 || least > most) return expire;
  return { act: 'wait', wait: Math.min(wait, most), by, budgeted };
}
