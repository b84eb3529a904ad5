import { importPKCS8, SignJWT } from 'jose';
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import type { ApnsService, FcmService, Sandbox } from '../src/types.ts';

// Raw clients: no retries, no interpretation, so that a test sees exactly what a service did.

export interface Outcome {
  readonly stream?: number | undefined;
  readonly status?: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** HTTP/2 error code of the stream. */
  readonly rstCode?: number | undefined;
  /** Code of the error that ended it. */
  readonly error?: string;
}

export interface Send {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
}

export function openHttp2(endpoint: string, ca: string): ClientHttp2Session {
  const session = connect(endpoint, { ca, maxSessionMemory: 256 });
  session.on('error', () => {});
  return session;
}

export function sendHttp2(session: ClientHttp2Session, send: Send): Promise<Outcome> {
  return new Promise((resolve) => {
    const headers = { ':method': send.method ?? 'POST', ':path': send.path, ...send.headers };
    const stream = session.request(headers);
    let response: IncomingHttpHeaders & { ':status'?: number } = {};
    let error: { error?: string } = {};
    const chunks: Buffer[] = [];
    stream.on('response', (answer) => (response = answer));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', (reason: NodeJS.ErrnoException) => (error = { error: reason.code ?? reason.message }));
    stream.on('close', () => {
      const { ':status': status, ...rest } = response;
      resolve({
        stream: stream.id,
        ...(status !== undefined && { status }),
        headers: rest,
        body: Buffer.concat(chunks).toString(),
        rstCode: stream.rstCode,
        ...error,
      });
    });
    stream.end(send.body);
  });
}

export function sendHttp1(endpoint: string, ca: string, send: Send, signal?: AbortSignal): Promise<Outcome> {
  return new Promise((resolve) => {
    const { path, method = 'POST', headers = {}, body } = send;
    const request = httpsRequest(endpoint + path, { method, headers, ca, agent: false, signal }, (response) => {
      const chunks: Buffer[] = [];
      const base = { status: response.statusCode ?? 0, headers: response.headers };
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', (reason: NodeJS.ErrnoException) =>
        resolve({ ...base, body: Buffer.concat(chunks).toString(), error: reason.code ?? reason.message }),
      );
      response.on('end', () => resolve({ ...base, body: Buffer.concat(chunks).toString() }));
    });
    request.on('error', (reason: NodeJS.ErrnoException) =>
      resolve({ headers: {}, body: '', error: reason.code ?? reason.message }),
    );
    request.end(body);
  });
}

export interface JwtChanges {
  readonly keyId?: string;
  readonly teamId?: string;
  readonly key?: string;
  /** Epoch seconds. */
  readonly issuedAt?: number;
}

export async function apnsJwt(apns: ApnsService, changes: JwtChanges = {}): Promise<string> {
  const { key, keyId, teamId } = apns.credentials;
  return await new SignJWT()
    .setProtectedHeader({ alg: 'ES256', kid: changes.keyId ?? keyId })
    .setIssuer(changes.teamId ?? teamId)
    .setIssuedAt(changes.issuedAt)
    .sign(await importPKCS8(changes.key ?? key, 'ES256'));
}

/** A notification that APNs takes; `headers` are laid over, undefined removes one. */
export function notification(
  apns: ApnsService,
  jwt: string,
  token: string,
  headers: Record<string, string | string[] | undefined> = {},
): Send & { readonly headers: Record<string, string | string[]> } {
  const all: Record<string, string | string[] | undefined> = {
    authorization: `bearer ${jwt}`,
    'apns-topic': apns.credentials.topic,
    'apns-push-type': 'alert',
    ...headers,
  };
  const given = Object.entries(all).filter((entry): entry is [string, string | string[]] => entry[1] !== undefined);
  return { path: `/3/device/${token}`, headers: Object.fromEntries(given), body: '{"aps":{"alert":"x"}}' };
}

export interface AssertionChanges {
  readonly issuer?: string;
  readonly audience?: string;
  readonly scope?: string;
  readonly key?: string;
  /** Epoch seconds. */
  readonly issuedAt?: number;
  /** Seconds. */
  readonly lifetime?: number;
}

export async function oauthForm(fcm: FcmService, changes: AssertionChanges = {}): Promise<string> {
  const { serviceAccount } = fcm;
  const issuedAt = changes.issuedAt ?? Math.floor(Date.now() / 1000);
  const assertion = await new SignJWT({ scope: changes.scope ?? 'https://www.googleapis.com/auth/firebase.messaging' })
    .setProtectedHeader({ alg: 'RS256', kid: serviceAccount.private_key_id })
    .setIssuer(changes.issuer ?? serviceAccount.client_email)
    .setAudience(changes.audience ?? serviceAccount.token_uri)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + (changes.lifetime ?? 3600))
    .sign(await importPKCS8(changes.key ?? serviceAccount.private_key, 'RS256'));
  return new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion,
  }).toString();
}

export async function accessToken(sandbox: Sandbox): Promise<string> {
  const { fcm, ca } = sandbox;
  const answer = await sendHttp1(fcm.endpoint, ca, { path: '/token', body: await oauthForm(fcm) });
  return (JSON.parse(answer.body) as { access_token: string }).access_token;
}

export function fcmSend(fcm: FcmService, access: string, body: unknown): Send {
  return {
    path: `/v1/projects/${fcm.serviceAccount.project_id}/messages:send`,
    headers: { authorization: `Bearer ${access}` },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  };
}

/** Waits until it holds; the test's own time limit ends it otherwise. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
