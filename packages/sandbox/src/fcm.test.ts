import { generateKeyPairSync } from 'node:crypto';
import type { ClientHttp2Session } from 'node:http2';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  accessToken,
  fcmSend,
  oauthForm,
  openHttp2,
  sendHttp1,
  sendHttp2,
  type AssertionChanges,
  type Outcome,
} from '../test/clients.ts';
import { startSandbox } from './sandbox.ts';
import type { Sandbox } from './types.ts';

let sandbox: Sandbox;
let session: ClientHttp2Session;
let access: string;
let token: string;

beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  session = openHttp2(sandbox.fcm.endpoint, sandbox.ca);
  token = sandbox.fcm.register();
  access = await accessToken(sandbox);
  sandbox.fcm.ledger.clear();
});
afterEach(() => session.destroy());

const FcmError = 'type.googleapis.com/google.firebase.fcm.v1.FcmError';
const BadRequest = 'type.googleapis.com/google.rpc.BadRequest';

interface ErrorBody {
  readonly error: {
    readonly code: number;
    readonly message: string;
    readonly status: string;
    readonly details?: readonly {
      readonly '@type': string;
      readonly errorCode?: string;
      readonly fieldViolations?: unknown;
    }[];
  };
}

function errorOf(answer: Outcome): ErrorBody['error'] {
  return (JSON.parse(answer.body) as ErrorBody).error;
}

function sendMessage(message: unknown, more: object = {}): Promise<Outcome> {
  return sendHttp2(session, fcmSend(sandbox.fcm, access, { message, ...more }));
}

test.each(['h2', 'http/1.1'])('a message is taken over %s, recorded as it came, and named', async (protocol) => {
  const message = { token, notification: { title: 'a' }, data: { b: 'c' } };
  const send = fcmSend(sandbox.fcm, access, { message });
  const answer = await (protocol === 'h2'
    ? sendHttp2(session, send)
    : sendHttp1(sandbox.fcm.endpoint, sandbox.ca, send));
  expect(answer.status).toBe(200);
  const { name } = JSON.parse(answer.body) as { name: string };
  expect(name).toMatch(/^projects\/tidings-sandbox\/messages\/./);
  expect(sandbox.fcm.ledger.entries).toMatchObject([
    { token, payload: message, messageId: name, taken: true, status: 200 },
  ]);
});

test('two messages never get the same name', async () => {
  const answers = await Promise.all(Array.from({ length: 300 }, () => sendMessage({ token })));
  expect(new Set(answers.map(({ body }) => body)).size).toBe(300);
  // Above the announced limit of 100 the client has to wait.
  expect(sandbox.fcm.peakConcurrency).toBeLessThanOrEqual(100);
});

test.each([
  ['camelCase names', { fcmOptions: { analyticsLabel: 'a' }, android: { collapseKey: 'a', directBootOk: true } }],
  ['snake_case names', { fcm_options: { analytics_label: 'a' }, android: { collapse_key: 'a', direct_boot_ok: true } }],
  ['the lower-case priority of the documentation', { android: { priority: 'high' } }],
  ['null for nothing', { notification: null, android: { ttl: null } }],
  ['the longest ttl', { android: { ttl: '2419200s' } }],
  ['a fraction of a second', { android: { ttl: '3.5s' } }],
  ['4096 bytes of data', { data: { a: 'x'.repeat(4095) } }],
  ['an APNs block', { apns: { headers: { 'apns-priority': '5' }, payload: { aps: { badge: 1 }, own: [1] } } }],
  [
    'a Web Push block',
    { webpush: { headers: { TTL: '1' }, notification: { a: [1] }, fcm_options: { link: 'https://a.b' } } },
  ],
  [
    'vibration and lights',
    {
      android: {
        notification: { vibrate_timings: ['0.1s'], light_settings: { color: { red: 0.5 }, light_on_duration: '1s' } },
      },
    },
  ],
])('%s is taken', async (_name, fields) => {
  expect(await sendMessage({ token, ...fields })).toMatchObject({ status: 200 });
});

test.each([
  ['a topic', { topic: 'news' }],
  ['a condition', { condition: "'a' in topics && ('b' in topics || !('c' in topics))" }],
])('%s is a target', async (_name, target) => {
  expect(await sendMessage(target)).toMatchObject({ status: 200 });
  expect(sandbox.fcm.ledger.entries[0]?.token).toBe(Object.values(target)[0]);
});

test('an installation id is a target until its token is unregistered', async () => {
  const [fid] = token.split(':');
  expect(await sendMessage({ fid })).toMatchObject({ status: 200 });
  sandbox.fcm.unregister(token);
  expect(await sendMessage({ fid })).toMatchObject({ status: 404 });
});

// Refused where JSON is read, before FCM sees it: no FcmError.
test.each<[string, object, string | undefined, RegExp]>([
  ['an unknown field', { foo: 1 }, 'message', /Unknown name "foo" at 'message': Cannot find field\.$/],
  [
    'a deep unknown field',
    { android: { notification: { title: 'a', x: 1 } } },
    'message.android.notification',
    /Unknown name "x"/,
  ],
  ['data that is no string', { data: { a: 'b', c: 1 } }, 'message.data[1].value', /TYPE_STRING/],
  ['data that is null', { data: { a: null } }, 'message.data[0].value', /TYPE_STRING/],
  ['a ttl in milliseconds', { android: { ttl: 3000 } }, 'message.android.ttl', /Duration/],
  ['a ttl without unit', { android: { ttl: '3' } }, 'message.android.ttl', /Duration/],
  ['an unknown priority', { android: { priority: 'urgent' } }, 'message.android.priority', /TYPE_ENUM/],
  ['a list for a message', { notification: ['a'] }, 'message.notification', /Invalid value/],
  ['two targets', { topic: 'a' }, 'message', /oneof field 'target' is already set/],
])('%s is refused as Google refuses it', async (_name, fields, field, description) => {
  const answer = await sendMessage({ token, ...fields });
  const { code, status, message, details } = errorOf(answer);
  expect({ answer: answer.status, code, status }).toEqual({ answer: 400, code: 400, status: 'INVALID_ARGUMENT' });
  expect(message).toMatch(description);
  expect(details).toEqual([
    { '@type': BadRequest, fieldViolations: [{ field, description: expect.stringMatching(description) }] },
  ]);
  expect(sandbox.fcm.ledger.entries).toMatchObject([{ token, taken: false, status: 400, reason: 'INVALID_ARGUMENT' }]);
});

test.each<[string, object, string]>([
  ['a reserved key', { token: '', data: { from: 'a' } }, 'message.data'],
  ['a key of Google', { token: '', data: { 'google.x': 'a' } }, 'message.data'],
  ['a key of GCM', { token: '', android: { data: { gcm_x: 'a' } } }, 'message.android.data'],
  ['the key message_type', { token: '', data: { message_type: 'a' } }, 'message.data'],
  ['a ttl beyond four weeks', { token: '', android: { ttl: '2419201s' } }, 'message.android.ttl'],
  ['a negative ttl', { token: '', android: { ttl: '-1s' } }, 'message.android.ttl'],
  ['more than 4096 bytes', { token: '', data: { a: 'x'.repeat(4096) } }, 'message'],
  ['more than 2048 bytes for a topic', { topic: 'a', data: { a: 'x'.repeat(2048) } }, 'message'],
  ['too large an APNs payload', { token: '', apns: { payload: { a: 'x'.repeat(4096) } } }, 'message'],
  ['a topic with its old prefix', { topic: '/topics/a' }, 'message.topic'],
  ['a condition that is none', { condition: "'a' in topics &&" }, 'message.condition'],
  ['a condition of six topics', { condition: Array(6).fill("'a' in topics").join(' || ') }, 'message.condition'],
  ['a wrong label', { topic: 'a', fcm_options: { analytics_label: 'a b' } }, 'message.fcm_options.analytics_label'],
  [
    'a link without TLS',
    { topic: 'a', webpush: { fcm_options: { link: 'http://a.b' } } },
    'message.webpush.fcm_options.link',
  ],
])('%s is refused by FCM, which names the field', async (_name, message, field) => {
  const answer = await sendMessage('token' in message ? { ...message, token } : message);
  const { status, details } = errorOf(answer);
  expect(answer.status).toBe(400);
  expect(status).toBe('INVALID_ARGUMENT');
  expect(details?.[0]).toEqual({ '@type': FcmError, errorCode: 'INVALID_ARGUMENT' });
  expect(details?.[1]).toMatchObject({ '@type': BadRequest, fieldViolations: [{ field }] });
});

test.each([
  [
    'an ill-formed token',
    { message: { token: 'abc' } },
    'The registration token is not a valid FCM registration token',
  ],
  ['no target', { message: { data: { a: 'b' } } }, 'Recipient of the message is not set.'],
])('%s is INVALID_ARGUMENT with FcmError alone', async (_name, body, message) => {
  const error = errorOf(await sendHttp2(session, fcmSend(sandbox.fcm, access, body)));
  expect(error).toEqual({
    code: 400,
    status: 'INVALID_ARGUMENT',
    message,
    details: [{ '@type': FcmError, errorCode: 'INVALID_ARGUMENT' }],
  });
});

test.each([
  ['no JSON', '{"message":'],
  ['a list', '[]'],
  ['nothing', ''],
  ['another top-level field', JSON.stringify({ message: { topic: 'a' }, to: 'b' })],
  ['no message', '{}'],
  ['100,000 bytes', JSON.stringify({ message: { topic: 'a', data: { a: 'x'.repeat(100_000) } } })],
])('a body that is %s is refused', async (_name, body) => {
  const answer = await sendHttp2(session, fcmSend(sandbox.fcm, access, body));
  expect(answer.status).toBe(400);
  expect(errorOf(answer).status).toBe('INVALID_ARGUMENT');
});

test.each(['unregistered', 'unknown'])('an %s token is UNREGISTERED', async (which) => {
  const target = which === 'unknown' ? `${token.slice(0, -4)}AAAA` : token;
  sandbox.fcm.unregister(token);
  const answer = await sendMessage({ token: target });
  expect(answer.status).toBe(404);
  expect(errorOf(answer)).toEqual({
    code: 404,
    message: 'Requested entity was not found.',
    status: 'NOT_FOUND',
    details: [{ '@type': FcmError, errorCode: 'UNREGISTERED' }],
  });
  expect(sandbox.fcm.ledger.entries).toMatchObject([{ taken: false, status: 404, reason: 'UNREGISTERED' }]);
});

test('validate_only is answered like a success and not taken', async () => {
  const answer = await sendMessage({ token }, { validate_only: true });
  expect(answer).toMatchObject({ status: 200 });
  expect(sandbox.fcm.ledger.entries).toMatchObject([{ token, taken: false, status: 200 }]);
  expect(await sendMessage({ token, foo: 1 }, { validateOnly: true })).toMatchObject({ status: 400 });
});

test.each([
  ['nothing', undefined],
  ['a wrong token', 'Bearer ya29.x'],
  ['another scheme', 'Basic abc'],
])('%s as authorization is UNAUTHENTICATED without FcmError', async (_name, authorization) => {
  const send = fcmSend(sandbox.fcm, access, { message: { token } });
  const answer = await sendHttp2(session, { ...send, headers: authorization === undefined ? {} : { authorization } });
  expect(answer.status).toBe(401);
  expect(errorOf(answer)).toEqual({ code: 401, message: expect.any(String), status: 'UNAUTHENTICATED' });
});

test('another project is PERMISSION_DENIED without FcmError', async () => {
  const send = fcmSend(sandbox.fcm, access, { message: { token } });
  const answer = await sendHttp2(session, { ...send, path: '/v1/projects/other/messages:send' });
  expect(errorOf(answer)).toEqual({ code: 403, message: expect.any(String), status: 'PERMISSION_DENIED' });
});

test.each([
  ['another path', { path: '/v1/projects/tidings-sandbox/messages' }],
  ['another method', { method: 'GET' }],
])('%s is 404 in HTML', async (_name, change) => {
  const answer = await sendHttp2(session, { ...fcmSend(sandbox.fcm, access, {}), ...change });
  expect(answer.status).toBe(404);
  expect(answer.headers['content-type']).toMatch(/^text\/html/);
});

test('revoked access tokens are refused, a new one is taken, and each is counted', async () => {
  const before = sandbox.fcm.tokensIssued;
  expect(await sendMessage({ token })).toMatchObject({ status: 200 });
  sandbox.fcm.revokeTokens();
  expect(await sendMessage({ token })).toMatchObject({ status: 401 });
  access = await accessToken(sandbox);
  expect(await sendMessage({ token })).toMatchObject({ status: 200 });
  expect(sandbox.fcm.tokensIssued).toBe(before + 1);
});

const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
});
const now = Math.floor(Date.now() / 1000);

test.each<[string, string, string, AssertionChanges]>([
  ['signed by another key', 'invalid_grant', 'Invalid JWT Signature.', { key: stranger.toString() }],
  [
    'of another account',
    'invalid_grant',
    'Invalid grant: account not found',
    { issuer: 'a@b.iam.gserviceaccount.com' },
  ],
  ['for another audience', 'invalid_grant', 'Invalid JWT: Failed audience check.', { audience: 'https://a.b/token' }],
  ['that has expired', 'invalid_grant', 'Invalid JWT: Token must be a short-lived token', { issuedAt: now - 7200 }],
  ['from the future', 'invalid_grant', 'Invalid JWT: Token must be a short-lived token', { issuedAt: now + 900 }],
  ['for more than an hour', 'invalid_grant', 'Invalid JWT: Token must be a short-lived token', { lifetime: 7200 }],
  ['for another scope', 'invalid_scope', 'Invalid OAuth scope', { scope: 'https://www.googleapis.com/auth/drive' }],
])('an assertion %s is %s', async (_name, error, description, changes) => {
  const body = await oauthForm(sandbox.fcm, changes);
  const answer = await sendHttp2(session, { path: '/token', body });
  expect(answer.status).toBe(400);
  expect(JSON.parse(answer.body)).toEqual({ error, error_description: expect.stringContaining(description) });
});

test.each([
  ['', 'invalid_request'],
  ['grant_type=password', 'unsupported_grant_type'],
  ['grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer', 'invalid_request'],
  ['grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=x', 'invalid_grant'],
])('the token request %j is %s', async (body, error) => {
  const answer = await sendHttp2(session, { path: '/token', body });
  expect(answer.status).toBe(400);
  expect(JSON.parse(answer.body)).toMatchObject({ error });
});

test("the token endpoint answers as Google's does, takes Google's own audience, and is no matter of ledger or faults", async () => {
  sandbox.fcm.faults.next({ kind: 'hang' });
  const body = await oauthForm(sandbox.fcm, { audience: 'https://oauth2.googleapis.com/token' });
  const answer = await sendHttp2(session, { path: '/token', body });
  sandbox.fcm.faults.clear();
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.body)).toEqual({
    access_token: expect.stringMatching(/^ya29\./),
    expires_in: 3599,
    token_type: 'Bearer',
  });
  expect(sandbox.fcm.ledger.entries).toEqual([]);
});
