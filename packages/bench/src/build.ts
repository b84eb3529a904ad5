// Subjects run as the JavaScript that users run: type stripping at run time costs a start 30 ms and 20 MB, which would
// hide in the rows about start and memory. Types become blanks, so line numbers in a profile are those of the sources.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { packageRoot } from './peers.ts';

const output = join(packageRoot, 'dist');
export const subjectFile = (name: string): string => join(output, 'src', 'subjects', `${name}.js`);

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Makes `dist/src` of this package and `dist/node_modules/@tidings/*` of the ones it depends on. */
export function buildSubjects(): void {
  rmSync(output, { recursive: true, force: true });
  strip(join(packageRoot, 'src'), join(output, 'src'));
  buildDependencies(packageRoot);
}

function buildDependencies(root: string): void {
  for (const name of Object.keys(readManifest(root).dependencies ?? {})) {
    const source = realpathSync(join(root, 'node_modules', name));
    const target = join(output, 'node_modules', name);
    if (existsSync(target)) continue;
    mkdirSync(dirname(target), { recursive: true });
    if (name.startsWith('@tidings/')) {
      strip(join(source, 'src'), target);
      const { dependencies } = readManifest(source);
      const manifest = { name, type: 'module', exports: './index.js', sideEffects: false, dependencies };
      writeFileSync(join(target, 'package.json'), JSON.stringify(manifest));
      buildDependencies(source);
    } else {
      symlinkSync(source, target, 'junction');
    }
  }
}

const readManifest = (root: string): Manifest =>
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;

function strip(from: string, to: string): void {
  for (const file of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || /\.(test|test-d|d)\.ts$/.test(file)) continue;
    const source = readFileSync(join(from, file), 'utf8');
    const code = stripTypeScriptTypes(source).replaceAll(/(['"]\.{1,2}\/[^'"\n]*)\.ts(['"])/g, '$1.js$2');
    const target = join(to, file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, code);
  }
}
