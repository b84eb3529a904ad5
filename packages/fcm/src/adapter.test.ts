import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Failure, Runtime } from '@tidings/core';
import { realRuntime } from '@tidings/core';
import type { Fault, Sandbox } from '@tidings/sandbox';
import { startSandbox } from '@tidings/sandbox';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { FcmAdapter, FcmOptions, FcmTarget } from './index.ts';
import { fcm } from './index.ts';
import { deliver, deliveryTo, until } from './testing/deliver.ts';

let sandbox: Sandbox;
const adapters: FcmAdapter[] = [];

beforeAll(async () => {
  sandbox = await startSandbox();
});
afterEach(async () => {
  await Promise.all(adapters.splice(0).map((each) => each.close()));
  sandbox.fcm.faults.clear();
  sandbox.fcm.ledger.clear();
});
afterAll(() => sandbox.close());

function start(options: Partial<FcmOptions> = {}): FcmAdapter {
  const { endpoint, serviceAccount } = sandbox.fcm;
  const adapter = fcm({ endpoint, ca: sandbox.ca, serviceAccount, ...options } as FcmOptions);
  adapters.push(adapter);
  return adapter;
}

const token = (): FcmTarget => ({ token: sandbox.fcm.register() });
const entries = () => sandbox.fcm.ledger.entries;

describe('a delivery', () => {
  test('reaches the device as the mapping wrote it, under the name that comes back', async () => {
    const target = token();
    const content = {
      title: 'Price alert',
      body: 'ACME',
      data: { price: 41.5 },
      url: 'https://a.example/',
      sound: 'default',
      badge: 1,
      channelId: 'c',
    };
    const result = await deliver(start(), {
      target,
      content,
      native: { android: { notification: { color: '#ff0000' } } },
    });
    const [entry, ...more] = entries();
    expect(more).toEqual([]);
    expect(result).toEqual({ kind: 'accepted', messageId: entry?.messageId });
    expect(entry).toMatchObject({
      token: target.token,
      taken: true,
      status: 200,
      headers: { 'content-type': 'application/json; charset=utf-8' },
      payload: {
        token: target.token,
        notification: { title: 'Price alert', body: 'ACME' },
        data: { price: '41.5', url: 'https://a.example/' },
        android: { priority: 'NORMAL', notification: { color: '#ff0000', sound: 'default', channel_id: 'c' } },
      },
    });
  });

  test('goes to an installation, a topic and a condition as well', async () => {
    const adapter = start();
    const fid = sandbox.fcm.register().split(':')[0] ?? '';
    for (const target of [{ fid }, { topic: 'news' }, { condition: "'news' in topics && !('muted' in topics)" }]) {
      expect(await deliver(adapter, { target })).toMatchObject({ kind: 'accepted' });
    }
    expect(entries().map((each) => each.token)).toEqual([fid, 'news', "'news' in topics && !('muted' in topics)"]);
  });

  test("has its lifetime counted by the engine's clock", async () => {
    const adapter = start();
    const runtime: Runtime = { ...realRuntime(), now: () => Date.now() + 500_000 };
    await adapter.open?.({ runtime, receipt: () => {}, signal: new AbortController().signal });
    await deliver(adapter, { target: token() });
    const [entry] = entries();
    const { ttl } = (entry!.payload as { android: { ttl: string } }).android;
    // Of ten minutes by the machine's clock less than two are left.
    expect(Number.parseInt(ttl, 10)).toBeLessThanOrEqual(100);
  });

  test('as data alone passes the service too', async () => {
    expect(await deliver(start(), { target: token(), content: { data: { sync: 'inbox' } } })).toMatchObject({
      kind: 'accepted',
    });
  });

  test('is only checked with validateOnly', async () => {
    expect(await deliver(start({ validateOnly: true }), { target: token() })).toMatchObject({ kind: 'accepted' });
    expect(entries()).toMatchObject([{ taken: false, status: 200 }]);
  });

  test('is one of several in a call and has its result at its place', async () => {
    const adapter = start();
    const gone = sandbox.fcm.register();
    sandbox.fcm.unregister(gone);
    const targets: FcmTarget[] = [token(), { token: gone }, token()];
    const results = await adapter.send(
      targets.map((target) => deliveryTo({ target })),
      { signal: new AbortController().signal },
    );
    expect(results.map((each) => each.kind)).toEqual(['accepted', 'unregistered', 'accepted']);
  });
});

describe('what the service itself refuses', () => {
  type Expected = Partial<Failure>;
  const tooLong = 'x'.repeat(4000);
  test.each<[string, () => Parameters<typeof deliver>[1], Expected]>([
    [
      'a token of the wrong form',
      () => ({ target: { token: 'not-a-token' } }),
      { kind: 'unregistered', scope: 'target', code: 'INVALID_ARGUMENT' },
    ],
    [
      'an installation id of the wrong form',
      () => ({ target: { fid: 'x' } }),
      { kind: 'unregistered', scope: 'target' },
    ],
    ['a condition that is none', () => ({ target: { condition: 'nonsense' } }), { kind: 'rejected', scope: 'target' }],
    [
      'a field of the wrong value',
      () => ({ target: token(), native: { android: { ttl: '9999999s' } } }),
      { kind: 'rejected', scope: 'message', message: 'FCM refused message.android.ttl' },
    ],
    [
      'a field that it does not know',
      () => ({ target: token(), native: { android: { colour: 'red' } } }),
      { kind: 'rejected', scope: 'message' },
    ],
    [
      'a payload too large for one platform',
      () => ({ target: token(), native: { apns: { payload: { a: tooLong, b: tooLong } } } }),
      { kind: 'rejected', scope: 'message' },
    ],
  ])('%s', async (_, given, expected) => {
    expect(await deliver(start(), given())).toMatchObject(expected);
    expect(entries()).toHaveLength(1);
  });

  test('a token that is gone', async () => {
    const gone = sandbox.fcm.register();
    sandbox.fcm.unregister(gone);
    expect(await deliver(start(), { target: { token: gone } })).toEqual({
      kind: 'unregistered',
      scope: 'target',
      code: 'UNREGISTERED',
    });
  });

  test('another project is a matter of the credentials and purges nothing', async () => {
    expect(await deliver(start({ projectId: 'not-ours' }), { target: token() })).toMatchObject({
      kind: 'unauthorized',
      scope: 'credential',
      code: 'PERMISSION_DENIED',
    });
  });

  test('what is too large or reserved never leaves', async () => {
    const adapter = start();
    expect(await deliver(adapter, { target: token(), content: { body: 'x'.repeat(5000) } })).toMatchObject({
      code: 'tidings.payload_too_large',
    });
    expect(await deliver(adapter, { target: token(), content: { data: { from: 'x' } } })).toMatchObject({
      field: 'data.from',
    });
    expect(entries()).toHaveLength(0);
  });
});

describe('one attempt is exactly one request', () => {
  const unavailable = { kind: 'unavailable', scope: 'provider' } as const;
  const ambiguous = { kind: 'ambiguous', scope: 'provider' } as const;
  const status = (code: number, reason?: string, retryAfter?: number): Fault => ({
    kind: 'status',
    status: code,
    ...(reason !== undefined && { reason }),
    ...(retryAfter !== undefined && { retryAfter }),
  });
  test.each<[string, Fault, object]>([
    ['404 UNREGISTERED', status(404, 'UNREGISTERED'), { kind: 'unregistered', scope: 'target', code: 'UNREGISTERED' }],
    ['404 of the front', status(404), { kind: 'unauthorized', scope: 'credential', code: 'NOT_FOUND' }],
    [
      '403 SENDER_ID_MISMATCH',
      status(403, 'SENDER_ID_MISMATCH'),
      { kind: 'unregistered', scope: 'target', code: 'SENDER_ID_MISMATCH' },
    ],
    ['403 of the front', status(403), { kind: 'unauthorized', scope: 'credential', code: 'PERMISSION_DENIED' }],
    ['401 of the front', status(401), { kind: 'unauthorized', scope: 'credential', code: 'UNAUTHENTICATED' }],
    [
      '401 THIRD_PARTY_AUTH_ERROR',
      status(401, 'THIRD_PARTY_AUTH_ERROR'),
      { kind: 'rejected', scope: 'target', code: 'THIRD_PARTY_AUTH_ERROR' },
    ],
    ['400', status(400), { kind: 'rejected', scope: 'message', code: 'INVALID_ARGUMENT' }],
    ['429', status(429), { kind: 'throttled', scope: 'provider', code: 'QUOTA_EXCEEDED', retryAfter: 60_000 }],
    ['429 with Retry-After', status(429, undefined, 7), { kind: 'throttled', scope: 'provider', retryAfter: 7000 }],
    ['500', status(500), { ...unavailable, code: 'INTERNAL' }],
    ['503', status(503), { ...unavailable, code: 'UNAVAILABLE' }],
    ['503 with Retry-After', status(503, undefined, 1), { ...unavailable, retryAfter: 1000 }],
    ['an unknown word', status(404, 'SOMETHING_NEW'), { kind: 'rejected', scope: 'target', code: 'SOMETHING_NEW' }],
    ["a proxy's page", { kind: 'html' }, { ...unavailable, code: 'http_502' }],
    ['a success that is none', { kind: 'garbage' }, { ...ambiguous, code: 'tidings.invalid_answer' }],
    ['a reset', { kind: 'reset' }, ambiguous],
    ['a reset in the middle of the answer', { kind: 'resetAfterHeaders' }, ambiguous],
    ['a refused stream', { kind: 'refused' }, { ...unavailable, unsent: true }],
    ['a GOAWAY with an error', { kind: 'goaway', error: true }, ambiguous],
    ['a graceful GOAWAY', { kind: 'goaway' }, { kind: 'accepted' }],
    ['a slow answer', { kind: 'slow', delay: 20 }, { kind: 'accepted' }],
    ['a target that is gone', { kind: 'gone' }, { kind: 'unregistered', scope: 'target' }],
  ])('%s', async (_, fault, expected) => {
    const adapter = start();
    sandbox.fcm.faults.next(fault);
    expect(await deliver(adapter, { target: token() })).toMatchObject(expected);
    // Whatever a client might have repeated by itself stands before this one.
    const last = token();
    expect(await deliver(adapter, { target: last })).toMatchObject({ kind: 'accepted' });
    expect(entries()).toHaveLength(2);
    expect(entries()[1]?.token).toBe(last.token);
  });

  test.each<Fault>([{ kind: 'hang' }, { kind: 'hangAfterHeaders' }, { kind: 'blackhole' }])(
    '$kind, then the time limit',
    async (fault) => {
      const adapter = start();
      sandbox.fcm.faults.next(fault);
      const controller = new AbortController();
      const attempt = deliver(adapter, { target: token(), signal: controller.signal });
      await until(() => entries().length === 1);
      controller.abort(new DOMException('', 'TimeoutError'));
      expect(await attempt).toEqual({ kind: 'ambiguous', scope: 'provider', code: 'tidings.timeout' });
      expect(entries()).toHaveLength(1);
    },
  );

  test('and none after an abort that came first', async () => {
    const adapter = start();
    await deliver(adapter, { target: token() });
    expect(await deliver(adapter, { target: token(), signal: AbortSignal.abort() })).toMatchObject({
      kind: 'unavailable',
      code: 'tidings.aborted',
      unsent: true,
    });
    expect(await deliver(start(), { target: token(), signal: AbortSignal.abort() })).toMatchObject({
      kind: 'unavailable',
      code: 'tidings.aborted',
      unsent: true,
    });
    expect(entries()).toHaveLength(1);
  });
});

test('10,000 messages, 400 at once, go over at most 4 connections with one access token', async () => {
  const adapter = start();
  const before = sandbox.fcm.tokensIssued;
  const target = token();
  const results: string[] = [];
  let begun = 0;
  async function worker(): Promise<void> {
    while (begun < 10_000) {
      begun += 1;
      results.push((await deliver(adapter, { target })).kind);
    }
  }
  await Promise.all(Array.from({ length: 400 }, worker));
  expect(results.filter((kind) => kind === 'accepted')).toHaveLength(10_000);
  expect(entries()).toHaveLength(10_000);
  const connections = new Set(entries().map((each) => each.connection));
  expect(connections.size).toBeGreaterThan(1);
  expect(connections.size).toBeLessThanOrEqual(4);
  expect(sandbox.fcm.peakConcurrency).toBeLessThanOrEqual(400);
  expect(sandbox.fcm.tokensIssued - before).toBe(1);
});

describe('closing', () => {
  test('lets what is in flight end, takes no more and leaves no connection', async () => {
    // Of its own, since another test's frozen connection stays open in the shared one.
    await using own = await startSandbox();
    const { endpoint, serviceAccount, faults, ledger } = own.fcm;
    const adapter = fcm({ endpoint, serviceAccount, ca: own.ca });
    const target: FcmTarget = { token: own.fcm.register() };
    faults.next({ kind: 'slow', delay: 30 });
    const attempt = deliver(adapter, { target });
    await until(() => ledger.entries.length === 1);
    const closing = adapter.close();
    expect(await deliver(adapter, { target })).toMatchObject({ kind: 'unavailable', unsent: true });
    expect(await attempt).toMatchObject({ kind: 'accepted' });
    await closing;
    await until(() => own.fcm.connections.open === 0);
    expect(own.fcm.connections.opened).toBeGreaterThan(0);
    expect(ledger.entries).toHaveLength(1);
  });

  test('waits for what hangs until its time limit', async () => {
    const adapter = start();
    sandbox.fcm.faults.next({ kind: 'hang' });
    const controller = new AbortController();
    const attempt = deliver(adapter, { target: token(), signal: controller.signal });
    await until(() => entries().length === 1);
    let isClosed = false;
    const closing = adapter.close().then(() => (isClosed = true));
    await deliver(start(), { target: token() });
    expect(isClosed).toBe(false);
    controller.abort();
    expect(await attempt).toMatchObject({ kind: 'ambiguous', code: 'tidings.aborted' });
    await closing;
  });

  test('ends what waits for an access token', async () => {
    const adapter = start({
      serviceAccount: undefined,
      projectId: 'p',
      accessToken: () => new Promise<never>(() => {}),
    });
    const attempt = deliver(adapter, { target: token() });
    await adapter.close();
    expect(await attempt).toMatchObject({ kind: 'unavailable', code: 'tidings.closed', unsent: true });
  });

  test('again does no harm, nor does closing what never sent', async () => {
    const adapter = start();
    await adapter.close();
    await expect(adapter.close()).resolves.toBeUndefined();
  });

  test('lets the process end by itself', async () => {
    const { endpoint, serviceAccount } = sandbox.fcm;
    const script = new URL('./testing/send-and-close.ts', import.meta.url).pathname;
    const given = JSON.stringify({ options: { endpoint, serviceAccount, ca: sandbox.ca }, target: token() });
    const { stdout } = await promisify(execFile)(process.execPath, [script, given]);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'accepted' });
  });
});

test('a service that cannot be trusted gets neither a token nor a message', async () => {
  const adapter = start({ ca: undefined });
  expect(await deliver(adapter, { target: token() })).toMatchObject({ kind: 'unavailable', unsent: true });
  expect(entries()).toHaveLength(0);
});

test('its limits and lane are what FCM documents', () => {
  expect(start()).toMatchObject({
    version: 1,
    provider: 'fcm',
    limits: { batch: 1, payloadBytes: 4096 },
    policy: { concurrency: 400, timeout: '10s', rate: '10000/s', ambiguous: 'retry' },
  });
  expect(start({ sessions: 2, streams: 50 }).policy.concurrency).toBe(100);
});
