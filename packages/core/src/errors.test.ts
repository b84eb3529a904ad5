import { describe, expect, it } from 'vitest';
import { isTidingsError, tidingsError } from './errors.ts';

describe('tidingsError', () => {
  it('puts the field before the text and keeps both apart', () => {
    const error = tidingsError('tidings.invalid_options', "expected a rate such as '500/s'", 'policy.rate');
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'TidingsError',
      code: 'tidings.invalid_options',
      field: 'policy.rate',
      message: "policy.rate: expected a rate such as '500/s'",
    });
  });

  it('has no field where the fault lies in none', () => {
    const error = tidingsError('tidings.closed', 'the engine is closed');
    expect(error.message).toBe('the engine is closed');
    expect(error).not.toHaveProperty('field');
  });
});

describe('isTidingsError', () => {
  it('knows its own from any others', () => {
    expect(isTidingsError(tidingsError('tidings.closed', 'closed'))).toBe(true);
    for (const other of [new Error('closed'), { code: 'tidings.closed' }, 'tidings.closed', null, undefined]) {
      expect(isTidingsError(other)).toBe(false);
    }
  });

  it('knows an error that another copy of the package made', () => {
    const foreign = Object.assign(new Error('closed'), { [Symbol.for('tidings.error')]: true });
    expect(isTidingsError(foreign)).toBe(true);
    expect(isTidingsError({ [Symbol.for('tidings.error')]: true })).toBe(false);
  });
});
