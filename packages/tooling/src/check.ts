import { apiReports } from './api.ts';
import { build } from './build.ts';
import { checkExports } from './exports.ts';
import { packAll, type Packed } from './pack.ts';
import { report, run } from './run.ts';
import { publicPackages } from './workspace.ts';

// Everything that can be said without running the code. A step that fails keeps none of the others from running.
const packages = await publicPackages();

await report('format', () => run('oxfmt', ['--check']));
await report('lint', () => run('oxlint', []));
await report('types', () => run('tsc', ['--noEmit']));
await report('unused code and dependencies', () => run('knip', []));
await report('shipped code that only tests use', () => {
  const workspaces = packages.flatMap(({ manifest }) => ['--workspace', manifest.name]);
  return run('knip', ['--production', '--include', 'files,dependencies', ...workspaces]);
});
const packed: Packed[] = [];
await report('build', async () => {
  await build(packages);
  packed.push(...(await packAll(packages)));
});
if (packed.length > 0) {
  // Side by side: the first waits for other processes while the second works in this one.
  await Promise.all([
    report('package exports', () => checkExports(packed)),
    report('API reports', () => apiReports(packed, false)),
  ]);
}
