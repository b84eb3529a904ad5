import type { Fault, Sandbox } from '@tidings/sandbox';
import type { Settings } from './arguments.ts';
import { serviceOf, type ChannelName } from './channels.ts';

type Weighted = Fault & { readonly weight: number };

/**
 * What happens to single requests. Left out is what can't be accounted for exactly, request by request: `blackhole` and `goaway`
 * with an error end other requests of the same connection too, and nobody can say which of those had been taken.
 */
const everywhere: readonly Weighted[] = [
  { kind: 'status', status: 500, weight: 2 },
  { kind: 'status', status: 503, weight: 2 },
  { kind: 'status', status: 503, retryAfter: 0, weight: 1 },
  { kind: 'status', status: 503, retryAfter: 1, weight: 1 },
  { kind: 'html', weight: 1 },
  { kind: 'gone', weight: 1 },
  { kind: 'hang', weight: 1 },
  { kind: 'hangAfterHeaders', weight: 1 },
  { kind: 'reset', weight: 1 },
  { kind: 'resetAfterHeaders', weight: 1 },
  { kind: 'garbage', weight: 1 },
  { kind: 'slow', delay: 200, weight: 2 },
  { kind: 'goaway', weight: 0.2 },
];

/** HTTP/1.1 has no way to say that a request was not taken: the sandbox resets the connection, and so it looks taken. */
const overHttp2: readonly Weighted[] = [...everywhere, { kind: 'refused', weight: 1 }];

/** Random faults, from now on. */
export function beginFaults(sandbox: Sandbox, { channels, faults, seed }: Settings): void {
  for (const [index, name] of channels.entries()) {
    const mix = name === 'web' ? everywhere : overHttp2;
    serviceOf(sandbox, name).faults.random({ rate: faults, seed: seed + index, faults: mix });
  }
}

/** The next request of each channel is told to come back in a second. Not a random fault: FCM's stops the channel that long. */
export function throttleOnce(sandbox: Sandbox, channels: readonly ChannelName[]): void {
  for (const name of channels) serviceOf(sandbox, name).faults.next({ kind: 'status', status: 429, retryAfter: 1 });
}
