// What a run leaves: a table for people, an array for programs.
import { cpus } from 'node:os';
import { median } from './measure.ts';
import type { Row } from './rows.ts';
import type { Result } from './run.ts';

const lowerIsBetter = ({ comparison }: Row): boolean => comparison !== 'speedup';

const reaches = (row: Row, ratio: number, bound: number): boolean =>
  lowerIsBetter(row) ? ratio <= bound : ratio >= bound;

type Verdict = 'goal' | 'pass' | 'MISS' | 'FAILED';

function verdictOf({ row, ratio, error }: Result): Verdict {
  if (error !== undefined || Number.isNaN(ratio)) return 'FAILED';
  if (reaches(row, ratio, row.goal)) return 'goal';
  return reaches(row, ratio, row.floor) ? 'pass' : 'MISS';
}

export function header(quick: boolean): string {
  const processors = cpus();
  const machine = `Node ${process.version}, ${processors.length} x ${processors[0]?.model ?? 'unknown processor'}`;
  return quick ? `${machine}\n--quick: shows that every row runs; its figures are no results` : machine;
}

/** Terminal table, and below it in words what missed its floor and what could not run. */
export function table(results: readonly Result[]): string {
  const head = ['row', '', 'ours', 'versus', 'ratio', 'floor', 'goal', 'spread', 'wall', ''];
  const lines = [head, ...results.map(cells)];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  const text = lines.map((line) =>
    line
      .map((cell, column) => pad(cell, widths[column] ?? 0, column))
      .join('  ')
      .trimEnd(),
  );
  return [...text, '', ...remarks(results)].join('\n');
}

const pad = (cell: string, width: number, column: number): string =>
  column < 2 || column === 9 ? cell.padEnd(width) : cell.padStart(width);

function cells(result: Result): string[] {
  const { row, subject, versus, ratio, spread, besideRatio } = result;
  const verdict = verdictOf(result);
  if (verdict === 'FAILED')
    return [row.name, row.title, '', '', '', bound(row, row.floor), bound(row, row.goal), '', '', verdict];
  const amount = (values: readonly number[]): string =>
    values.length === 0 ? '' : `${digits(median(values))} ${row.unit}`.trim();
  return [
    row.name,
    row.title,
    amount(subject),
    amount(versus),
    figure(row, ratio),
    bound(row, row.floor),
    bound(row, row.goal),
    spread.map(digits).join('..'),
    besideRatio === undefined ? '' : `${digits(besideRatio)}x`,
    verdict,
  ];
}

const figure = (row: Row, value: number): string =>
  row.comparison === 'absolute' ? `${digits(value)} ${row.unit}`.trim() : `${digits(value)}x`;
const bound = (row: Row, value: number): string => `${lowerIsBetter(row) ? '<=' : '>='}${figure(row, value)}`;
const digits = (value: number): string => String(value >= 100 ? Math.round(value) : Number(value.toPrecision(3)));

function remarks(results: readonly Result[]): string[] {
  const missed = results.filter((result) => verdictOf(result) === 'MISS');
  const failed = results.filter((result) => verdictOf(result) === 'FAILED');
  return [
    ...missed.map(
      ({ row, ratio }) => `Floor missed: ${row.name} is ${figure(row, ratio)}, floor ${bound(row, row.floor)}`,
    ),
    ...failed.map(({ row, error }) => `Could not run: ${row.name}: ${error ?? 'a figure is missing'}`),
    ...(missed.length + failed.length === 0 ? ['All floors hold.'] : []),
  ];
}

export const hasFailed = (results: readonly Result[]): boolean =>
  results.some((result) => verdictOf(result) === 'FAILED');

/** `ratio` is held against `floor` and `goal`; null where the row could not run. `runs` is the number of processes of each side. */
export interface JsonRow {
  readonly row: string;
  readonly subject: string;
  readonly versus: string | null;
  readonly ratio: number | null;
  readonly floor: number;
  readonly goal: number;
  readonly lowerIsBetter: boolean;
  readonly runs: number;
  readonly unit: string;
  readonly values: { readonly subject: readonly number[]; readonly versus: readonly number[] };
  readonly spread: readonly [number, number] | null;
  readonly wallRatio?: number;
  readonly error?: string;
}

export function toJson(results: readonly Result[]): JsonRow[] {
  return results.map((result) => {
    const { row, subject, versus, ratio, spread, besideRatio, error } = result;
    const failed = verdictOf(result) === 'FAILED';
    return {
      row: row.name,
      subject: `tidings: ${row.title}`,
      versus: row.versus?.title ?? null,
      ratio: failed ? null : ratio,
      floor: row.floor,
      goal: row.goal,
      lowerIsBetter: lowerIsBetter(row),
      runs: subject.length,
      unit: row.unit,
      values: { subject, versus },
      spread: failed ? null : spread,
      ...(besideRatio !== undefined && { wallRatio: besideRatio }),
      ...(error !== undefined && { error }),
    };
  });
}
