import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { accessToken, fcmSend, openHttp2, sendHttp2 } from '../test/clients.ts';
import type { Sandbox } from './types.ts';

const command = fileURLToPath(new URL('./cli.ts', import.meta.url));
const running: ChildProcessWithoutNullStreams[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

function run(...options: string[]): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [command, ...options]);
  running.push(child);
  return child;
}

async function readUntil(child: ChildProcessWithoutNullStreams, end: string): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout) {
    text += String(chunk);
    if (text.includes(end)) return text;
  }
  throw new Error(`ended early: ${text}`);
}

async function finish(child: ChildProcessWithoutNullStreams): Promise<{ code: unknown; errors: string }> {
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += String(chunk)));
  child.stdout.resume();
  const [code] = (await once(child, 'close')) as unknown[];
  return { code, errors };
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s ends it cleanly, with streams hung and answers due in a year',
  async (signal) => {
    const child = run();
    const text = await readUntil(child, '-----END CERTIFICATE-----');
    const control = /Control\s+(\S+)/.exec(text)?.[1] ?? '';
    const credentials = (await (await fetch(`${control}/credentials`)).json()) as Sandbox;
    expect(text).toContain(credentials.ca.trim());
    expect(text).toContain(credentials.fcm.endpoint);

    const { fcm, ca } = credentials;
    const session = openHttp2(fcm.endpoint, ca);
    const send = fcmSend(fcm, await accessToken(credentials), { message: { topic: 'a' } });
    for (const fault of [{ kind: 'hang' }, { kind: 'slow', delay: 2_000_000_000 }]) {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' } };
      await fetch(`${control}/fcm/faults/next`, { ...init, body: JSON.stringify({ fault }) });
    }
    const hung = [sendHttp2(session, send), sendHttp2(session, send)];
    await sendHttp2(session, send);
    child.kill(signal);
    expect(await finish(child)).toEqual({ code: 0, errors: '' });
    for (const outcome of await Promise.all(hung)) expect(outcome).not.toHaveProperty('status');
  },
);

test('the root certificate goes to the file that was asked for', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-'));
  const file = join(folder, 'ca.pem');
  const child = run('--ca', file);
  const text = await readUntil(child, `Root certificate in ${file}\n`);
  expect(text).not.toContain('BEGIN');
  expect(await readFile(file, 'utf8')).toMatch(/^-----BEGIN CERTIFICATE-----/);
  child.kill('SIGTERM');
  expect(await finish(child)).toMatchObject({ code: 0 });
  await rm(folder, { recursive: true });
});

test('a file that cannot be written is an error, not a server', async () => {
  const { code, errors } = await finish(run('--ca', join(tmpdir(), 'no', 'such', 'folder', 'ca.pem')));
  expect(code).toBe(1);
  expect(errors).toContain('ENOENT');
});

test('wrong options are refused by name, with the usage', async () => {
  const cases: [string[], RegExp][] = [
    [['--port', '1'], /Unknown option '--port'/],
    [['--apns-port', 'x'], /ports\.apns: expected an integer/],
    [['--ledger-limit', '0'], /ledgerLimit: expected an integer/],
    [['start'], /Unexpected argument/],
  ];
  // All at once: each is a process that takes its time to start.
  const ends = await Promise.all(cases.map(([options]) => finish(run(...options))));
  for (const [index, [, expected]] of cases.entries()) {
    expect(ends[index]).toMatchObject({ code: 2, errors: expect.stringMatching(expected) as string });
    expect(ends[index]?.errors).toContain('Usage: tidings-sandbox');
  }
});
