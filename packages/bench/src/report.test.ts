import { expect, it } from 'vitest';
import { median, quantile } from './measure.ts';
import { hasFailed, table, toJson } from './report.ts';
import type { Row } from './rows.ts';
import { rows } from './rows.ts';
import type { Result } from './run.ts';

const rowOf = (name: string): Row => rows.find((row) => row.name === name) as Row;
const resultOf = (name: string, ratio: number): Result => ({
  row: rowOf(name),
  subject: [1],
  versus: [ratio],
  ratio,
  spread: [ratio, ratio],
});

it.each([
  ['batch-1', 8, 'goal'],
  ['batch-1', 5, 'pass'],
  ['batch-1', 4.9, 'MISS'],
  ['waiting-cost', 1.5, 'goal'],
  ['waiting-cost', 2.5, 'pass'],
  ['waiting-cost', 2.6, 'MISS'],
  ['bytes-send', 401, 'MISS'],
])('%s at %d is a %s', (name, ratio, verdict) => {
  const line = table([resultOf(name, ratio)]).split('\n')[1];
  expect(line).toMatch(new RegExp(`${verdict}$`));
});

it('names a missed floor, and does not call it a failure', () => {
  const results = [resultOf('batch-1', 2)];
  expect(table(results)).toContain('Floor missed: batch-1 is 2x, floor >=5x');
  expect(hasFailed(results)).toBe(false);
});

it('calls a row that could not run a failure, with no figure', () => {
  const failed: Result = { ...resultOf('batch-1', Number.NaN), subject: [], versus: [], error: 'no such file' };
  expect(hasFailed([failed])).toBe(true);
  expect(table([failed])).toContain('Could not run: batch-1: no such file');
  expect(toJson([failed])[0]).toMatchObject({ row: 'batch-1', ratio: null, runs: 0, error: 'no such file' });
});

it('calls a figure that a subject did not print a failure', () => {
  expect(hasFailed([resultOf('rss', Number.NaN)])).toBe(true);
});

it('tells programs whether lower is better', () => {
  const [speed, growth, bytes] = toJson([resultOf('batch-1', 6), resultOf('rss', 1.2), resultOf('bytes-send', 300)]);
  expect([speed?.lowerIsBetter, growth?.lowerIsBetter, bytes?.lowerIsBetter]).toEqual([false, true, true]);
  expect(speed).toMatchObject({ ratio: 6, floor: 5, goal: 8, runs: 1 });
});

it('takes medians and quantiles between the nearest values', () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(quantile([1, 2, 3, 4, 5], 0.99)).toBeCloseTo(4.96);
});
