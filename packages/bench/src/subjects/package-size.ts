// What `import '@tidings/core'` loads of our own code (bundled, minified, gzipped), and how many packages it names.
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
  build(options: object): Promise<{ output: readonly Chunk[] }>;
}
interface Chunk {
  readonly fileName: string;
  readonly code?: string;
  readonly isEntry?: boolean;
  /** Other chunks that it imports at once. */
  readonly imports?: readonly string[];
}
function loadRolldown(): Rolldown {
  const rootRequire = createRequire(import.meta.url);
  const vite = createRequire(rootRequire.resolve('vitest/package.json')).resolve('vite/package.json');
  return createRequire(vite)('rolldown');
}

const { output } = await loadRolldown().build({
  input: entry,
  external: (id: string) =>
    id.startsWith('node:') || dependencies.some((name) => id === name || id.startsWith(`${name}/`)),
  platform: 'node',
  write: false,
  logLevel: 'silent',
  output: { format: 'esm', minify: true },
});
/** What the import loads: the entry and what it imports at once. The queue's side comes with the first `enqueue`. */
const loaded = new Set(output.filter(({ isEntry }) => isEntry));
for (const { imports = [] } of loaded)
  for (const chunk of output) if (imports.includes(chunk.fileName)) loaded.add(chunk);
const code = [...loaded].map((chunk) => chunk.code ?? '').join('');
finish({ gzip: gzipSync(code, { level: 9 }).length / 1024, dependencies: dependencies.length });
