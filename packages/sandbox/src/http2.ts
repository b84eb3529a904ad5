import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { collect, firstHalf, type Exchange, type Intake } from './exchange.ts';
import type { Link } from './listener.ts';
import type { Connection, Reply, ServiceRequest } from './provider.ts';

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

/** Milliseconds that a client has to receive the last frames of a connection that ends. */
const farewell = 1000;

/** Node's own limits would be faults that nobody asked for: 10 MB a session, 1,000 streams canceled by the client. */
const sessionLimits = { maxSessionMemory: 512, streamResetBurst: 1_000_000, streamResetRate: 1_000_000 };

/** Serves one HTTP/2 connection. `streams` is the limit announced at first. */
export function serveHttp2(link: Link, id: number, streams: number, intake: Intake): void {
  new Http2Connection(link, id, streams, intake);
}

/** What is known about one connection, above all which streams it still handles. */
class Http2Connection implements Connection {
  readonly id: number;
  readonly session: ServerHttp2Session;
  readonly #link: Link;
  readonly #intake: Intake;
  readonly #open = new Set<number>();
  #allowed: number;
  /** Highest stream that may have had an effect. */
  #handled = 0;
  /** Streams above it are dropped: Node's server would handle them in spite of the GOAWAY it sent. */
  #last = Infinity;
  #silent = false;
  #closing = false;

  constructor(link: Link, id: number, streams: number, intake: Intake) {
    this.id = id;
    this.#link = link;
    this.#intake = intake;
    this.#allowed = streams;
    this.session = performServerHandshake(link.socket, {
      settings: { maxConcurrentStreams: streams, enablePush: false },
      ...sessionLimits,
    });
    this.session.on('error', () => {});
    this.session.on('stream', (stream, headers, _flags, rawHeaders) => {
      this.#accept(stream, headers, rawHeaders);
    });
  }

  get silent(): boolean {
    return this.#silent;
  }

  allowStreams(count: number): void {
    if (count === this.#allowed || this.session.destroyed) return;
    this.#allowed = count;
    this.session.settings({ maxConcurrentStreams: count });
  }

  /** Whether a stream is still handled; from now on a GOAWAY counts it in. */
  claim(stream: number): boolean {
    if (this.#silent || stream > this.#last) return false;
    this.#handled = Math.max(this.#handled, stream);
    return true;
  }

  goaway(error: boolean): void {
    if (this.session.destroyed || this.#silent || (this.#last !== Infinity && !error)) return;
    // What a later stream already set in motion can't be disowned, or its sender would repeat it.
    this.#last = Math.min(this.#last, this.#handled);
    this.session.goaway(error ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_NO_ERROR, this.#last);
    this.#silent = error;
    if (error) this.#closeOnceReceived();
    else this.#closeWhenDone();
  }

  blackhole(): void {
    this.#silent = true;
    this.#link.freeze();
  }

  #accept(stream: ServerHttp2Stream, headers: Record<string, unknown>, rawHeaders: readonly string[]): void {
    stream.on('error', () => {});
    const id = stream.id as number;
    if (this.#silent || id > this.#last) return;
    this.#open.add(id);
    this.#intake.opened();
    stream.on('close', () => {
      this.#open.delete(id);
      this.#intake.closed();
      if (this.#last !== Infinity) this.#closeWhenDone();
    });
    collect(stream, this.#intake.bodyLimit, (body) => {
      // Canceled by the client: Node ends the stream as if its body were complete.
      if (stream.aborted || stream.closed) return;
      this.#intake.arrived(new Http2Exchange(this, stream, toRequest(headers, rawHeaders, body, this)));
    });
  }

  #closeWhenDone(): void {
    for (const id of this.#open) if (id <= this.#last) return;
    this.#closeOnceReceived();
  }

  /** Destroyed at once, the connection would take along what is still on its way: GOAWAY and the last answers. */
  #closeOnceReceived(): void {
    if (this.#closing) return;
    this.#closing = true;
    const { raw } = this.#link;
    const timer = setTimeout(() => raw.destroy(), farewell);
    raw.once('close', () => clearTimeout(timer));
    // Two in a row, since a PING overtakes what waits to be written.
    this.#ping(() => this.#ping(() => raw.destroy()));
  }

  #ping(then: () => void): void {
    // Without an answer the client closes first, as most do, or the timer ends it.
    if (!this.session.destroyed) this.session.ping((error) => error ?? then());
  }
}

class Http2Exchange implements Exchange {
  readonly request: ServiceRequest;
  readonly #connection: Http2Connection;
  readonly #stream: ServerHttp2Stream;

  constructor(connection: Http2Connection, stream: ServerHttp2Stream, request: ServiceRequest) {
    this.#connection = connection;
    this.#stream = stream;
    this.request = request;
  }

  claim(): boolean {
    return this.#connection.claim(this.#stream.id as number);
  }

  answer(reply: Reply): boolean {
    if (!this.#writable) return false;
    const { body } = reply;
    const empty = body === undefined || body.length === 0;
    this.#stream.respond(headersOf(reply), { endStream: empty });
    if (!empty) this.#stream.end(body);
    // Too large a body was not read to its end: the answer is all there is to it.
    if (this.request.body === undefined) this.#stream.close(NGHTTP2_NO_ERROR);
    return true;
  }

  begin(reply: Reply): boolean {
    if (!this.#writable) return false;
    this.#stream.respond(headersOf(reply));
    return true;
  }

  breakOff(reply: Reply): boolean {
    if (!this.#writable) return false;
    // Any other way to end it after a write makes Node send END_STREAM first: the half would look whole.
    this.#stream.on('wantTrailers', () => this.#stream.close(NGHTTP2_INTERNAL_ERROR));
    this.#stream.respond(headersOf(reply), { waitForTrailers: true });
    this.#stream.end(firstHalf(reply.body));
    return true;
  }

  reset(): void {
    if (!this.#stream.destroyed) this.#stream.close(NGHTTP2_INTERNAL_ERROR);
  }

  refuse(): void {
    if (!this.#stream.destroyed) this.#stream.close(NGHTTP2_REFUSED_STREAM);
  }

  goaway(error: boolean): void {
    this.#connection.goaway(error);
  }

  blackhole(): void {
    this.#connection.blackhole();
  }

  get #writable(): boolean {
    return !this.#connection.silent && !this.#stream.destroyed && !this.#stream.closed;
  }
}

function headersOf(reply: Reply): Record<string, string | number> {
  return { ':status': reply.status, ...reply.headers };
}

function toRequest(
  headers: Record<string, unknown>,
  rawHeaders: readonly string[],
  body: Buffer | undefined,
  connection: Connection,
): ServiceRequest {
  const plain: Record<string, string> = {};
  for (const name in headers) if (!name.startsWith(':')) plain[name] = String(headers[name]);
  return {
    method: String(headers[':method']),
    path: String(headers[':path']),
    headers: plain,
    rawHeaders,
    body,
    connection,
  };
}
