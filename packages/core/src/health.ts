import type { ChannelState } from './channel.ts';
import type { Failure } from './failure.ts';
import type { Lane } from './lane.ts';

/** One lane now. */
export interface LaneStats {
  /** `ios`, `sms/twilio`, `web/https://push.example`. */
  readonly lane: string;
  readonly provider: string;
  readonly waiting: number;
  /** Age of the oldest waiting, ms. */
  readonly oldest: number;
  readonly inFlight: number;
  /** Answers per second that were no fault of the provider, over the last ten seconds. */
  readonly rate: number;
  readonly breaker: 'closed' | 'open' | 'probing';
  readonly lastFailure?: Failure | undefined;
}

export interface Health {
  /** `down`: no channel sends; `degraded`: some lane does not, or callers wait outside. */
  readonly status: 'up' | 'degraded' | 'down';
  /** In words, for a person. */
  readonly because: readonly string[];
}

export function laneStats(lane: Lane, now: number): LaneStats {
  const { name, adapter, waiting, inFlight, breaker, lastFailure } = lane;
  const { provider } = adapter;
  return {
    lane: name,
    provider,
    waiting,
    oldest: lane.oldest(now),
    inFlight,
    rate: lane.throughput(now),
    breaker,
    lastFailure,
  };
}

export function healthOf(channels: readonly ChannelState[]): Health {
  const because: string[] = [];
  let down = 0;
  for (const channel of channels) {
    const lanes = [...channel.lanes()];
    const stopped = lanes.filter(({ breaker }) => breaker !== 'closed');
    for (const { name, lastFailure } of stopped)
      because.push(`${name} is not sending: ${lastFailure?.code ?? 'breaker open'}`);
    if (lanes.length > 0 && stopped.length === lanes.length) down++;
    if (channel.admission.outside > 0)
      because.push(`${channel.name} is full: ${channel.admission.outside} wait outside`);
  }
  if (because.length === 0) return { status: 'up', because };
  return { status: down === channels.length ? 'down' : 'degraded', because };
}
