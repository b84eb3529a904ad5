import type { Answer } from '@tidings/transport';
import { createHttp2Pool, isTransportError } from '@tidings/transport';
import type { ApnsReply } from './classify.ts';
import type { CredentialError } from './credentials.ts';
import { ProviderToken } from './credentials.ts';
import type { ConnectionSettings, TokenSettings } from './options.ts';
import type { RequestHeaders } from './payload.ts';

/** One notification for one device. */
export interface ApnsRequest {
  readonly token: string;
  readonly headers: RequestHeaders;
  readonly body: Buffer;
}

/** Whatever makes the requests. `send` is exactly one request and never rejects. */
export interface ApnsClient {
  send(request: ApnsRequest, signal: AbortSignal): Promise<ApnsReply>;
  close(): Promise<void>;
}

/** Our own HTTP/2 sessions. @throws TidingsError `tidings.invalid_options` */
export function createPoolClient(
  connections: ConnectionSettings,
  tokenSettings: TokenSettings | undefined,
): ApnsClient {
  const { origin, ca, cert, certKey: key, sessions, streams } = connections;
  // Apple allows one stream until a token was accepted; a certificate is accepted in the handshake.
  const pool = createHttp2Pool({ origin, ca, cert, key, sessions, streams, warmUp: tokenSettings !== undefined });
  const token = tokenSettings === undefined ? undefined : new ProviderToken(tokenSettings, Date.now);

  async function send(request: ApnsRequest, signal: AbortSignal): Promise<ApnsReply> {
    const { headers, body } = request;
    try {
      let authorization: string | undefined;
      if (token !== undefined) {
        const current = token.current();
        const made = typeof current === 'string' ? current : await unlessAborted(current, signal);
        if (typeof made !== 'string') return noToken(made);
        headers.authorization = authorization = made;
      }
      const answer = await pool.request({ path: `/3/device/${request.token}`, headers, body, signal });
      if (answer.status === 403 && authorization !== undefined) token?.refused(authorization);
      return toReply(answer);
    } catch (error) {
      if (isTransportError(error))
        return { kind: 'lost', code: error.code, unsent: error.unsent, message: error.message };
      return { kind: 'lost', code: 'tidings.adapter_failed', unsent: false };
    }
  }

  return { send, close: () => pool.close() };
}

function noToken(error: CredentialError | undefined): ApnsReply {
  if (error === undefined) return { kind: 'lost', code: 'tidings.aborted', unsent: true };
  const { code } = error;
  return code === 'tidings.invalid_credentials' ? { kind: 'noCredential', code } : { kind: 'lost', code, unsent: true };
}

function toReply({ status, headers, body }: Answer): ApnsReply {
  if (status === 200) return { kind: 'answer', status, headers };
  return { kind: 'answer', status, headers, ...readBody(body) };
}

/** `{"reason":"Unregistered","timestamp":1700000000000}`, or anything else: it is the peer's word. */
export function readBody(body: string): { readonly reason?: string; readonly timestamp?: number } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return {};
  }
  if (typeof parsed !== 'object' || parsed === null) return {};
  const { reason, timestamp } = parsed as { reason?: unknown; timestamp?: unknown };
  return { ...(typeof reason === 'string' && { reason }), ...(typeof timestamp === 'number' && { timestamp }) };
}

/** Undefined once the signal aborts. The promise must not reject. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const onAbort = (): void => resolve(undefined);
    signal.addEventListener('abort', onAbort, { once: true });
    void promise.then((value) => {
      signal.removeEventListener('abort', onAbort);
      resolve(value);
    });
  });
}
