// What a subject's process does around its work: read its arguments, measure, print one line of JSON.
import { writeSync } from 'node:fs';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

type Flag = number | boolean | string;

/** Reads `--messages 200000 --keys` over the given defaults; an unknown name throws. */
export function readArguments<Defaults extends Record<string, Flag>>(defaults: Defaults): Widened<Defaults> {
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [
      name,
      { type: typeof value === 'boolean' ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  const { values } = parseArgs({ options });
  const read = Object.entries(defaults).map(([name, value]) => {
    const given = values[name];
    return [name, given === undefined ? value : typeof value === 'number' ? Number(given) : given];
  });
  return Object.fromEntries(read);
}
type Widened<Defaults> = {
  [Name in keyof Defaults]: Defaults[Name] extends number ? number : Defaults[Name] extends boolean ? boolean : string;
};

/** How much a cost subject does: a warm-up, then `repeats` measured runs of `messages` each. */
export const costDefaults = { messages: 200_000, warmup: 200_000, repeats: 3 };

/**
 * CPU and wall time per message: the median of the measured runs of this process.
 * @param run does so many messages and returns how many were accepted; `index` numbers the runs
 */
export async function measureCost(
  load: typeof costDefaults,
  run: (messages: number, index: number) => Promise<number>,
): Promise<{ cpu: number; wall: number }> {
  const costs: Cost[] = [];
  await checkedRun(run, load.warmup, 0);
  for (let index = 1; index <= load.repeats; index++) {
    const stop = startCost();
    await checkedRun(run, load.messages, index);
    costs.push(stop(load.messages));
  }
  return medianCost(costs);
}

async function checkedRun(
  run: (messages: number, index: number) => Promise<number>,
  messages: number,
  index: number,
): Promise<void> {
  const accepted = await run(messages, index);
  if (accepted !== messages) throw new Error(`${accepted} of ${messages} messages were accepted`);
}

/** Microseconds per message. CPU is that of the whole process: garbage collector threads count. */
export interface Cost {
  readonly cpu: number;
  readonly wall: number;
}

export function startCost(): (messages: number) => Cost {
  const usage = process.cpuUsage();
  const start = performance.now();
  return (messages) => {
    const wall = (performance.now() - start) * 1000;
    const { user, system } = process.cpuUsage(usage);
    return { cpu: (user + system) / messages, wall: wall / messages };
  };
}

export function medianCost(costs: readonly Cost[]): Cost {
  return { cpu: median(costs.map(({ cpu }) => cpu)), wall: median(costs.map(({ wall }) => wall)) };
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Linear between the two nearest values. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error('no values to take a quantile of');
  const sorted = values.toSorted((left, right) => left - right);
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] as number;
  const above = sorted[Math.ceil(position)] as number;
  return below + (above - below) * (position - Math.floor(position));
}

/**
 * Bytes in use after full collections; needs `--expose-gc`. Memory outside the heap counts, so that a typed array hides nothing.
 * What has just been used can be held for a while yet, by background compilation or a timer (measured: one time in six, all of
 * 10,000 settled messages): so it collects until half a second has brought nothing more.
 */
export async function settledHeap(): Promise<number> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('run with --expose-gc');
  let lowest = Number.POSITIVE_INFINITY;
  for (let unchanged = 0; unchanged < 10; unchanged++) {
    await sleep(50);
    await gc();
    const { heapUsed, external } = process.memoryUsage();
    if (heapUsed + external < lowest * 0.999) unchanged = 0;
    lowest = Math.min(lowest, heapUsed + external);
  }
  return lowest;
}

/** Waits, turn by turn, until `count()` reaches `wanted`; gives up when it stands still for a second. @returns what it reached */
export async function reaches(count: () => number, wanted: number): Promise<number> {
  let last = count();
  let since = performance.now();
  while (count() < wanted) {
    await nextTurn();
    const now = performance.now();
    if (count() === last && now - since > 1000) break;
    if (count() !== last) [last, since] = [count(), now];
  }
  return count();
}

/** The subject's last act: what still waits is of no interest any more. */
export function finish(line: Record<string, number>): never {
  writeSync(1, `${JSON.stringify(line)}\n`);
  process.exit(0);
}
