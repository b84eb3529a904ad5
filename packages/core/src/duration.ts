import { tidingsError } from './errors.ts';
import type { Duration, Rate } from './policy.ts';

const units: { readonly [unit: string]: number } = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds, or undefined where the value is no duration (negative, NaN, unknown unit). */
export function durationOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string') return undefined;
  if (value === lastText) return lastDuration;
  const duration = parsed.get(value) ?? parse(value);
  if (duration === undefined) return undefined;
  if (parsed.size < mostParsed) parsed.set(value, duration);
  lastText = value;
  lastDuration = duration;
  return duration;
}

/** An application writes the same few durations with every message. */
const parsed = new Map<string, number>();
const mostParsed = 256;
let lastText: string | undefined;
let lastDuration = 0;

function parse(value: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)(ms|s|m|h|d)$/.exec(value);
  return match === null ? undefined : Number(match[1]) * units[match[2]!]!;
}

export const durationExpected = "a duration: milliseconds, or a number with ms, s, m, h or d ('10s')";

/** For options: throws `tidings.invalid_options`, naming the field. */
export function parseDuration(value: Duration, field: string): number {
  const duration = durationOf(value);
  if (duration === undefined) throw tidingsError('tidings.invalid_options', `expected ${durationExpected}`, field);
  return duration;
}

/** A rate spelled out, in ms. */
export interface RateLimit {
  readonly limit: number;
  readonly per: number;
  readonly burst: number;
}

/** For options: throws `tidings.invalid_options`, naming the field. */
export function parseRate(value: Rate, field: string): RateLimit {
  const rate = typeof value === 'string' ? spelledOut(value) : value;
  const per = rate && durationOf(rate.per);
  if (!rate || !per || !(rate.limit > 0) || !Number.isFinite(rate.limit)) {
    throw tidingsError('tidings.invalid_options', "expected a rate: '500/s', or { limit, per } above 0", field);
  }
  // A rate below one per unit still lets one go at a time.
  const burst = rate.burst ?? Math.max(1, rate.limit);
  if (!(burst >= 1) || !Number.isFinite(burst)) {
    throw tidingsError('tidings.invalid_options', 'expected a burst of at least 1', `${field}.burst`);
  }
  return { limit: rate.limit, per, burst };
}

function spelledOut(value: string): Exclude<Rate, string> | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)\/(s|m|h|d)$/.exec(value);
  if (match === null) return undefined;
  return { limit: Number(match[1]), per: units[match[2]!]! };
}
