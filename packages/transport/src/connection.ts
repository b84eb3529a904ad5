import type { ClientHttp2Session, ClientHttp2Stream, Settings } from 'node:http2';
import { connect } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { codeOf } from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { PoolSettings } from './options.ts';
import { describeCertificate, isCertificateCode, openSocket } from './socket.ts';

/** The pool, as far as a connection knows it. Each is called from an event, never from within a call of the pool's. */
export interface ConnectionOwner {
  /** Established, the peer's settings known. */
  connectionReady(connection: Connection): void;
  /** It can take more streams than before. */
  connectionHasRoom(connection: Connection): void;
  /** Its first answer came. */
  connectionProven(connection: Connection): void;
  /** No stream will begin on it any more; those it has go on. */
  connectionLeaving(connection: Connection): void;
  /** Gone, and all its streams with it. Called once. */
  connectionEnded(connection: Connection): void;
}

/** How long a peer may take to close the socket of a session that is done. */
const farewell = 1000;

const bodyFollows = { endStream: false } as const;
const noBody = { endStream: true } as const;

/** One HTTP/2 session with its watchdog. */
export class Connection {
  readonly maxBody: number;
  /** `leaving` takes no new streams. */
  phase: 'connecting' | 'open' | 'leaving' | 'ended' = 'connecting';
  /** Streams begun and not yet closed. */
  streams = 0;
  /** A stream was begun on it. */
  used = false;
  /** An answer of any status came. */
  proven = false;
  /** Ended by us (idle, closed), not by the peer or the network. */
  dismissed = false;
  /** Monotonic ms. */
  openedAt = 0;
  /** The GOAWAY's: what is above was not processed. */
  lastStreamId: number | undefined;
  /** Why it ended, once that is known. */
  endCode: string | undefined;

  /** Whose certificate was refused, and its dates: whoever has to act wants to know. */
  get endDetail(): string | undefined {
    return this.endCode !== undefined && isCertificateCode(this.endCode) ? this.#certificate : undefined;
  }

  readonly #owner: ConnectionOwner;
  readonly #settings: PoolSettings;
  readonly #session: ClientHttp2Session;
  readonly #socket: TLSSocket;
  #peerLimit = 0;
  #heardAt = 0;
  #idleSince = 0;
  #pingedAt: number | undefined;
  #certificate: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #farewell: NodeJS.Timeout | undefined;

  constructor(owner: ConnectionOwner, settings: PoolSettings) {
    this.#owner = owner;
    this.#settings = settings;
    this.maxBody = settings.maxBody;
    this.#socket = openSocket(settings);
    // Comes before Node's verdict on the certificate; after it there is nothing left to ask.
    this.#socket.prependOnceListener('secure', () => (this.#certificate = describeCertificate(this.#socket)));
    const session = connect(settings.origin, {
      createConnection: () => this.#socket,
      // MB. Node's default of 10 ends a session with many thousand streams.
      maxSessionMemory: 256,
      settings: { enablePush: false },
    });
    this.#session = session;
    session.on('remoteSettings', (peer) => this.#settingsCame(peer));
    session.on('goaway', (errorCode, lastStreamId) => this.#goawayCame(errorCode, lastStreamId));
    session.on('error', (error) => (this.endCode ??= codeOf(error, 'tidings.connection_lost')));
    session.on('close', () => this.#end('tidings.connection_lost'));
    // The session's own events don't come where it waits to write to a socket that is gone, and a TLS alert does not
    // close the socket.
    this.#socket.on('error', (error) => {
      this.endCode ??= codeOf(error, 'tidings.connection_lost');
      setImmediate(() => this.#end('tidings.connection_lost'));
    });
    this.#socket.on('close', () => this.#end('tidings.connection_lost'));
    this.#timer = setTimeout(() => this.#end('tidings.connect_timeout'), settings.connectTimeout);
  }

  /** An answer to a ping is awaited: better not begin streams here. */
  get doubtful(): boolean {
    return this.#pingedAt !== undefined;
  }

  /** Waiting for the first answer, with one stream alone. */
  get warming(): boolean {
    return this.phase === 'open' && this.#settings.warmUp && !this.proven;
  }

  hasRoom(): boolean {
    return this.phase === 'open' && this.streams < this.#limit();
  }

  #limit(): number {
    return this.warming ? Math.min(1, this.#peerLimit) : Math.min(this.#settings.streams, this.#peerLimit);
  }

  /** Opens the stream. False where the session turned out to be closed: then nothing was written. Throws where Node refuses the headers. */
  start(exchange: Exchange, headers: readonly string[]): boolean {
    const session = this.#session;
    if (session.destroyed) setImmediate(() => this.#end('tidings.connection_lost'));
    if (session.closed || session.destroyed) return false;
    const { body } = exchange.request;
    const stream: ClientHttp2Stream = session.request(headers, body.length === 0 ? noBody : bodyFollows);
    this.used = true;
    if (this.streams === 0) this.#socket.ref();
    this.streams += 1;
    exchange.begin(this, stream);
    if (body.length !== 0) stream.end(body);
    return true;
  }

  /** One of its streams is closed. */
  finished(): void {
    this.streams -= 1;
    if (this.phase === 'ended') return;
    if (this.#session.destroyed) return this.#end('tidings.connection_lost');
    if (this.streams === 0) {
      this.#idleSince = performance.now();
      if (this.phase === 'leaving') this.#sayFarewell();
      else this.#socket.unref();
    }
    this.#owner.connectionHasRoom(this);
  }

  heard(): void {
    this.#heardAt = performance.now();
    this.#pingedAt = undefined;
  }

  answered(): void {
    this.heard();
    if (this.proven) return;
    this.proven = true;
    this.#owner.connectionProven(this);
  }

  /** Takes no new streams, ends when those it has are done. */
  leave(): void {
    if (this.phase !== 'leaving') this.dismissed = true;
    if (this.phase === 'connecting') return this.#end('tidings.pool_closed');
    if (this.phase !== 'open') return;
    this.phase = 'leaving';
    // The GOAWAY goes out when the streams are done: some peers answer it by ending them.
    if (this.streams === 0) this.#sayFarewell();
    this.#owner.connectionLeaving(this);
  }

  #settingsCame(peer: Settings): void {
    this.heard();
    this.#peerLimit = peer.maxConcurrentStreams ?? Infinity;
    if (this.phase === 'connecting') {
      this.phase = 'open';
      this.openedAt = this.#heardAt;
      this.#idleSince = this.#heardAt;
      this.#socket.unref();
      clearTimeout(this.#timer);
      this.#watch();
      this.#owner.connectionReady(this);
    } else if (this.phase === 'open') {
      this.#owner.connectionHasRoom(this);
    }
  }

  #goawayCame(errorCode: number, lastStreamId: number): void {
    // The last id may only go down: 2^31 - 1 announces the end, the second GOAWAY names the stream.
    this.lastStreamId = Math.min(lastStreamId, this.lastStreamId ?? Infinity);
    if (errorCode !== 0) this.endCode ??= 'tidings.goaway';
    if (this.phase !== 'open') return;
    this.phase = 'leaving';
    if (this.streams === 0) this.#sayFarewell();
    this.#owner.connectionLeaving(this);
  }

  /** Looks after silence, lost pings and idleness; one timer, armed for whatever comes first. */
  #watch(): void {
    if (this.#session.destroyed) return this.#end('tidings.connection_lost');
    const now = performance.now();
    const { pingInterval, pingTimeout, idleTimeout } = this.#settings;
    if (this.phase === 'open' && this.streams === 0 && now - this.#idleSince >= idleTimeout) return this.leave();
    if (this.#pingedAt === undefined && now - this.#heardAt >= pingInterval) this.#ping(now);
    const due = this.#pingedAt === undefined ? this.#heardAt + pingInterval : this.#pingedAt + pingTimeout;
    if (this.#pingedAt !== undefined && now >= due) {
      // After a blocked event loop the pong may lie unread in the socket: one turn of reading before the verdict.
      const asked = this.#pingedAt;
      setImmediate(() => (this.#pingedAt === asked ? this.#end('tidings.connection_silent') : this.#rewatch()));
      return;
    }
    const idle = this.phase === 'open' && this.streams === 0 ? this.#idleSince + idleTimeout : Infinity;
    this.#timer = setTimeout(() => this.#watch(), Math.max(1, Math.ceil(Math.min(due, idle) - now))).unref();
  }

  #rewatch(): void {
    clearTimeout(this.#timer);
    if (this.phase !== 'ended') this.#watch();
  }

  #ping(now: number): void {
    this.#pingedAt = now;
    this.#session.ping((error) => {
      if (error !== null) return;
      this.heard();
      this.#rewatch();
    });
  }

  /** All streams are done: the peer gets a moment to close its side of the socket. */
  #sayFarewell(): void {
    this.#session.close();
    // Somebody may wait for the end.
    this.#socket.ref();
    this.#farewell ??= setTimeout(() => this.#end('tidings.connection_lost'), farewell).unref();
  }

  #end(code: string): void {
    if (this.phase === 'ended') return;
    this.endCode ??= code;
    this.phase = 'ended';
    this.#session.destroy();
    // Node waits until all is written, which a dead peer never lets happen.
    this.#socket.destroy();
    clearTimeout(this.#timer);
    clearTimeout(this.#farewell);
    this.#owner.connectionEnded(this);
  }
}
