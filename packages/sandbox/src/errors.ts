/** Shared with @tidings/core, so that `isTidingsError` knows these errors as well. */
const marker = Symbol.for('tidings.error');

/** Wrong input of the sandbox: which field, and what was expected. Never quotes the value. */
export interface InputError extends TypeError {
  readonly code: 'tidings.invalid_options';
  readonly field: string;
}

export function inputError(field: string, expected: string): InputError {
  const error = Object.assign(new TypeError(`${field}: expected ${expected}`), {
    code: 'tidings.invalid_options' as const,
    field,
  });
  Object.defineProperty(error, marker, { value: true });
  return error;
}

export function isInputError(value: unknown): value is InputError {
  return value instanceof TypeError && marker in value && 'field' in value;
}
