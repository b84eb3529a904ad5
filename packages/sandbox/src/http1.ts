import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { collect, firstHalf, type Exchange, type Intake } from './exchange.ts';
import type { Link } from './listener.ts';
import type { Connection, Reply, ServiceRequest } from './provider.ts';

interface Http1Connection extends Connection {
  readonly link: Link;
  silent: boolean;
}

/** Serves HTTP/1.1 on the connections handed to it. It never listens itself. */
export function createHttp1(intake: Intake): (link: Link, id: number) => void {
  const connections = new WeakMap<object, Http1Connection>();
  // No time limits: a request is ended by its sender or by the sandbox's close.
  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 });

  server.on('request', (incoming, response) => {
    const connection = connections.get(incoming.socket);
    if (connection === undefined || connection.silent) return;
    intake.opened();
    response.on('close', () => intake.closed());
    response.on('error', () => {});
    collect(incoming, intake.bodyLimit, (body) => {
      intake.arrived(new Http1Exchange(connection, response, toRequest(incoming, body, connection)));
    });
  });
  server.on('clientError', (_error, socket) => socket.destroy());

  return (link, id) => {
    connections.set(link.socket, { id, link, silent: false, allowStreams() {} });
    server.emit('connection', link.socket);
  };
}

class Http1Exchange implements Exchange {
  readonly request: ServiceRequest;
  readonly #connection: Http1Connection;
  readonly #response: ServerResponse;

  constructor(connection: Http1Connection, response: ServerResponse, request: ServiceRequest) {
    this.#connection = connection;
    this.#response = response;
    this.request = request;
  }

  claim(): boolean {
    return !this.#connection.silent;
  }

  answer(reply: Reply): boolean {
    if (!this.#writable) return false;
    // Too large a body was not read to its end: the next request could not be found behind it.
    if (this.request.body === undefined) this.#response.setHeader('connection', 'close');
    const bytes = Buffer.from(reply.body ?? '');
    this.#response.writeHead(reply.status, { ...reply.headers, 'content-length': bytes.length });
    this.#response.end(bytes);
    return true;
  }

  begin(reply: Reply): boolean {
    if (!this.#writable) return false;
    this.#writeHead(reply);
    this.#response.flushHeaders();
    return true;
  }

  breakOff(reply: Reply): boolean {
    if (!this.#writable) return false;
    this.#writeHead(reply);
    this.#response.flushHeaders();
    // A FIN, not a RST: that could overtake the half that was sent.
    this.#response.write(firstHalf(reply.body ?? ' '), () => this.#connection.link.socket.end());
    return true;
  }

  /** HTTP/1.1 has no streams: the connection is reset. */
  reset(): void {
    this.#connection.silent = true;
    this.#connection.link.raw.resetAndDestroy();
  }

  /** HTTP/1.1 can't say that it did nothing: the connection is reset. */
  refuse(): void {
    this.reset();
  }

  /** `Connection: close` is what HTTP/1.1 has. */
  goaway(error: boolean): void {
    if (error) this.reset();
    else if (!this.#response.headersSent) this.#response.setHeader('connection', 'close');
  }

  blackhole(): void {
    this.#connection.silent = true;
    this.#connection.link.freeze();
  }

  /** Promises more than is ever sent, so that an answer without a body can be broken off, too. */
  #writeHead(reply: Reply): void {
    const length = Math.max(2, Buffer.byteLength(reply.body ?? ''));
    this.#response.writeHead(reply.status, { ...reply.headers, 'content-length': length });
  }

  get #writable(): boolean {
    return !this.#connection.silent && !this.#response.destroyed && !this.#response.headersSent;
  }
}

function toRequest(incoming: IncomingMessage, body: Buffer | undefined, connection: Connection): ServiceRequest {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) headers[name] = String(value);
  return {
    method: incoming.method ?? '',
    path: incoming.url ?? '',
    headers,
    rawHeaders: incoming.rawHeaders,
    body,
    connection,
  };
}
