import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compile } from '@tidings/tooling/compile';

const root = join(import.meta.dirname, '../../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const snippets = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!);

/** What the snippets take from their reader's own code. */
const around = `
import { apns } from '@tidings/apns';
import { createEngine } from '@tidings/core';
import { fcm } from '@tidings/fcm';
import { webPush, type WebPushTarget } from '@tidings/web-push';
declare const key: string, keyId: string, teamId: string, topic: string, token: string, other: string;
declare const serviceAccount: string, vapid: { subject: string; publicKey: string; privateKey: string };
declare const subscription: WebPushTarget, rows: AsyncIterable<{ id: number; token: string }>;
declare function forget(token: string): Promise<void>;
`;

test('the first example runs as it stands, and prints what the device received', () => {
  const file = join(root, 'packages/examples/readme-first-push.ts');
  writeFileSync(file, snippets[0]!);
  try {
    const { stdout, stderr, status } = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: 20_000 });
    expect({ status, stderr: stderr.replace(/^.*ExperimentalWarning.*\n.*\n/m, '') }).toEqual({
      status: 0,
      stderr: '',
    });
    expect(stdout).toContain('accepted');
    expect(stdout).toContain('ACME is below 42');
  } finally {
    rmSync(file);
  }
});

test('what comes before the first push is at most 250 words', () => {
  const start = readme.slice(0, readme.indexOf('## Sending'));
  expect(start.replace(/```.*?```/gs, '').split(/\s+/).length).toBeLessThanOrEqual(250);
});

test('the other examples compile', async () => {
  const [, engine, more, adapter] = snippets;
  for (const snippet of [`${around}\n${engine}\n${more}\nexport {};`, `${adapter}\nexport {};`]) {
    expect((await compile(snippet)).diagnostics).toEqual([]);
  }
});
