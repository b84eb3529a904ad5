import { inputError } from './errors.ts';
import { isObject } from './json.ts';

// What comes over the control API, read field by field; every refusal names the field.

export type Body = Readonly<Record<string, unknown>>;

/** An object with no other fields than these. */
export function readBody(value: unknown, fields: readonly string[]): Body {
  if (!isObject(value)) throw inputError('body', 'a JSON object');
  for (const name of Object.keys(value)) {
    if (!fields.includes(name)) throw inputError(name, `one of ${fields.join(', ') || 'no fields'}`);
  }
  return value;
}

export function optionalInteger(value: unknown, field: string, least: number, most: number): number | undefined {
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
    throw inputError(field, `an integer from ${least} to ${most}`);
  }
  return value as number;
}

export function optionalString(value: unknown, field: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '') throw inputError(field, 'a string');
  return value;
}

/** An integer in the query; `otherwise` where there is none. */
export function queryInteger(
  query: URLSearchParams,
  field: string,
  range: { readonly least: number; readonly most: number; readonly otherwise: number },
): number {
  const text = query.get(field);
  if (text === null) return range.otherwise;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return optionalInteger(value, field, range.least, range.most) ?? range.otherwise;
}
