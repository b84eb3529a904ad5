/** Carried by every error of ours, so that two copies of the package recognise each other's. */
const marker = Symbol.for('tidings.error');

/** The few errors thrown at the caller: wrong options, a closed engine, and `enqueue` of what can't be queued. `send` never throws because of a message. */
export interface TidingsError extends Error {
  /** `tidings.snake_case`, see the table in the docs. */
  readonly code: `tidings.${string}`;
  /** Path of what was wrong: `'channels.sms.policy.rate'`. */
  readonly field?: string;
}

/** An error of Tidings', whichever copy of the package made it. */
export function isTidingsError(value: unknown): value is TidingsError {
  return value instanceof Error && marker in value;
}

/**
 * Makes a TidingsError. The text must say what was expected and what to do, and must hold no token, address, payload or key.
 */
export function tidingsError(code: TidingsError['code'], message: string, field?: string): TidingsError {
  const error = new Error(field === undefined ? message : `${field}: ${message}`) as Error & {
    code: string;
    field?: string;
  };
  error.name = 'TidingsError';
  error.code = code;
  if (field !== undefined) error.field = field;
  Object.defineProperty(error, marker, { value: true });
  return error as unknown as TidingsError;
}
