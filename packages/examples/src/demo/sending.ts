import type { Sandbox } from '@tidings/sandbox';
import type { Settings } from './arguments.ts';
import { expectOnDevice, register, type ChannelName, type Device } from './channels.ts';
import type { DemoEngine } from './engine.ts';
import { throttleOnce } from './faults.ts';
import type { SentNote } from './ledger-check.ts';
import { makeRows, type Row } from './messages.ts';
import { noteOf, type OutcomeNote } from './outcome-note.ts';
import type { Counts } from './progress.ts';

/** After these shares of the outcomes, each service throttles one request. */
const throttleAt = [0.25, 0.6];
/** So many messages a device gets on average. */
const perDevice = 5;

/** What one channel leaves behind for the check. */
export interface Records {
  readonly channel: ChannelName;
  readonly sent: SentNote[];
  readonly outcomes: OutcomeNote[];
}

/** Devices of each channel, which the sandbox's services know. @param vapidKey public key that browsers subscribe with */
export function registerDevices(
  sandbox: Sandbox,
  { count, channels }: Settings,
  vapidKey: string,
): ReadonlyMap<ChannelName, readonly Device[]> {
  const devices = Math.ceil(count / channels.length / perDevice);
  return new Map(
    channels.map((name) => [name, Array.from({ length: devices }, () => register(sandbox, name, vapidKey))]),
  );
}

export interface Sending {
  readonly engine: DemoEngine;
  readonly sandbox: Sandbox;
  readonly settings: Settings;
  readonly devices: ReadonlyMap<ChannelName, readonly Device[]>;
  /** Kept up to date while it goes on. */
  readonly counts: Counts;
}

/** Sends everything, with a stream for each channel, so that a slow one does not hold up the others. */
export function sendEverything(sending: Sending): Promise<readonly Records[]> {
  const { engine, sandbox, settings, counts } = sending;
  const { count, channels, faults } = settings;
  const throttles = faults === 0 ? [] : throttleAt.map((share) => Math.ceil(share * count));
  engine.on('retry.scheduled', () => counts.retries++);
  engine.on('delivery.settled', ({ outcome: { status } }) => {
    counts.settled++;
    if (status === 'accepted') counts.accepted++;
    if (status === 'failed') counts.failed++;
    if (throttles.includes(counts.settled)) throttleOnce(sandbox, channels);
  });
  return Promise.all(channels.map((name, index) => sendOn(name, index, sending)));
}

async function sendOn(channel: ChannelName, index: number, { engine, settings, devices }: Sending): Promise<Records> {
  const { count, channels, seed } = settings;
  const first = Math.floor((count * index) / channels.length);
  const until = Math.floor((count * (index + 1)) / channels.length);
  const known = devices.get(channel)!;
  const records: Records = { channel, sent: [], outcomes: [] };
  const toMessage = ({ serial, device, content, outdated }: Row) => {
    records.sent.push({ serial, expected: expectOnDevice(channel, content), outdated });
    return { ...content, to: known[device]!, ref: serial };
  };
  const rows = makeRows({ channel, first, count: until - first, seed: seed + index, devices: known.length });
  for await (const outcome of engine.sendAll(rows, toMessage)) records.outcomes.push(noteOf(outcome));
  return records;
}
