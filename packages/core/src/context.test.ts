import { expect, test } from 'vitest';
import { errorName } from './context.ts';

test.each([
  [new TypeError('secret'), 'TypeError'],
  [Object.assign(new Error('secret'), { code: 'ECONNRESET' }), 'Error ECONNRESET'],
  [Object.assign(new Error('secret'), { code: 'a secret code' }), 'Error'],
  [Object.assign(new Error('secret'), { code: 7 }), 'Error'],
  ['secret', 'string'],
  [undefined, 'undefined'],
])('an error is named by what can hold no secret', (error, name) => {
  expect(errorName(error)).toBe(name);
});
