import { isDeepStrictEqual } from 'node:util';
import type { Json } from '@tidings/core';
import type { LedgerEntry } from '@tidings/sandbox';
import type { OutcomeNote } from './outcome-note.ts';

/** What a person sees and an app gets, whatever the provider's form is. */
export interface Readable {
  readonly title?: string | undefined;
  readonly body?: string | undefined;
  readonly url?: string | undefined;
  readonly data?: { readonly [key: string]: Json | undefined } | undefined;
}

/** One delivery as it was given to the engine. */
export interface SentNote {
  readonly serial: number;
  /** What the device must be able to read. */
  readonly expected: Readable;
  /** A newer one for the same collapse key follows: it may end `superseded`. */
  readonly outdated: boolean;
}

/** One request as the service saw it. */
export interface RequestNote extends Pick<LedgerEntry, 'taken' | 'fault'> {
  readonly readable: Readable;
}

export interface Problem {
  readonly what: string;
  readonly count: number;
  /** Of one of them. */
  readonly serial: number | undefined;
}

export interface Check {
  /** Accepted but taken by nobody, or without an outcome. */
  readonly lost: number;
  /** Taken more than once, and the trace does not own up to it. */
  readonly doubled: number;
  /** `repeated` steps in the traces. */
  readonly repeated: number;
  /** Of these, attempts that never became a request: they ended while they waited for a connection, or above a GOAWAY's last id. */
  readonly repeatedUnsent: number;
  /** Requests for a delivery after its first taken one. */
  readonly extraRequests: number;
  /** Of these, taken once more. */
  readonly takenAgain: number;
  /** Attempts that ran out of time though no fault held their answer back: there is none on a machine that keeps up. */
  readonly late: number;
  /** Requests in the ledger. */
  readonly requests: number;
  /** All that is wrong, losses and doubles included. Empty: outcomes and ledger agree. */
  readonly problems: readonly Problem[];
}

/**
 * Compares what the engine says became of each delivery with what the service took down.
 * @param requests in order of arrival
 */
export function checkLedger(
  sent: readonly SentNote[],
  outcomes: readonly OutcomeNote[],
  requests: readonly RequestNote[],
): Check {
  const found = new Problems();
  const requestsOf = groupBySerial(requests, ({ readable }) => Number(readable.data?.['serial']));
  const outcomesOf = groupBySerial(outcomes, ({ serial }) => serial);
  const sums = { lost: 0, doubled: 0, repeated: 0, repeatedUnsent: 0, extraRequests: 0, takenAgain: 0, late: 0 };

  for (const each of sent) {
    const { serial } = each;
    const [outcome, ...more] = outcomesOf.get(serial) ?? [];
    const seen = requestsOf.get(serial) ?? [];
    outcomesOf.delete(serial);
    requestsOf.delete(serial);
    if (seen.some(({ readable }) => !isDeepStrictEqual(readable, each.expected)))
      found.add('the device reads something else than what was sent', serial);
    if (more.length > 0) found.add('more than one outcome', serial);
    if (outcome === undefined) {
      sums.lost++;
      found.add('lost: no outcome', serial);
      continue;
    }
    const counts = countRequests(outcome, seen);
    for (const name of countNames) sums[name] += counts[name];
    for (const what of [...countProblems(counts), ...endProblems(each, outcome, seen)]) found.add(what, serial);
    if (outcome.status === 'accepted' && counts.taken === 0) sums.lost++;
    if (counts.taken > 1 && counts.repeated === 0) sums.doubled++;
  }
  for (const serial of requestsOf.keys()) found.add('a request that belongs to no delivery', serial);
  for (const serial of outcomesOf.keys()) found.add('an outcome of no delivery', serial);
  return { ...sums, requests: requests.length, problems: found.list() };
}

const countNames = ['repeated', 'repeatedUnsent', 'extraRequests', 'takenAgain', 'late'] as const;

/** One delivery's attempts and requests, counted. */
interface Counts extends Record<(typeof countNames)[number], number> {
  readonly taken: number;
  /** Attempts without a request that should have one; below 0, requests that no attempt made. */
  readonly missing: number;
}

const countOf = <T>(items: readonly T[], fits: (item: T) => boolean): number => items.filter(fits).length;
const isTaken = ({ taken }: RequestNote): boolean => taken;
const isRefused = ({ fault }: RequestNote): boolean => fault === 'refused';
const isHung = ({ fault }: RequestNote): boolean => fault === 'hang' || fault === 'hangAfterHeaders';

function countRequests({ status, attempts }: OutcomeNote, seen: readonly RequestNote[]): Counts {
  const first = seen.findIndex(isTaken);
  const taken = countOf(seen, isTaken);
  const extra = first < 0 ? [] : seen.slice(first + 1);
  // A refused stream is in the ledger though it was not taken; whatever else is surely unsent is not.
  const neverLeft = Math.max(0, countOf(attempts, ({ unsent }) => unsent) - countOf(seen, isRefused));
  const repeats = attempts.filter(({ repeated }) => repeated);
  // The last request of an accepted one was answered, a hung body notwithstanding.
  const hung = countOf(status === 'accepted' ? seen.slice(0, -1) : seen, isHung);
  return {
    taken,
    repeated: repeats.length,
    repeatedUnsent: Math.max(0, countOf(repeats, ({ unsent }) => unsent) - countOf(extra, isRefused)),
    extraRequests: extra.length,
    takenAgain: Math.max(0, taken - 1),
    late: Math.max(0, countOf(attempts, ({ timedOut, ambiguous }) => timedOut && ambiguous) - hung),
    missing: attempts.length - neverLeft - seen.length,
  };
}

function* countProblems(counts: Counts): Generator<string> {
  const { taken, repeated, repeatedUnsent, extraRequests, late, missing } = counts;
  if (taken > 1 && repeated === 0) yield 'doubled: taken more than once, no repeat in the trace';
  if (missing < 0) yield 'more requests than attempts';
  // An attempt that ran out of time may have been read later, or never.
  if (missing > late) yield 'an attempt without a request';
  const unexplained = repeated - repeatedUnsent - extraRequests;
  if (unexplained < 0) yield 'a request after a taken one that the trace does not call a repeat';
  // What came late need not have been taken: ambiguous all the same, but then the next request is no second one.
  if (unexplained > 0 && late === 0) yield 'a repeat in the trace without a request';
}

function* endProblems(sent: SentNote, outcome: OutcomeNote, seen: readonly RequestNote[]): Generator<string> {
  const { status, reason, attempts } = outcome;
  const taken = seen.some((request) => request.taken);
  const ambiguous = attempts.some((attempt) => attempt.ambiguous);
  const gone = seen.some(({ fault }) => fault === 'gone');
  const superseded = sent.outdated && reason === 'superseded';
  if (status === 'accepted' && !taken) yield 'lost: accepted, but taken by nobody';
  if ((status === 'failed' || status === 'suppressed') && taken) yield `${status}, but taken`;
  if (status === 'unknown' && !ambiguous) yield 'unknown, though no answer was lost';
  const explained = {
    accepted: true,
    failed: reason === 'unregistered' && seen.at(-1)?.fault === 'gone',
    // After a lost answer neither a dead target nor a newer message is the whole truth.
    unknown: gone || sent.outdated,
    suppressed: superseded,
    expired: false,
    canceled: false,
  }[status];
  if (!explained) yield `${status} (${reason ?? 'no reason'}), which no fault explains`;
}

/** Alike ones together, with one example. */
class Problems {
  readonly #found = new Map<string, { count: number; serial: number }>();

  add(what: string, serial: number): void {
    const known = this.#found.get(what);
    if (known === undefined) this.#found.set(what, { count: 1, serial });
    else known.count++;
  }

  list(): Problem[] {
    return [...this.#found].map(([what, { count, serial }]) => ({ what, count, serial }));
  }
}

function groupBySerial<T>(items: readonly T[], serialOf: (item: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const serial = serialOf(item);
    const group = groups.get(serial);
    if (group === undefined) groups.set(serial, [item]);
    else group.push(item);
  }
  return groups;
}
