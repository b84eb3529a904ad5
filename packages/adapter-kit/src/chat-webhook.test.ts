// The suite as an outsider would use it: a custom adapter and a server of one's own.
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chat } from '../../examples/src/chat-webhook.ts';
import { adapterSuite } from './index.ts';

type Answer = (response: ServerResponse) => void;

async function startChat() {
  const misbehaving = new Map<string, Answer>();
  let [requests, rooms] = [0, 0];
  const server = createServer((request, response) => {
    requests += 1;
    response.setHeader('connection', 'close');
    (misbehaving.get(request.url ?? '') ?? ((good) => good.end('ok')))(response);
  });
  await once(server.listen(0, 'localhost'), 'listening');
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    requests: () => requests,
    room: () => ({ hook: `${origin}/hooks/room-${(rooms += 1)}` }),
    /** From now on this hook is answered so. */
    misbehave: (hook: string, answer: Answer) => void misbehaving.set(new URL(hook).pathname, answer),
    close: () => new Promise<void>((resolve) => (server.close(() => resolve()), server.closeAllConnections())),
  };
}

const status =
  (code: number, body = '', headers = {}): Answer =>
  (response) =>
    void response.writeHead(code, headers).end(body);

adapterSuite('chat webhook', async () => {
  const { origin, requests, room, misbehave, close } = await startChat();
  const on =
    (answer: Answer) =>
    ({ hook }: { readonly hook: string }) =>
      misbehave(hook, answer);
  return {
    make: () => chat({ origins: [origin] }),
    target: room,
    content: { body: 'The build of main is broken' },
    oversized: { body: 'x'.repeat(50_000) },
    illFormed: {
      target: { hook: { hook: 'https://elsewhere.example/hooks/1' } },
      native: { blocks: { blocks: 'no list' } },
    },
    requests,
    provoke: {
      unregistered: on(status(404, 'no_service')),
      rejected: on(status(400, 'invalid_payload')),
      throttled: on(status(429)),
      retryAfter: ({ hook }, seconds) => misbehave(hook, status(429, '', { 'retry-after': seconds })),
      unavailable: on(status(503)),
      serverError: on(status(500)),
      unknown: [on(status(307, '', { location: `${origin}/hooks/other` })), on(status(410)), on(status(418))],
      hang: on(() => undefined),
      stall: on((response) => void response.writeHead(200).write('o')),
      reset: on((response) => void response.destroy()),
      half: on((response) => void response.writeHead(200).write('o', () => response.destroy())),
      garbage: on((response) => void response.end(Buffer.from([0, 255, 254]))),
      html: on(status(502, '<html><h1>Bad Gateway</h1></html>')),
      huge: on((response) => void response.end('x'.repeat(4_000_000))),
    },
    unreachable: (port) => ({
      adapter: chat({ origins: [`http://localhost:${port}`] }),
      target: { hook: `http://localhost:${port}/hooks/1` },
    }),
    close,
  };
});
