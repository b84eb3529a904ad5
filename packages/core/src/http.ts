import type { SendResult } from './adapter.ts';
import type { Failure } from './failure.ts';
import { wallClock } from './runtime.ts';

/** What `classifyHttp` reads of an answer; a fetch `Response` fits. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
}

/**
 * Reads an HTTP answer: `table` by the provider's code, then by status; else 2xx accepted, 429 throttled, 5xx unavailable, 4xx rejected.
 * A `Retry-After` is taken over unless the table's row has its own.
 * @param now epoch ms, for a Retry-After given as a date
 */
export function classifyHttp(
  response: HttpAnswer,
  table: { readonly [codeOrStatus: string]: Failure },
  code?: string,
  now: number = wallClock(),
): SendResult {
  const { status } = response;
  const row = own(table, code) ?? own(table, String(status));
  if (row === undefined && status >= 200 && status < 300) return { kind: 'accepted' };
  const failure = row ?? byStatus(status, code);
  if (failure.retryAfter !== undefined) return failure;
  const retryAfter = parseRetryAfter(response.headers.get('retry-after'), now);
  return retryAfter === undefined ? failure : { ...failure, retryAfter };
}

function own(table: { readonly [key: string]: Failure }, key: string | undefined): Failure | undefined {
  return key !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
}

function byStatus(status: number, code: string | undefined): Failure {
  const word = code ?? `http_${status}`;
  if (status === 429) return { kind: 'throttled', scope: 'provider', code: word };
  if (status >= 500) return { kind: 'unavailable', scope: 'provider', code: word };
  return { kind: 'rejected', scope: 'message', code: word };
}

/**
 * Milliseconds to wait; undefined where the header says nothing usable (absent, negative, garbage). The engine clamps what is longer than the ttl.
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function parseRetryAfter(value: string | null | undefined, now: number): number | undefined {
  if (value === null || value === undefined) return undefined;
  const text = value.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  // A date names its month; anything else that Date.parse would take ("-5", "1e3") is garbage here.
  if (!/^[A-Za-z]{3}/.test(text)) return undefined;
  // The oldest of the three forms (`Thu Jan 15 12:00:30 2026`) names no zone and means GMT; the machine's own would be taken.
  const at = Date.parse(/ \d{4}$/.test(text) ? `${text} GMT` : text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
