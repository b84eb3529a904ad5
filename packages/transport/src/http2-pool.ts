import type { ConnectionOwner } from './connection.ts';
import { Connection } from './connection.ts';
import { codeOf } from './errors.ts';
import type { ExchangeOwner } from './exchange.ts';
import { Exchange } from './exchange.ts';
import type { PoolSettings } from './options.ts';
import { checkOptions } from './options.ts';
import type { Answer, Http2Pool, Http2PoolOptions, Http2Request } from './types.ts';
import { WaitingList } from './waiting-list.ts';

/**
 * Kept HTTP/2 sessions to one origin. Connects at the first request; an idle pool does not keep the process alive.
 * @throws TidingsError `tidings.invalid_options` with the field
 */
export function createHttp2Pool(options: Http2PoolOptions): Http2Pool {
  return new SessionPool(checkOptions(options));
}

/** After the n-th failure in a row the next attempt to connect waits `first * 2^n` ms, at most `longest`: no tight loop. */
const reconnect = { first: 25, longest: 1000 };

/** ms that a first stream without an answer may keep the pool from opening another connection. */
const warmUpPatience = 1000;

class SessionPool implements Http2Pool, ConnectionOwner, ExchangeOwner {
  readonly #settings: PoolSettings;
  readonly #waiting = new WaitingList<Exchange>();
  /** Those that take streams. */
  readonly #open: Connection[] = [];
  /** Those that take no more, or not yet. */
  readonly #rest = new Set<Connection>();
  readonly #judged = new WeakSet<Connection>();
  #connecting: Connection | undefined;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #notBefore = 0;
  #closed: PromiseWithResolvers<void> | undefined;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
  }

  get stats(): { readonly sessions: number; readonly inFlight: number; readonly waiting: number } {
    let inFlight = 0;
    for (const connection of this.#open) inFlight += connection.streams;
    for (const connection of this.#rest) inFlight += connection.streams;
    return { sessions: this.#open.length, inFlight, waiting: this.#waiting.size };
  }

  request(request: Http2Request): Promise<Answer> {
    return new Promise((resolve, reject) => this.#admit(new Exchange(this, request, resolve, reject)));
  }

  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = Promise.withResolvers();
      this.#failWaiting('tidings.pool_closed');
      clearTimeout(this.#retry);
      this.#connecting?.leave();
      for (const connection of [...this.#open]) connection.leave();
      this.#settleClose();
    }
    return this.#closed.promise;
  }

  gaveUp(exchange: Exchange): void {
    this.#waiting.remove(exchange);
  }

  connectionReady(connection: Connection): void {
    this.#connecting = undefined;
    this.#rest.delete(connection);
    this.#open.push(connection);
    this.#pump();
  }

  connectionHasRoom(): void {
    if (this.#waiting.size > 0) this.#pump();
  }

  connectionProven(): void {
    this.#failures = 0;
    this.#notBefore = 0;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#pump();
  }

  connectionLeaving(connection: Connection): void {
    this.#withdraw(connection);
    this.#rest.add(connection);
    this.#judge(connection);
    this.#pump();
  }

  connectionEnded(connection: Connection): void {
    this.#withdraw(connection);
    this.#rest.delete(connection);
    if (connection === this.#connecting) this.#connecting = undefined;
    this.#judge(connection);
    // What waited for this connection alone is told so, rather than left waiting for the next one.
    const alone = this.#open.length === 0 && this.#connecting === undefined;
    if (alone && !connection.used && !connection.dismissed) {
      this.#failWaiting(connection.endCode ?? 'tidings.connection_lost', connection.endDetail);
    }
    this.#settleClose();
    this.#pump();
  }

  #admit(exchange: Exchange): void {
    if (this.#closed !== undefined) return exchange.fail('tidings.pool_closed', true);
    if (!exchange.listen()) return;
    if (this.#waiting.size > 0) return this.#waiting.push(exchange);
    const connection = this.#pick();
    if (connection === undefined || !this.#start(exchange, connection)) {
      this.#waiting.push(exchange);
      this.#pump();
    }
  }

  /** Begins what waits, in order, as far as there is room; then sees whether another connection is needed. */
  #pump(): void {
    while (this.#waiting.size > 0) {
      const connection = this.#pick();
      if (connection === undefined) return this.#grow();
      const exchange = this.#waiting.shift() as Exchange;
      if (!this.#start(exchange, connection)) this.#waiting.unshift(exchange);
    }
  }

  /** The first with room, so that what is not needed falls idle; one that owes a pong only where there is no other. */
  #pick(): Connection | undefined {
    let doubtful: Connection | undefined;
    for (const connection of this.#open) {
      if (!connection.hasRoom()) continue;
      if (!connection.doubtful) return connection;
      doubtful ??= connection;
    }
    return doubtful;
  }

  /** False where the session is closed and did not tell yet: the exchange is as before. */
  #start(exchange: Exchange, connection: Connection): boolean {
    const headers = this.#headers(exchange.request);
    if (headers === undefined) {
      exchange.fail('tidings.invalid_request', true);
      return true;
    }
    try {
      if (connection.start(exchange, headers)) return true;
    } catch {
      exchange.fail('tidings.invalid_request', true);
      return true;
    }
    this.#withdraw(connection);
    this.#rest.add(connection);
    return false;
  }

  /** As Node's flat list, which spares it a copy; undefined where a value could break out of its field. */
  #headers(request: Http2Request): string[] | undefined {
    const { path, headers } = request;
    if (unsafe.test(path)) return undefined;
    const { authority } = this.#settings;
    const list = [':method', 'POST', ':path', path, ':scheme', 'https', ':authority', authority];
    for (const name in headers) {
      const value = headers[name];
      if (value === undefined) continue;
      if (unsafe.test(value) || name.startsWith(':')) return undefined;
      list.push(name, value);
    }
    return list;
  }

  #grow(): void {
    if (this.#closed !== undefined || this.#connecting !== undefined || this.#retry !== undefined) return;
    if (this.#open.length >= this.#settings.sessions) return;
    const now = performance.now();
    let at = this.#notBefore;
    for (const { warming, openedAt } of this.#open) if (warming) at = Math.max(at, openedAt + warmUpPatience);
    if (at > now) {
      this.#retry = setTimeout(
        () => {
          this.#retry = undefined;
          this.#pump();
        },
        Math.ceil(at - now),
      );
      return;
    }
    try {
      const connection = new Connection(this, this.#settings);
      this.#connecting = connection;
      this.#rest.add(connection);
    } catch (error) {
      // A `lookup` that throws.
      this.#failWaiting(codeOf(error, 'tidings.connection_lost'));
    }
  }

  /** A connection that gave nothing delays the next one. */
  #judge(connection: Connection): void {
    if (connection.proven || connection.dismissed || this.#judged.has(connection)) return;
    this.#judged.add(connection);
    this.#notBefore = performance.now() + Math.min(reconnect.longest, reconnect.first * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 10);
  }

  #withdraw(connection: Connection): void {
    const index = this.#open.indexOf(connection);
    if (index !== -1) this.#open.splice(index, 1);
  }

  #failWaiting(code: string, detail?: string): void {
    for (let exchange = this.#waiting.shift(); exchange !== undefined; exchange = this.#waiting.shift()) {
      exchange.fail(code, true, detail);
    }
  }

  #settleClose(): void {
    if (this.#closed !== undefined && this.#open.length === 0 && this.#rest.size === 0) this.#closed.resolve();
  }
}

/** Node puts header fields together with NUL in between and does not check values itself. */
const unsafe = /[^\t\x20-\x7e\x80-\xff]/;
