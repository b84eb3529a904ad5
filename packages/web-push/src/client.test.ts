import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { isTransportError } from '@tidings/transport';
import type { Answer, Resolve } from '@tidings/transport';
import { afterEach, describe, expect, test } from 'vitest';
import { makeCertificate } from '../../transport/src/testing/certificate.ts';
import type { PushClient } from './client.ts';
import { createClient } from './client.ts';
import { never } from './testing/fixtures.ts';
import type { Handler, TestServer } from './testing/server.ts';
import { startServer } from './testing/server.ts';

const open: (PushClient | TestServer)[] = [];
afterEach(async () => {
  // The server first: a client waits for what is in flight.
  for (const each of open.splice(0).toReversed())
    await (Symbol.asyncDispose in each ? each[Symbol.asyncDispose]() : each.close());
});

async function serve(handler: Handler, certificate?: ReturnType<typeof makeCertificate>): Promise<TestServer> {
  const server = await startServer(handler, certificate);
  open.push(server);
  return server;
}
function clientOf(settings: Partial<Parameters<typeof createClient>[0]> = {}): PushClient {
  const client = createClient({ ca: undefined, sockets: 50, idleTimeout: 30_000, resolve: undefined, ...settings });
  open.unshift(client);
  return client;
}
const created: Handler = (request, response) => {
  request.resume();
  request.on('end', () => response.writeHead(201, { location: '/m/1' }).end());
};

interface Sent {
  readonly path?: string;
  readonly signal?: AbortSignal;
  readonly privately?: boolean;
}
const post = (
  client: PushClient,
  origin: string,
  { path = '/push/1', signal = never, privately = true }: Sent = {},
): Promise<Answer> =>
  client.post({
    endpoint: { url: new URL(path, origin), privately },
    headers: { TTL: '60' },
    body: Buffer.from('body'),
    signal,
  });

/** Code and `unsent` of a rejection. */
async function failure(answer: Promise<Answer>): Promise<[string, boolean]> {
  const error = await answer.then(
    (given) => new Error(`answered ${given.status}`),
    (reason: unknown) => reason,
  );
  if (!isTransportError(error)) throw error;
  return [error.code, error.unsent];
}

test('posts what it is given and reads the answer', async () => {
  const seen: unknown[] = [];
  const server = await serve(async (request, response) => {
    seen.push(
      request.method,
      request.url,
      request.headers['ttl'],
      request.headers['content-length'],
      Buffer.concat(await request.toArray()).toString(),
    );
    response.writeHead(429, { 'Retry-After': '7' }).end('slower');
  });
  const answer = await post(clientOf({ ca: server.ca }), server.origin, { path: '/push/1?token=a%2Fb' });
  expect(seen).toEqual(['POST', '/push/1?token=a%2Fb', '60', '4', 'body']);
  expect([
    answer.status,
    answer.body,
    answer.headers.get('retry-after'),
    answer.headers.get('RETRY-AFTER'),
    answer.headers.get('x'),
  ]).toEqual([429, 'slower', '7', '7', null]);
});

test('keeps its connections, and opens no more than it may', async () => {
  const server = await serve(created);
  const client = clientOf({ ca: server.ca, sockets: 3 });
  await Promise.all(Array.from({ length: 20 }, () => post(client, server.origin)));
  await post(client, server.origin);
  expect(server.requests).toHaveLength(21);
  expect(server.connections).toHaveLength(3);
});

test('closes a connection on which nothing happens', async () => {
  const server = await serve(created);
  const client = clientOf({ ca: server.ca, idleTimeout: 20 });
  await post(client, server.origin);
  const [socket] = server.connections;
  if (socket?.closed === false) await once(socket, 'close');
  expect((await post(client, server.origin)).status).toBe(201);
});

test('never follows a redirect', async () => {
  const other = await serve(created);
  for (const status of [301, 302, 303, 307, 308]) {
    const server = await serve((_, response) =>
      response.writeHead(status, { location: `${other.origin}/elsewhere` }).end(),
    );
    expect((await post(clientOf({ ca: server.ca }), server.origin)).status).toBe(status);
    expect(server.requests).toHaveLength(1);
  }
  expect(other.connections).toHaveLength(0);
});

describe('a failure before the request was written is unsent', () => {
  test('refused connection', async () => {
    const server = await startServer(created);
    await server[Symbol.asyncDispose]();
    expect(await failure(post(clientOf(), server.origin))).toEqual(['ECONNREFUSED', true]);
  });

  test('no such host', async () => {
    const resolve: Resolve = async () => {
      throw Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' });
    };
    expect(await failure(post(clientOf({ resolve }), 'https://push.example'))).toEqual(['ENOTFOUND', true]);
  });

  test.each([
    ['an unknown root', () => makeCertificate(), undefined, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['another name', () => makeCertificate({ name: 'other.example' }), 'trusted', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['a certificate that has expired', () => makeCertificate({ from: -10, until: -1 }), 'trusted', 'CERT_HAS_EXPIRED'],
  ])('%s', async (_, make, trusted, code) => {
    const certificate = make();
    const server = await serve(created, certificate);
    const client = clientOf({ ca: trusted === undefined ? makeCertificate().cert : certificate.cert });
    expect(await failure(post(client, server.origin))).toEqual([code, true]);
    expect(server.requests).toEqual([]);
  });

  test('a peer that speaks no TLS, or hangs up at once', async () => {
    for (const greeting of ['HTTP/1.1 400 Bad Request\r\n\r\n', '']) {
      const server = createServer((socket) => {
        socket.on('error', () => {});
        socket.end(greeting);
      });
      server.listen(0, 'localhost');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      expect((await failure(post(clientOf(), `https://localhost:${port}`)))[1]).toBe(true);
      server.close();
    }
  });

  test('aborted before, while connecting, or while waiting for a connection', async () => {
    const server = createServer();
    server.listen(0, 'localhost');
    await once(server, 'listening');
    const origin = `https://localhost:${(server.address() as AddressInfo).port}`;
    const client = clientOf({ sockets: 1 });
    expect(await failure(post(client, origin, { signal: AbortSignal.abort() }))).toEqual(['tidings.aborted', true]);
    const controller = new AbortController();
    const both = [0, 1].map(() => failure(post(client, origin, { signal: controller.signal })));
    const [socket] = await once(server, 'connection');
    controller.abort();
    expect(await Promise.all(both)).toEqual([
      ['tidings.aborted', true],
      ['tidings.aborted', true],
    ]);
    socket.destroy();
    server.close();
  });
});

test('a header that HTTP does not allow is not sent, and opens no connection', async () => {
  const server = await serve(created);
  const client = clientOf({ ca: server.ca });
  const url = new URL('/push/1', server.origin);
  for (const value of ['a\r\nX: y', 'a\0b', '€']) {
    const sent = client.post({
      endpoint: { url, privately: true },
      headers: { Topic: value },
      body: Buffer.alloc(0),
      signal: never,
    });
    expect(await failure(sent)).toEqual(['tidings.invalid_request', true]);
  }
  expect(server.connections).toHaveLength(0);
});

describe('a failure after it was written is not', () => {
  test('reset, on a new connection and on a kept one', async () => {
    let resets = false;
    const server = await serve((request, response) => (resets ? request.socket.destroy() : created(request, response)));
    const client = clientOf({ ca: server.ca });
    await post(client, server.origin);
    resets = true;
    expect(await failure(post(client, server.origin))).toEqual(['ECONNRESET', false]);
    expect(await failure(post(client, server.origin))).toEqual(['ECONNRESET', false]);
    expect(server.requests).toHaveLength(3);
  });

  test('aborted while it waits for the answer; the connection goes with it', async () => {
    const controller = new AbortController();
    const server = await serve((request) => {
      request.resume();
      request.on('end', () => controller.abort(new DOMException('late', 'TimeoutError')));
    });
    expect(await failure(post(clientOf({ ca: server.ca }), server.origin, { signal: controller.signal }))).toEqual([
      'tidings.timeout',
      false,
    ]);
    const [socket] = server.connections;
    if (socket?.closed === false) await once(socket, 'close');
  });

  test('silence, also where nobody aborts', async () => {
    const server = await serve((request) => request.resume());
    expect(await failure(post(clientOf({ ca: server.ca, idleTimeout: 30 }), server.origin))).toEqual([
      'tidings.timeout',
      false,
    ]);
  });
});

describe('hostile answers', () => {
  test('a body dropped in the middle, or never ended, does not hide the status and does not hang', async () => {
    const server = await serve((_, response) => {
      response.writeHead(201, { 'content-length': '1000' });
      response.write('half', () => response.destroy());
    });
    const client = clientOf({ ca: server.ca, idleTimeout: 30 });
    expect(await post(client, server.origin)).toMatchObject({ status: 201, body: 'half' });
    server.handler = (_, response) => response.writeHead(410, { 'content-length': '1000' }).write('{');
    expect(await post(client, server.origin)).toMatchObject({ status: 410, body: '{' });
  });

  test('a body without end is cut at 64 KiB, and the connection with it', async () => {
    const server = await serve((_, response) => {
      response.writeHead(400);
      const pour = (): void => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
      };
      response.on('drain', pour);
      pour();
    });
    const { status, body } = await post(clientOf({ ca: server.ca }), server.origin);
    expect([status, body.length]).toEqual([400, 65_536]);
    const [socket] = server.connections;
    if (socket?.closed === false) await once(socket, 'close');
  });

  test('a gzip body is not unpacked', async () => {
    const bomb = Buffer.from('1f8b08000000000000034b4c4a06000', 'hex');
    const server = await serve((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb));
    expect((await post(clientOf({ ca: server.ca }), server.origin)).body).toBe(bomb.toString());
  });

  test('early hints without end are left at the signal', async () => {
    const controller = new AbortController();
    const server = await serve(async ({ socket }) => {
      for (let hints = 0; !socket.destroyed; hints += 100) {
        socket.write('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'.repeat(100));
        if (hints === 10_000) controller.abort();
        await new Promise(setImmediate);
      }
    });
    expect(await failure(post(clientOf({ ca: server.ca }), server.origin, { signal: controller.signal }))).toEqual([
      'tidings.aborted',
      false,
    ]);
  });

  test.each([
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['endless headers', `HTTP/1.1 201 Created\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`],
    ['two lengths', 'HTTP/1.1 201 Created\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    ['a change of protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'],
    ['a status that is none', 'HTTP/1.1 abc Created\r\n\r\n'],
  ])('%s is no answer', async (_, bytes) => {
    const server = await serve((request) => request.socket.end(bytes));
    expect((await failure(post(clientOf({ ca: server.ca }), server.origin)))[1]).toBe(false);
  });

  test('an answer before the request is read counts', async () => {
    const server = await serve((_, response) => response.writeHead(413).end());
    expect((await post(clientOf({ ca: server.ca }), server.origin)).status).toBe(413);
  });
});

describe('addresses', () => {
  const at =
    (address: string): Resolve =>
    async () => [{ address, family: 4 }];

  test('a name at a private address is not connected to, unless its host is allowed there', async () => {
    const server = await serve(created);
    const client = clientOf({ ca: server.ca, resolve: at('127.0.0.1') });
    expect(await failure(post(client, server.origin, { privately: false }))).toEqual([
      'tidings.forbidden_address',
      true,
    ]);
    expect(server.connections).toHaveLength(0);
    expect((await post(client, server.origin, { privately: true })).status).toBe(201);
  });

  test('nor where one of several addresses is private', async () => {
    const server = await serve(created);
    const resolve: Resolve = async () => ['192.0.32.10', '127.0.0.1'].map((address) => ({ address, family: 4 }));
    expect(await failure(post(clientOf({ ca: server.ca, resolve }), server.origin, { privately: false }))).toEqual([
      'tidings.forbidden_address',
      true,
    ]);
    expect(server.connections).toHaveLength(0);
  });
});

describe('close', () => {
  test('lets what is in flight end, takes nothing new and leaves no connection', async () => {
    const answers: (() => void)[] = [];
    const server = await serve((request, response) => {
      request.resume();
      answers.push(() => response.writeHead(201).end());
    });
    const client = clientOf({ ca: server.ca, sockets: 2 });
    const sent = [0, 1, 2].map(() => post(client, server.origin));
    await expect.poll(() => answers.length).toBe(2);
    const closed = client.close();
    expect(await failure(post(client, server.origin))).toEqual(['tidings.pool_closed', true]);
    answers.shift()?.();
    await expect.poll(() => answers.length).toBe(2);
    for (const answer of answers) answer();
    expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([201, 201, 201]);
    await closed;
    await client.close();
    for (const socket of server.connections) if (!socket.closed) await once(socket, 'close');
    // The server itself is still there.
    const probe = connect(server.port, 'localhost');
    await once(probe, 'connect');
    probe.destroy();
  });
});
