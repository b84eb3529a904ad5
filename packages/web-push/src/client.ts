import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { Agent, request } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { isTidingsError } from '@tidings/core';
import type { Answer, AnswerHeaders } from '@tidings/transport';
import { boundedResolve, codeOf, guardedLookup, transportError } from '@tidings/transport';
import type { Endpoint } from './endpoint.ts';
import type { Settings } from './options.ts';

/** Bytes of an answer's body that are kept; whoever sends more is cut off. */
const bodyLimit = 65_536;

export interface PushRequest {
  readonly endpoint: Endpoint;
  readonly headers: { readonly [name: string]: string };
  readonly body: Buffer;
  readonly signal: AbortSignal;
}

export interface PushClient {
  /** One POST over a kept connection: no redirect is followed, nothing is repeated. Rejects with a TransportError. */
  post(request: PushRequest): Promise<Answer>;
  /** Takes no more requests, lets those in flight end and closes all connections. */
  close(): Promise<void>;
}

/** HTTPS/1.1 to any number of push services, guarded at connect time. */
export function createClient(settings: Pick<Settings, 'ca' | 'sockets' | 'idleTimeout' | 'resolve'>): PushClient {
  const { ca, sockets, idleTimeout, resolve = boundedResolve() } = settings;
  const agent = new Agent({ keepAlive: true, maxSockets: sockets, maxFreeSockets: sockets, timeout: idleTimeout, ca });
  const publicOnly = guardedLookup({ resolve });
  const anywhere = guardedLookup({ resolve, allow: () => true });
  const inFlight = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;

  return {
    post(each) {
      if (closing !== undefined) return Promise.reject(transportError('tidings.pool_closed', true));
      const lookup = each.endpoint.privately ? anywhere : publicOnly;
      const answer = exchange(each, agent, lookup).finally(() => inFlight.delete(answer));
      inFlight.add(answer);
      return answer;
    },
    close() {
      closing ??= Promise.allSettled(inFlight).then(() => agent.destroy());
      return closing;
    },
  };
}

function exchange(
  { endpoint, headers, body, signal }: PushRequest,
  agent: Agent,
  lookup: LookupFunction,
): Promise<Answer> {
  const { hostname, port, pathname, search } = endpoint.url;
  const options: RequestOptions = {
    agent,
    method: 'POST',
    host: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    port: port === '' ? 443 : Number(port),
    path: pathname + search,
    headers: { ...headers, 'Content-Length': body.length },
    lookup,
  };
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(transportError(abortCode(signal), true));
    const outgoing = tryRequest(options);
    if (outgoing === undefined) return reject(transportError('tidings.invalid_request', true));
    let incoming: IncomingMessage | undefined;
    let settled = false;
    const chunks: Buffer[] = [];
    let size = 0;

    const settle = (): boolean => {
      if (settled) return false;
      settled = true;
      signal.removeEventListener('abort', abort);
      return true;
    };
    const finish = (response: IncomingMessage): void => {
      if (settle())
        resolve({
          status: response.statusCode ?? 0,
          headers: answerHeaders(response.headers),
          body: Buffer.concat(chunks).toString(),
        });
    };
    const fail = (error: unknown, otherwise: string): void => {
      // The status says what became of the message, also where the rest of the answer is lost.
      if (incoming !== undefined) finish(incoming);
      else if (settle())
        reject(transportError(isTidingsError(error) ? error.code : codeOf(error, otherwise), !wasWritten(outgoing)));
    };
    const give = (code: string): void => {
      fail(undefined, code);
      outgoing.destroy();
    };
    const abort = (): void => give(abortCode(signal));

    signal.addEventListener('abort', abort);
    outgoing.on('timeout', () => give('tidings.timeout'));
    outgoing.on('error', (error) => fail(error, 'tidings.connection_lost'));
    outgoing.on('close', () => fail(undefined, 'tidings.connection_lost'));
    outgoing.on('response', (response) => {
      incoming = response;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk.subarray(0, bodyLimit - size));
        size += chunk.length;
        if (size > bodyLimit) {
          finish(response);
          outgoing.destroy();
        }
      });
      response.on('end', () => finish(response));
      response.on('error', (error) => fail(error, 'tidings.connection_lost'));
    });
    outgoing.end(body);
  });
}

/** Undefined where Node refuses the path or a header. */
function tryRequest(options: RequestOptions): ClientRequest | undefined {
  try {
    return request(options);
  } catch {
    return undefined;
  }
}

/** Node writes a request once the peer's certificate is verified, not before. */
function wasWritten({ socket }: ClientRequest): boolean {
  return (socket as TLSSocket | null)?.authorized === true;
}

function abortCode(signal: AbortSignal): string {
  return (signal.reason as { name?: unknown } | undefined)?.name === 'TimeoutError'
    ? 'tidings.timeout'
    : 'tidings.aborted';
}

function answerHeaders(headers: IncomingHttpHeaders): AnswerHeaders {
  return {
    get(name) {
      const value = headers[name.toLowerCase()];
      return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value;
    },
  };
}
