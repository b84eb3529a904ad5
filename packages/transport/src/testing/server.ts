// A raw HTTP/2 server whose every move the test decides.
import { once } from 'node:events';
import type { Http2SecureServer, ServerHttp2Session, ServerHttp2Stream, ServerOptions } from 'node:http2';
import { createSecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer as createTcpServer } from 'node:net';
import { makeCertificate } from './certificate.ts';

export type Handler = (stream: ServerHttp2Stream, headers: Record<string, string>, session: ServerHttp2Session) => void;

export interface TestServer extends AsyncDisposable {
  readonly origin: string;
  readonly ca: string;
  readonly server: Http2SecureServer;
  /** In order of opening. */
  readonly sessions: readonly ServerHttp2Session[];
  readonly sockets: readonly Socket[];
  /** `:path` of each stream, in order of arrival. */
  readonly paths: readonly string[];
  /** Resolves once this many streams have arrived. */
  arrived(count: number): Promise<void>;
  handler: Handler;
}

const shared = makeCertificate();

export async function startServer(
  handler: Handler,
  options: ServerOptions & { cert?: string; key?: string; port?: number } = {},
): Promise<TestServer> {
  const { cert = shared.cert, key = shared.key, port = 0, ...rest } = options;
  const server = createSecureServer({ cert, key, ...rest } as never);
  const sessions: ServerHttp2Session[] = [];
  const sockets: Socket[] = [];
  const paths: string[] = [];
  const waiters = new Set<{ count: number; resolve: () => void }>();
  const test: TestServer = {
    origin: '',
    ca: cert,
    server,
    sessions,
    sockets,
    paths,
    handler,
    arrived: (count) =>
      new Promise((resolve) => {
        if (paths.length >= count) resolve();
        else waiters.add({ count, resolve });
      }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
  server.on('connection', (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
  });
  server.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => undefined);
  });
  server.on('sessionError', () => undefined);
  server.on('tlsClientError', () => undefined);
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    paths.push(String(headers[':path']));
    for (const waiter of waiters) {
      if (paths.length < waiter.count) continue;
      waiters.delete(waiter);
      waiter.resolve();
    }
    test.handler(stream, headers as Record<string, string>, stream.session as ServerHttp2Session);
  });
  server.listen(port, 'localhost');
  await once(server, 'listening');
  return Object.assign(test, { origin: `https://localhost:${(server.address() as AddressInfo).port}` });
}

/** Answers 200 with what it was sent. */
export const echo: Handler = (stream) => {
  stream.respond({ ':status': 200 });
  stream.pipe(stream);
};

export interface TestProxy extends AsyncDisposable {
  readonly origin: string;
  /** Half-open from now on: of the connection with this number (0 is the first) nothing is read, written or closed. */
  freeze(connection?: number): void;
}

/** Stands between a client and a server, so that a connection can go dead without either of them knowing. */
export async function startProxy(server: TestServer): Promise<TestProxy> {
  const pairs: [Socket, Socket][] = [];
  const proxy = createTcpServer((near) => {
    const far = connect(Number(new URL(server.origin).port), 'localhost');
    pairs.push([near, far]);
    for (const socket of [near, far]) socket.on('error', () => undefined);
    near.pipe(far).pipe(near);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  proxy.listen(0, 'localhost');
  await once(proxy, 'listening');
  return {
    origin: `https://localhost:${(proxy.address() as AddressInfo).port}`,
    freeze(connection = 0) {
      const [near, far] = pairs[connection] as [Socket, Socket];
      near.unpipe(far).pause();
      far.unpipe(near).pause();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of pairs.flat()) socket.destroy();
      proxy.close();
    },
  };
}
