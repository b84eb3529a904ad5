import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLedger, type OpenEntry } from './ledger.ts';

const fields: Omit<OpenEntry, 'sequence'> = {
  at: 0,
  connection: 1,
  token: 'a',
  headers: {},
  payload: {},
  taken: true,
};

test('a ledger keeps the newest entries up to its limit and counts the others', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 5000 }), (limit, count) => {
      const ledger = createLedger(limit);
      for (let index = 0; index < count; index += 1) ledger.add(fields);
      const kept = Math.min(limit, count);
      const sequences = Array.from({ length: kept }, (_, index) => count - kept + index + 1);
      expect(ledger.entries.map((entry) => entry.sequence)).toEqual(sequences);
      expect(ledger.dropped).toBe(count - kept);
    }),
    { numRuns: 50 },
  );
});

test('an entry that was read before its answer shows the status afterwards', () => {
  const ledger = createLedger(10);
  const entry = ledger.add(fields);
  const [seen] = ledger.entries;
  entry.status = 200;
  expect(seen).toMatchObject({ status: 200 });
});

test('entries stay the same array until something is added', () => {
  const ledger = createLedger(10);
  ledger.add(fields);
  const before = ledger.entries;
  expect(ledger.entries).toBe(before);
  ledger.add(fields);
  expect(before).toHaveLength(1);
  expect(ledger.entries).toHaveLength(2);
});

test('after clear the sequence goes on', () => {
  const ledger = createLedger(1);
  ledger.add(fields);
  ledger.add(fields);
  ledger.clear();
  expect(ledger.entries).toEqual([]);
  expect(ledger.dropped).toBe(0);
  ledger.add(fields);
  expect(ledger.entries[0]?.sequence).toBe(3);
});
