import { glob, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { report, run } from './run.ts';
import { publicPackages, root, scratch, type Package } from './workspace.ts';

const work = join(scratch, 'build');
const emitted = join(work, 'out');

/**
 * Compiles every public package into its `dist`: ES modules and declarations.
 * One compilation for all of them, since they import each other's sources; then each gets its share.
 */
export async function build(packages: readonly Package[]): Promise<void> {
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      rootDir: join(root, 'packages'),
      outDir: emitted,
    },
    // Entry points count even where they lie in a folder left out below.
    files: packages.flatMap(({ path, manifest }) =>
      Object.values({ ...manifest.exports, ...manifest.bin }).map((source) => join(path, source)),
    ),
    include: packages.map(({ path }) => join(path, 'src')),
    exclude: ['test.ts', 'test-d.ts', 'testing/**', 'fixtures/**'].flatMap((ending) =>
      packages.map(({ path }) => join(path, 'src/**', ending.includes('/') ? ending : `*.${ending}`)),
    ),
  };
  await writeFile(join(work, 'tsconfig.json'), JSON.stringify(config, undefined, 2));
  await run('tsc', ['--project', work]);
  await refuseStrangers(packages);
  for (const { folder, path } of packages) {
    await rm(join(path, 'dist'), { recursive: true, force: true });
    await rename(join(emitted, folder, 'src'), join(path, 'dist'));
    await refuseSourceNames(join(path, 'dist'));
  }
}

/** What a published package imports must be published too. */
async function refuseStrangers(packages: readonly Package[]): Promise<void> {
  const known = new Set(packages.map(({ folder }) => folder));
  const strangers = (await readdir(emitted)).filter((folder) => !known.has(folder));
  if (strangers.length > 0) throw new Error(`public packages import sources of private ones: ${strangers.join(', ')}`);
}

/** tsc rewrites `./x.ts` in imports only; `new URL('./worker.ts', import.meta.url)` would point at nothing. */
async function refuseSourceNames(dist: string): Promise<void> {
  for await (const file of glob(join(dist, '**/*.js'))) {
    const [name] = /(['"`])\.{1,2}\/[\w./-]+\.ts\1/.exec(await readFile(file, 'utf8')) ?? [];
    if (name !== undefined) throw new Error(`${relative(root, file)} names ${name}, which is not in dist`);
  }
}

if (import.meta.main) await report('build', async () => build(await publicPackages()));
