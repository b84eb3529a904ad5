import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeCertificate } from '../../transport/src/testing/certificate.ts';
import type { SigningAccount } from './service-account.ts';
import { createTokenEndpoint } from './token-endpoint.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const { cert, key } = makeCertificate();
const server = createServer({ cert, key }, (request, response) => {
  requests.push(request.url ?? '');
  handle(request, response);
});
let requests: string[] = [];
let handle: (request: IncomingMessage, response: ServerResponse) => void;
let account: SigningAccount;

beforeAll(async () => {
  server.listen(0, 'localhost');
  await once(server, 'listening');
  account = {
    projectId: 'demo-1',
    email: 'push@demo-1.iam.gserviceaccount.com',
    key: privateKey,
    keyId: 'k1',
    tokenUri: `https://localhost:${(server.address() as AddressInfo).port}/token`,
  };
});
beforeEach(() => {
  requests = [];
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const never = new AbortController().signal;
const respond =
  (status: number, body: string, headers: Record<string, string> = {}): typeof handle =>
  (_, response) => {
    response.writeHead(status, headers).end(body);
  };

async function grant(signal = never, ca: string | undefined = cert) {
  const endpoint = createTokenEndpoint(ca);
  try {
    return await endpoint.grant(account, signal);
  } finally {
    endpoint.close();
  }
}

test('an assertion that the key signed is exchanged for a token', async () => {
  const form = Promise.withResolvers<URLSearchParams>();
  handle = async (request, response) => {
    form.resolve(new URLSearchParams(Buffer.concat(await request.toArray()).toString()));
    response.end(JSON.stringify({ access_token: 'ya29.a', expires_in: 3599, token_type: 'Bearer' }));
  };
  expect(await grant()).toEqual({ token: 'ya29.a', lifetime: 3_599_000 });
  const sent = await form.promise;
  expect(sent.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
  const { payload, protectedHeader } = await jwtVerify(sent.get('assertion') ?? '', publicKey, {
    algorithms: ['RS256'],
  });
  expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'k1' });
  expect(payload).toMatchObject({
    iss: account.email,
    aud: account.tokenUri,
    scope: 'https://www.googleapis.com/auth/firebase.messaging',
  });
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3600);
});

describe('one grant is one request, and', () => {
  test.each<[string, number, string, object]>([
    [
      'a refused account is unauthorized',
      400,
      '{"error":"invalid_grant","error_description":"Invalid JWT Signature."}',
      { kind: 'unauthorized', scope: 'credential', code: 'invalid_grant' },
    ],
    [
      'an unknown client is unauthorized',
      401,
      '{"error":"invalid_client"}',
      { kind: 'unauthorized', code: 'invalid_client' },
    ],
    ['a refusal without a word is unauthorized', 403, '<html>', { kind: 'unauthorized', code: 'http_403' }],
    [
      'a word of another form is not repeated',
      400,
      '{"error":"secret: ya29.a"}',
      { kind: 'unauthorized', code: 'http_400' },
    ],
    ['a server error is unavailable', 500, '', { kind: 'unavailable', unsent: true, code: 'http_500' }],
    ['a proxy error is unavailable', 502, '<html>', { kind: 'unavailable', unsent: true, code: 'http_502' }],
    ['a redirect is not followed', 302, '', { kind: 'unavailable', unsent: true, code: 'http_302' }],
    [
      'a success without JSON is unavailable',
      200,
      '<html>',
      { kind: 'unavailable', unsent: true, code: 'tidings.invalid_token_answer' },
    ],
    [
      'a success without a token is unavailable',
      200,
      '{"id_token":"x"}',
      { kind: 'unavailable', code: 'tidings.invalid_token_answer' },
    ],
    [
      'a token that is no header value is unavailable',
      200,
      '{"access_token":"a\\r\\nb: c"}',
      { kind: 'unavailable', code: 'tidings.invalid_token_answer' },
    ],
    [
      'an endless body is cut off',
      200,
      `{"access_token":"${'x'.repeat(70_000)}"}`,
      { kind: 'unavailable', unsent: true, code: 'tidings.token_endpoint_unreachable' },
    ],
    [
      'a token without a lifetime is good for 5 minutes',
      200,
      '{"access_token":"a"}',
      { token: 'a', lifetime: 300_000 },
    ],
    [
      'a lifetime beyond all bounds is a day',
      200,
      '{"access_token":"a","expires_in":1e300}',
      { token: 'a', lifetime: 86_400_000 },
    ],
  ])('%s', async (_, status, body, expected) => {
    handle = respond(status, body, status === 302 ? { location: '/elsewhere' } : {});
    expect(await grant()).toMatchObject(expected);
    expect(requests).toEqual(['/token']);
  });

  test('a wait that it names is passed on', async () => {
    handle = respond(503, '', { 'retry-after': '20' });
    expect(await grant()).toMatchObject({ kind: 'unavailable', retryAfter: 20_000 });
  });

  test('a reset connection is unavailable', async () => {
    handle = (request) => request.socket.destroy();
    expect(await grant()).toMatchObject({ kind: 'unavailable', unsent: true });
    expect(requests).toHaveLength(1);
  });

  test('a body broken off in the middle is unavailable', async () => {
    handle = (_, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"access_token":"a"', () => response.destroy());
    };
    expect(await grant()).toMatchObject({ kind: 'unavailable', unsent: true });
    expect(requests).toHaveLength(1);
  });
});

test('a hanging endpoint is left when the signal aborts', async () => {
  const controller = new AbortController();
  const gone = Promise.withResolvers<void>();
  handle = (request) => {
    request.socket.once('close', () => gone.resolve());
    controller.abort();
  };
  expect(await grant(controller.signal)).toMatchObject({ kind: 'unavailable', unsent: true });
  await gone.promise;
});

test('a body that never ends is left when the signal aborts', async () => {
  const controller = new AbortController();
  handle = (_, response) => {
    response.writeHead(200).write('{', () => controller.abort());
  };
  expect(await grant(controller.signal)).toMatchObject({ kind: 'unavailable', unsent: true });
});

test('a certificate that is not trusted gets no assertion', async () => {
  handle = respond(200, '{"access_token":"a"}');
  expect(await grant(never, makeCertificate().cert)).toMatchObject({ kind: 'unavailable', unsent: true });
  expect(requests).toEqual([]);
});
