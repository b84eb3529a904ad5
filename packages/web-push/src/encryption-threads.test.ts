import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Encryptor } from './encryption-threads.ts';
import { createEncryptor } from './encryption-threads.ts';
import { makeReader } from './testing/reader.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidings-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function script(name: string, program: string): Promise<URL> {
  const file = join(folder, `${name}.mjs`);
  await writeFile(file, program);
  return pathToFileURL(file);
}

const reader = makeReader();
const message = (content: string) => ({ plaintext: Buffer.from(content), keys: reader.keys });
const busy = 16;

/** Encrypts one after the other until a thread has done it. */
async function untilThreaded(encryptor: Encryptor): Promise<void> {
  let result: ReturnType<Encryptor['encrypt']>;
  const inThread = (): boolean => (result = encryptor.encrypt(message('warm'), busy)) instanceof Promise;
  await expect.poll(inThread, { interval: 5 }).toBe(true);
  await result;
}
async function readAll(results: readonly ReturnType<Encryptor['encrypt']>[]): Promise<readonly string[]> {
  return (await Promise.all(results)).map((body) => (body === undefined ? 'none' : reader.read(body).toString()));
}
/** A thread that does as told with its second block. */
const answersOnce = (then: string): string => `import { parentPort } from 'node:worker_threads';
  let blocks = 0;
  parentPort.on('message', () => {
    blocks += 1;
    if (blocks > 1) { ${then}; }
    parentPort.postMessage(new Uint8Array(0));
  });`;
const texts = Array.from({ length: 100 }, (_, index) => `message ${index}`);

test('a few messages are encrypted at once, and start no thread', () => {
  const encryptor = createEncryptor(2);
  expect(encryptor.encrypt(message('text'), 15)).toBeInstanceOf(Buffer);
  expect(
    encryptor.encrypt({ ...message('text'), keys: { ...reader.keys, point: Buffer.alloc(65) } }, 1),
  ).toBeUndefined();
});

test('many are encrypted in threads, each result where it belongs', async () => {
  const encryptor = createEncryptor(2);
  await untilThreaded(encryptor);
  const results = texts.map((each) => encryptor.encrypt(message(each), busy));
  expect(results.every((each) => each instanceof Promise)).toBe(true);
  expect(await readAll(results)).toEqual(texts);
  const broken = encryptor.encrypt({ ...message('text'), keys: { ...reader.keys, point: Buffer.alloc(65) } }, busy);
  expect(await broken).toBeUndefined();
  await encryptor.close();
});

test('without threads all is done here', () => {
  expect(createEncryptor(0).encrypt(message('text'), 1000)).toBeInstanceOf(Buffer);
});

test('a thread that does not start, or ends in the middle of its work, loses nothing', async () => {
  const missing = createEncryptor(1, 1, new URL('missing.mjs', pathToFileURL(`${folder}/`)));
  const early = texts.map((each) => missing.encrypt(message(each), 1));
  expect(await readAll(early)).toEqual(texts);

  const forbidden = createEncryptor(1, 1, new URL('https://team.example/worker.mjs'));
  expect(await readAll(texts.map((each) => forbidden.encrypt(message(each), 1)))).toEqual(texts);

  for (const [name, end] of Object.entries({ throws: "throw new Error('out of memory')", exits: 'process.exit(1)' })) {
    const encryptor = createEncryptor(1, 1, await script(name, answersOnce(end)));
    await untilThreaded(encryptor);
    expect(await readAll(texts.map((each) => encryptor.encrypt(message(each), 1)))).toEqual(texts);
    // From then on here.
    expect(encryptor.encrypt(message('text'), 1)).toBeInstanceOf(Buffer);
    await encryptor.close();
  }
});

test('close ends the threads and finishes what they had', async () => {
  const encryptor = createEncryptor(1, 1, await script('silent', answersOnce('return')));
  await untilThreaded(encryptor);
  const results = texts.map((each) => encryptor.encrypt(message(each), 1));
  await new Promise(setImmediate);
  await encryptor.close();
  expect(await readAll(results)).toEqual(texts);
  expect(encryptor.encrypt(message('late'), 1)).toBeInstanceOf(Buffer);
  await encryptor.close();
});

test('a thread keeps the process as long as it works, and no longer', async () => {
  const program = fileURLToPath(new URL('testing/encrypt-and-end.ts', import.meta.url));
  for (const [work, output] of [
    ['in a thread', 'text'],
    ['none', ''],
  ]) {
    const child = spawn(process.execPath, [program, work ?? ''], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 20_000,
    });
    const [[code], written] = await Promise.all([once(child, 'exit'), text(child.stdout)]);
    expect([code, written]).toEqual([0, output]);
  }
});
