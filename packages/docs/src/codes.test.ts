import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const packages = join(import.meta.dirname, '../..');
/** Marks on objects, no codes. */
const marks = new Set(['tidings.error', 'tidings.problem', 'tidings.policy']);

test('every code in the sources is in the table, and the table names no other', () => {
  const sources = globSync('*/src/**/*.ts', { cwd: packages }).filter(
    (file) => !/\.test(-d)?\.ts$|^(tooling|bench|examples|docs|adapter-kit)/.test(file),
  );
  const used = new Set<string>();
  for (const file of sources) {
    for (const [, code] of readFileSync(join(packages, file), 'utf8').matchAll(/'(tidings\.[a-z_]+)'/g)) {
      if (!marks.has(code!)) used.add(code!);
    }
  }
  const table = readFileSync(join(packages, 'docs/codes.md'), 'utf8');
  const named = new Set([...table.matchAll(/`(tidings\.[a-z_]+)`/g)].map(([, code]) => code));
  expect(named).toEqual(used);
});
