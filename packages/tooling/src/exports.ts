import { existsSync } from 'node:fs';
import { glob, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { consumer, type Packed } from './pack.ts';
import { start } from './run.ts';
import { publishedFace } from './workspace.ts';

/**
 * Checks the packed packages the way a user meets them: manifest, types and modules.
 * @throws with every problem found
 */
export async function checkExports(packages: readonly Packed[]): Promise<void> {
  const problems: string[] = [];
  for (const each of packages) problems.push(...(await contents(each)));
  const tarballs = packages.map(({ tarball }) => tarball);
  const answers = await Promise.all([
    ...tarballs.map((tarball) => start('publint', ['--strict', tarball])),
    ...tarballs.map((tarball) => start('attw', ['--no-color', '--no-emoji', '--profile', 'esm-only', tarball])),
    typesOf(packages),
    modulesOf(packages),
  ]);
  problems.push(...answers.filter(({ code }) => code !== 0).map(({ output }) => output));
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

async function contents({ manifest, installed }: Packed): Promise<string[]> {
  const problems: string[] = [];
  const {
    access: _access,
    provenance: _provenance,
    ...face
  } = { ...manifest.publishConfig } as Record<string, unknown>;
  const expected = publishedFace(manifest);
  if (!isDeepStrictEqual(face, expected)) {
    problems.push(`${manifest.name}: publishConfig must mirror exports and bin: ${JSON.stringify(expected)}`);
  }
  for (const file of ['LICENSE', 'README.md']) {
    if (!existsSync(join(installed, file))) problems.push(`${manifest.name}: ${file} is missing from the tarball`);
  }
  for await (const file of glob(['**/*.test*', 'src/**', 'test/**'], {
    cwd: installed,
    exclude: ['node_modules/**'],
  })) {
    problems.push(`${manifest.name}: ${file} does not belong in the tarball`);
  }
  return problems;
}

function specifiers(packages: readonly Packed[]): string[] {
  return packages.flatMap(({ manifest }) =>
    Object.keys(manifest.exports ?? {}).map((subpath) => join(manifest.name, subpath)),
  );
}

/** Compiles a user's file that imports everything, declarations checked too: they must not lean on what isn't published. */
async function typesOf(packages: readonly Packed[]): Promise<{ code: number | null; output: string }> {
  const lines = specifiers(packages).map((name, index) => `export * as entry${index} from '${name}';`);
  await writeFile(join(consumer, 'index.ts'), `${lines.join('\n')}\n`);
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
  };
  await writeFile(join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['index.ts'] }));
  const { output } = await start('tsc', ['--project', consumer, '--pretty', 'false']);
  // Other people's declarations may have errors of their own.
  const ours = output.split('\n').filter((line) => /error TS/.test(line) && !line.includes('node_modules/'));
  return { code: ours.length, output: ours.join('\n') };
}

/** Loads every entry point in Node. */
function modulesOf(packages: readonly Packed[]): ReturnType<typeof start> {
  const script = `for (const name of ${JSON.stringify(specifiers(packages))}) await import(name);`;
  return start(process.execPath, ['--input-type=module', '--eval', script], consumer);
}
