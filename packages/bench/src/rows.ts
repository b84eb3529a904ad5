// The rows as data. Floor must hold, goal is what we are after.

export type Arguments = Readonly<Record<string, number | string | boolean>>;

/** One process: `subjects/<file>` with these arguments. */
export interface Subject {
  readonly title: string;
  readonly file: string;
  readonly arguments: Arguments;
  /** Laid over `arguments` under `--quick`. */
  readonly quick?: Arguments;
  readonly node?: readonly string[];
  /** Needs what is installed in `peers/`. */
  readonly peers?: true;
  /** Gives the same figure each time: one run will do. */
  readonly once?: true;
}

/** `speedup`: versus / ours, higher is better. `growth`: ours / versus. `absolute`: ours alone; versus, if there, is for comparison. */
export type Comparison = 'speedup' | 'growth' | 'absolute';

export interface Row {
  readonly name: string;
  readonly title: string;
  readonly subject: Subject;
  readonly versus?: Subject;
  /** Field of the line that the subjects print. */
  readonly figure: string;
  /** A second figure for the table, with no floor. */
  readonly beside?: string;
  readonly unit: string;
  readonly comparison: Comparison;
  readonly floor: number;
  readonly goal: number;
  /** Runs only when it is named. */
  readonly extra?: true;
}

const cost = { messages: 200_000, warmup: 200_000, repeats: 3 };
const quickCost = { messages: 10_000, warmup: 10_000, repeats: 1 };

function costSubject(title: string, file: string, own: Arguments = {}, more: Partial<Subject> = {}): Subject {
  return { title, file, arguments: { ...cost, ...own }, quick: quickCost, ...more };
}
const peers = { peers: true } as const;

const sendAll = costSubject('sendAll, batch 1', 'tidings-send-all');
const sendAll500 = costSubject('sendAll, batch 500', 'tidings-send-all', { batch: 500 });
const sendAllKeys = costSubject('sendAll, keys', 'tidings-send-all', { keys: true });
const sendAllListener = costSubject('sendAll, listener', 'tidings-send-all', { listener: true });
const send64 = costSubject('send, 64 callers', 'tidings-send', { callers: 64 });
const send1000 = costSubject('send, 1,000 callers', 'tidings-send', { callers: 1000 });
const naive64 = costSubject('p-queue + p-retry + opossum', 'naive', { callers: 64 }, peers);
const naive1000 = costSubject('p-queue + p-retry + opossum, 1,000 callers', 'naive', { callers: 1000 }, peers);
const cockatiel = costSubject('cockatiel', 'cockatiel', { callers: 64 }, peers);
/** One long run: collections of the heap come seldom and cost much, and at this depth the source is read in few big gulps. */
const waitingCost = (waiting: number, quick: number): Subject => ({
  title: `${waiting.toLocaleString('en')} waiting`,
  file: 'tidings-waiting-cost',
  arguments: { messages: 2_000_000, warmup: 200_000, repeats: 1, waiting },
  quick: { ...quickCost, messages: 100_000, waiting: quick },
});

const waiting: Pick<Subject, 'arguments' | 'quick' | 'node'> = {
  arguments: { waiting: 100_000 },
  quick: { waiting: 20_000 },
  node: ['--expose-gc'],
};
const bytes = (via: string): Subject => ({
  ...waiting,
  title: via,
  file: 'tidings-bytes',
  arguments: { ...waiting.arguments, via },
});
const queueBytes: Subject = { ...waiting, title: 'p-queue', file: 'p-queue-bytes', ...peers };

const rss = (messages: number, quick: number): Subject => ({
  title: `${messages.toLocaleString('en')} messages`,
  file: 'tidings-rss',
  arguments: { messages },
  quick: { messages: quick },
});
const latency = (title: string, bulk: number): Subject => ({
  title,
  file: 'tidings-latency',
  arguments: { bulk, probes: 1000, warmup: 200 },
  quick: { probes: 100, warmup: 20 },
});
const idle = latency('idle', 0);
const busy = latency('100,000 bulk waiting', 100_000);
const importOf = (of: string, more: Partial<Subject> = {}): Subject => ({
  title: `import of ${of}`,
  file: 'import',
  arguments: { of },
  ...more,
});
const size: Subject = { title: '@tidings/core', file: 'package-size', arguments: {}, once: true };

const speedup = { figure: 'cpu', beside: 'wall', unit: 'us', comparison: 'speedup' } as const;
const absolute = { comparison: 'absolute' } as const;

export const rows: readonly Row[] = [
  { name: 'batch-1', title: 'sendAll, batch 1', subject: sendAll, versus: naive64, ...speedup, floor: 5, goal: 8 },
  {
    name: 'batch-500',
    title: 'sendAll, batch 500',
    subject: sendAll500,
    versus: naive64,
    ...speedup,
    floor: 12,
    goal: 20,
  },
  { name: 'send-64', title: 'send, 64 callers', subject: send64, versus: naive64, ...speedup, floor: 5, goal: 9 },
  {
    name: 'send-1000',
    title: 'send, 1,000 callers',
    subject: send1000,
    versus: naive1000,
    ...speedup,
    floor: 4,
    goal: 6,
  },
  {
    name: 'keys',
    title: 'sendAll, all with keys',
    subject: sendAllKeys,
    versus: naive64,
    ...speedup,
    floor: 1.5,
    goal: 3,
  },
  {
    name: 'listener',
    title: 'sendAll, a listener',
    subject: sendAllListener,
    versus: naive64,
    ...speedup,
    floor: 5,
    goal: 8,
    extra: true,
  },
  {
    name: 'cockatiel-1',
    title: 'sendAll, batch 1',
    subject: sendAll,
    versus: cockatiel,
    ...speedup,
    floor: 10,
    goal: 20,
  },
  {
    name: 'cockatiel-500',
    title: 'sendAll, batch 500',
    subject: sendAll500,
    versus: cockatiel,
    ...speedup,
    floor: 25,
    goal: 40,
  },
  {
    name: 'waiting-cost',
    title: 'cost, 1 M waiting',
    subject: waitingCost(1_000_000, 50_000),
    versus: waitingCost(10_000, 5000),
    figure: 'cpu',
    beside: 'wall',
    unit: 'us',
    comparison: 'growth',
    floor: 2.5,
    goal: 1.5,
  },
  {
    name: 'bytes-send-all',
    title: 'bytes waiting, sendAll',
    subject: bytes('send-all'),
    versus: queueBytes,
    figure: 'bytes',
    unit: 'B',
    ...absolute,
    floor: 200,
    goal: 140,
  },
  {
    name: 'bytes-send',
    title: 'bytes waiting, send',
    subject: bytes('send'),
    versus: queueBytes,
    figure: 'bytes',
    unit: 'B',
    ...absolute,
    floor: 400,
    goal: 330,
  },
  {
    name: 'rss',
    title: 'peak RSS, 1 M messages',
    subject: rss(1_000_000, 50_000),
    versus: rss(10_000, 10_000),
    figure: 'rss',
    unit: 'MB',
    comparison: 'growth',
    floor: 2.5,
    goal: 1.6,
  },
  {
    name: 'high-p50',
    title: 'high, p50, under bulk',
    subject: busy,
    versus: idle,
    figure: 'p50',
    unit: 'ms',
    comparison: 'growth',
    floor: 1.1,
    goal: 1.05,
  },
  {
    name: 'high-p99',
    title: 'high, p99, under bulk',
    subject: busy,
    versus: idle,
    figure: 'p99',
    unit: 'ms',
    comparison: 'growth',
    floor: 1.5,
    goal: 1.2,
  },
  {
    name: 'import-time',
    title: 'import of core',
    subject: importOf('core'),
    versus: importOf('peers', peers),
    figure: 'ms',
    unit: 'ms',
    ...absolute,
    floor: 30,
    goal: 30,
  },
  {
    name: 'import-size',
    title: 'core, own code, gzip',
    subject: size,
    figure: 'gzip',
    unit: 'KB',
    ...absolute,
    floor: 20,
    goal: 20,
  },
  {
    name: 'import-dependencies',
    title: 'core, dependencies',
    subject: size,
    figure: 'dependencies',
    unit: '',
    ...absolute,
    floor: 3,
    goal: 3,
  },
];
