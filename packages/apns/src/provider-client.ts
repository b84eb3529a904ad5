import { tidingsError } from '@tidings/core';
import type { ApnsReply } from './classify.ts';
import type { ApnsClient, ApnsRequest } from './client.ts';
import { unlessAborted } from './client.ts';

/** A `Provider` or `MultiProvider` of @parse/node-apn 8, as far as it is used. */
export interface NodeApnProvider {
  // A method, not a property: its own, narrower parameter types fit.
  send(
    notification: never,
    recipient: string,
  ): Promise<{ readonly sent: readonly object[]; readonly failed: readonly object[] }>;
  shutdown(callback?: () => void): unknown;
}

/** What `send` needs of a notification: the library's own class would drop fields it does not know. */
interface Notification {
  headers(): object;
  compile(): string;
}

/** How it reports a request that failed. */
interface Failed {
  readonly status?: unknown;
  readonly response?: { readonly reason?: unknown; readonly timestamp?: unknown } | undefined;
  readonly error?:
    | {
        readonly message?: unknown;
        readonly code?: unknown;
        readonly jse_cause?: { readonly message?: unknown; readonly code?: unknown };
      }
    | undefined;
  readonly code?: unknown;
}

/** Requests through a ready Provider. @throws TidingsError where its retries can't be turned off */
export function createProviderClient(provider: NodeApnProvider): ApnsClient {
  turnOffRetries(provider);
  const send = provider.send as unknown as (
    notification: Notification,
    recipient: string,
  ) => ReturnType<NodeApnProvider['send']>;
  let closed: Promise<void> | undefined;
  /** Until a first answer: Apple allows one stream on a new connection, and the library submits all at once. */
  let first: Promise<unknown> | undefined;
  let proven = false;

  async function request({ token, headers, body }: ApnsRequest): Promise<ApnsReply> {
    const text = body.toString();
    const result = await send.call(provider, { headers: () => headers, compile: () => text }, token);
    const [sent] = result.sent;
    return sent === undefined ? readFailed(result.failed[0] as Failed | undefined) : accepted(sent);
  }

  async function guarded(each: ApnsRequest): Promise<ApnsReply> {
    try {
      const reply = await request(each);
      proven ||= reply.kind === 'answer';
      return reply;
    } catch {
      return { kind: 'lost', code: 'tidings.adapter_failed', unsent: false };
    }
  }

  return {
    async send(each, signal) {
      while (!proven && first !== undefined && !signal.aborted) await unlessAborted(first, signal);
      if (signal.aborted) return { kind: 'lost', code: 'tidings.aborted', unsent: true };
      if (closed !== undefined) return { kind: 'lost', code: 'tidings.pool_closed', unsent: true };
      const reply = guarded(each);
      if (!proven) first = reply.finally(() => (first = undefined));
      // The library knows no signal: the request itself goes on until its own time limit.
      return (await unlessAborted(reply, signal)) ?? { kind: 'lost', code: 'tidings.aborted', unsent: false };
    },
    close() {
      closed ??= shutDown(provider);
      return closed;
    },
  };
}

/** Longer than the library's own time limit of a request. */
const shutdownLimit = 6000;

interface Client {
  config?: unknown;
  session?: { readonly destroyed: boolean; destroy(): void } | null;
}

function clientsOf(provider: NodeApnProvider): readonly Client[] {
  const { client } = provider as { client?: Client & { clients?: readonly Client[] } };
  return client?.clients ?? (client === undefined ? [] : [client]);
}

/** Its callback never comes where a session died on its own, and late where a request hangs. */
async function shutDown(provider: NodeApnProvider): Promise<void> {
  const clients = clientsOf(provider);
  for (const client of clients) if (client.session?.destroyed === true) client.session = null;
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    timer = setTimeout(resolve, shutdownLimit);
    provider.shutdown(resolve);
  });
  clearTimeout(timer);
  for (const { session } of clients) session?.destroy();
}

/** One attempt is one request: the library repeats up to three times at once, on its own. */
function turnOffRetries(provider: NodeApnProvider): void {
  const configs = clientsOf(provider).map(({ config }) => config);
  if (configs.length === 0 || !configs.every(hasRetryLimit)) {
    throw tidingsError(
      'tidings.invalid_options',
      'expected a Provider of @parse/node-apn 8, whose retries can be turned off',
      'apns.provider',
    );
  }
  for (const config of configs) config.connectionRetryLimit = 0;
}

function hasRetryLimit(config: unknown): config is { connectionRetryLimit: number } {
  return typeof config === 'object' && config !== null && 'connectionRetryLimit' in config;
}

const noHeaders = { get: () => null };

function accepted(sent: object): ApnsReply {
  const id = (sent as { 'apns-id'?: unknown })['apns-id'];
  return {
    kind: 'answer',
    status: 200,
    headers: { get: (name) => (name === 'apns-id' && typeof id === 'string' ? id : null) },
  };
}

/** What surely never left: no connection, or a stream that had no id yet. */
const unsentCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_INVALID_SESSION',
  'ERR_HTTP2_STREAM_CANCEL',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Texts of the library that stand for an answer or an end, in place of a field. */
const texts: readonly (readonly [pattern: RegExp, reply: ApnsReply])[] = [
  [/NGHTTP2_REFUSED_STREAM/, { kind: 'lost', code: 'tidings.refused_stream', unsent: true }],
  [/client is destroyed/, { kind: 'lost', code: 'tidings.pool_closed', unsent: true }],
  [/apn write timeout/, { kind: 'lost', code: 'tidings.timeout', unsent: false }],
  [/NGHTTP2_/, { kind: 'lost', code: 'tidings.stream_reset', unsent: false }],
];

/** Reads the library's many shapes of a failure. Fresh objects only: its errors hold device token and payload. */
export function readFailed(failed: Failed | undefined): ApnsReply {
  const { status, response, error } = failed ?? {};
  const message = typeof error?.message === 'string' ? error.message : '';
  if (typeof status === 'number') {
    const reason = response?.reason ?? (status === 500 ? 'InternalServerError' : message);
    const { timestamp } = response ?? {};
    return {
      kind: 'answer',
      status,
      headers: noHeaders,
      ...(typeof reason === 'string' && { reason }),
      ...(typeof timestamp === 'number' && { timestamp }),
    };
  }
  const empty = /unexpectedly with status (\d{3}) and empty body/.exec(message);
  if (empty !== null) return { kind: 'answer', status: Number(empty[1]), headers: noHeaders };
  const known = texts.find(([pattern]) => pattern.test(message));
  if (known !== undefined) return known[1];
  const codes = [error?.jse_cause?.code, error?.code, failed?.code];
  const code = codes.find((each): each is string => typeof each === 'string');
  if (code === undefined || !/^[A-Z][A-Z0-9_]*$/.test(code))
    return { kind: 'lost', code: 'tidings.connection_lost', unsent: false };
  return { kind: 'lost', code, unsent: unsentCodes.has(code) };
}
