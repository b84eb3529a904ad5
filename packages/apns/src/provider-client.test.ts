import apn from '@parse/node-apn';
import type { SendResult } from '@tidings/core';
import type { Fault, Sandbox } from '@tidings/sandbox';
import { startSandbox } from '@tidings/sandbox';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ApnsAdapter } from './index.ts';
import { apns } from './index.ts';
import type { ApnsDelivery } from './payload.ts';
import { readFailed } from './provider-client.ts';
import { makeContext, makeDelivery } from './testing/delivery.ts';

let sandbox: Sandbox;
let provider: apn.Provider;
let adapter: ApnsAdapter;
beforeAll(async () => void (sandbox = await startSandbox()));
afterAll(() => sandbox.close());

function providerOptions(): apn.ProviderOptions {
  const { endpoint, credentials } = sandbox.apns;
  const { key, keyId, teamId } = credentials;
  return {
    token: { key, keyId, teamId },
    production: false,
    address: 'localhost',
    port: Number(new URL(endpoint).port),
    ca: [sandbox.ca],
  };
}

beforeEach(() => {
  provider = new apn.Provider(providerOptions());
  adapter = apns({ provider, topic: sandbox.apns.credentials.topic });
});
afterEach(async () => {
  sandbox.apns.faults.clear();
  sandbox.apns.ledger.clear();
  await adapter.close();
});

const deliver = (fields: Partial<ApnsDelivery> = {}): ApnsDelivery =>
  makeDelivery({ target: { token: sandbox.apns.register() }, ...fields });
const send = async (delivery: ApnsDelivery, signal?: AbortSignal): Promise<SendResult> =>
  (await adapter.send([delivery], makeContext(signal)))[0] as SendResult;

describe('a ready Provider', () => {
  test('sends what our own connections would', async () => {
    const delivery = deliver({
      content: { title: 'T', data: { a: 1 } },
      native: { aps: { 'stale-date': 5 } },
      collapseKey: 'k',
    });
    expect(await send(delivery)).toEqual({ kind: 'accepted', messageId: delivery.id });
    expect(sandbox.apns.ledger.entries).toMatchObject([
      {
        payload: { aps: { alert: { title: 'T' }, 'stale-date': 5 }, data: { a: 1 } },
        headers: { 'apns-id': delivery.id, 'apns-collapse-id': 'k', 'apns-push-type': 'alert', 'apns-priority': '10' },
      },
    ]);
  });

  test('takes many at once, one alone before the first answer', async () => {
    const results = await Promise.all(Array.from({ length: 200 }, () => send(deliver())));
    expect(results.every(({ kind }) => kind === 'accepted')).toBe(true);
    expect(sandbox.apns.ledger.entries).toHaveLength(200);
  });

  test('may be a MultiProvider', async () => {
    const multi = new apn.MultiProvider({ ...providerOptions(), clientCount: 2 });
    const via = apns({ provider: multi, topic: sandbox.apns.credentials.topic });
    const results = await via.send([deliver(), deliver(), deliver()], makeContext());
    expect(results.map(({ kind }) => kind)).toEqual(['accepted', 'accepted', 'accepted']);
    sandbox.apns.faults.next({ kind: 'status', status: 503 });
    expect(await via.send([deliver()], makeContext())).toMatchObject([{ kind: 'unavailable' }]);
    expect(sandbox.apns.ledger.entries).toHaveLength(4);
    await via.close();
  });

  const cases: [fault: Fault, expected: object][] = [
    [
      { kind: 'status', status: 429, reason: 'TooManyRequests' },
      { kind: 'throttled', scope: 'target' },
    ],
    [
      { kind: 'status', status: 500 },
      { kind: 'unavailable', scope: 'provider', code: 'InternalServerError' },
    ],
    [
      { kind: 'status', status: 503 },
      { kind: 'unavailable', scope: 'provider', code: 'ServiceUnavailable' },
    ],
    [
      { kind: 'status', status: 403, reason: 'ExpiredProviderToken' },
      { kind: 'unauthorized', code: 'ExpiredProviderToken' },
    ],
    [
      { kind: 'status', status: 403, reason: 'InvalidProviderToken' },
      { kind: 'unauthorized', code: 'InvalidProviderToken' },
    ],
    [
      { kind: 'status', status: 418 },
      { kind: 'rejected', code: 'http_418' },
    ],
    [{ kind: 'gone' }, { kind: 'unregistered', since: expect.any(Date) }],
    [{ kind: 'reset' }, { kind: 'ambiguous', scope: 'provider' }],
    [{ kind: 'refused' }, { kind: 'unavailable', unsent: true }],
    [{ kind: 'html' }, { kind: 'ambiguous' }],
    [{ kind: 'garbage' }, { kind: 'ambiguous' }],
  ];
  test.each(cases)('makes one request of one attempt: %j', async (fault, expected) => {
    expect(await send(deliver())).toMatchObject({ kind: 'accepted' });
    const delivery = deliver();
    sandbox.apns.faults.next(fault, { token: delivery.target.token });
    expect(await send(delivery)).toMatchObject(expected);
    await send(deliver());
    expect(sandbox.apns.ledger.entries.filter(({ token }) => token === delivery.target.token)).toHaveLength(1);
  });

  test('that hangs is ambiguous at the time limit', async () => {
    expect(await send(deliver())).toMatchObject({ kind: 'accepted' });
    sandbox.apns.faults.next({ kind: 'hang' });
    const controller = new AbortController();
    const sending = send(deliver(), controller.signal);
    await expect.poll(() => sandbox.apns.faults.applied.hang).toBe(1);
    controller.abort();
    expect(await sending).toMatchObject({ kind: 'ambiguous', code: 'tidings.aborted' });
    // Ends the library's own request, which would hold its connection for 5 s.
    (provider as unknown as { client: { session: { destroy(): void } } }).client.session.destroy();
  });

  test('without a connection is unsent', async () => {
    const { port } = new URL(sandbox.apns.endpoint);
    const nowhere = new apn.Provider({ ...providerOptions(), port: Number(port) === 1 ? 2 : 1 });
    const via = apns({ provider: nowhere, topic: 'a' });
    expect(await via.send([deliver()], makeContext())).toMatchObject([{ kind: 'unavailable', unsent: true }]);
    await via.close();
  });

  test('is shut down by close, and what comes after is unsent', async () => {
    const before = sandbox.apns.connections.open;
    expect(await send(deliver())).toMatchObject({ kind: 'accepted' });
    await adapter.close();
    expect(await send(deliver())).toMatchObject({ kind: 'unavailable', code: 'tidings.pool_closed', unsent: true });
    await expect.poll(() => sandbox.apns.connections.open).toBeLessThanOrEqual(before);
  });
});

test.each([
  [undefined, { kind: 'lost', unsent: false }],
  [{}, { kind: 'lost', unsent: false }],
  [{ error: { message: 'stream ended unexpectedly with status 502 and empty body' } }, { kind: 'answer', status: 502 }],
  [
    { error: { message: 'stream ended unexpectedly with status null and empty body' } },
    { kind: 'lost', unsent: false },
  ],
  [{ error: { message: 'apn write timeout' } }, { kind: 'lost', code: 'tidings.timeout', unsent: false }],
  [{ error: { message: 'x', jse_cause: { code: 'ENOTFOUND' } } }, { kind: 'lost', code: 'ENOTFOUND', unsent: true }],
  [{ code: 'ERR_HTTP2_INVALID_SESSION' }, { kind: 'lost', unsent: true }],
  [
    { error: { message: 'secret', code: 'a secret' } },
    { kind: 'lost', code: 'tidings.connection_lost', unsent: false },
  ],
])('the failure %j is read as %j', (failed, expected) => {
  expect(readFailed(failed)).toMatchObject(expected);
});
