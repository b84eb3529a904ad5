import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { Failure } from '@tidings/core';
import { parseRetryAfter, realRuntime } from '@tidings/core';
import { SignJWT } from 'jose';
import { refused, unsent } from './credentials.ts';
import { isObject } from './schemas.ts';
import type { SigningAccount } from './service-account.ts';

/** Access token for a signed assertion. @see https://developers.google.com/identity/protocols/oauth2/service-account#httprest */
export interface TokenEndpoint {
  /** One request, never repeated here. Never rejects; ends early by the signal. */
  grant(account: SigningAccount, signal: AbortSignal): Promise<GrantedToken | Failure>;
  close(): void;
}

export interface GrantedToken {
  readonly token: string;
  /** Milliseconds. */
  readonly lifetime: number;
}

interface Reply {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

const scope = 'https://www.googleapis.com/auth/firebase.messaging';
const largestBody = 65_536;
/** Of a token whose answer names none. */
const defaultLifetime = 300;

/** @param ca trusted in place of the machine's own roots; PEM */
export function createTokenEndpoint(ca: string | undefined): TokenEndpoint {
  // A token is fetched about once an hour: a connection kept in between would only be one more to lose.
  // rejectUnauthorized said outright: an environment variable can turn the default off.
  const agent = new Agent({
    keepAlive: false,
    maxSockets: 2,
    rejectUnauthorized: true,
    ...(ca !== undefined && { ca }),
  });
  return {
    async grant(account, signal) {
      try {
        const assertion = await sign(account);
        const form = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion });
        return classify(await post(account.tokenUri, form.toString(), agent, signal));
      } catch {
        return unsent('tidings.token_endpoint_unreachable', 'the token endpoint gave no whole answer');
      }
    },
    close: () => agent.destroy(),
  };
}

function sign({ email, tokenUri, key, keyId }: SigningAccount): Promise<string> {
  // Google compares with its own wall clock, so this is no matter of the engine's runtime.
  const now = Math.floor(realRuntime().now() / 1000);
  return new SignJWT({ scope })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...(keyId !== undefined && { kid: keyId }) })
    .setIssuer(email)
    .setAudience(tokenUri)
    .setIssuedAt(now)
    .setExpirationTime(now + 3600)
    .sign(key);
}

async function post(url: string, form: string, agent: Agent, signal: AbortSignal): Promise<Reply> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(form) };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { method: 'POST', agent, headers, signal }, resolve).on('error', reject).end(form);
  });
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop early destroys the response.
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestBody) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  const { statusCode = 0, headers: answered } = response;
  return { status: statusCode, retryAfter: answered['retry-after'], body: Buffer.concat(chunks).toString() };
}

function classify({ status, retryAfter, body }: Reply): GrantedToken | Failure {
  const fields = parse(body);
  if (status === 400 || status === 401 || status === 403) {
    const { error } = fields;
    const code = typeof error === 'string' && /^[a-z_]{1,64}$/.test(error) ? error : `http_${status}`;
    return refused(code, "the token endpoint refused the service account: check its key and this machine's clock");
  }
  const { access_token: token, expires_in: expiresIn } = fields;
  if (status === 200 && typeof token === 'string' && /^[\x21-\x7e]{1,16384}$/.test(token)) {
    const seconds = Number(expiresIn) > 0 ? Number(expiresIn) : defaultLifetime;
    return { token, lifetime: Math.min(seconds, 86_400) * 1000 };
  }
  const wait = parseRetryAfter(retryAfter, realRuntime().now());
  return unsent(
    status === 200 ? 'tidings.invalid_token_answer' : `http_${status}`,
    'the token endpoint gave no access token',
    wait === undefined ? undefined : Math.min(wait, 86_400_000),
  );
}

function parse(body: string): { readonly [key: string]: unknown } {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
