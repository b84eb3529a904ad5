import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checked, ownVendor, problemFinder, schema, type Schema } from './schema.ts';

const isText = (value: unknown): value is string => typeof value === 'string';

describe('schema', () => {
  it('gives back the very value that its guard accepts', async () => {
    const target = { token: 'a' };
    const anyObject = schema((value): value is object => typeof value === 'object', 'an object');
    const result = await anyObject['~standard'].validate(target);
    expect(result.issues).toBeUndefined();
    expect(result).toHaveProperty('value');
    if (!result.issues) expect(result.value).toBe(target);
  });

  it('says what it expected, and nothing of what came', () => {
    expect(schema(isText, 'a text')['~standard'].validate(42)).toStrictEqual({
      issues: [{ message: 'expected a text' }],
    });
  });
});

describe('checked', () => {
  it('hands on the issue with its path', () => {
    const issue = { message: 'expected 64 hex digits', path: ['token'] };
    expect(checked(() => issue)['~standard'].validate('x')).toStrictEqual({ issues: [issue] });
  });

  it('accepts where there is no problem, undefined included', () => {
    expect(checked(() => undefined)['~standard'].validate(undefined)).toStrictEqual({ value: undefined });
  });

  it('is marked as ours, so that its value need not be copied', () => {
    expect(checked(() => undefined)['~standard']).toMatchObject({ version: 1, vendor: ownVendor });
  });
});

describe('problemFinder', () => {
  it('is what finds the problem, without a result around it', () => {
    const issue = { message: 'expected 64 hex digits' };
    const finder = problemFinder(checked((value) => (value === 'x' ? issue : undefined)));
    expect(finder?.('x')).toBe(issue);
    expect(finder?.('y')).toBeUndefined();
    expect(problemFinder(schema(isText, 'a text'))?.(5)).toStrictEqual({ message: 'expected a text' });
  });

  it('is not there for schemas of other libraries', () => {
    expect(problemFinder(z.object({}))).toBeUndefined();
  });
});

it('a schema of zod fits as it is', async () => {
  const theirs: Schema<{ token: string }> = z.object({ token: z.string() });
  expect(await theirs['~standard'].validate({ token: 'a' })).toStrictEqual({ value: { token: 'a' } });
});
