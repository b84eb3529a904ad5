import { startSandbox, type Sandbox } from '@tidings/sandbox';
import type { Settings } from './arguments.ts';
import { expectOnDevice, readOnDevice, register, serviceOf, type ChannelName, type Device } from './channels.ts';
import { createDemoEngine, demoPolicy, held, makeVapid, type DemoEngine } from './engine.ts';
import { beginFaults, throttleOnce } from './faults.ts';
import { checkLedger, type SentNote } from './ledger-check.ts';
import { makeRows, type Row } from './messages.ts';
import { noteOf, type OutcomeNote } from './outcome-note.ts';
import { grouped, showProgress, type Counts } from './progress.ts';
import { channelTable, checkWords, faultLines, jsonLine, type ChannelResult } from './report.ts';

/** After these shares of the outcomes, each service throttles one request. */
const throttleAt = [0.25, 0.6];

/** What a run leaves behind for the check. */
interface Records {
  readonly sent: Map<ChannelName, SentNote[]>;
  readonly outcomes: Map<ChannelName, OutcomeNote[]>;
}

/**
 * One run of the demo, told on `output`.
 * @param mishaps what went wrong outside of it meanwhile: unhandled rejections; any makes the check fail
 * @returns whether outcomes and ledgers agree
 */
export async function run(
  settings: Settings,
  output: NodeJS.WriteStream,
  mishaps: readonly string[],
): Promise<boolean> {
  const { count, channels, faults, seed } = settings;
  const say = (text: string): void => void output.write(`${text}\n`);
  const policy = demoPolicy(settings);
  say(
    `${grouped(count)} messages on ${channels.join(', ')}; ${faults * 100} % of the requests meet a fault; seed ${seed}`,
  );
  say(`policy ${JSON.stringify(policy)}; at most ${grouped(held)} held per channel`);

  const sandbox = await startSandbox({ ledgerLimit: 1000 + count * 10 });
  const vapid = makeVapid();
  const devices = registerDevices(sandbox, settings, vapid.publicKey);
  say(
    channels
      .map((name) => `${name} ${serviceOf(sandbox, name).endpoint}, ${devices.get(name)!.length} devices`)
      .join('; '),
  );
  say('');

  const records: Records = {
    sent: new Map(channels.map((name) => [name, []])),
    outcomes: new Map(channels.map((name) => [name, []])),
  };
  const engine = createDemoEngine(sandbox, vapid, policy);
  const startedAt = performance.now();
  const elapsed = (): number => (performance.now() - startedAt) / 1000;
  let seconds: number;
  try {
    beginFaults(sandbox, settings);
    await sendAll({ engine, sandbox, settings, devices, records, output, elapsed });
    seconds = elapsed();
  } finally {
    await engine.close();
    await sandbox.close();
  }

  const results = channels.map((name) => resultOf(sandbox, name, records));
  const wrong = [...mishaps, ...droppedEntries(sandbox, channels)];
  say(channelTable(results));
  say('p50 and p99: from queued to settled, waits and retries included');
  say('');
  say(faultLines(results));
  say('');
  say(checkWords(results, wrong));
  say(jsonLine(results, seconds));
  return wrong.length === 0 && results.every(({ check }) => check.problems.length === 0);
}

function registerDevices(
  sandbox: Sandbox,
  { count, channels }: Settings,
  vapidKey: string,
): Map<ChannelName, Device[]> {
  // So that a device gets about five.
  const perChannel = Math.ceil(count / channels.length / 5);
  return new Map(
    channels.map((name) => [name, Array.from({ length: perChannel }, () => register(sandbox, name, vapidKey))]),
  );
}

interface Parts {
  readonly engine: DemoEngine;
  readonly sandbox: Sandbox;
  readonly settings: Settings;
  readonly devices: ReadonlyMap<ChannelName, readonly Device[]>;
  readonly records: Records;
  readonly output: NodeJS.WriteStream;
  readonly elapsed: () => number;
}

/** A stream for each channel, so that a slow one does not hold up the others. */
async function sendAll(parts: Parts): Promise<void> {
  const { engine, sandbox, settings, output, elapsed } = parts;
  const { count, channels, faults } = settings;
  const counts: Counts = { settled: 0, accepted: 0, failed: 0, retries: 0 };
  engine.on('retry.scheduled', () => counts.retries++);
  const throttles = faults === 0 ? [] : throttleAt.map((share) => Math.ceil(share * count));
  engine.on('delivery.settled', ({ outcome: { status } }) => {
    counts.settled++;
    if (status === 'accepted') counts.accepted++;
    if (status === 'failed') counts.failed++;
    if (throttles.includes(counts.settled)) throttleOnce(sandbox, channels);
  });

  const progress = showProgress(output, counts, count, elapsed);
  try {
    await Promise.all(channels.map((name, index) => sendOn(name, index, parts)));
  } finally {
    progress.stop();
  }
}

async function sendOn(
  channel: ChannelName,
  index: number,
  { engine, settings, devices, records }: Parts,
): Promise<void> {
  const { seed } = settings;
  const [from, until] = [index, index + 1].map((place) =>
    Math.floor((settings.count * place) / settings.channels.length),
  );
  const sent = records.sent.get(channel)!;
  const outcomes = records.outcomes.get(channel)!;
  const known = devices.get(channel)!;
  const rows = makeRows({ channel, first: from!, count: until! - from!, seed: seed + index, devices: known.length });
  const toMessage = ({ serial, device, content, outdated }: Row) => {
    sent.push({ serial, expected: expectOnDevice(channel, content), outdated });
    return { ...content, to: known[device]!, ref: serial };
  };
  for await (const outcome of engine.sendAll(rows, toMessage)) outcomes.push(noteOf(outcome));
}

function resultOf(sandbox: Sandbox, channel: ChannelName, records: Records): ChannelResult {
  const { ledger, faults } = serviceOf(sandbox, channel);
  const sent = records.sent.get(channel)!;
  const outcomes = records.outcomes.get(channel)!;
  const requests = ledger.entries.map(({ payload, taken, fault }) => {
    return { readable: readOnDevice(channel, payload), taken, fault };
  });
  const check = checkLedger(sent, outcomes, requests);
  return { channel, deliveries: sent.length, outcomes, check, faults: faults.applied };
}

function droppedEntries(sandbox: Sandbox, channels: readonly ChannelName[]): string[] {
  return channels
    .filter((name) => serviceOf(sandbox, name).ledger.dropped > 0)
    .map((name) => `${name}: the ledger was too small, nothing can be said`);
}
