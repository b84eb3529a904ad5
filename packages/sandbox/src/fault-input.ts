import { inputError } from './errors.ts';
import type { Fault, FaultKind } from './types.ts';

/** Checks of each kind's own fields; the keys are all kinds there are. */
const fieldChecks: Record<FaultKind, Record<string, (value: unknown) => string | undefined>> = {
  status: {
    status: (value) => (isInteger(value, 300, 599) ? undefined : 'an integer from 300 to 599'),
    reason: (value) => (value === undefined || isWord(value) ? undefined : 'a string of 1 to 200 characters'),
    retryAfter: (value) =>
      value === undefined || isInteger(value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) || isHeader(value)
        ? undefined
        : 'seconds as an integer, or the text of the header',
  },
  gone: {},
  hang: {},
  hangAfterHeaders: {},
  reset: {},
  resetAfterHeaders: {},
  blackhole: {},
  goaway: { error: (value) => (value === undefined || typeof value === 'boolean' ? undefined : 'a boolean') },
  refused: {},
  garbage: {},
  html: {},
  slow: {
    delay: (value) => (isInteger(value, 0, 2_147_483_647) ? undefined : 'milliseconds, an integer of at least 0'),
  },
};

/** All kinds, in the order of the documentation. */
export const faultKinds = Object.keys(fieldChecks) as readonly FaultKind[];

/** Refuses what is no fault: faults also come over HTTP, and a misspelt one would silently do nothing. */
export function checkFault(value: unknown, field: string): asserts value is Fault {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw inputError(field, 'an object');
  const { kind, ...rest } = value as { kind?: unknown };
  if (typeof kind !== 'string' || !Object.hasOwn(fieldChecks, kind)) {
    throw inputError(`${field}.kind`, `one of ${faultKinds.join(', ')}`);
  }
  const checks = fieldChecks[kind as FaultKind];
  for (const name of Object.keys(rest)) {
    if (!Object.hasOwn(checks, name)) throw inputError(`${field}.${name}`, `no such field on a fault of kind ${kind}`);
  }
  for (const [name, check] of Object.entries(checks)) {
    const expected = check((rest as Record<string, unknown>)[name]);
    if (expected !== undefined) throw inputError(`${field}.${name}`, expected);
  }
}

function isInteger(value: unknown, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

function isWord(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= 200;
}

/** Visible ASCII: anything else Node refuses to send. */
function isHeader(value: unknown): boolean {
  return typeof value === 'string' && /^[\x20-\x7e]{0,200}$/.test(value);
}
