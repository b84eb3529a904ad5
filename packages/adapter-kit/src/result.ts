import type { Failure, SendResult } from '@tidings/core';
import type { Expectation } from './subject.ts';

/** Which scopes go with which kind: the same pairs that compile. */
export const scopesOf: { readonly [Kind in Failure['kind']]: readonly Extract<Failure, { kind: Kind }>['scope'][] } = {
  unregistered: ['target'],
  blocked: ['target'],
  rejected: ['message', 'target'],
  throttled: ['target', 'credential', 'provider'],
  unavailable: ['target', 'provider'],
  ambiguous: ['target', 'provider'],
  unauthorized: ['credential'],
};

/** What is wrong with the form of a result; undefined if nothing. It comes from an adapter that may not compile. */
export function problemOfResult(result: unknown): string | undefined {
  if (typeof result !== 'object' || result === null) return 'expected a result, an object with a kind';
  const { kind, ...fields } = result as { readonly [field: string]: unknown };
  if (kind === 'accepted') return problemOfAccepted(fields);
  const scopes = scopesOf[kind as Failure['kind']] as readonly unknown[] | undefined;
  if (scopes === undefined) return `there is no kind '${String(kind)}'`;
  const { scope, code, message, retryAfter, unsent, since } = fields;
  if (!scopes.includes(scope))
    return `expected the scope of '${String(kind)}' to be ${scopes.join(' or ')}, not '${String(scope)}'`;
  if (typeof code !== 'string' || code === '') return `expected '${String(kind)}' to have a code`;
  if (message !== undefined && typeof message !== 'string') return 'expected the message to be a text';
  const isWait = typeof retryAfter === 'number' && retryAfter >= 0 && retryAfter < Infinity;
  if (retryAfter !== undefined && !isWait) return 'expected retryAfter to be milliseconds, not negative';
  if (unsent !== undefined && (unsent !== true || kind !== 'unavailable'))
    return "only 'unavailable' can have unsent, and true only";
  const isDate = since instanceof Date && !Number.isNaN(since.getTime());
  return since === undefined || isDate ? undefined : 'expected since to be a valid Date';
}

function problemOfAccepted({ messageId, parts }: { readonly [field: string]: unknown }): string | undefined {
  if (messageId !== undefined && (typeof messageId !== 'string' || messageId === ''))
    return 'expected messageId to be a text';
  const isCount = Number.isSafeInteger(parts) && (parts as number) > 0;
  return parts === undefined || isCount ? undefined : 'expected parts to be a count';
}

/** Where a result differs from what was expected. */
export function problemOfExpected(result: SendResult, expected: Expectation): string | undefined {
  const found = result as { readonly [field: string]: unknown };
  for (const [field, value] of Object.entries(expected)) {
    if (value !== undefined && found[field] !== value)
      return `expected ${field} to be ${String(value)}, not ${String(found[field])}`;
  }
  return undefined;
}

/** Surely not sent, so that the engine sends it again at no charge. */
export const isUnsent = (result: SendResult): boolean => result.kind === 'unavailable' && result.unsent === true;

/** For a problem's text: `'ambiguous' (ECONNRESET)`. */
export function describeResult(result: SendResult | undefined): string {
  if (result === undefined) return 'no result';
  return result.kind === 'accepted' ? "'accepted'" : `'${result.kind}' (${result.code})`;
}
