import { expect, test } from 'vitest';
import { createHttp2Pool } from './index.ts';
import { startServer } from './testing/server.ts';

test('an answer whose end was processed before the event for its headers is whole', async () => {
  // Answers at once, while the client is still writing to several connections: then Node handles many frames in one go.
  await using server = await startServer((stream) => {
    stream.resume().on('end', () => {
      stream.respond({ ':status': 200 });
      stream.end('whole');
    });
  });
  const pool = createHttp2Pool({ origin: server.origin, ca: server.ca, streams: 100 });
  const request = { path: '/', headers: { authorization: 'x'.repeat(150) }, body: 'x'.repeat(560) };
  const answers: Record<string, number> = {};
  let begun = 0;
  async function worker(): Promise<void> {
    while (begun < 4000) {
      begun += 1;
      const answer = await pool.request(request).then(
        ({ status, body }) => `${status} ${body}`,
        (error: Error) => error.message,
      );
      answers[answer] = (answers[answer] ?? 0) + 1;
    }
  }
  await Promise.all(Array.from({ length: 400 }, worker));
  expect(answers).toEqual({ '200 whole': 4000 });
  await pool.close();
});
