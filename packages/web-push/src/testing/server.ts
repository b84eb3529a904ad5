// An HTTPS server whose every byte the test decides, and what it saw.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { makeCertificate } from '../../../transport/src/testing/certificate.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface TestServer extends AsyncDisposable {
  readonly port: number;
  readonly origin: string;
  readonly ca: string;
  /** TCP connections so far, TLS or not. */
  readonly connections: readonly Socket[];
  /** Path of each request. */
  readonly requests: readonly string[];
  handler: Handler;
}

export async function startServer(handler: Handler, certificate = makeCertificate()): Promise<TestServer> {
  const connections: Socket[] = [];
  const requests: string[] = [];
  const server = createServer(
    { cert: certificate.cert, key: certificate.key, keepAliveTimeout: 0 },
    (request, response) => {
      requests.push(request.url ?? '');
      response.on('error', () => {});
      test.handler(request, response);
    },
  );
  server.on('connection', (socket: Socket) => {
    connections.push(socket);
    socket.on('error', () => {});
  });
  server.on('tlsClientError', () => {});
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const test: TestServer = {
    port,
    origin: `https://localhost:${port}`,
    ca: certificate.cert,
    connections,
    requests,
    handler,
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return test;
}
