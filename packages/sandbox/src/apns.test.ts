import { generateKeyPairSync } from 'node:crypto';
import type { ClientHttp2Session } from 'node:http2';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { apnsJwt, notification, openHttp2, sendHttp2, type JwtChanges, type Send } from '../test/clients.ts';
import { startSandbox } from './sandbox.ts';
import type { Sandbox } from './types.ts';

let sandbox: Sandbox;
let session: ClientHttp2Session;
let jwt: string;
let token: string;

beforeAll(async () => {
  sandbox = await startSandbox();
  jwt = await apnsJwt(sandbox.apns);
});
afterAll(() => sandbox.close());
beforeEach(() => {
  session = openHttp2(sandbox.apns.endpoint, sandbox.ca);
  token = sandbox.apns.register();
  sandbox.apns.ledger.clear();
});
afterEach(() => session.destroy());

const uuid = /^[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}$/;

test('a notification is taken, recorded as the device reads it, and answered with an id', async () => {
  const answer = await sendHttp2(session, notification(sandbox.apns, jwt, token));
  expect(answer).toMatchObject({ status: 200, body: '' });
  const id = answer.headers['apns-id'];
  expect(id).toMatch(uuid);
  expect(sandbox.apns.ledger.entries).toMatchObject([
    {
      token,
      payload: { aps: { alert: 'x' } },
      messageId: id,
      taken: true,
      status: 200,
      connection: expect.any(Number),
    },
  ]);
  const { headers } = sandbox.apns.ledger.entries[0] ?? {};
  expect(headers).toMatchObject({ 'apns-push-type': 'alert', authorization: `bearer ${jwt}` });
  expect(Object.keys(headers ?? {}).filter((name) => name.startsWith(':'))).toEqual([]);
});

test('the id of the sender is kept', async () => {
  const id = '0195c3a1-7c1e-7b5a-9f2e-3b1c5d7e9f01';
  const answer = await sendHttp2(session, notification(sandbox.apns, jwt, token, { 'apns-id': id }));
  expect(answer.headers['apns-id']).toBe(id);
  expect(sandbox.apns.ledger.entries[0]?.messageId).toBe(id);
});

interface Case {
  readonly reason: string;
  readonly status: number;
  readonly headers?: Record<string, string | string[] | undefined>;
  readonly change?: Partial<Send>;
}

const big = (bytes: number) => JSON.stringify({ a: 'x'.repeat(bytes - 8) });

test.each<Case>([
  { reason: 'BadPath', status: 404, change: { path: '/3/devices/x' } },
  { reason: 'BadPath', status: 404, change: { path: `/3/device/${'a'.repeat(64)}/x` } },
  { reason: 'MethodNotAllowed', status: 405, change: { method: 'PUT' } },
  { reason: 'MissingDeviceToken', status: 400, change: { path: '/3/device/' } },
  { reason: 'BadDeviceToken', status: 400, change: { path: '/3/device/abc' } },
  { reason: 'BadDeviceToken', status: 400, change: { path: `/3/device/${'g'.repeat(64)}` } },
  { reason: 'BadDeviceToken', status: 400, change: { path: `/3/device/${'a'.repeat(64)}` } },
  { reason: 'MissingProviderToken', status: 403, headers: { authorization: undefined } },
  { reason: 'MissingProviderToken', status: 403, headers: { authorization: 'bearer ' } },
  { reason: 'InvalidProviderToken', status: 403, headers: { authorization: 'bearer abc' } },
  { reason: 'InvalidProviderToken', status: 403, headers: { authorization: 'Basic abc' } },
  { reason: 'MissingTopic', status: 400, headers: { 'apns-topic': undefined } },
  { reason: 'BadTopic', status: 400, headers: { 'apns-topic': 'a b' } },
  { reason: 'TopicDisallowed', status: 400, headers: { 'apns-topic': 'com.example.other' } },
  { reason: 'TopicDisallowed', status: 400, headers: { 'apns-push-type': 'voip' } },
  { reason: 'InvalidPushType', status: 400, headers: { 'apns-push-type': undefined } },
  { reason: 'InvalidPushType', status: 400, headers: { 'apns-push-type': 'constructor' } },
  { reason: 'BadPriority', status: 400, headers: { 'apns-priority': '7' } },
  { reason: 'BadPriority', status: 400, headers: { 'apns-push-type': 'background' } },
  { reason: 'BadPriority', status: 400, headers: { 'apns-push-type': 'background', 'apns-priority': '10' } },
  { reason: 'BadExpirationDate', status: 400, headers: { 'apns-expiration': '1.5' } },
  { reason: 'BadExpirationDate', status: 400, headers: { 'apns-expiration': '-1' } },
  { reason: 'BadMessageId', status: 400, headers: { 'apns-id': '123' } },
  { reason: 'BadCollapseId', status: 400, headers: { 'apns-collapse-id': 'x'.repeat(65) } },
  { reason: 'DuplicateHeaders', status: 400, headers: { 'apns-collapse-id': ['a', 'b'] } },
  { reason: 'PayloadEmpty', status: 400, change: { body: '' } },
  { reason: 'BadPayload', status: 400, change: { body: '[]' } },
  { reason: 'BadPayload', status: 400, change: { body: '{"aps":' } },
  { reason: 'PayloadTooLarge', status: 413, change: { body: big(4097) } },
  { reason: 'PayloadTooLarge', status: 413, change: { body: big(200_000) } },
])(
  '$reason is answered $status to $headers $change.path $change.method',
  async ({ reason, status, headers, change }) => {
    const answer = await sendHttp2(session, { ...notification(sandbox.apns, jwt, token, headers), ...change });
    expect({ status: answer.status, body: answer.body }).toEqual({ status, body: JSON.stringify({ reason }) });
    expect(answer.headers['apns-id']).toMatch(uuid);
    expect(sandbox.apns.ledger.entries).toMatchObject([{ taken: false, status, reason }]);
    expect(sandbox.apns.ledger.entries[0]).not.toHaveProperty('messageId');
  },
);

const base = 'dev.tidings.sandbox';
test.each<[string, Record<string, string>, string?]>([
  ['a payload of 4096 bytes', {}, big(4096)],
  ['a VoIP payload of 5120 bytes', { 'apns-push-type': 'voip', 'apns-topic': `${base}.voip` }, big(5120)],
  ['background with priority 5', { 'apns-push-type': 'background', 'apns-priority': '5' }],
  ['a live activity', { 'apns-push-type': 'liveactivity', 'apns-topic': `${base}.push-type.liveactivity` }],
  ['a complication', { 'apns-push-type': 'complication', 'apns-topic': `${base}.complication` }],
  ['an expiration of 0', { 'apns-expiration': '0' }],
  ['priority 1', { 'apns-priority': '1' }],
  ['a collapse id of 64 bytes', { 'apns-collapse-id': 'x'.repeat(64) }],
])('%s is taken', async (_name, headers, body) => {
  const send = notification(sandbox.apns, jwt, token, headers);
  const answer = await sendHttp2(session, { ...send, ...(body !== undefined && { body }) });
  expect(answer).toMatchObject({ status: 200, body: '' });
});

const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
const now = Math.floor(Date.now() / 1000);

test.each<[string, string, JwtChanges]>([
  ['signed by another key', 'InvalidProviderToken', { key: stranger.toString() }],
  ['of another key id', 'InvalidProviderToken', { keyId: 'ABCDEFGHIJ' }],
  ['of another team', 'InvalidProviderToken', { teamId: 'ABCDEFGHIJ' }],
  ['from the future', 'InvalidProviderToken', { issuedAt: now + 600 }],
  ['older than an hour', 'ExpiredProviderToken', { issuedAt: now - 3700 }],
])('a provider token %s is answered %s', async (_name, reason, changes) => {
  const other = await apnsJwt(sandbox.apns, changes);
  const answer = await sendHttp2(session, notification(sandbox.apns, other, token));
  expect(answer).toMatchObject({ status: 403, body: JSON.stringify({ reason }) });
  // Neither is it believed when it comes again.
  expect(await sendHttp2(session, notification(sandbox.apns, other, token))).toMatchObject({ status: 403 });
});

test('a provider token of 50 minutes is taken', async () => {
  const other = await apnsJwt(sandbox.apns, { issuedAt: now - 3000 });
  expect(await sendHttp2(session, notification(sandbox.apns, other, token))).toMatchObject({ status: 200 });
});

test('a connection that changes its provider token all the time is answered 429', async () => {
  const jwts = await Promise.all(Array.from({ length: 7 }, (_, age) => apnsJwt(sandbox.apns, { issuedAt: now - age })));
  const statuses: unknown[] = [];
  for (const each of jwts) statuses.push((await sendHttp2(session, notification(sandbox.apns, each, token))).status);
  expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429]);
  // The ones it had before are still good.
  const [first = ''] = jwts;
  expect(await sendHttp2(session, notification(sandbox.apns, first, token))).toMatchObject({ status: 200 });
});

test('an unregistered device is answered 410 with the time since when it is gone', async () => {
  const before = Date.now();
  sandbox.apns.unregister(token);
  const after = Date.now();
  const answer = await sendHttp2(session, notification(sandbox.apns, jwt, token.toUpperCase()));
  const body = JSON.parse(answer.body) as { reason: string; timestamp: number };
  expect(answer.status).toBe(410);
  expect(body.reason).toBe('Unregistered');
  expect(body.timestamp).toBeGreaterThanOrEqual(before);
  expect(body.timestamp).toBeLessThanOrEqual(after);
});

test('a new connection has one stream until a request with a valid provider token was taken', async () => {
  const limits: (number | undefined)[] = [];
  session.on('remoteSettings', ({ maxConcurrentStreams }) => limits.push(maxConcurrentStreams));
  // A client that has not read SETTINGS yet opens as many as it likes.
  const early = await Promise.all(
    Array.from({ length: 20 }, () => sendHttp2(session, notification(sandbox.apns, 'abc', token))),
  );
  expect(early.filter(({ status }) => status === 403)).toHaveLength(1);
  expect(early.filter(({ rstCode }) => rstCode === 7)).toHaveLength(19);
  expect(sandbox.apns.ledger.entries).toHaveLength(1);
  expect(limits).toEqual([1]);

  expect(await sendHttp2(session, notification(sandbox.apns, jwt, token))).toMatchObject({ status: 200 });
  const later = await Promise.all(
    Array.from({ length: 500 }, () => sendHttp2(session, notification(sandbox.apns, jwt, token))),
  );
  expect(later.every(({ status }) => status === 200)).toBe(true);
  expect(limits).toEqual([1, 1000]);
});

test('a client that cancels before its body is complete leaves no trace', async () => {
  const send = notification(sandbox.apns, jwt, token);
  const stream = session.request({ ':method': 'POST', ':path': send.path, ...send.headers });
  stream.on('error', () => {});
  stream.write('{"aps":');
  await new Promise((resolve) => session.ping(resolve));
  const closed = new Promise((resolve) => stream.on('close', resolve));
  stream.close(8);
  await closed;
  await new Promise((resolve) => session.ping(resolve));
  expect(await sendHttp2(session, send)).toMatchObject({ status: 200 });
  expect(sandbox.apns.ledger.entries).toHaveLength(1);
});

test('more streams canceled than Node allows by default do not end the connection', async () => {
  await sendHttp2(session, notification(sandbox.apns, jwt, token));
  sandbox.apns.faults.next({ kind: 'hang' }, { times: 2500 });
  const send = notification(sandbox.apns, jwt, token);
  for (let round = 0; round < 5; round += 1) {
    const streams = Array.from({ length: 500 }, () => {
      const stream = session.request({ ':method': 'POST', ':path': send.path, ...send.headers });
      stream.on('error', () => {});
      stream.end(send.body);
      return stream;
    });
    await new Promise((resolve) => session.ping(resolve));
    await Promise.all(
      streams.map((stream) => {
        stream.close(8);
        return new Promise((resolve) => stream.on('close', resolve));
      }),
    );
  }
  expect(sandbox.apns.faults.applied.hang).toBe(2500);
  expect(await sendHttp2(session, send)).toMatchObject({ status: 200 });
});

test('HTTP/1.1 is not spoken', async () => {
  await expect(fetch(sandbox.apns.endpoint)).rejects.toThrow('fetch failed');
});
