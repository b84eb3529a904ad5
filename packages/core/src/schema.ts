export type Awaitable<T> = T | PromiseLike<T>;

export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** What survives JSON. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** Standard Schema v1 as far as the engine needs it: zod 4, valibot 1 and arktype 2 schemas fit as they are. @see https://standardschema.dev */
export interface Schema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Awaitable<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly Issue[] };
export interface Issue {
  /** What was expected; must not quote the value. */
  readonly message: string;
  readonly path?: readonly unknown[] | undefined;
}

export type InputOf<S> = S extends Schema<infer Input, unknown> ? Input : never;
export type OutputOf<S> = S extends Schema<unknown, infer Output> ? Output : never;

/** Marks schemas that give back the value they were given, so that the engine need not copy it first. */
export const ownVendor = 'tidings';
const ownProblem = Symbol('tidings.problem');

/** What a schema of ours finds wrong; undefined as the function where the schema is of another library. */
export function problemFinder(of: Schema<unknown, unknown>): ((value: unknown) => Issue | undefined) | undefined {
  return (of as { readonly [ownProblem]?: (value: unknown) => Issue | undefined })[ownProblem];
}

/**
 * A schema without a schema library: a type guard is enough.
 * @param expected what a valid value is, for the error: `'an object with a hook url'`
 */
export function schema<T>(guard: (value: unknown) => value is T, expected: string): Schema<T> {
  return checked((value) => (guard(value) ? undefined : { message: `expected ${expected}` }));
}

/**
 * A schema from a function that names what is wrong, or returns undefined when nothing is.
 * @param problem its `path` leads to the offending field
 */
export function checked<T>(problem: (value: unknown) => Issue | undefined): Schema<T> {
  return {
    '~standard': {
      version: 1,
      vendor: ownVendor,
      validate(value) {
        const issue = problem(value);
        return issue === undefined ? { value: value as T } : { issues: [issue] };
      },
    },
    [ownProblem]: problem,
  } as Schema<T>;
}
