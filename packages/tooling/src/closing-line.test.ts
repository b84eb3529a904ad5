import { expect, it } from 'vitest';
import { closingLine } from './closing-line.ts';

it('counts what passed and failed, and what was skipped only where something was', () => {
  expect(closingLine({ numPassedTests: 12, numFailedTests: 0, numPendingTests: 0 })).toBe('12 passed, 0 failed');
  expect(closingLine({ numPassedTests: 0, numFailedTests: 1, numPendingTests: 2 })).toBe(
    '0 passed, 1 failed, 2 skipped',
  );
});
