import type { LookupFunction } from 'node:net';

/** Headers of an answer, read case-insensitively; fits `classifyHttp` of @tidings/core. */
export interface AnswerHeaders {
  get(name: string): string | null;
}

export interface Answer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  /** Decoded as UTF-8; cut off at the pool's `maxBody`. */
  readonly body: string;
}

/** A request as an adapter makes it. `:method`, `:scheme` and `:authority` are the pool's. */
export interface Http2Request {
  readonly path: string;
  readonly headers: { readonly [name: string]: string };
  readonly body: Uint8Array | string;
  readonly signal?: AbortSignal | undefined;
}

export interface Http2PoolOptions {
  /** `https://api.push.apple.com`; a port other than 443 where it names one. */
  readonly origin: string;
  /** Trusted in place of the machine's own roots. PEM. */
  readonly ca?: string | undefined;
  /** Client certificate. PEM. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Connections at most. Default 4. */
  readonly sessions?: number | undefined;
  /** Streams at once on one connection, below what the peer allows. Default 500. */
  readonly streams?: number | undefined;
  /** One stream alone on a new connection until an answer arrived on it, as Apple asks. Default false. */
  readonly warmUp?: boolean | undefined;
  /** Milliseconds. Default 10,000. */
  readonly connectTimeout?: number | undefined;
  /** An idle or silent connection is asked after this many ms whether it lives. Default 10,000; no answer within `pingTimeout` ends it. */
  readonly pingInterval?: number | undefined;
  /** Milliseconds. Default 5,000. */
  readonly pingTimeout?: number | undefined;
  /** A connection without work is closed after this many ms. Default 300,000. */
  readonly idleTimeout?: number | undefined;
  /** Bytes of an answer's body kept. Default 65,536. */
  readonly maxBody?: number | undefined;
  readonly lookup?: LookupFunction | undefined;
}

/**
 * Kept HTTP/2 sessions to one origin. One `request` is exactly one stream: nothing is repeated inside.
 * A request waits for a free stream in the pool; aborted while it waits it rejects as `unsent`.
 */
export interface Http2Pool {
  /** Rejects with a TransportError. */
  request(request: Http2Request): Promise<Answer>;
  /** Streams that could begin now without waiting. */
  readonly stats: { readonly sessions: number; readonly inFlight: number; readonly waiting: number };
  /** Lets what is in flight end, closes the sessions; what still waits rejects as `unsent`. */
  close(): Promise<void>;
}
