import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { accessToken, apnsJwt, fcmSend, notification, openHttp2, sendHttp1, sendHttp2 } from '../test/clients.ts';
import { startSandbox } from './sandbox.ts';
import type { Sandbox, WebPushSubscription } from './types.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ control: true });
});
afterAll(() => sandbox.close());
beforeEach(() => {
  for (const service of [sandbox.apns, sandbox.fcm]) {
    service.faults.clear();
    service.ledger.clear();
  }
});

async function call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${sandbox.control}${path}`, {
    method,
    ...(body !== undefined && {
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
}

test('a team in another language gets credentials, makes devices and sends with them', async () => {
  const { body } = await call('GET', '/credentials');
  expect(body).toEqual({
    ca: sandbox.ca,
    apns: { endpoint: sandbox.apns.endpoint, ...sandbox.apns.credentials },
    fcm: { endpoint: sandbox.fcm.endpoint, serviceAccount: sandbox.fcm.serviceAccount },
    webPush: { endpoint: sandbox.webPush.endpoint },
  });
  const made = await call('POST', '/apns/devices', { count: 3 });
  const { tokens } = made.body as { tokens: string[] };
  expect(new Set(tokens).size).toBe(3);
  const [token = ''] = tokens;
  const session = openHttp2(sandbox.apns.endpoint, sandbox.ca);
  const send = notification(sandbox.apns, await apnsJwt(sandbox.apns), token);
  expect(await sendHttp2(session, send)).toMatchObject({ status: 200 });
  expect(await call('DELETE', `/apns/devices/${token}`)).toEqual({ status: 204, body: undefined });
  expect(await sendHttp2(session, send)).toMatchObject({ status: 410 });
  session.destroy();
});

test('an FCM token with its colon can be unregistered by path, and access tokens revoked', async () => {
  const { body } = await call('POST', '/fcm/devices');
  const [token = ''] = (body as { tokens: string[] }).tokens;
  const access = await accessToken(sandbox);
  const send = fcmSend(sandbox.fcm, access, { message: { token } });
  expect(await sendHttp1(sandbox.fcm.endpoint, sandbox.ca, send)).toMatchObject({ status: 200 });
  expect(await call('DELETE', `/fcm/devices/${encodeURIComponent(token)}`)).toMatchObject({ status: 204 });
  expect(await sendHttp1(sandbox.fcm.endpoint, sandbox.ca, send)).toMatchObject({ status: 404 });
  expect(await call('DELETE', '/fcm/access-tokens')).toMatchObject({ status: 204 });
  expect(await sendHttp1(sandbox.fcm.endpoint, sandbox.ca, send)).toMatchObject({ status: 401 });
});

test('the ledger is read in pages', async () => {
  const send = fcmSend(sandbox.fcm, await accessToken(sandbox), { message: { topic: 'a' } });
  for (let count = 0; count < 5; count += 1) await sendHttp1(sandbox.fcm.endpoint, sandbox.ca, send);
  const [first] = sandbox.fcm.ledger.entries;
  const begin = first?.sequence ?? 0;
  const sequences = async (query: string) => {
    const { body } = await call('GET', `/fcm/ledger${query}`);
    const { entries, more } = body as { entries: { sequence: number }[]; more: boolean };
    return { sequences: entries.map(({ sequence }) => sequence - begin), more };
  };
  expect(await sequences('')).toEqual({ sequences: [0, 1, 2, 3, 4], more: false });
  expect(await sequences('?limit=2')).toEqual({ sequences: [0, 1], more: true });
  expect(await sequences(`?after=${begin + 1}&limit=2`)).toEqual({ sequences: [2, 3], more: true });
  expect(await sequences(`?after=${begin + 4}`)).toEqual({ sequences: [], more: false });
  expect(await sequences('?after=0&limit=10000')).toEqual({ sequences: [0, 1, 2, 3, 4], more: false });
  expect(await call('DELETE', '/fcm/ledger')).toMatchObject({ status: 204 });
  expect(await sequences('')).toEqual({ sequences: [], more: false });
});

test('faults are scripted, drawn at random and cleared', async () => {
  const send = fcmSend(sandbox.fcm, await accessToken(sandbox), { message: { topic: 'a' } });
  const status = async () => (await sendHttp1(sandbox.fcm.endpoint, sandbox.ca, send)).status;
  const fault = { kind: 'status', status: 503 };
  expect(await call('POST', '/fcm/faults/next', { fault, times: 2, token: 'a' })).toMatchObject({ status: 204 });
  expect([await status(), await status(), await status()]).toEqual([503, 503, 200]);
  const random = { rate: 1, seed: 1, faults: [{ kind: 'html', weight: 2 }] };
  expect(await call('POST', '/fcm/faults/random', random)).toMatchObject({ status: 204 });
  expect(await status()).toBe(502);
  expect(await call('DELETE', '/fcm/faults')).toMatchObject({ status: 204 });
  expect(await status()).toBe(200);
  expect((await call('GET', '/fcm')).body).toMatchObject({
    endpoint: sandbox.fcm.endpoint,
    connections: { opened: expect.any(Number) },
    peakConcurrency: expect.any(Number),
    faults: { status: 2, html: 1 },
    ledger: { entries: 5, dropped: 0 },
    tokensIssued: expect.any(Number),
  });
});

test.each<[string, string, unknown, string]>([
  ['POST', '/apns/devices', [], 'body'],
  ['POST', '/apns/devices', { cuont: 1 }, 'cuont'],
  ['POST', '/apns/devices', { count: 0 }, 'count'],
  ['POST', '/apns/devices', { count: 10_001 }, 'count'],
  ['POST', '/apns/faults/next', undefined, 'body'],
  ['POST', '/apns/faults/next', {}, 'fault'],
  ['POST', '/apns/faults/next', { fault: { kind: 'slow' } }, 'fault.delay'],
  ['POST', '/apns/faults/next', { fault: { kind: 'hang' }, times: '2' }, 'times'],
  ['POST', '/apns/faults/next', { fault: { kind: 'hang' }, token: 1 }, 'token'],
  ['POST', '/apns/faults/random', { rate: 1, seed: 1, faults: {} }, 'faults'],
  ['POST', '/apns/faults/random', { rate: 1, seed: 1, faults: [null] }, 'faults.0'],
  ['GET', '/apns/ledger?after=-1', undefined, 'after'],
  ['GET', '/apns/ledger?limit=0', undefined, 'limit'],
  ['GET', '/apns/ledger?limit=1e3', undefined, 'limit'],
  ['POST', '/web-push/subscriptions', { applicationServerKey: 1 }, 'applicationServerKey'],
  ['POST', '/web-push/subscriptions', { applicationServerKey: 'x' }, 'applicationServerKey'],
  ['DELETE', '/web-push/subscriptions', undefined, 'endpoint'],
])('%s %s with %j is refused and names %s', async (method, path, body, field) => {
  const message = expect.stringContaining('expected') as string;
  expect(await call(method, path, body)).toEqual({
    status: 400,
    body: { error: { code: 'tidings.invalid_options', message, field } },
  });
});

test.each<[string, string, unknown, number, string]>([
  ['GET', '/nothing', undefined, 404, 'tidings.no_such_path'],
  ['GET', '/apns/devices/%zz', undefined, 400, 'tidings.invalid_path'],
  ['PUT', '/apns/ledger', undefined, 405, 'tidings.no_such_method'],
  ['POST', '/apns/devices', '{', 400, 'tidings.invalid_json'],
  ['POST', '/apns/devices', `"${'x'.repeat(1_100_000)}"`, 413, 'tidings.body_too_large'],
])('%s %s is a typed error', async (method, path, body, status, code) => {
  expect(await call(method, path, body)).toEqual({
    status,
    body: { error: { code, message: expect.any(String) as string } },
  });
});

test('a page in a browser can neither post without a preflight nor come by another host name', async () => {
  const form = await fetch(`${sandbox.control}/apns/devices`, { method: 'POST', body: '{}' });
  expect(form.status).toBe(415);
  const status = await new Promise((resolve) => {
    const headers = { host: 'attacker.example' };
    httpRequest(`${sandbox.control}/credentials`, { headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).end();
  });
  expect(status).toBe(403);
});

test('the index lists every route', async () => {
  const { body } = await call('GET', '/');
  expect(body).toMatchObject({ services: { apns: sandbox.apns.endpoint, fcm: sandbox.fcm.endpoint } });
  expect((body as { routes: string[] }).routes).toContain('POST /apns/faults/next');
});

test('Web Push subscriptions are made and ended', async () => {
  const { body } = await call('POST', '/web-push/subscriptions');
  const { endpoint, keys } = body as WebPushSubscription;
  expect(endpoint.startsWith(sandbox.webPush.endpoint)).toBe(true);
  expect(keys).toEqual({ p256dh: expect.any(String) as string, auth: expect.any(String) as string });
  const path = `/web-push/subscriptions?endpoint=${encodeURIComponent(endpoint)}`;
  const push = () => sendHttp1(endpoint, sandbox.ca, { path: '' });
  expect(await push()).not.toMatchObject({ status: 410 });
  expect(await call('DELETE', path)).toEqual({ status: 204, body: undefined });
  expect(await push()).toMatchObject({ status: 410 });
  expect(await call('DELETE', `${path}x`)).toMatchObject({ status: 400, body: { error: { field: 'endpoint' } } });
});
