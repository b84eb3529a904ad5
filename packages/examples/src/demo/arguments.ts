import { parseArgs } from 'node:util';
import { channelNames, isChannelName, type ChannelName } from './channels.ts';

export interface Settings {
  readonly count: number;
  /** Share of requests that meet a fault. */
  readonly faults: number;
  readonly seed: number;
  readonly channels: readonly ChannelName[];
}

export type Command =
  | { readonly kind: 'run'; readonly settings: Settings }
  | { readonly kind: 'help' }
  /** What is wrong, for the user. */
  | { readonly kind: 'problem'; readonly problem: string };

/** What is kept of each message and request has to fit into memory. */
const mostMessages = 1_000_000;
/** Beyond half, the breakers open and stay open, as they should: nothing to see then. */
const mostFaults = 0.5;

export const usage = `pnpm demo [--count N] [--faults SHARE] [--seed N] [--channel NAME]...
  --count    messages to send, 1 to ${mostMessages.toLocaleString('en-US')}; default 10000
  --faults   share of the requests that meet a fault, 0 to ${mostFaults}; default 0.1
  --seed     whole number; the same seed makes the same messages and the same mix of faults; default 1
  --channel  ${channelNames.join(', ')}; may be given more than once; default all
  --help     prints this
Sends to local stand-ins for APNs, FCM and Web Push, then compares what became of each message with what they received.
Ends with 0 when the two agree, 1 when they do not, 2 when the arguments are wrong.
`;

/** Reads the command line. Never throws. */
export function readArguments(given: readonly string[]): Command {
  try {
    const { values } = parseArgs({
      // Some package managers hand the separator on.
      args: given.filter((argument) => argument !== '--'),
      options: {
        count: { type: 'string', default: '10000' },
        faults: { type: 'string', default: '0.1' },
        seed: { type: 'string', default: '1' },
        channel: { type: 'string', multiple: true, default: [...channelNames] },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return { kind: 'help' };
    const count = number(values.count, '--count', 1, mostMessages, true);
    const faults = number(values.faults, '--faults', 0, mostFaults, false);
    const seed = number(values.seed, '--seed', 0, 2 ** 31 - 1, true);
    return { kind: 'run', settings: { count, faults, seed, channels: channels(values.channel) } };
  } catch (error) {
    return { kind: 'problem', problem: (error as Error).message };
  }
}

function number(text: string, name: string, least: number, most: number, whole: boolean): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  throw new Error(`${name}: expected a ${whole ? 'whole ' : ''}number from ${least} to ${most}, not '${text}'`);
}

function channels(names: readonly string[]): readonly ChannelName[] {
  for (const name of names) {
    if (!isChannelName(name)) throw new Error(`--channel: expected one of ${channelNames.join(', ')}, not '${name}'`);
  }
  return channelNames.filter((name) => names.includes(name));
}
