import { fork } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { startServer } from './testing/server.ts';

test('an open pool keeps the process while a request flies and lets it go when idle', async () => {
  const held: (() => void)[] = [];
  await using server = await startServer((stream) =>
    held.push(() => stream.respond({ ':status': 200 }, { endStream: true })),
  );
  const child = fork(new URL('./testing/one-request.ts', import.meta.url), {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    execArgv: [],
  });
  const exited = once(child, 'exit');
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.send({ origin: server.origin, ca: server.ca });
  await Promise.race([
    server.arrived(1),
    exited.then(([code]) => expect.unreachable(`ended with ${code} before its request`)),
  ]);
  for (const answer of held) answer();
  expect(await exited).toEqual([0, null]);
  expect(output).toBe('200');
});
