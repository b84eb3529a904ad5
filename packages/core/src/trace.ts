import type { Attempt, TraceStep } from './outcome.ts';
import type { DeliveryRecord, Step } from './record.ts';

/** All attempts; the last one, where it was accepted, is known from its times alone. */
export function attemptsOf(record: DeliveryRecord, accepted: boolean, startedAt: number, settledAt: number): Attempt[] {
  const { clock } = record.channel.engine;
  const attempts: Attempt[] = (record.rare?.tried ?? []).map(({ provider, startedAt: at, duration, failure }) => ({
    provider,
    startedAt: clock.toDate(at),
    duration,
    failure,
  }));
  if (accepted) {
    attempts.push({
      provider: providerOf(record),
      startedAt: clock.toDate(startedAt),
      duration: settledAt - startedAt,
    });
  }
  return attempts;
}

/** What happened, in order; steps that every delivery has are put together from its times. */
export function traceOf(record: DeliveryRecord, accepted: boolean, startedAt: number, settledAt: number): TraceStep[] {
  const { rare } = record;
  const steps: Step[] = [{ step: 'queued', time: record.queuedAt }, ...(rare?.steps ?? [])];
  // The attempts that failed wrote their steps.
  if (accepted) {
    const step = rare?.ambiguous === undefined ? 'attempted' : 'repeated';
    steps.push({ step, time: startedAt, provider: providerOf(record) } as Step);
  }
  steps.push({ step: 'settled', time: settledAt });
  const { clock } = record.channel.engine;
  return steps.map(({ time, until, ...step }) => ({
    at: clock.toDate(time),
    ...step,
    ...(until !== undefined && { until: clock.toDate(until) }),
  })) as TraceStep[];
}

function providerOf(record: DeliveryRecord): string {
  return record.lane?.adapter.provider ?? record.channel.adapters[record.adapter]!.provider;
}
