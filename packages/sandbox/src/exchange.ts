import type { Reply, ServiceRequest } from './provider.ts';

/** One request and all that can be done to it; HTTP/2 and HTTP/1.1 each have their own. */
export interface Exchange {
  readonly request: ServiceRequest;
  /** Claims the request for the ledger. False where the connection has meanwhile said that it won't be handled. */
  claim(): boolean;
  /** False where it can't be sent any more. */
  answer(reply: Reply): boolean;
  /** Sends the headers and leaves it at that. */
  begin(reply: Reply): boolean;
  /** Sends the headers and half of the body, then resets. */
  breakOff(reply: Reply): boolean;
  reset(): void;
  /** Says that the request was surely not handled. */
  refuse(): void;
  /** Announces the end of the connection. With `error` nothing on it is answered any more. */
  goaway(error: boolean): void;
  /** Nothing is read or written on the connection from now on. */
  blackhole(): void;
}

/** What a service does with the requests of its connections. */
export interface Intake {
  readonly bodyLimit: number;
  /** The headers of a request arrived. */
  opened(): void;
  /** It ended, however. */
  closed(): void;
  /** Its body arrived. */
  arrived(exchange: Exchange): void;
}

/** Gathers a body up to a limit, then calls back once; beyond the limit without a body and at once. */
export function collect(stream: NodeJS.ReadableStream, limit: number, done: (body: Buffer | undefined) => void): void {
  let chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    if (size > limit) return;
    size += chunk.length;
    if (size <= limit) {
      chunks.push(chunk);
      return;
    }
    chunks = [];
    done(undefined);
  });
  stream.on('end', () => {
    if (size <= limit) done(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
  });
}

/** The body's first half, for an answer that breaks off. */
export function firstHalf(body: string | Uint8Array | undefined): Buffer {
  const bytes = Buffer.from(body ?? '');
  return bytes.subarray(0, Math.ceil(bytes.length / 2));
}
