import { expect, test } from 'vitest';
import type { Check } from './ledger-check.ts';
import type { OutcomeNote } from './outcome-note.ts';
import { channelTable, checkWords, jsonLine, percentile, summarize, type ChannelResult } from './report.ts';

const clean: Check = {
  lost: 0,
  doubled: 0,
  repeated: 1,
  repeatedUnsent: 0,
  extraRequests: 1,
  takenAgain: 1,
  late: 0,
  requests: 4,
  problems: [],
};
const attempt = { repeated: false, unsent: false, ambiguous: false, timedOut: false };

function note(status: OutcomeNote['status'], settledAt: number, attempts = 1, reason?: string): OutcomeNote {
  return {
    serial: settledAt,
    status,
    reason,
    attempts: Array.from({ length: attempts }, () => attempt),
    queuedAt: 0,
    settledAt,
  };
}

const result: ChannelResult = {
  channel: 'ios',
  deliveries: 4,
  outcomes: [
    note('accepted', 1000, 3),
    note('accepted', 10),
    note('failed', 20, 1, 'unregistered'),
    note('suppressed', 30, 0, 'superseded'),
  ],
  check: clean,
  faults: { gone: 1 },
};

test('a percentile is one of the values', () => {
  const values = Array.from({ length: 100 }, (_each, index) => index + 1);
  expect([percentile(values, 0.5), percentile(values, 0.99), percentile([7], 0.99), percentile([], 0.5)]).toEqual([
    50, 99, 7, 0,
  ]);
});

test('a summary counts statuses, kinds of failure and attempts beyond the first', () => {
  expect(summarize(result)).toEqual({
    deliveries: 4,
    outcomes: { accepted: 2, failed: 1, unknown: 0, expired: 0, suppressed: 1, canceled: 0 },
    failed: { unregistered: 1 },
    lost: 0,
    doubled: 0,
    repeated: 1,
    retried: 2,
    p50: 20,
    p99: 1000,
    perSecond: 4,
  });
});

test('the columns of the table stand one below the other', () => {
  const lines = channelTable([result, { ...result, channel: 'android' }]).split('\n');
  expect(lines).toHaveLength(3);
  expect(new Set(lines.map(({ length }) => length)).size).toBe(1);
});

test('the JSON is one line with the sums of all channels', () => {
  const line = jsonLine([result, { ...result, channel: 'web' }], 1.23456);
  expect(line).not.toContain('\n');
  expect(JSON.parse(line)).toMatchObject({
    deliveries: 8,
    outcomes: { accepted: 4, failed: 2, suppressed: 2 },
    lost: 0,
    doubled: 0,
    repeated: 2,
    retried: 4,
    perChannel: { ios: { deliveries: 4 }, web: { deliveries: 4 } },
    seconds: 1.235,
  });
});

test('the words say that all agrees only when nothing is wrong', () => {
  expect(checkWords([result], [])).toContain('Outcomes and ledgers agree.');
  const problem = { what: 'doubled', count: 2, serial: 17 };
  const failed = checkWords([{ ...result, check: { ...clean, doubled: 2, problems: [problem] } }], ['a mishap']);
  expect(failed).not.toContain('agree.');
  expect(failed).toContain('THE CHECK FAILED:\n  ios: doubled: 2, such as serial 17\n  a mishap');
});
