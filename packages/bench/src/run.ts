// Runs subjects in processes of their own, alternating within a group, and makes figures of their lines.
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { subjectFile } from './build.ts';
import { median } from './measure.ts';
import { packageRoot } from './peers.ts';
import type { Row, Subject } from './rows.ts';

export interface Settings {
  readonly runs: number;
  readonly quick: boolean;
  /** Leaves a .cpuprofile of each process in `profiles/`. */
  readonly profile: boolean;
  progress(text: string): void;
}

/** What a subject printed: figure by name. */
type Line = Readonly<Record<string, number>>;

/** What became of a row; with `error` when it could not run. */
export interface Result {
  readonly row: Row;
  readonly subject: readonly number[];
  readonly versus: readonly number[];
  /** The figure that floor and goal are about: of medians, or ours alone where the row is absolute. */
  readonly ratio: number;
  /** Lowest and highest of the rounds. */
  readonly spread: readonly [number, number];
  readonly besideRatio?: number;
  readonly error?: string;
}

/** Rows with the same `versus` share its runs, so that each is measured side by side with what it is compared with. */
export async function runRows(rows: readonly Row[], settings: Settings): Promise<Result[]> {
  const groups = Map.groupBy(rows, (row) => keyOf(row.versus ?? row.subject));
  const results = new Map<Row, Result>();
  for (const group of groups.values()) {
    const lines = await runGroup(group, settings);
    for (const row of group) results.set(row, resultOf(row, lines));
  }
  return rows.map((row) => results.get(row) as Result);
}

const keyOf = (subject: Subject): string => JSON.stringify([subject.file, subject.arguments]);

type Lines = Map<string, Line[] | Error>;

async function runGroup(group: readonly Row[], settings: Settings): Promise<Lines> {
  const subjects = new Map(
    group.flatMap(({ subject, versus }) => [subject, versus ?? subject]).map((subject) => [keyOf(subject), subject]),
  );
  const lines: Lines = new Map([...subjects.keys()].map((key) => [key, []]));
  for (let round = 1; round <= settings.runs; round++) {
    // Every other round backwards: what runs after a heavy neighbour is not always the same one.
    const order = round % 2 === 1 ? [...subjects] : [...subjects].toReversed();
    for (const [key, subject] of order) {
      const sofar = lines.get(key);
      if (!Array.isArray(sofar) || (subject.once && sofar.length > 0)) continue;
      settings.progress(`round ${round} of ${settings.runs}: ${subject.title}`);
      try {
        sofar.push(await runSubject(subject, settings));
      } catch (error) {
        lines.set(key, error as Error);
      }
    }
  }
  return lines;
}

const execute = promisify(execFile);

async function runSubject(subject: Subject, settings: Settings): Promise<Line> {
  const given = { ...subject.arguments, ...(settings.quick && subject.quick) };
  const flags = Object.entries(given).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : value === false ? [] : [`--${name}`, String(value)],
  );
  const { NODE_OPTIONS: _, ...env } = process.env;
  try {
    const { stdout } = await execute(
      process.execPath,
      [
        ...(subject.node ?? []),
        ...(settings.profile ? profileFlags(subject) : []),
        subjectFile(subject.file),
        ...flags,
      ],
      { env, timeout: settings.quick ? 60_000 : 600_000, killSignal: 'SIGKILL' },
    );
    return JSON.parse(stdout) as Line;
  } catch (error) {
    throw new Error(`${subject.title} (${subject.file} ${flags.join(' ')}): ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  const { stderr, killed, message } = error as { stderr?: string; killed?: boolean; message: string };
  if (killed) return 'did not end in time';
  return stderr?.trim() || message;
}

function profileFlags({ title }: Subject): string[] {
  const directory = join(packageRoot, 'profiles');
  mkdirSync(directory, { recursive: true });
  const name = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  return ['--cpu-prof', `--cpu-prof-dir=${directory}`, `--cpu-prof-name=${name}-${Date.now()}.cpuprofile`];
}

function resultOf(row: Row, lines: Lines): Result {
  const ours = lines.get(keyOf(row.subject));
  const theirs = row.versus === undefined ? [] : lines.get(keyOf(row.versus));
  if (!Array.isArray(ours) || !Array.isArray(theirs)) {
    const error = [ours, theirs].find((each) => each instanceof Error);
    return {
      row,
      subject: [],
      versus: [],
      ratio: Number.NaN,
      spread: [Number.NaN, Number.NaN],
      error: String(error?.message),
    };
  }
  const subject = ours.map((line) => line[row.figure] ?? Number.NaN);
  const versus = theirs.map((line) => line[row.figure] ?? Number.NaN);
  const perRound = subject.map((value, round) => compare(row, value, versus[round] ?? Number.NaN));
  const beside = row.beside;
  return {
    row,
    subject,
    versus,
    ratio: compare(row, median(subject), versus.length === 0 ? Number.NaN : median(versus)),
    spread: [Math.min(...perRound), Math.max(...perRound)],
    ...(beside !== undefined && {
      besideRatio: compare(
        row,
        median(ours.map((line) => line[beside] ?? 0)),
        median(theirs.map((line) => line[beside] ?? 0)),
      ),
    }),
  };
}

function compare({ comparison }: Row, ours: number, theirs: number): number {
  switch (comparison) {
    case 'speedup':
      return theirs / ours;
    case 'growth':
      return ours / theirs;
    case 'absolute':
      return ours;
  }
}
