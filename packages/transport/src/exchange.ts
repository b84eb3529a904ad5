import type { ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2';
import { constants } from 'node:http2';
import type { Connection } from './connection.ts';
import { codeOf, transportError } from './errors.ts';
import type { Answer, AnswerHeaders, Http2Request } from './types.ts';
import type { Waiter } from './waiting-list.ts';

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

/** The pool, as far as an exchange knows it. */
export interface ExchangeOwner {
  /** The exchange, aborted while it waited, leaves the waiting list. */
  gaveUp(exchange: Exchange): void;
}

/**
 * One request from `request()` to its answer. The listeners are shared functions that find the exchange on the stream:
 * a closure per event and request would cost more than all of the pool's own work.
 */
export class Exchange implements Waiter<Exchange> {
  ahead: Exchange | undefined = undefined;
  behind: Exchange | undefined = undefined;
  readonly request: Http2Request;
  readonly #owner: ExchangeOwner;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (reason: unknown) => void;
  #connection: Connection | undefined = undefined;
  #stream: ClientHttp2Stream | undefined = undefined;
  #settled = false;
  #neverWritten = false;
  #error: unknown = undefined;
  #headers: ReceivedFields | undefined = undefined;
  #first: Buffer | undefined = undefined;
  #rest: Buffer[] | undefined = undefined;
  #size = 0;

  constructor(
    owner: ExchangeOwner,
    request: Http2Request,
    resolve: (answer: Answer) => void,
    reject: (reason: unknown) => void,
  ) {
    this.request = request;
    this.#owner = owner;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Listens for the abort; false where it has already come. */
  listen(): boolean {
    const { signal } = this.request;
    if (signal === undefined) return true;
    if (signal.aborted) {
      this.fail(abortCode(signal), true);
      return false;
    }
    signal.addEventListener('abort', this);
    return true;
  }

  /** Its stream is open. */
  begin(connection: Connection, stream: ClientHttp2Stream): void {
    this.#connection = connection;
    this.#stream = stream;
    (stream as Owned)[exchangeOf] = this;
    stream.on('response', onResponse);
    stream.on('frameError', onFrameError);
    stream.on('error', onError);
    stream.on('close', onClose);
  }

  /** The signal's listener: Node calls `handleEvent` of an object, which spares a closure. */
  handleEvent(): void {
    if (this.#settled) return;
    const stream = this.#stream;
    if (stream === undefined) this.#owner.gaveUp(this);
    this.fail(abortCode(this.request.signal), stream === undefined);
    stream?.close(NGHTTP2_CANCEL);
  }

  fail(code: string, unsent: boolean, detail?: string): void {
    if (this.#settled) return;
    this.#settle();
    this.#reject(transportError(code, unsent, detail));
  }

  #settle(): void {
    this.#settled = true;
    this.request.signal?.removeEventListener('abort', this);
  }

  responded(stream: ClientHttp2Stream, headers: ReceivedFields, flags: number): void {
    this.#connection?.answered();
    if (this.#settled || this.#headers !== undefined) return;
    this.#headers = headers;
    if ((flags & NGHTTP2_FLAG_END_STREAM) !== 0) return this.#finish('');
    stream.on('data', onData);
    // Before Node's own listener, which destroys the stream and may be there already: under load a whole answer is
    // processed, its end included, before the event for its headers comes.
    stream.prependListener('end', onEnd);
  }

  received(chunk: Buffer): void {
    this.#connection?.heard();
    if (this.#settled) return;
    const room = (this.#connection?.maxBody ?? 0) - this.#size;
    const kept = chunk.length > room ? chunk.subarray(0, room) : chunk;
    this.#size += kept.length;
    if (this.#first === undefined) this.#first = kept;
    else (this.#rest ??= []).push(kept);
    if (kept === chunk) return;
    // What the peer still sends is of no use: the stream ends here.
    this.#finish(this.#body());
    this.#stream?.close(NGHTTP2_CANCEL);
  }

  ended(stream: ClientHttp2Stream): void {
    // A stream destroyed with its session also emits `end`: that body may be cut off.
    if (!stream.destroyed && stream.rstCode === NGHTTP2_NO_ERROR && !this.#settled) this.#finish(this.#body());
  }

  failed(error: unknown): void {
    this.#error = error;
  }

  /** The frame with the headers could not be sent, for instance because a GOAWAY came first. */
  notWritten(): void {
    this.#neverWritten = true;
  }

  closed(stream: ClientHttp2Stream): void {
    const connection = this.#connection;
    if (!this.#settled) {
      const { rstCode, id } = stream;
      const above = (id ?? 0) > (connection?.lastStreamId ?? Infinity);
      const unsent = above || id === undefined || this.#neverWritten || rstCode === NGHTTP2_REFUSED_STREAM;
      // Headers of an answer are proof to the contrary, whatever the reset says.
      this.fail(this.#codeOfEnd(stream, above), unsent && this.#headers === undefined);
    }
    connection?.finished();
    // Without an id: the session has used up its ids.
    if (stream.id === undefined) connection?.leave();
  }

  #codeOfEnd(stream: ClientHttp2Stream, above: boolean): string {
    if (above || this.#neverWritten) return 'tidings.goaway';
    if (this.#connection?.endCode !== undefined) return this.#connection.endCode;
    if (stream.rstCode === NGHTTP2_REFUSED_STREAM) return 'tidings.refused_stream';
    const code = codeOf(this.#error, 'tidings.connection_lost');
    // Node's own words for these say less than ours.
    return code === 'ERR_HTTP2_STREAM_ERROR' ? 'tidings.stream_reset' : code;
  }

  #body(): string {
    const first = this.#first;
    if (first === undefined) return '';
    return (this.#rest === undefined ? first : Buffer.concat([first, ...this.#rest])).toString('utf8');
  }

  #finish(body: string): void {
    this.#settle();
    const headers = this.#headers ?? {};
    this.#resolve({ status: headers[':status'] ?? 0, headers: new ReceivedHeaders(headers), body });
  }
}

type ReceivedFields = IncomingHttpHeaders & IncomingHttpStatusHeader;

class ReceivedHeaders implements AnswerHeaders {
  readonly #headers: ReceivedFields;
  constructor(headers: ReceivedFields) {
    this.#headers = headers;
  }
  get(name: string): string | null {
    const value = this.#headers[name.toLowerCase()];
    return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value;
  }
}

function abortCode(signal: AbortSignal | undefined): string {
  return (signal?.reason as { name?: unknown } | undefined)?.name === 'TimeoutError'
    ? 'tidings.timeout'
    : 'tidings.aborted';
}

const exchangeOf = Symbol('exchange');
type Owned = ClientHttp2Stream & { [exchangeOf]: Exchange };

function onResponse(this: ClientHttp2Stream, headers: ReceivedFields, flags: number): void {
  (this as Owned)[exchangeOf].responded(this, headers, flags);
}
function onData(this: ClientHttp2Stream, chunk: Buffer): void {
  (this as Owned)[exchangeOf].received(chunk);
}
function onEnd(this: ClientHttp2Stream): void {
  (this as Owned)[exchangeOf].ended(this);
}
function onFrameError(this: ClientHttp2Stream): void {
  (this as Owned)[exchangeOf].notWritten();
}
function onError(this: ClientHttp2Stream, error: Error): void {
  (this as Owned)[exchangeOf].failed(error);
}
function onClose(this: ClientHttp2Stream): void {
  (this as Owned)[exchangeOf].closed(this);
}
