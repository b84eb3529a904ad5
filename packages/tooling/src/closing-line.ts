import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './workspace.ts';

/** As much of vitest's JSON report as is read. */
interface TestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
}

/** One plain line that says how the tests went. */
export function closingLine({ numPassedTests, numFailedTests, numPendingTests }: TestReport): string {
  const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : '';
  return `${numPassedTests} passed, ${numFailedTests} failed${skipped}`;
}

if (import.meta.main) {
  const result = JSON.parse(await readFile(join(root, 'reports/tests.json'), 'utf8')) as TestReport;
  console.log(closingLine(result));
  // A run in which no test ran shows nothing.
  if (result.numPassedTests === 0) process.exitCode = 1;
}
