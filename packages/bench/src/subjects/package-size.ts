// What a user takes in with `@tidings/core`: our own code (bundled, minified, gzipped) and how many packages it names.
import { readFileSync } from 'node:fs';
import { createRequire, findPackageJSON } from 'node:module';
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { finish } from '../measure.ts';

const entry = fileURLToPath(import.meta.resolve('@tidings/core'));
const manifest = JSON.parse(readFileSync(findPackageJSON('@tidings/core', import.meta.url) as string, 'utf8')) as {
  dependencies?: Record<string, string>;
};
const dependencies = Object.keys(manifest.dependencies ?? {});

/** As much of rolldown as is used here. It is there because vitest's vite brings it. */
interface Rolldown {
  build(options: object): Promise<{ output: readonly { code?: string }[] }>;
}
function loadRolldown(): Rolldown {
  const rootRequire = createRequire(import.meta.url);
  const vite = createRequire(rootRequire.resolve('vitest/package.json')).resolve('vite/package.json');
  return createRequire(vite)('rolldown');
}

const { output } = await loadRolldown().build({
  input: entry,
  external: (id: string) => id.startsWith('node:') || dependencies.some((name) => id === name || id.startsWith(`${name}/`)),
  platform: 'node',
  write: false,
  logLevel: 'silent',
  output: { format: 'esm', minify: true },
});
const code = output.map((chunk) => chunk.code ?? '').join('');
finish({ gzip: gzipSync(code, { level: 9 }).length / 1024, dependencies: dependencies.length });
