import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { runScript } from './testing/run-script.ts';

test('the first push is accepted, shows what the device received, and ends by itself', async () => {
  const { code, stdout, stderr } = await runScript('quickstart.ts', []);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^accepted\n/);
  expect(stdout).toContain("{ title: 'Price alert', body: 'ACME is below 42' }");
  expect(code).toBe(0);
}, 60_000);

test('the README shows it as it is', async () => {
  const [example, readme] = await Promise.all(
    ['./quickstart.ts', '../../../README.md'].map((path) => readFile(new URL(path, import.meta.url), 'utf8')),
  );
  expect(readme).toContain(`\`\`\`ts\n${example!.trimEnd()}\n\`\`\``);
});
