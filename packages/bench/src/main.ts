// pnpm bench [row...] [--quick] [--json FILE] [--runs N] [--profile]
// Ends with 1 only when a row could not run: a missed floor is told, not punished, since machines differ.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildSubjects } from './build.ts';
import { installPeers } from './peers.ts';
import { hasFailed, header, table, toJson } from './report.ts';
import type { Row } from './rows.ts';
import { rows } from './rows.ts';
import { runRows } from './run.ts';

const usage = `pnpm bench [row...] [--quick] [--json FILE] [--runs N] [--profile]
  row        name or its beginning; without one, all but the extra rows
  --quick    small and short (under a minute): shows that every row runs, its figures are no results
  --json     writes the results to FILE as well
  --runs     processes of each side per row; default 7, with --quick 2
  --profile  leaves a .cpuprofile of each process in packages/bench/profiles
rows: ${rows.map(({ name, extra }) => (extra ? `(${name})` : name)).join(', ')}`;

/** @throws with a text for the user when an option or a row is not known */
function readCommand(given: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: given.filter((argument) => argument !== '--'), // some package managers hand it on
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      runs: { type: 'string' },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const runs = Number(values.runs ?? (values.quick ? 2 : 7));
  if (!Number.isInteger(runs) || runs < 1) throw new Error('--runs: expected a whole number from 1');
  return { ...values, runs, selected: selectRows(positionals) };
}

function selectRows(names: readonly string[]): readonly Row[] {
  if (names.length === 0) return rows.filter(({ extra }) => !extra);
  const selected = new Set<Row>();
  for (const name of names) {
    const exact = rows.filter((row) => row.name === name);
    const found = exact.length > 0 ? exact : rows.filter((row) => row.name.startsWith(name));
    if (found.length === 0) throw new Error(`no row is called ${name}`);
    for (const row of found) selected.add(row);
  }
  return rows.filter((row) => selected.has(row));
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

async function main(): Promise<number> {
  let command: ReturnType<typeof readCommand>;
  try {
    command = readCommand(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  if (command.help) {
    console.log(usage);
    return 0;
  }
  const { selected, runs, quick, profile, json } = command;
  console.log(header(quick));
  buildSubjects();
  if (selected.some(({ subject, versus }) => subject.peers ?? versus?.peers)) installPeers();
  const results = await runRows(selected, { runs, quick, profile, progress });
  progress('');
  console.log(table(results));
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(toJson(results), null, 2)}\n`);
  return hasFailed(results) ? 1 : 0;
}

process.exitCode = await main();
