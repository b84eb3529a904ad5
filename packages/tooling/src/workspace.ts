import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's top folder. */
export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Where scripts put what they make on the way; not in git, safe to delete. */
export const scratch = join(root, 'packages/tooling/tmp');

export type Entries = Readonly<Record<string, string>>;
type Published = string | { readonly types: string; readonly default: string };

/** As much of a package.json as the scripts read. */
export interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Entries;
  readonly bin?: Entries;
  readonly dependencies?: Entries;
  readonly peerDependencies?: Entries;
  readonly publishConfig?: { readonly exports?: Readonly<Record<string, Published>>; readonly bin?: Entries };
}

export interface Package {
  /** Of the folder under packages/. */
  readonly folder: string;
  readonly path: string;
  readonly manifest: Manifest;
}

/** All packages that get published, in the order of their names; one without sources yet is named on stderr and left out. */
export async function publicPackages(): Promise<Package[]> {
  const found: Package[] = [];
  for (const folder of (await readdir(join(root, 'packages'))).toSorted()) {
    const path = join(root, 'packages', folder);
    if (!existsSync(join(path, 'package.json'))) continue;
    const manifest = JSON.parse(await readFile(join(path, 'package.json'), 'utf8')) as Manifest;
    if (manifest.private === true) continue;
    if (existsSync(join(path, 'src/index.ts'))) found.push({ folder, path, manifest });
    else console.warn(`${manifest.name}: left out, it has no src/index.ts`);
  }
  return found;
}

/** What `publishConfig` must say so that the published package has the face that `exports` and `bin` give it here. */
export function publishedFace(manifest: Manifest): NonNullable<Manifest['publishConfig']> {
  const exports = Object.entries(manifest.exports ?? {}).map(([subpath, source]) => [
    subpath,
    { types: built(source, '.d.ts'), default: built(source, '.js') },
  ]);
  const bin = Object.entries(manifest.bin ?? {}).map(([name, source]) => [name, built(source, '.js')]);
  return { exports: Object.fromEntries(exports), ...(manifest.bin && { bin: Object.fromEntries(bin) }) };
}

function built(source: string, ending: string): string {
  return source.replace(/^\.\/src\//, './dist/').replace(/\.ts$/, ending);
}
