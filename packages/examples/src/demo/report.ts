import type { Outcome } from '@tidings/core';
import type { Service } from '@tidings/sandbox';
import type { ChannelName } from './channels.ts';
import type { Check } from './ledger-check.ts';
import type { OutcomeNote } from './outcome-note.ts';
import { grouped } from './progress.ts';

export type Status = Outcome['status'];

/** Everything about one channel, when all is over. */
export interface ChannelResult {
  readonly channel: ChannelName;
  readonly deliveries: number;
  readonly outcomes: readonly OutcomeNote[];
  readonly check: Check;
  readonly faults: Service['faults']['applied'];
}

export interface ChannelSummary {
  readonly deliveries: number;
  readonly outcomes: { readonly [Each in Status]: number };
  /** Failures by kind. */
  readonly failed: { readonly [kind: string]: number };
  readonly lost: number;
  readonly doubled: number;
  readonly repeated: number;
  /** Attempts beyond the first. */
  readonly retried: number;
  /** From queued to settled, ms. */
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
}

export function summarize({ deliveries, outcomes, check }: ChannelResult): ChannelSummary {
  const failed: Record<string, number> = {};
  for (const { status, reason = 'other' } of outcomes) {
    if (status === 'failed') failed[reason] = (failed[reason] ?? 0) + 1;
  }
  const latencies = outcomes
    .map(({ queuedAt, settledAt }) => settledAt - queuedAt)
    .toSorted((one, other) => one - other);
  const { lost, doubled, repeated } = check;
  return {
    deliveries,
    outcomes: countStatuses(outcomes),
    failed,
    lost,
    doubled,
    repeated,
    retried: sum(outcomes.map(({ attempts }) => Math.max(0, attempts.length - 1))),
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    perSecond: rate(outcomes),
  };
}

function countStatuses(outcomes: readonly OutcomeNote[]): Record<Status, number> {
  const counts = { accepted: 0, failed: 0, unknown: 0, expired: 0, suppressed: 0, canceled: 0 };
  for (const { status } of outcomes) counts[status]++;
  return counts;
}

function rate(outcomes: readonly OutcomeNote[]): number {
  let first = Infinity;
  let last = -Infinity;
  for (const { queuedAt, settledAt } of outcomes) {
    first = Math.min(first, queuedAt);
    last = Math.max(last, settledAt);
  }
  return last > first ? Math.round((outcomes.length * 1000) / (last - first)) : 0;
}

/** @param sorted ascending */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

const headings = 'channel|accepted|failed|unknown|suppressed|retried|repeated|p50 ms|p99 ms|per second'.split('|');

/** The table of all channels. */
export function channelTable(results: readonly ChannelResult[]): string {
  const rows = results.map((result) => {
    const { outcomes, failed, retried, repeated, p50, p99, perSecond } = summarize(result);
    const kinds = Object.entries(failed).map(([kind, count]) => `${grouped(count)} ${kind}`);
    return [
      result.channel,
      grouped(outcomes.accepted),
      kinds.join(', ') || '0',
      grouped(outcomes.unknown),
      grouped(outcomes.suppressed),
      ...[retried, repeated, p50, p99, perSecond].map(grouped),
    ];
  });
  return table([headings, ...rows]);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = headings.map((_heading, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  '),
  );
  return lines.join('\n');
}

/** Which faults the services applied, by channel. */
export function faultLines(results: readonly ChannelResult[]): string {
  const lines = results.map(({ channel, faults, check }) => {
    const kinds = Object.entries(faults).map(([kind, count]) => `${count} ${kind}`);
    return `${channel}: ${grouped(check.requests)} requests, faults: ${kinds.join(', ') || 'none'}`;
  });
  return lines.join('\n');
}

/** What the comparison with the ledgers found, in words. @param others what went wrong besides */
export function checkWords(results: readonly ChannelResult[], others: readonly string[]): string {
  const total = (name: Exclude<keyof Check, 'problems'>): number => sum(results.map(({ check }) => check[name]));
  const accepted = sum(results.map(({ outcomes }) => outcomes.filter(({ status }) => status === 'accepted').length));
  const deliveries = sum(results.map((result) => result.deliveries));
  const unsent = total('repeatedUnsent');
  const lines = [
    `Each of ${grouped(deliveries)} deliveries should have one outcome, and each accepted one be taken by its service: ${grouped(accepted)} accepted, ${grouped(total('lost'))} lost.`,
    `No device should get one twice unless its trace says so: ${grouped(total('doubled'))} doubled.`,
    `After a lost answer a delivery goes again, and its trace says so: ${grouped(total('repeated'))} repeats${unsent > 0 ? `, ${grouped(unsent)} of them never left,` : ''} and ${grouped(total('extraRequests'))} requests that followed a taken one (${grouped(total('takenAgain'))} taken again: same id and collapse key, so a device shows one).`,
  ];
  if (total('late') > 0)
    lines.push(
      `${grouped(total('late'))} attempts ran out of time though no fault held the answer back: this machine is busy.`,
    );
  const problems = results.flatMap(({ channel, check }) =>
    check.problems.map(
      ({ what, count, serial }) => `  ${channel}: ${what}: ${grouped(count)}, such as serial ${serial}`,
    ),
  );
  const wrong = [...problems, ...others.map((other) => `  ${other}`)];
  if (wrong.length === 0) lines.push('Outcomes and ledgers agree.');
  else lines.push('THE CHECK FAILED:', ...wrong);
  return lines.join('\n');
}

/** The last line: the run as JSON. */
export function jsonLine(results: readonly ChannelResult[], seconds: number): string {
  const perChannel = Object.fromEntries(results.map((result) => [result.channel, summarize(result)]));
  const summaries = Object.values(perChannel);
  const total = (name: 'deliveries' | 'lost' | 'doubled' | 'repeated' | 'retried'): number =>
    sum(summaries.map((summary) => summary[name]));
  return JSON.stringify({
    deliveries: total('deliveries'),
    outcomes: countStatuses(results.flatMap(({ outcomes }) => outcomes)),
    lost: total('lost'),
    doubled: total('doubled'),
    repeated: total('repeated'),
    retried: total('retried'),
    perChannel,
    seconds: Math.round(seconds * 1000) / 1000,
  });
}
