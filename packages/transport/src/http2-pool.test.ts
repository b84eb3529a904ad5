import { once } from 'node:events';
import { constants } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { connect as connectTcp, createServer } from 'node:net';
import { isTidingsError } from '@tidings/core';
import { afterEach, describe, expect, test } from 'vitest';
import type { Answer, Http2Pool, Http2PoolOptions, TransportError } from './index.ts';
import { createHttp2Pool, isTransportError } from './index.ts';
import { makeCertificate } from './testing/certificate.ts';
import type { Handler, TestProxy, TestServer } from './testing/server.ts';
import { echo, startProxy, startServer } from './testing/server.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function serve(handler: Handler, options?: Parameters<typeof startServer>[1]): Promise<TestServer> {
  const server = await startServer(handler, options);
  cleanups.push(() => server[Symbol.asyncDispose]());
  return server;
}

async function proxyTo(server: TestServer): Promise<TestProxy> {
  const proxy = await startProxy(server);
  cleanups.push(() => proxy[Symbol.asyncDispose]());
  return proxy;
}

function poolFor(server: { origin: string; ca?: string }, options: Partial<Http2PoolOptions> = {}): Http2Pool {
  const pool = createHttp2Pool({ origin: server.origin, ca: server.ca, ...options });
  cleanups.push(() => void pool.close());
  return pool;
}

const post = (pool: Http2Pool, path = '/', signal?: AbortSignal, body = 'hello'): Promise<Answer> =>
  pool.request({ path, headers: { 'x-test': '1' }, body, signal });

/** As the engine would: what was surely not sent goes again. */
const untilSent = (pool: Http2Pool, path = '/'): Promise<Answer> =>
  post(pool, path).catch((error: TransportError) => (error.unsent ? untilSent(pool, path) : Promise.reject(error)));

/** The TransportError it rejects with. */
async function failure(request: Promise<Answer>): Promise<TransportError> {
  const error = await request.then(
    () => new Error('resolved'),
    (reason: unknown) => reason,
  );
  if (!isTransportError(error)) throw error;
  return error;
}

/** Keeps each stream for the test to answer. */
function held(): { readonly streams: Parameters<Handler>[0][]; readonly handler: Handler } {
  const streams: Parameters<Handler>[0][] = [];
  return { streams, handler: (stream) => void streams.push(stream) };
}

const answer = (stream: Parameters<Handler>[0], status = 200): void => {
  stream.respond({ ':status': status }, { endStream: true });
};

describe('an answer', () => {
  test('carries status, headers in any case, and the body', async () => {
    const server = await serve((stream, headers) => {
      expect(headers).toMatchObject({ ':method': 'POST', ':path': '/3/device/abc', 'x-test': '1' });
      stream.respond({ ':status': 429, 'Retry-After': '7' });
      stream.pipe(stream);
    });
    const { status, headers, body } = await post(poolFor(server), '/3/device/abc', undefined, 'grüße');
    expect([status, headers.get('retry-after'), headers.get('RETRY-AFTER'), headers.get('no'), body]).toEqual([
      429,
      '7',
      '7',
      null,
      'grüße',
    ]);
  });

  test('without a body is an empty text, and so may the request be', async () => {
    const server = await serve((stream) => answer(stream, 204));
    expect(await post(poolFor(server), '/', undefined, '')).toMatchObject({ status: 204, body: '' });
  });

  test('in bytes that arrive one by one is put together', async () => {
    const server = await serve((stream) => {
      stream.respond({ ':status': 200 });
      const bytes = [...Buffer.from('ü€')];
      const next = (): void => {
        const byte = bytes.shift();
        if (byte === undefined) stream.end();
        else stream.write(Buffer.from([byte]), () => setImmediate(next));
      };
      next();
    });
    expect((await post(poolFor(server))).body).toBe('ü€');
  });

  test('longer than maxBody is cut off, its stream ended, and the connection goes on', async () => {
    let reset: Promise<unknown> | undefined;
    const server = await serve((stream) => {
      reset ??= once(stream, 'close');
      stream.respond({ ':status': 200 });
      const flood = (): void => {
        while (!stream.destroyed && stream.write('x'.repeat(10_000)));
        if (!stream.destroyed) stream.once('drain', flood);
      };
      flood();
    });
    const pool = poolFor(server, { maxBody: 1000 });
    expect((await post(pool)).body).toBe('x'.repeat(1000));
    await reset;
    server.handler = echo;
    expect((await post(pool)).body).toBe('hello');
    expect(server.sessions).toHaveLength(1);
  });

  test('is given although the peer did not want the whole request', async () => {
    const server = await serve((stream) => {
      stream.respond({ ':status': 413 });
      stream.end('too much');
      stream.close(constants.NGHTTP2_NO_ERROR);
    });
    expect(await post(poolFor(server), '/', undefined, 'x'.repeat(200_000))).toMatchObject({ status: 413 });
  });

  test('is not disturbed by interim answers', async () => {
    const server = await serve((stream) => {
      stream.additionalHeaders({ ':status': 102 });
      stream.additionalHeaders({ ':status': 103 });
      echo(stream, {}, stream.session as never);
    });
    expect(await post(poolFor(server))).toMatchObject({ status: 200, body: 'hello' });
  });
});

describe('streams', () => {
  test('beyond the limit wait and begin in order', async () => {
    const { streams, handler } = held();
    const server = await serve(handler);
    const pool = poolFor(server, { sessions: 1, streams: 2 });
    const all = ['/a', '/b', '/c', '/d'].map((path) => post(pool, path));
    await server.arrived(2);
    expect(pool.stats).toEqual({ sessions: 1, inFlight: 2, waiting: 2 });
    answer(streams[1] as never);
    await server.arrived(3);
    for (const stream of streams) if (!stream.headersSent) answer(stream);
    await server.arrived(4);
    answer(streams[3] as never);
    await Promise.all(all);
    expect(server.paths).toEqual(['/a', '/b', '/c', '/d']);
    expect(pool.stats).toMatchObject({ waiting: 0 });
  });

  test('keep to what the peer allows, and to its changes', async () => {
    let open = 0;
    let peak = 0;
    const { streams, handler } = held();
    const server = await serve(
      (stream, headers, session) => {
        peak = Math.max(peak, (open += 1));
        stream.on('close', () => (open -= 1));
        handler(stream, headers, session);
      },
      { settings: { maxConcurrentStreams: 3 } },
    );
    const pool = poolFor(server, { sessions: 1 });
    const all = Array.from({ length: 12 }, (_, index) => post(pool, `/${index}`));
    await server.arrived(3);
    expect(peak).toBe(3);
    server.sessions[0]?.settings({ maxConcurrentStreams: 5 });
    await server.arrived(5);
    expect([peak, pool.stats.inFlight]).toEqual([5, 5]);
    await new Promise<void>((resolve) => server.sessions[0]?.settings({ maxConcurrentStreams: 1 }, () => resolve()));
    for (const stream of streams.splice(0)) answer(stream);
    await server.arrived(6);
    expect(open).toBe(1);
    server.handler = (stream) => {
      expect((open += 1)).toBe(1);
      stream.on('close', () => (open -= 1));
      answer(stream);
    };
    answer(streams[0] as never);
    await Promise.all(all);
    expect(new Set(server.paths).size).toBe(12);
  });

  test('open another connection only when those there are full, up to the limit', async () => {
    const { streams, handler } = held();
    const server = await serve(handler);
    const pool = poolFor(server, { sessions: 2, streams: 2 });
    const first = [post(pool), post(pool)];
    await server.arrived(2);
    expect(server.sessions).toHaveLength(1);
    const more = [post(pool), post(pool), post(pool)];
    await server.arrived(4);
    expect([server.sessions.length, pool.stats]).toEqual([2, { sessions: 2, inFlight: 4, waiting: 1 }]);
    server.handler = (stream) => answer(stream);
    for (const stream of streams) answer(stream);
    await Promise.all([...first, ...more]);
    expect(server.sessions).toHaveLength(2);
  });

  test('one alone on a new connection until the first answer, where warm-up is asked for', async () => {
    const { streams, handler } = held();
    const server = await serve(handler);
    const pool = poolFor(server, { warmUp: true, streams: 10 });
    const all = Array.from({ length: 8 }, () => post(pool));
    await server.arrived(1);
    expect([server.sessions.length, pool.stats]).toEqual([1, { sessions: 1, inFlight: 1, waiting: 7 }]);
    // A further connection of the pool would have come before this one.
    const control = post(poolFor(server), '/control');
    await server.arrived(2);
    expect(server.sessions).toHaveLength(2);
    answer(streams[0] as never, 403);
    await server.arrived(9);
    expect(server.sessions).toHaveLength(2);
    for (const stream of streams) if (!stream.headersSent) answer(stream);
    await Promise.all([...all, control]);
  });

  test('of a new connection whose first one hangs do not wait for it for ever', async () => {
    const { handler } = held();
    const server = await serve(handler);
    const pool = poolFor(server, { warmUp: true });
    const controller = new AbortController();
    const hanging = failure(post(pool, '/hangs', controller.signal));
    const waiting = post(pool, '/waits');
    await server.arrived(1);
    server.handler = echo;
    expect((await waiting).status).toBe(200);
    expect(server.sessions).toHaveLength(2);
    controller.abort();
    await hanging;
  });

  test('are refused before anything is sent when a value could break out of its header', async () => {
    const server = await serve(echo);
    const pool = poolFor(server);
    await post(pool);
    const bad: { path: string; headers: Record<string, string> }[] = [
      { path: '/a\0b', headers: {} },
      { path: '/', headers: { 'apns-topic': 'a\r\nb: c' } },
      { path: '/', headers: { 'apns-topic': 'a\0b\0\0' } },
      { path: '/', headers: { ':authority': 'elsewhere' } },
      { path: '/', headers: { 'bad name': 'x' } },
      { path: '/', headers: { connection: 'close' } },
    ];
    for (const request of bad) {
      expect(await failure(pool.request({ ...request, body: '' }))).toMatchObject({
        code: 'tidings.invalid_request',
        unsent: true,
      });
    }
    await expect.poll(() => pool.stats).toEqual({ sessions: 1, inFlight: 0, waiting: 0 });
    expect(server.paths).toHaveLength(1);
  });
});

/** RST_STREAM alone: `stream.close()` would end the body properly first. */
function rawReset(stream: Parameters<Handler>[0], code: number): void {
  const handle = Object.getOwnPropertySymbols(stream).find(({ description }) => description === 'kHandle') as symbol;
  (stream as unknown as Record<symbol, { rstStream(code: number): void }>)[handle]?.rstStream(code);
}

describe('after the headers were written', () => {
  const reset =
    (code: number): Handler =>
    (stream) =>
      stream.close(code);

  test('a reset is not unsent', async () => {
    const server = await serve(reset(constants.NGHTTP2_INTERNAL_ERROR));
    expect(await failure(post(poolFor(server)))).toMatchObject({ code: 'tidings.stream_reset', unsent: false });
    expect(server.paths).toHaveLength(1);
  });

  test('a refused stream is', async () => {
    const server = await serve(reset(constants.NGHTTP2_REFUSED_STREAM));
    expect(await failure(post(poolFor(server)))).toMatchObject({ code: 'tidings.refused_stream', unsent: true });
    expect(server.paths).toHaveLength(1);
  });

  test('a refusal after the headers of an answer is not', async () => {
    const server = await serve((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('x', () => setImmediate(() => rawReset(stream, constants.NGHTTP2_REFUSED_STREAM)));
    });
    expect(await failure(post(poolFor(server)))).toMatchObject({ unsent: false });
  });

  test.each([constants.NGHTTP2_CANCEL, constants.NGHTTP2_INTERNAL_ERROR])(
    'half a body and a reset %i is no answer',
    async (code) => {
      const server = await serve((stream) => {
        stream.respond({ ':status': 200 });
        stream.write('half', () => setImmediate(() => rawReset(stream, code)));
      });
      expect(await failure(post(poolFor(server)))).toMatchObject({ unsent: false });
    },
  );

  test.each(['end', 'destroy'] as const)('half a body and a connection gone (%s) is no answer', async (how) => {
    const server = await serve((stream) => {
      stream.respond({ ':status': 200 });
      stream.write('half', () => setImmediate(() => server.sockets[0]?.[how]()));
    });
    expect(await failure(post(poolFor(server)))).toMatchObject({ unsent: false });
  });

  test('a connection that dies takes its streams with it, and the next request opens a new one', async () => {
    const server = await serve(() => server.sockets[0]?.destroy());
    const pool = poolFor(server);
    expect(await failure(post(pool))).toMatchObject({ unsent: false });
    server.handler = echo;
    expect((await post(pool)).body).toBe('hello');
    expect(server.sessions).toHaveLength(2);
  });

  test('an abort resets the stream, frees its place and is not unsent', async () => {
    const { streams, handler } = held();
    const server = await serve(handler);
    const pool = poolFor(server, { sessions: 1, streams: 1 });
    const controller = new AbortController();
    const first = failure(post(pool, '/first', controller.signal));
    await server.arrived(1);
    const closed = once(streams[0] as never, 'close');
    const second = post(pool, '/second');
    controller.abort();
    expect(await first).toMatchObject({ code: 'tidings.aborted', unsent: false });
    await closed;
    expect(streams[0]?.rstCode).toBe(constants.NGHTTP2_CANCEL);
    await server.arrived(2);
    answer(streams[1] as never);
    expect((await second).status).toBe(200);
  });

  test('a time limit that passes while the body hangs is named as such', async () => {
    const server = await serve((stream) => stream.respond({ ':status': 200 }));
    const controller = new AbortController();
    const request = failure(post(poolFor(server), '/', controller.signal));
    await server.arrived(1);
    controller.abort(new DOMException('late', 'TimeoutError'));
    expect(await request).toMatchObject({ code: 'tidings.timeout', unsent: false });
  });
});

describe('before anything was written', () => {
  test('an abort in the line is unsent and leaves the others their order', async () => {
    const { streams, handler } = held();
    const server = await serve(handler);
    const pool = poolFor(server, { sessions: 1, streams: 1 });
    const controller = new AbortController();
    const all = [post(pool, '/a'), post(pool, '/b'), post(pool, '/c', controller.signal), post(pool, '/d')];
    const gone = failure(all[2] as never);
    await server.arrived(1);
    controller.abort();
    expect(await gone).toMatchObject({ code: 'tidings.aborted', unsent: true });
    server.handler = (stream) => answer(stream);
    answer(streams[0] as never);
    await Promise.all([all[0], all[1], all[3]]);
    expect(server.paths).toEqual(['/a', '/b', '/d']);
  });

  test('a signal that has already aborted opens nothing', async () => {
    const server = await serve(echo);
    const pool = poolFor(server);
    expect(await failure(post(pool, '/', AbortSignal.abort()))).toMatchObject({ unsent: true });
    expect([pool.stats, server.sessions.length]).toEqual([{ sessions: 0, inFlight: 0, waiting: 0 }, 0]);
  });

  test('listeners are taken off the signal again', async () => {
    const server = await serve(echo);
    const pool = poolFor(server);
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...parts: unknown[]) => (
      (listeners += 1),
      (addEventListener as Function).apply(signal, parts)
    );
    signal.removeEventListener = (...parts: unknown[]) => (
      (listeners -= 1),
      (removeEventListener as Function).apply(signal, parts)
    );
    await Promise.all([post(pool, '/', signal), post(pool, '/', signal)]);
    server.handler = (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    await failure(post(pool, '/', signal));
    expect(listeners).toBe(0);
  });

  test('a refused connection fails all that waited for it, once, and a later request tries anew', async () => {
    const server = await startServer(echo);
    const port = Number(new URL(server.origin).port);
    await server[Symbol.asyncDispose]();
    const pool = poolFor(server);
    const errors = await Promise.all(Array.from({ length: 50 }, () => failure(post(pool))));
    expect(new Set(errors.map(({ code, unsent }) => `${code} ${unsent}`))).toEqual(new Set(['ECONNREFUSED true']));
    expect(await failure(post(pool))).toMatchObject({ code: 'ECONNREFUSED', unsent: true });
    await serve(echo, { port });
    expect((await post(pool)).status).toBe(200);
  });

  test('attempts to connect are spaced out, however many requests come', async () => {
    let connections = 0;
    const refuser = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    refuser.listen(0, 'localhost');
    await once(refuser, 'listening');
    cleanups.push(() => refuser.close());
    const pool = poolFor({ origin: `https://localhost:${(refuser.address() as { port: number }).port}` });
    for (let round = 0; round < 4; round += 1) {
      const errors = await Promise.all(Array.from({ length: 20 }, () => failure(post(pool))));
      expect(errors.every(({ unsent }) => unsent)).toBe(true);
    }
    expect(connections).toBe(4);
    // The next attempt comes later than a connection of the test's own.
    const order: string[] = [];
    refuser.once('connection', () => order.push('first'));
    const request = failure(post(pool)).then(() => order.push('pool'));
    const own = connectTcp((refuser.address() as AddressInfo).port, 'localhost').resume();
    await once(own, 'close');
    order.push('own');
    await request;
    expect(order).toEqual(['first', 'own', 'pool']);
  });

  test('an unknown host is unsent', async () => {
    const lookup = ((_host: string, _options: object, callback: Function) =>
      callback(Object.assign(new Error('no'), { code: 'ENOTFOUND' }))) as never;
    expect(await failure(post(poolFor({ origin: 'https://nowhere.invalid' }, { lookup })))).toMatchObject({
      code: 'ENOTFOUND',
      unsent: true,
    });
  });

  test('a lookup that throws or never answers is unsent', async () => {
    const thrower = poolFor(
      { origin: 'https://nowhere.invalid' },
      {
        lookup: () => {
          throw new Error('no');
        },
      },
    );
    expect(await failure(post(thrower))).toMatchObject({ unsent: true });
    const silent = poolFor({ origin: 'https://nowhere.invalid' }, { lookup: () => undefined, connectTimeout: 20 });
    expect(await failure(post(silent))).toMatchObject({ code: 'tidings.connect_timeout', unsent: true });
  });

  test('a peer that takes the connection and says nothing is given up', async () => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => void sockets.push(socket));
    mute.listen(0, 'localhost');
    await once(mute, 'listening');
    const pool = poolFor(
      { origin: `https://localhost:${(mute.address() as { port: number }).port}` },
      { connectTimeout: 50 },
    );
    expect(await failure(post(pool))).toMatchObject({ code: 'tidings.connect_timeout', unsent: true });
    await Promise.all(
      sockets.map((socket) =>
        socket.destroyed ? undefined : once(socket.on('error', () => undefined).resume(), 'close'),
      ),
    );
    mute.close();
  });

  test.each([
    ['CERT_HAS_EXPIRED', { from: -10, until: -1 }, true],
    ['ERR_TLS_CERT_ALTNAME_INVALID', { name: 'other.example' }, true],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', {}, false],
  ] as const)('%s: the certificate is refused, nothing is sent', async (code, certificate, trusted) => {
    const { cert, key } = makeCertificate(certificate);
    const server = await serve(echo, { cert, key });
    const pool = poolFor({ origin: server.origin, ca: trusted ? cert : makeCertificate().cert });
    const error = await failure(post(pool));
    expect(error).toMatchObject({ code, unsent: true });
    const name = 'name' in certificate ? certificate.name : 'localhost';
    expect(error.message).toMatch(new RegExp(`certificate of ${name}, valid from .* GMT until .* GMT`));
    expect(server.paths).toEqual([]);
  });

  test('a certificate the peer does not accept is unsent', async () => {
    const server = await serve(echo, { requestCert: true, rejectUnauthorized: true } as never);
    expect(await failure(post(poolFor(server)))).toMatchObject({
      code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
      unsent: true,
    });
    expect(server.paths).toEqual([]);
  });
});

describe('GOAWAY', () => {
  test('what is at or below the last id is answered, what is above is unsent, new requests go elsewhere at once', async () => {
    const { streams, handler } = held();
    const server = await serve(handler);
    const pool = poolFor(server);
    const all = Array.from({ length: 6 }, (_, index) => post(pool, `/${index}`));
    await server.arrived(6);
    const above = Promise.all(all.slice(3).map(failure));
    server.sessions[0]?.goaway(constants.NGHTTP2_NO_ERROR, streams[2]?.id);
    expect((await above).map(({ code, unsent }) => [code, unsent])).toEqual(
      Array.from({ length: 3 }, () => ['tidings.goaway', true]),
    );
    server.handler = echo;
    expect((await post(pool)).body).toBe('hello');
    expect(server.sessions).toHaveLength(2);
    await expect.poll(() => pool.stats.inFlight).toBe(3);
    for (const stream of streams.slice(0, 3)) answer(stream);
    expect((await Promise.all(all.slice(0, 3))).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(server.paths).size).toBe(7);
  });

  test('an announced end lets all be answered', async () => {
    const { streams, handler } = held();
    const server = await serve(handler);
    const pool = poolFor(server);
    const all = [post(pool), post(pool)];
    await server.arrived(2);
    server.sessions[0]?.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1);
    server.handler = echo;
    await untilSent(pool);
    for (const stream of streams) answer(stream);
    await Promise.all(all);
    expect(server.sessions).toHaveLength(2);
  });

  test('with an error: what is above is unsent, what is below is not', async () => {
    const { streams, handler } = held();
    const server = await serve(handler);
    const pool = poolFor(server);
    const all = [post(pool), post(pool), post(pool)].map(failure);
    await server.arrived(3);
    server.sessions[0]?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, streams[0]?.id);
    expect((await Promise.all(all)).map(({ code, unsent }) => [code, unsent])).toEqual([
      ['tidings.goaway', false],
      ['tidings.goaway', true],
      ['tidings.goaway', true],
    ]);
  });

  test('at once on every new connection fails what waits instead of connecting for ever', async () => {
    const server = await serve(echo);
    server.server.on('session', (session) => session.goaway(constants.NGHTTP2_NO_ERROR, 0));
    const pool = poolFor(server);
    const errors = await Promise.all(Array.from({ length: 5 }, () => failure(post(pool))));
    expect(errors.every(({ unsent }) => unsent)).toBe(true);
    expect([server.paths, server.sessions.length]).toEqual([[], 1]);
  });

  test('every 50 streams, in the middle of 2,000: each unsent one goes again, none is doubled or lost', async () => {
    let count = 0;
    const served: string[] = [];
    const last = new WeakMap<object, number>();
    const server = await serve((stream, headers, session) => {
      // As real servers do: what is above the announced id is dropped.
      if ((stream.id ?? 0) > (last.get(session) ?? Infinity)) return;
      served.push(headers[':path'] as string);
      count += 1;
      if (count % 50 === 0) {
        last.set(session, stream.id as number);
        session.goaway(constants.NGHTTP2_NO_ERROR, stream.id);
      }
      setImmediate(() => !stream.destroyed && answer(stream));
    });
    const pool = poolFor(server, { streams: 40 });
    let next = 0;
    let again = 0;
    const one = async (path: string): Promise<void> => {
      try {
        await post(pool, path);
      } catch (error) {
        expect(error).toMatchObject({ unsent: true });
        again += 1;
        await one(path);
      }
    };
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        while (next < 2000) await one(`/${next++}`);
      }),
    );
    expect([served.length, new Set(served).size]).toEqual([2000, 2000]);
    expect(again).toBeGreaterThan(0);
    expect(server.sessions.length).toBeGreaterThan(20);
  });
});

describe('the watchdog', () => {
  test('ends a silent connection that answers no ping; its streams are not unsent, the next request goes elsewhere', async () => {
    const server = await serve(() => proxy.freeze());
    const proxy = await proxyTo(server);
    const pool = poolFor({ ...proxy, ca: server.ca }, { pingInterval: 30, pingTimeout: 30 });
    expect(await failure(post(pool))).toMatchObject({ code: 'tidings.connection_silent', unsent: false });
    server.handler = echo;
    expect((await post(pool)).body).toBe('hello');
  });

  test('leaves no socket behind, even where a dead peer stopped reading', async () => {
    const server = await serve(() => proxy.freeze(), { settings: { initialWindowSize: 20_000_000 } });
    // More than the kernel buffers: what is written stays unwritten.
    server.server.on('session', (session) => session.setLocalWindowSize(20_000_000));
    const proxy = await proxyTo(server);
    const pool = poolFor({ ...proxy, ca: server.ca }, { pingInterval: 30, pingTimeout: 30 });
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const before = sockets();
    expect(await failure(post(pool, '/', undefined, 'x'.repeat(20_000_000)))).toMatchObject({
      code: 'tidings.connection_silent',
    });
    // Both sides of the proxy and the server's end of it.
    await expect.poll(sockets).toBe(before + 3);
  });

  test('begins no stream on a connection that owes a pong while another has room', async () => {
    const { streams, handler } = held();
    const server = await serve(handler);
    const proxy = await proxyTo(server);
    const pool = poolFor(
      { ...proxy, ca: server.ca },
      { sessions: 2, streams: 2, pingInterval: 20, pingTimeout: 60_000 },
    );
    const controller = new AbortController();
    const aborted = failure(post(pool, '/a', controller.signal));
    const others = [post(pool, '/b'), post(pool, '/c')];
    await server.arrived(3);
    expect(server.sessions).toHaveLength(2);
    proxy.freeze(0);
    controller.abort();
    await aborted;
    // Both connections are asked as often; the second answers.
    for (let pings = 0; pings < 3; pings += 1) await once(server.sessions[1] as never, 'ping');
    for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
    const next = post(pool, '/d');
    await server.arrived(4);
    expect(streams[3]?.session).toBe(server.sessions[1]);
    for (const stream of streams.slice(2)) answer(stream);
    expect((await next).status).toBe(200);
    await proxy[Symbol.asyncDispose]();
    await Promise.allSettled(others);
  });

  test('leaves a slow but living connection alone', async () => {
    const { streams, handler } = held();
    const server = await serve(handler);
    const pool = poolFor(server, { pingInterval: 10 });
    const request = post(pool);
    await server.arrived(1);
    let pings = 0;
    await new Promise<void>((resolve) => server.sessions[0]?.on('ping', () => (pings += 1) === 4 && resolve()));
    answer(streams[0] as never);
    expect((await request).status).toBe(200);
    expect(server.sessions).toHaveLength(1);
  });

  test('closes what is idle; the next request connects anew', async () => {
    const server = await serve(echo);
    const pool = poolFor(server, { idleTimeout: 20 });
    await post(pool);
    await once(server.sessions[0] as never, 'close');
    expect((await post(pool)).body).toBe('hello');
    expect(server.sessions).toHaveLength(2);
  });
});

describe('close', () => {
  test('lets what is in flight end, refuses what waits and what comes, and leaves no connection', async () => {
    const { streams, handler } = held();
    const server = await serve(handler);
    // Some peers end all streams when the other side says that it goes.
    server.server.on('session', (session) => session.on('goaway', () => session.destroy()));
    const pool = poolFor(server, { sessions: 1, streams: 1 });
    const flying = post(pool);
    const waiting = failure(post(pool));
    await server.arrived(1);
    const closed = pool.close();
    expect(await waiting).toMatchObject({ code: 'tidings.pool_closed', unsent: true });
    expect(await failure(post(pool))).toMatchObject({ code: 'tidings.pool_closed', unsent: true });
    // As long as it takes for a GOAWAY, had there been one, to come and work.
    await new Promise<void>((resolve) => server.sessions[0]?.ping(() => resolve()));
    answer(streams[0] as never);
    expect((await flying).status).toBe(200);
    await closed;
    await pool.close();
    expect(pool.stats).toEqual({ sessions: 0, inFlight: 0, waiting: 0 });
  });

  test('of a pool never used, and of one that is connecting, resolves', async () => {
    await poolFor({ origin: 'https://localhost:1' }).close();
    const server = await serve(echo);
    const pool = poolFor(server);
    const request = failure(post(pool));
    await pool.close();
    expect(await request).toMatchObject({ unsent: true });
  });
});

describe('options', () => {
  test.each([
    [{ origin: 'http://localhost' }, 'origin'],
    [{ origin: 'https://localhost/path' }, 'origin'],
    [{ origin: 'https://user@localhost' }, 'origin'],
    [{ origin: 'localhost' }, 'origin'],
    [{ origin: 'https://localhost', sessions: 0 }, 'sessions'],
    [{ origin: 'https://localhost', streams: 1.5 }, 'streams'],
    [{ origin: 'https://localhost', pingInterval: Infinity }, 'pingInterval'],
    [{ origin: 'https://localhost', cert: 'x' }, 'key'],
    [{ origin: 'https://localhost', cert: 'x', key: 'secret' }, 'cert'],
    [{ origin: 'https://localhost', ca: 'x' }, 'ca'],
    [{ origin: 'https://localhost', maxBody: -1 }, 'maxBody'],
  ])('%j: names %s', (options, field) => {
    let error: unknown;
    try {
      createHttp2Pool(options);
    } catch (thrown) {
      error = thrown;
    }
    expect(isTidingsError(error) && [error.code, error.field]).toEqual(['tidings.invalid_options', field]);
    expect(String(error)).not.toContain('secret');
  });

  test('an origin with its default port or a slash is fine', async () => {
    for (const origin of [
      'https://api.example.com:443',
      'https://api.example.com/',
      'https://API.example.com',
      'https://[::1]:8443',
    ]) {
      const pool = createHttp2Pool({ origin });
      expect(pool.stats.sessions).toBe(0);
      await pool.close();
    }
  });
});
