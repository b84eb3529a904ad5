// A small provider over HTTP: what the kit's own tests send to. A trouble belongs to a target and stays, so that an adapter that
// breaks one rule is not caught by another as well.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Trouble } from '../subject.ts';

export interface TestService extends AsyncDisposable {
  readonly origin: string;
  readonly requests: number;
  /** Makes a target known. */
  register(): string;
  /** What requests to this target meet from now on. */
  trouble(id: string, trouble: Trouble, seconds?: number): void;
  troubleOf(id: string): Trouble | undefined;
}

type Answer = (response: ServerResponse, seconds: number) => void;

const json = (status: number, body: object, headers: Record<string, string> = {}): Answer => {
  return (response) => void response.writeHead(status, headers).end(JSON.stringify(body));
};

const halfOfGood = '{"id":"half of an';

const answers: { readonly [Each in Trouble]: Answer } = {
  throttled: json(429, { error: 'slow_down' }),
  retryAfter: (response, seconds) => json(429, { error: 'slow_down' }, { 'retry-after': String(seconds) })(response, 0),
  unavailable: json(503, { error: 'overloaded' }),
  serverError: json(500, { error: 'broken' }),
  unregistered: json(410, { error: 'gone' }),
  blocked: json(403, { error: 'stopped' }),
  rejected: json(400, { error: 'bad_text' }),
  unauthorized: json(401, { error: 'bad_key' }),
  refused: json(503, { error: 'not_taken' }),
  unknown: json(410, { error: 'newer_word' }),
  hang: () => undefined,
  stall: (response) => void response.writeHead(200).write(halfOfGood),
  reset: (response) => void response.destroy(),
  half(response) {
    response.writeHead(200).write(halfOfGood, () => response.destroy());
  },
  garbage: (response) => void response.writeHead(200).end(Buffer.from([0, 255, 254, 123])),
  html: (response) =>
    void response.writeHead(502, { 'content-type': 'text/html' }).end('<html><h1>502 Bad Gateway</h1></html>'),
  huge: (response) => void response.writeHead(200).end('x'.repeat(4_000_000)),
};

export async function startTestService(): Promise<TestService> {
  const troubles = new Map<string, readonly [Trouble, number]>();
  let requests = 0;
  let registered = 0;
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    requests += 1;
    response.on('error', () => undefined);
    // Kept connections would outlive the adapter on this side, and look like its own.
    response.setHeader('connection', 'close');
    const [trouble, seconds] = troubles.get((request.url ?? '').slice(1)) ?? [];
    if (trouble === undefined) json(200, { id: `m${requests}` })(response, 0);
    else answers[trouble](response, seconds ?? 0);
  });
  // Hundreds connect at once, and one that finds no place tries again a second later.
  server.listen(0, 'localhost', 4000);
  await once(server, 'listening');
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    get requests() {
      return requests;
    },
    register: () => `target-number-${(registered += 1)}`,
    trouble: (id, trouble, seconds = 0) => void troubles.set(id, [trouble, seconds]),
    troubleOf: (id) => troubles.get(id)?.[0],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
