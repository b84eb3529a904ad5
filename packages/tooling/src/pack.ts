import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from './run.ts';
import { root, scratch, type Package } from './workspace.ts';

/** A project that has the packed packages installed. They are linked in, since tools treat what lies in node_modules as somebody else's. */
export const consumer = join(scratch, 'consumer');

export interface Packed extends Package {
  readonly tarball: string;
  /** The unpacked tarball. */
  readonly installed: string;
}

/** Packs built packages as `pnpm publish` would and installs them into `consumer`, third-party dependencies linked. */
export async function packAll(packages: readonly Package[]): Promise<Packed[]> {
  const tarballs = join(scratch, 'tarballs');
  for (const folder of [tarballs, consumer]) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  }
  await run('pnpm', [
    ...packages.map(({ manifest }) => `--filter=${manifest.name}`),
    'pack',
    '--out',
    join(tarballs, '%s.tgz'),
  ]);
  await writeFile(join(consumer, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  await link(join(root, 'node_modules/@types/node'), join(consumer, 'node_modules/@types/node'));
  return Promise.all(packages.map((each) => install(each, tarballs)));
}

async function install(each: Package, tarballs: string): Promise<Packed> {
  const { name, dependencies, peerDependencies } = each.manifest;
  const tarball = join(tarballs, `${name.replace('@', '').replace('/', '-')}.tgz`);
  const installed = join(consumer, 'packages', each.folder);
  await mkdir(installed, { recursive: true });
  await link(installed, join(consumer, 'node_modules', name));
  await run('tar', ['--extract', '--file', tarball, '--strip-components=1', '--directory', installed]);
  for (const dependency of Object.keys({ ...dependencies, ...peerDependencies })) {
    if (dependency.startsWith('@tidings/')) continue;
    await link(join(each.path, 'node_modules', dependency), join(installed, 'node_modules', dependency));
  }
  return { ...each, tarball, installed };
}

async function link(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await symlink(target, path, 'dir');
}
