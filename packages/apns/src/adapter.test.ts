import { inspect } from 'node:util';
import type { SendResult } from '@tidings/core';
import type { Fault, Sandbox } from '@tidings/sandbox';
import { startSandbox } from '@tidings/sandbox';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeCertificate } from '../../transport/src/testing/certificate.ts';
import type { TestServer } from '../../transport/src/testing/server.ts';
import { startServer } from '../../transport/src/testing/server.ts';
import type { ApnsAdapter, ApnsTokenOptions } from './index.ts';
import { apns } from './index.ts';
import type { ApnsDelivery } from './payload.ts';
import { makeContext, makeDelivery } from './testing/delivery.ts';
import { documented } from './testing/documented.ts';

let sandbox: Sandbox;
let adapter: ApnsAdapter;
beforeAll(async () => void (sandbox = await startSandbox()));
afterAll(() => sandbox.close());
beforeEach(() => void (adapter = makeAdapter()));
afterEach(async () => {
  sandbox.apns.faults.clear();
  sandbox.apns.ledger.clear();
  await adapter.close();
});

function makeAdapter(options: Partial<ApnsTokenOptions> = {}): ApnsAdapter {
  const { endpoint, credentials } = sandbox.apns;
  return apns({ ...credentials, endpoint, ca: sandbox.ca, ...options });
}

const deliver = (fields: Partial<ApnsDelivery> = {}): ApnsDelivery =>
  makeDelivery({ target: { token: sandbox.apns.register() }, ...fields });

async function send(delivery: ApnsDelivery, signal?: AbortSignal, via = adapter): Promise<SendResult> {
  const results = await via.send([delivery], makeContext(signal));
  expect(results).toHaveLength(1);
  return results[0] as SendResult;
}

describe('a delivery', () => {
  test('arrives as Apple wants it, under its own id', async () => {
    const delivery = deliver({
      content: { title: 'T', body: 'B', data: { a: 1 } },
      collapseKey: 'k',
      priority: 'high',
    });
    expect(await send(delivery)).toEqual({ kind: 'accepted', messageId: delivery.id });
    const [entry, ...more] = sandbox.apns.ledger.entries;
    expect(more).toEqual([]);
    expect(entry).toMatchObject({
      token: delivery.target.token,
      taken: true,
      payload: { aps: { alert: { title: 'T', body: 'B' } }, data: { a: 1 } },
      headers: {
        'apns-id': delivery.id,
        'apns-collapse-id': 'k',
        'apns-topic': sandbox.apns.credentials.topic,
        'apns-push-type': 'alert',
        'apns-priority': '10',
        'apns-expiration': String(Math.floor(delivery.expiresAt.getTime() / 1000)),
      },
    });
  });

  test('with others gets its own result, in order, each by one request', async () => {
    const gone = sandbox.apns.register();
    sandbox.apns.unregister(gone);
    const deliveries = [
      deliver(),
      deliver({ target: { token: gone } }),
      deliver({ content: { body: 'x'.repeat(5000) } }),
      deliver(),
    ];
    const results = await adapter.send(deliveries, makeContext());
    expect(results.map(({ kind }) => kind)).toEqual(['accepted', 'unregistered', 'rejected', 'accepted']);
    const sent = deliveries.filter((_delivery, index) => index !== 2).map(({ target }) => target.token);
    const { entries } = sandbox.apns.ledger;
    expect([entries.length, new Set(entries.map(({ token }) => token))]).toEqual([3, new Set(sent)]);
  });

  test('too large is refused before it is sent', async () => {
    expect(await send(deliver({ content: { title: 'x'.repeat(4100) } }))).toMatchObject({
      kind: 'rejected',
      code: 'PayloadTooLarge',
      field: 'title',
    });
    expect(sandbox.apns.ledger.entries).toEqual([]);
  });

  test('of content that others share is put together once, and of other content anew', async () => {
    const content = { title: 'shared' };
    for (const each of [content, content, { title: 'other' }, content]) await send(deliver({ content: each }));
    expect(
      sandbox.apns.ledger.entries.map(
        ({ payload }) => (payload as { aps: { alert: { title: string } } }).aps.alert.title,
      ),
    ).toEqual(['shared', 'shared', 'other', 'shared']);
  });

  test.each([
    'alert',
    'background',
    'voip',
    'complication',
    'fileprovider',
    'mdm',
    'liveactivity',
    'pushtotalk',
    'location',
    'widgets',
    'controls',
  ] as const)('of push type %s goes to the right topic', async (pushType) => {
    const native = { headers: { 'apns-push-type': pushType, 'apns-priority': 5 as const } };
    expect(await send(deliver({ content: {}, native }))).toMatchObject({ kind: 'accepted' });
  });

  test('to a dead token is unregistered, and says since when', async () => {
    const delivery = deliver();
    const before = Date.now();
    sandbox.apns.unregister(delivery.target.token);
    const result = await send(delivery);
    expect(result).toMatchObject({ kind: 'unregistered', scope: 'target', code: 'Unregistered' });
    const since = (result as { since?: Date }).since?.getTime() ?? 0;
    expect(since).toBeGreaterThanOrEqual(before);
    expect(since).toBeLessThanOrEqual(Date.now());
  });

  test('to a token never seen is unregistered', async () => {
    expect(await send(makeDelivery())).toMatchObject({ kind: 'unregistered', code: 'BadDeviceToken' });
  });

  test('with a topic of its own that is wrong is rejected and stops nothing', async () => {
    const native = { headers: { 'apns-topic': 'com.example.other' } };
    expect(await send(deliver({ native }))).toMatchObject({
      kind: 'rejected',
      scope: 'message',
      field: 'native.apns.headers.apns-topic',
    });
    await using other = {
      adapter: makeAdapter({ topic: 'com.example.other' }),
      [Symbol.asyncDispose]: () => other.adapter.close(),
    };
    expect(await send(deliver(), undefined, other.adapter)).toMatchObject({
      kind: 'unauthorized',
      scope: 'credential',
      code: 'TopicDisallowed',
    });
  });
});

describe('one attempt is one request', () => {
  const cases: [fault: Fault, expected: object][] = [
    [
      { kind: 'status', status: 429, reason: 'TooManyRequests' },
      { kind: 'throttled', scope: 'target', code: 'TooManyRequests' },
    ],
    [
      { kind: 'status', status: 429, retryAfter: 3 },
      { kind: 'throttled', retryAfter: 3000 },
    ],
    [
      { kind: 'status', status: 429, reason: 'TooManyProviderTokenUpdates' },
      { kind: 'throttled', scope: 'credential', retryAfter: 1_200_000 },
    ],
    [
      { kind: 'status', status: 500 },
      { kind: 'unavailable', scope: 'provider', code: 'InternalServerError' },
    ],
    [
      { kind: 'status', status: 503, reason: 'Shutdown', retryAfter: 2 },
      { kind: 'unavailable', code: 'Shutdown', retryAfter: 2000 },
    ],
    [
      { kind: 'status', status: 403, reason: 'ExpiredProviderToken' },
      { kind: 'unauthorized', scope: 'credential', code: 'ExpiredProviderToken' },
    ],
    [
      { kind: 'status', status: 400, reason: 'SomethingNew' },
      { kind: 'rejected', scope: 'message', code: 'SomethingNew' },
    ],
    [
      { kind: 'status', status: 418 },
      { kind: 'rejected', scope: 'message', code: 'http_418' },
    ],
    [{ kind: 'gone' }, { kind: 'unregistered', scope: 'target', code: 'Unregistered' }],
    [{ kind: 'html' }, { kind: 'unavailable', scope: 'provider', code: 'http_502' }],
    [{ kind: 'garbage' }, { kind: 'accepted' }],
    [{ kind: 'slow', delay: 5 }, { kind: 'accepted' }],
    [{ kind: 'reset' }, { kind: 'ambiguous', scope: 'provider', code: 'tidings.stream_reset' }],
    [{ kind: 'resetAfterHeaders' }, { kind: 'ambiguous', scope: 'provider', code: 'tidings.stream_reset' }],
    [{ kind: 'refused' }, { kind: 'unavailable', scope: 'provider', code: 'tidings.refused_stream', unsent: true }],
    [{ kind: 'goaway' }, { kind: 'accepted' }],
    [
      { kind: 'goaway', error: true },
      { kind: 'ambiguous', scope: 'provider', code: 'tidings.goaway' },
    ],
  ];
  test.each(cases)('%j', async (fault, expected) => {
    // The connection is proven first: what fails here is the request, not the warm-up.
    expect(await send(deliver())).toMatchObject({ kind: 'accepted' });
    const delivery = deliver();
    sandbox.apns.faults.next(fault, { token: delivery.target.token });
    expect(await send(delivery)).toMatchObject(expected);
    expect(sandbox.apns.ledger.entries.filter(({ token }) => token === delivery.target.token)).toHaveLength(1);
    expect(await send(deliver())).toMatchObject({ kind: 'accepted' });
    expect(sandbox.apns.ledger.entries.filter(({ token }) => token === delivery.target.token)).toHaveLength(1);
  });

  test.each(['hang', 'hangAfterHeaders', 'blackhole'] as const)(
    '%s until the time limit is ambiguous',
    async (kind) => {
      expect(await send(deliver())).toMatchObject({ kind: 'accepted' });
      const delivery = deliver();
      sandbox.apns.faults.next({ kind }, { token: delivery.target.token });
      const controller = new AbortController();
      const sending = send(delivery, controller.signal);
      await expect.poll(() => sandbox.apns.faults.applied[kind]).toBeGreaterThan(0);
      controller.abort(new DOMException('late', 'TimeoutError'));
      expect(await sending).toMatchObject({ kind: 'ambiguous', scope: 'provider', code: 'tidings.timeout' });
      expect(sandbox.apns.ledger.entries.filter(({ token }) => token === delivery.target.token)).toHaveLength(1);
    },
  );
});

test('every documented reason is read off the wire, by one request', async () => {
  for (const [status, reason, expected] of documented) {
    const delivery = deliver();
    sandbox.apns.faults.next({ kind: 'status', status, reason }, { token: delivery.target.token });
    const [kind, scope] = expected.split(' ');
    expect(await send(delivery)).toMatchObject({ kind, scope, code: reason });
  }
  expect(sandbox.apns.ledger.entries).toHaveLength(documented.length);
});

describe('no connection', () => {
  test('is unavailable and unsent', async () => {
    await using server = await startServer(() => undefined);
    const { origin } = server;
    await server[Symbol.asyncDispose]();
    await adapter.close();
    adapter = makeAdapter({ endpoint: origin });
    expect(await send(deliver())).toEqual({
      kind: 'unavailable',
      scope: 'provider',
      code: 'ECONNREFUSED',
      unsent: true,
      message: 'the connection could not be established (ECONNREFUSED)',
    });
  });

  test('nor to a service whose certificate is not trusted', async () => {
    await adapter.close();
    adapter = makeAdapter({ ca: makeCertificate().cert });
    expect(await send(deliver())).toMatchObject({
      kind: 'unavailable',
      unsent: true,
      message: expect.stringMatching(/certificate of localhost, valid from .+ until /),
    });
    expect(sandbox.apns.ledger.entries).toEqual([]);
  });
});

/** As the engine would: what is surely unsent goes again. */
async function sendAll(count: number, callers: number): Promise<{ results: SendResult[]; unsent: number }> {
  const results: SendResult[] = [];
  let started = 0;
  let unsent = 0;
  const caller = async (): Promise<void> => {
    while (started < count) {
      started += 1;
      const delivery = deliver();
      let result = await send(delivery);
      for (; result.kind === 'unavailable' && result.unsent; unsent += 1) result = await send(delivery);
      results.push(result);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { results, unsent };
}

describe('5,000 deliveries', () => {
  test('through a GOAWAY every few hundred: all accepted, none doubled, none lost', async () => {
    sandbox.apns.faults.random({ rate: 1 / 250, seed: 7, faults: [{ kind: 'goaway' }] });
    const { results, unsent } = await sendAll(5000, 300);
    expect(results.every(({ kind }) => kind === 'accepted')).toBe(true);
    const { entries, dropped } = sandbox.apns.ledger;
    expect([results.length, entries.length, dropped]).toEqual([5000, 5000, 0]);
    expect(new Set(entries.map(({ token }) => token)).size).toBe(5000);
    expect(entries.every(({ taken }) => taken)).toBe(true);
    expect(sandbox.apns.faults.applied.goaway ?? 0).toBeGreaterThan(5);
    expect(unsent).toBeGreaterThan(0);
  });

  test('that come at once to a new adapter prove one connection before they fan out', async () => {
    const before = sandbox.apns.connections.opened;
    const results = await Promise.all(Array.from({ length: 50 }, () => send(deliver())));
    expect(results.every(({ kind }) => kind === 'accepted')).toBe(true);
    expect(sandbox.apns.connections.opened - before).toBe(1);
  });

  test('go over few connections and never beyond their streams', async () => {
    const before = sandbox.apns.connections.opened;
    await adapter.close();
    adapter = makeAdapter({ sessions: 2, streams: 50 });
    const { results } = await sendAll(2000, 300);
    expect(results.every(({ kind }) => kind === 'accepted')).toBe(true);
    expect(sandbox.apns.connections.opened - before).toBeLessThanOrEqual(2);
  });
});

describe('credentials', () => {
  test('that Apple refuses are asked for again, once, and the next attempt uses the new ones', async () => {
    const { key } = sandbox.apns.credentials;
    const reasons: string[] = [];
    await adapter.close();
    adapter = makeAdapter({
      key: (reason) => {
        reasons.push(reason);
        return reason === 'refused' ? key : { key, keyId: 'OLDKEY' };
      },
      keyId: sandbox.apns.credentials.keyId,
    });
    const first = await Promise.all(Array.from({ length: 20 }, () => send(deliver())));
    expect(first.some((result) => result.kind === 'unauthorized' && result.code === 'InvalidProviderToken')).toBe(true);
    const second = await Promise.all(Array.from({ length: 20 }, () => send(deliver())));
    expect(second.every(({ kind }) => kind === 'accepted')).toBe(true);
    expect(reasons).toEqual(['start', 'refused']);
  });

  test('one token serves all connections', async () => {
    await adapter.close();
    adapter = makeAdapter({ sessions: 3, streams: 2 });
    await Promise.all(Array.from({ length: 60 }, () => send(deliver())));
    const { entries } = sandbox.apns.ledger;
    expect(new Set(entries.map(({ headers }) => headers.authorization)).size).toBe(1);
    expect(new Set(entries.map(({ connection }) => connection)).size).toBe(3);
  });

  test('whose function does not answer do not outlast the time limit', async () => {
    await adapter.close();
    adapter = makeAdapter({ key: () => new Promise<never>(() => undefined) });
    const controller = new AbortController();
    const sending = send(deliver(), controller.signal);
    controller.abort();
    expect(await sending).toMatchObject({ kind: 'unavailable', unsent: true });
  });

  test('are not in results, whatever happens', async () => {
    const { key } = sandbox.apns.credentials;
    const faults: Fault[] = [{ kind: 'status', status: 403 }, { kind: 'reset' }, { kind: 'refused' }, { kind: 'html' }];
    const secrets = key.split('\n').slice(1, -2);
    for (const fault of faults) {
      const delivery = deliver({ content: { title: 'canary-content' } });
      sandbox.apns.faults.next(fault);
      const shown = inspect(await send(delivery), { depth: Infinity, showHidden: true });
      for (const secret of [...secrets, delivery.target.token, 'canary-content', 'bearer'])
        expect(shown).not.toContain(secret);
    }
  });
});

describe('a client certificate', () => {
  const client = makeCertificate({ name: 'Apple Push Services' });
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(
      (stream, headers) =>
        stream.respond({ ':status': headers.authorization === undefined ? 200 : 500 }, { endStream: true }),
      {
        requestCert: true,
        rejectUnauthorized: true,
        ca: client.cert,
      } as never,
    );
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('takes the place of a token', async () => {
    await adapter.close();
    adapter = apns({
      cert: client.cert,
      key: client.key,
      topic: 'com.example.app',
      endpoint: server.origin,
      ca: server.ca,
    });
    expect(await send(makeDelivery())).toMatchObject({ kind: 'accepted' });
    expect(server.paths).toHaveLength(1);
  });

  test('that the service does not accept sends nothing', async () => {
    await adapter.close();
    const other = makeCertificate({ name: 'Apple Push Services' });
    const before = server.paths.length;
    adapter = apns({
      cert: other.cert,
      key: other.key,
      topic: 'com.example.app',
      endpoint: server.origin,
      ca: server.ca,
    });
    // Node's server closes the connection without saying why; a TLS alert would be `unauthorized`.
    expect(await send(makeDelivery())).toMatchObject({ kind: 'unavailable', unsent: true });
    expect(server.paths).toHaveLength(before);
  });
});

describe('close', () => {
  test('lets what is in flight end, and what comes after is unsent', async () => {
    // Those that another test blackholed stay open at the sandbox's side.
    const before = sandbox.apns.connections.open;
    expect(await send(deliver())).toMatchObject({ kind: 'accepted' });
    const slow = Array.from({ length: 10 }, () => deliver());
    sandbox.apns.faults.next({ kind: 'slow', delay: 30 }, { times: 10 });
    const sending = Promise.all(slow.map((each) => send(each)));
    await expect.poll(() => sandbox.apns.ledger.entries.length).toBe(11);
    await adapter.close();
    expect((await sending).every(({ kind }) => kind === 'accepted')).toBe(true);
    expect(await send(deliver())).toMatchObject({ kind: 'unavailable', code: 'tidings.pool_closed', unsent: true });
    await expect.poll(() => sandbox.apns.connections.open).toBe(before);
  });
});
