import type { Issue, Schema } from '@tidings/core';

/** What a schema finds wrong; undefined where it takes the value. */
export async function issuesOf(
  schema: Schema<unknown, unknown>,
  value: unknown,
): Promise<readonly Issue[] | undefined> {
  return (await schema['~standard'].validate(value)).issues;
}

/** What the adapter gets in place of the value. A value that is refused goes on as it is: a rule of its own tells that. */
export async function outputOf(schema: Schema<unknown, unknown> | undefined, value: unknown): Promise<unknown> {
  if (schema === undefined) return value;
  const result = await schema['~standard'].validate(value);
  return result.issues === undefined ? result.value : value;
}

/** `['keys', { key: 'auth' }]` as `keys.auth`; Standard Schema allows both forms of a segment. */
export function pathOf({ path = [] }: Issue): string {
  return path.map((segment) => String(isKeyed(segment) ? segment.key : segment)).join('.');
}

function isKeyed(segment: unknown): segment is { readonly key: unknown } {
  return typeof segment === 'object' && segment !== null && 'key' in segment;
}

/** All texts inside a value of at least so many characters. */
export function textsIn(value: unknown, least: number): readonly string[] {
  if (typeof value === 'string') return value.length >= least ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap((each) => textsIn(each, least));
}
