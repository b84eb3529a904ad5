/** Mutation testing of what is pure: decisions that tables and properties should pin down. `pnpm mutation` lists the survivors. */
export default {
  mutate: [
    'packages/core/src/attempt.ts',
    'packages/core/src/dedupe.ts',
    'packages/core/src/duration.ts',
    'packages/core/src/http.ts',
    'packages/core/src/rate-limit.ts',
    'packages/core/src/retry.ts',
    'packages/core/src/retry-budget.ts',
    'packages/core/src/window.ts',
    'packages/*/src/classify.ts',
  ],
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  coverageAnalysis: 'perTest',
  reporters: ['clear-text', 'html'],
  htmlReporter: { fileName: 'reports/mutation.html' },
  clearTextReporter: { logTests: false, reportTests: false },
  ignorePatterns: ['packages/*/dist', 'packages/tooling/tmp', 'coverage'],
  // Stryker would rewrite tsconfig.json through an API that TypeScript 7 doesn't have; no test needs it rewritten.
  tsconfigFile: 'none.json',
};
