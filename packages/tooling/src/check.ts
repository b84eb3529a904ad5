import { apiReports } from './api.ts';
import { build } from './build.ts';
import { checkExports } from './exports.ts';
import { packAll } from './pack.ts';
import { run } from './run.ts';

/** Everything that can be said without running the code. A step that fails doesn't keep the independent ones from running. */
const steps: Readonly<Record<string, () => Promise<unknown>>> = {
  format: () => run('oxfmt', ['--check']),
  lint: () => run('oxlint', []),
  types: () => run('tsc', ['--noEmit']),
  'unused code and dependencies': () => run('knip', []),
  'build, package exports, API reports': async () => {
    const packages = await packAll(await build());
    const results = await Promise.allSettled([checkExports(packages), apiReports(packages, false)]);
    const failed = results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []));
    if (failed.length > 0) throw new Error(failed.join('\n'));
  },
};

for (const [name, step] of Object.entries(steps)) {
  const began = performance.now();
  try {
    await step();
    console.log(`ok      ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`FAILED  ${name}\n${error instanceof Error ? error.message : String(error)}`);
  }
}
