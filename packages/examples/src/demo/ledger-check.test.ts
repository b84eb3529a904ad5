import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkLedger, type Check, type RequestNote, type SentNote } from './ledger-check.ts';
import type { AttemptNote, OutcomeNote } from './outcome-note.ts';

const readable = (serial: number) => ({ title: 'Hi', body: `number ${serial}`, data: { serial } });
const sent = (serial: number, outdated = false): SentNote => ({ serial, expected: readable(serial), outdated });

const answered: AttemptNote = { repeated: false, unsent: false, ambiguous: false, timedOut: false };
const lostAnswer: AttemptNote = { ...answered, ambiguous: true };
const tooLate: AttemptNote = { ...lostAnswer, timedOut: true };
const unsent: AttemptNote = { ...answered, unsent: true };
const again = (attempt: AttemptNote): AttemptNote => ({ ...attempt, repeated: true });

function outcome(
  serial: number,
  attempts: readonly AttemptNote[] = [answered],
  status: OutcomeNote['status'] = 'accepted',
  reason?: string,
): OutcomeNote {
  return { serial, status, reason, attempts, queuedAt: 0, settledAt: 1 };
}

function request(serial: number, fault?: RequestNote['fault'], taken = fault === undefined): RequestNote {
  return { readable: readable(serial), taken, fault };
}

const found = ({ problems }: Check): string[] => problems.map(({ what }) => what);

test('outcomes and ledger that agree are no problem', () => {
  const check = checkLedger([sent(1), sent(2)], [outcome(2), outcome(1)], [request(1), request(2)]);
  expect(check).toEqual({
    lost: 0,
    doubled: 0,
    repeated: 0,
    repeatedUnsent: 0,
    extraRequests: 0,
    takenAgain: 0,
    late: 0,
    requests: 2,
    problems: [],
  });
});

describe('a loss is found', () => {
  test('where a delivery has no outcome', () => {
    const check = checkLedger([sent(1), sent(2)], [outcome(1)], [request(1), request(2)]);
    expect(check.lost).toBe(1);
    expect(check.problems).toEqual([{ what: 'lost: no outcome', count: 1, serial: 2 }]);
  });

  test('where an accepted one was never asked for', () => {
    const check = checkLedger([sent(1)], [outcome(1)], []);
    expect(check.lost).toBe(1);
    expect(found(check)).toContain('lost: accepted, but taken by nobody');
  });

  test('where an accepted one was refused', () => {
    const check = checkLedger([sent(1)], [outcome(1)], [request(1, 'status')]);
    expect(check.lost).toBe(1);
  });
});

describe('a double is found', () => {
  test('where no attempt asked for the second request', () => {
    const check = checkLedger([sent(1)], [outcome(1)], [request(1), request(1)]);
    expect(check.doubled).toBe(1);
    expect(found(check)).toContain('doubled: taken more than once, no repeat in the trace');
    expect(found(check)).toContain('more requests than attempts');
  });

  test('where the trace conceals that the second attempt was a repeat', () => {
    const attempts = [lostAnswer, answered];
    const check = checkLedger([sent(1)], [outcome(1, attempts)], [request(1, 'reset', true), request(1)]);
    expect(check.doubled).toBe(1);
  });

  test('and a repeat that the trace owns up to is none', () => {
    const attempts = [lostAnswer, again(answered)];
    const check = checkLedger([sent(1)], [outcome(1, attempts)], [request(1, 'reset', true), request(1)]);
    expect(check).toMatchObject({ doubled: 0, repeated: 1, extraRequests: 1, takenAgain: 1, problems: [] });
  });
});

describe('repeats equal the requests after a taken one', () => {
  test('also where the repeat is refused, as a stream or by an error', () => {
    const attempts = [lostAnswer, again(unsent), again(answered), again(answered)];
    const requests = [request(1, 'hang', true), request(1, 'refused'), request(1, 'status'), request(1)];
    const check = checkLedger([sent(1)], [outcome(1, attempts)], requests);
    expect(check).toMatchObject({ repeated: 3, repeatedUnsent: 0, extraRequests: 3, takenAgain: 1, problems: [] });
  });

  test('but for those that never left', () => {
    const attempts = [unsent, lostAnswer, again(unsent), again(answered)];
    const check = checkLedger([sent(1)], [outcome(1, attempts)], [request(1, 'reset', true), request(1)]);
    expect(check).toMatchObject({ repeated: 2, repeatedUnsent: 1, extraRequests: 1, problems: [] });
  });

  test('else a repeat without a request is a problem', () => {
    const attempts = [lostAnswer, again(answered)];
    const check = checkLedger([sent(1)], [outcome(1, attempts)], [request(1, 'status'), request(1)]);
    expect(found(check)).toEqual(['a repeat in the trace without a request']);
  });

  test('and so is a request that the trace calls a first one', () => {
    const attempts = [lostAnswer, answered, again(answered)];
    const requests = [request(1, 'reset', true), request(1, 'status'), request(1)];
    const check = checkLedger([sent(1)], [outcome(1, attempts)], requests);
    expect(found(check)).toEqual(['a request after a taken one that the trace does not call a repeat']);
  });
});

describe('what ran out of time without a fault', () => {
  test('may never have been read', () => {
    const check = checkLedger([sent(1)], [outcome(1, [tooLate, again(answered)])], [request(1)]);
    expect(check).toMatchObject({ late: 1, repeated: 1, extraRequests: 0, problems: [] });
  });

  test('may have been refused unheard', () => {
    const requests = [request(1, 'status'), request(1)];
    const check = checkLedger([sent(1)], [outcome(1, [tooLate, again(answered)])], requests);
    expect(check).toMatchObject({ late: 1, problems: [] });
  });

  test('is told from what hung', () => {
    const requests = [request(1, 'hang', true), request(1)];
    const check = checkLedger([sent(1)], [outcome(1, [tooLate, again(answered)])], requests);
    expect(check).toMatchObject({ late: 0, extraRequests: 1, problems: [] });
  });

  test('and an attempt that did not run out of time needs its request', () => {
    const check = checkLedger([sent(1)], [outcome(1, [answered, answered])], [request(1)]);
    expect(found(check)).toEqual(['an attempt without a request']);
  });
});

describe('an end that no fault explains is a problem', () => {
  const gone = [request(1, 'gone')];
  test.each<[string, OutcomeNote, SentNote, readonly RequestNote[], readonly string[]]>([
    ['a dead target', outcome(1, [answered], 'failed', 'unregistered'), sent(1), gone, []],
    [
      'a target that nobody called dead',
      outcome(1, [answered], 'failed', 'unregistered'),
      sent(1),
      [request(1, 'status')],
      ['failed (unregistered), which no fault explains'],
    ],
    [
      'another failure',
      outcome(1, [answered], 'failed', 'unavailable'),
      sent(1),
      [request(1, 'status')],
      ['failed (unavailable), which no fault explains'],
    ],
    [
      'a failure of what was taken',
      outcome(1, [lostAnswer, again(answered)], 'failed', 'unregistered'),
      sent(1),
      [request(1, 'reset', true), ...gone],
      ['failed, but taken'],
    ],
    [
      'a lost answer and then a dead target',
      outcome(1, [lostAnswer, again(answered)], 'unknown', 'ambiguous'),
      sent(1),
      [request(1, 'reset', true), ...gone],
      [],
    ],
    [
      'a lost answer that was not repeated',
      outcome(1, [lostAnswer], 'unknown', 'ambiguous'),
      sent(1),
      [request(1, 'reset', true)],
      ['unknown (ambiguous), which no fault explains'],
    ],
    ['an outdated one', outcome(1, [], 'suppressed', 'superseded'), sent(1, true), [], []],
    [
      'one that nothing supersedes',
      outcome(1, [], 'suppressed', 'superseded'),
      sent(1),
      [],
      ['suppressed (superseded), which no fault explains'],
    ],
    ['one out of time', outcome(1, [], 'expired'), sent(1), [], ['expired (no reason), which no fault explains']],
  ])('%s', (_name, settled, delivery, requests, problems) => {
    expect(found(checkLedger([delivery], [settled], requests))).toEqual(problems);
  });
});

test('what a device reads must be what was sent', () => {
  const changed = { ...request(1), readable: { ...readable(1), body: 'number 2' } };
  expect(found(checkLedger([sent(1)], [outcome(1)], [changed]))).toEqual([
    'the device reads something else than what was sent',
  ]);
});

test('requests and outcomes of nobody are found', () => {
  const check = checkLedger([sent(1)], [outcome(1), outcome(7)], [request(1), request(8)]);
  expect(found(check)).toEqual(['a request that belongs to no delivery', 'an outcome of no delivery']);
});

test('two outcomes of one delivery are found', () => {
  expect(found(checkLedger([sent(1)], [outcome(1), outcome(1)], [request(1)]))).toEqual(['more than one outcome']);
});

test('a loss and a double are found wherever they are', () => {
  const count = fc.integer({ min: 1, max: 60 });
  fc.assert(
    fc.property(count, fc.nat(), fc.nat(), (deliveries, one, other) => {
      const serials = Array.from({ length: deliveries }, (_each, serial) => serial);
      const all = serials.map((serial) => sent(serial));
      const outcomes = serials.map((serial) => outcome(serial));
      const requests = serials.map((serial) => request(serial));
      expect(checkLedger(all, outcomes, requests).problems).toEqual([]);

      const lost = one % deliveries;
      expect(checkLedger(all, outcomes, requests.toSpliced(lost, 1))).toMatchObject({ lost: 1, doubled: 0 });
      expect(checkLedger(all, outcomes.toSpliced(lost, 1), requests)).toMatchObject({ lost: 1, doubled: 0 });
      const doubled = other % deliveries;
      const more = requests.toSpliced(one % (deliveries + 1), 0, request(doubled));
      expect(checkLedger(all, outcomes, more)).toMatchObject({ lost: 0, doubled: 1 });
    }),
  );
});
