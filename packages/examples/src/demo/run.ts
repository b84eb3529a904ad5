import { startSandbox, type Sandbox } from '@tidings/sandbox';
import type { Settings } from './arguments.ts';
import { readOnDevice, serviceOf } from './channels.ts';
import { createDemoEngine, demoPolicy, held, makeVapid } from './engine.ts';
import { beginFaults } from './faults.ts';
import { checkLedger } from './ledger-check.ts';
import { grouped, showProgress, type Counts } from './progress.ts';
import { channelTable, checkWords, faultLines, jsonLine, type ChannelResult } from './report.ts';
import { registerDevices, sendEverything, type Records } from './sending.ts';

/**
 * One run of the demo, told on `output`; its last line is JSON.
 * @param mishaps what went wrong outside of it meanwhile (unhandled rejections): any makes the check fail
 * @returns whether outcomes and ledgers agree
 */
export async function run(
  settings: Settings,
  output: NodeJS.WriteStream,
  mishaps: readonly string[],
): Promise<boolean> {
  const say = (...lines: readonly string[]): void => void output.write(`${lines.join('\n')}\n`);
  // Room for every request, retries included: the check needs them all.
  const sandbox = await startSandbox({ ledgerLimit: 1000 + settings.count * 10 });
  let sent: { readonly records: readonly Records[]; readonly seconds: number };
  try {
    sent = await send(settings, sandbox, output, say);
  } finally {
    await sandbox.close();
  }
  const results = sent.records.map((records) => resultOf(sandbox, records));
  const others = [...mishaps, ...droppedEntries(sandbox, settings)];
  say(channelTable(results), 'p50 and p99: from queued to settled, waits and retries included', '');
  say(faultLines(results), '');
  say(checkWords(results, others));
  say(jsonLine(results, sent.seconds));
  return others.length === 0 && results.every(({ check }) => check.problems.length === 0);
}

async function send(
  settings: Settings,
  sandbox: Sandbox,
  output: NodeJS.WriteStream,
  say: (...lines: readonly string[]) => void,
): Promise<{ readonly records: readonly Records[]; readonly seconds: number }> {
  const policy = demoPolicy(settings);
  const vapid = makeVapid();
  const devices = registerDevices(sandbox, settings, vapid.publicKey);
  say(...introduction(settings, sandbox, policy), '');
  const counts: Counts = { settled: 0, accepted: 0, failed: 0, retries: 0 };
  const startedAt = performance.now();
  const elapsed = (): number => (performance.now() - startedAt) / 1000;
  const engine = createDemoEngine(sandbox, vapid, policy);
  const progress = showProgress(output, counts, settings.count, elapsed);
  try {
    if (settings.faults > 0) beginFaults(sandbox, settings);
    const records = await sendEverything({ engine, sandbox, settings, devices, counts });
    return { records, seconds: elapsed() };
  } finally {
    progress.stop();
    await engine.close();
  }
}

function introduction(
  { count, channels, faults, seed }: Settings,
  sandbox: Sandbox,
  { timeout, retry, breaker }: ReturnType<typeof demoPolicy>,
): string[] {
  const { first, max, attempts, budget } = retry;
  const share = faults.toLocaleString('en-US', { style: 'percent', maximumFractionDigits: 2 });
  return [
    `${grouped(count)} messages on ${channels.join(', ')}; ${share} of the requests meet a fault; seed ${seed}`,
    `an attempt may take ${timeout}; retries after ${first} to ${max}, at most ${attempts} attempts, budget ${budget}; an open breaker probes after ${breaker.open}; ${held} deliveries of a channel at once`,
    `services in this process: ${channels.map((name) => `${name} ${serviceOf(sandbox, name).endpoint}`).join(', ')}`,
  ];
}

function resultOf(sandbox: Sandbox, { channel, sent, outcomes }: Records): ChannelResult {
  const { ledger, faults } = serviceOf(sandbox, channel);
  const requests = ledger.entries.map(({ payload, taken, fault }) => {
    return { readable: readOnDevice(channel, payload), taken, fault };
  });
  const check = checkLedger(sent, outcomes, requests);
  return { channel, deliveries: sent.length, outcomes, check, faults: faults.applied };
}

function droppedEntries(sandbox: Sandbox, { channels }: Settings): string[] {
  return channels
    .filter((name) => serviceOf(sandbox, name).ledger.dropped > 0)
    .map((name) => `${name}: the ledger was too small, so nothing can be said`);
}
