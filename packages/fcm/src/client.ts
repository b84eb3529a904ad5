import type { Failure, Runtime, SendResult } from '@tidings/core';
import type { Answer, Http2Pool } from '@tidings/transport';
import { createHttp2Pool, isTransportError } from '@tidings/transport';
import { classifyAnswer } from './classify.ts';
import type { Credentials, TokenSource } from './credentials.ts';
import { createCredentials, isFailure } from './credentials.ts';
import type { Settings } from './options.ts';
import type { FcmRequest } from './payload.ts';
import { accessTokenSource, appSource, serviceAccountSource } from './sources.ts';
import { createTokenEndpoint } from './token-endpoint.ts';

/** The connections of one adapter: the session pool to FCM and the credentials that go with it. */
export interface FcmClient {
  /** One message, one request. Never rejects. */
  send(request: FcmRequest, signal: AbortSignal): Promise<SendResult>;
  /** Lets what is in flight end; what still waits for a token or a stream ends `unsent`. */
  close(): Promise<void>;
}

/** Connects and asks for a token at the first send. @param runtime read at every call */
export function createClient(settings: Settings, runtime: () => Runtime): FcmClient {
  const { origin, ca, sessions, streams } = settings;
  const pool = createHttp2Pool({ origin, sessions, streams, ...(ca !== undefined && { ca }) });
  const credentials = createCredentials(sourceOf(settings, runtime), runtime);
  return {
    send: (request, signal) => sendOne(pool, credentials, runtime, request, signal),
    async close() {
      await Promise.all([pool.close(), credentials.close()]);
    },
  };
}

async function sendOne(
  pool: Http2Pool,
  credentials: Credentials,
  runtime: () => Runtime,
  { body, target }: FcmRequest,
  signal: AbortSignal,
): Promise<SendResult> {
  const held = credentials.get(signal);
  // Awaited only where it must be: nearly every message finds the token there.
  const grant = held instanceof Promise ? await held : held;
  if (isFailure(grant)) return grant;
  let answer: Answer;
  try {
    answer = await pool.request({ path: grant.path, headers: grant.headers, body, signal });
  } catch (error) {
    return classifyTransportError(error);
  }
  const result = classifyAnswer(answer, target, runtime().now());
  if (result.kind === 'unauthorized') credentials.refuse(grant);
  return result;
}

/** A request without an answer: surely not taken, or nobody knows. */
function classifyTransportError(error: unknown): Failure {
  if (!isTransportError(error)) return { kind: 'ambiguous', scope: 'provider', code: 'tidings.connection_failed' };
  const { code } = error;
  return error.unsent
    ? { kind: 'unavailable', scope: 'provider', code, unsent: true }
    : { kind: 'ambiguous', scope: 'provider', code };
}

function sourceOf({ credentials, ca }: Settings, runtime: () => Runtime): TokenSource {
  switch (credentials.from) {
    case 'serviceAccount':
      return serviceAccountSource(credentials, createTokenEndpoint(ca));
    case 'app':
      return appSource(credentials);
    case 'accessToken':
      return accessTokenSource(credentials, runtime);
  }
}
