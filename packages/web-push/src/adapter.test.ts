import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import type { Worker } from 'node:worker_threads';
import type { Delivery, SendResult } from '@tidings/core';
import { realRuntime } from '@tidings/core';
import type { Fault, Sandbox, WebPushService } from '@tidings/sandbox';
import { startSandbox } from '@tidings/sandbox';
import webPushLibrary from 'web-push';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { WebPushAdapter } from './adapter.ts';
import { webPush } from './adapter.ts';
import type { WebPushOptions } from './options.ts';
import type { WebPushDelivery } from './payload.ts';
import { makeDelivery, makeTarget, makeVapid, never } from './testing/fixtures.ts';

let sandbox: Sandbox;
let service: WebPushService;
const vapid = makeVapid();
const adapters: WebPushAdapter[] = [];

beforeAll(async () => {
  sandbox = await startSandbox();
  service = sandbox.webPush;
});
afterEach(async () => {
  await Promise.all(adapters.splice(0).map((adapter) => adapter.close()));
  service.faults.clear();
  service.ledger.clear();
});
afterAll(() => sandbox.close());

function adapterOf(options: Partial<WebPushOptions> = {}): WebPushAdapter {
  const adapter = webPush({ vapid, ca: sandbox.ca, allow: [new URL(service.endpoint).host], ...options });
  adapters.push(adapter);
  return adapter;
}
const to = (changes: Parameters<typeof makeDelivery>[0] = {}): WebPushDelivery =>
  makeDelivery({ target: service.subscribe({ applicationServerKey: vapid.publicKey }), ...changes });

async function send(adapter: WebPushAdapter, delivery: WebPushDelivery, signal = never): Promise<SendResult> {
  const results = await adapter.send([delivery], { signal });
  expect(results).toHaveLength(1);
  return results[0] as SendResult;
}

test('what is sent is what the browser reads', async () => {
  const delivery = to({
    content: {
      title: 'Price alert',
      body: 'ACME is below 42 €',
      url: '/acme',
      data: { symbol: 'ACME' },
      actions: [{ action: 'sell', title: 'Sell' }],
    },
    priority: 'high',
    collapseKey: 'price:ACME',
  });
  const result = await send(adapterOf(), delivery);
  const [entry] = service.ledger.entries;
  expect(result).toEqual({ kind: 'accepted', messageId: entry?.messageId });
  expect(entry).toMatchObject({
    taken: true,
    payload: {
      id: delivery.id,
      title: 'Price alert',
      body: 'ACME is below 42 €',
      url: '/acme',
      data: { symbol: 'ACME' },
      actions: [{ action: 'sell', title: 'Sell' }],
      tag: entry?.headers['topic'],
    },
    headers: { urgency: 'high', 'content-type': 'application/octet-stream', 'content-encoding': 'aes128gcm' },
  });
  expect(Number(entry?.headers['ttl'])).toBeGreaterThan(590);
});

test('native parts go out as they are, up to the last byte that fits', async () => {
  const payload = 'a'.repeat(3993);
  expect(
    await send(adapterOf(), to({ native: { payload, ttl: 0, urgency: 'very-low', topic: 'mine' } })),
  ).toMatchObject({ kind: 'accepted' });
  expect(service.ledger.entries).toMatchObject([
    { payload, headers: { ttl: '0', urgency: 'very-low', topic: 'mine' } },
  ]);
});

test('the time to live is counted by the engine’s clock', async () => {
  const adapter = adapterOf();
  const at = Date.UTC(2040, 0, 1);
  await adapter.open?.({ runtime: { ...realRuntime(), now: () => at }, signal: never, receipt: () => {} });
  await send(adapter, to({ expiresAt: new Date(at + 42_000) }));
  expect(service.ledger.entries[0]?.headers['ttl']).toBe('42');
});

test('results come in the order of the deliveries, each with its own', async () => {
  const gone = service.subscribe();
  service.unsubscribe(gone.endpoint);
  const deliveries = [to(), to({ target: gone }), to({ native: { payload: 'a'.repeat(4000) } }), to()];
  const results = await adapterOf().send(deliveries, { signal: never });
  expect(results.map(({ kind }) => kind)).toEqual(['accepted', 'unregistered', 'rejected', 'accepted']);
});

test('one header serves all messages to one push service', async () => {
  const adapter = adapterOf();
  for (let index = 0; index < 5; index += 1) await send(adapter, to());
  expect(new Set(service.ledger.entries.map(({ headers }) => headers['authorization'])).size).toBe(1);
  expect(new Set(service.ledger.entries.map(({ connection }) => connection)).size).toBe(1);
});

test('the web-push package’s own requests pass the same checks', async () => {
  const subscription = service.subscribe({ applicationServerKey: vapid.publicKey });
  const { endpoint, method, headers, body } = webPushLibrary.generateRequestDetails(subscription, '{"title":"Hi"}', {
    vapidDetails: vapid,
    TTL: 60,
  });
  expect(method).toBe('POST');
  const { createClient } = await import('./client.ts');
  const client = createClient({ ca: sandbox.ca, sockets: 1, idleTimeout: 1000, resolve: undefined });
  expect(
    (await client.post({ endpoint: { url: new URL(endpoint), privately: true }, headers, body, signal: never })).status,
  ).toBe(201);
  expect(service.ledger.entries[0]?.payload).toEqual({ title: 'Hi' });
  await client.close();
});

describe('one attempt is one request, whatever happens to it', () => {
  type Row = [Fault, { readonly kind: SendResult['kind'] } & Record<string, unknown>];
  const rows: readonly Row[] = [
    [
      { kind: 'status', status: 500 },
      { kind: 'unavailable', scope: 'provider', code: 'http_500' },
    ],
    [
      { kind: 'status', status: 503, retryAfter: 9 },
      { kind: 'unavailable', scope: 'provider', retryAfter: 9000 },
    ],
    [
      { kind: 'status', status: 429, reason: 'TooManyRequests', retryAfter: 120 },
      { kind: 'throttled', scope: 'target', retryAfter: 120_000 },
    ],
    [
      { kind: 'status', status: 404 },
      { kind: 'unregistered', scope: 'target' },
    ],
    [
      { kind: 'status', status: 301 },
      { kind: 'unregistered', scope: 'target' },
    ],
    [
      { kind: 'status', status: 307 },
      { kind: 'rejected', scope: 'target' },
    ],
    [
      { kind: 'status', status: 413 },
      { kind: 'rejected', scope: 'message' },
    ],
    [
      { kind: 'status', status: 403, reason: 'BadJwtToken' },
      { kind: 'unauthorized', scope: 'credential', code: 'BadJwtToken' },
    ],
    [
      { kind: 'status', status: 403, reason: 'VapidPkHashMismatch' },
      { kind: 'rejected', scope: 'target', code: 'VapidPkHashMismatch' },
    ],
    [{ kind: 'gone' }, { kind: 'unregistered', scope: 'target', code: 'Unsubscribed' }],
    [{ kind: 'html' }, { kind: 'unavailable', scope: 'provider', code: 'http_502' }],
    [{ kind: 'garbage' }, { kind: 'accepted' }],
    [{ kind: 'slow', delay: 5 }, { kind: 'accepted' }],
    [{ kind: 'goaway' }, { kind: 'accepted' }],
    [{ kind: 'reset' }, { kind: 'ambiguous', scope: 'provider', code: 'ECONNRESET' }],
    [
      { kind: 'goaway', error: true },
      { kind: 'ambiguous', scope: 'provider' },
    ],
    [{ kind: 'refused' }, { kind: 'ambiguous', scope: 'provider' }],
    // The status says that it was taken: a repeat would only double it.
    [{ kind: 'resetAfterHeaders' }, { kind: 'accepted' }],
  ];
  test.each(rows)('%o', async (fault, expected) => {
    const adapter = adapterOf();
    for (const kept of [false, true]) {
      service.ledger.clear();
      if (kept) await send(adapter, to());
      const before = service.ledger.entries.length;
      service.faults.next(fault);
      expect(await send(adapter, to())).toMatchObject(expected);
      expect(service.ledger.entries.length - before).toBe(1);
    }
    expect(await send(adapter, to())).toMatchObject({ kind: 'accepted' });
  });

  test.each<[Fault, { readonly kind: SendResult['kind'] } & Record<string, unknown>]>([
    [{ kind: 'hang' }, { kind: 'ambiguous', scope: 'provider', code: 'tidings.aborted' }],
    [{ kind: 'blackhole' }, { kind: 'ambiguous', scope: 'provider', code: 'tidings.aborted' }],
    [{ kind: 'hangAfterHeaders' }, { kind: 'accepted' }],
  ])('%o, ended by the signal', async (fault, expected) => {
    const controller = new AbortController();
    const adapter = adapterOf();
    service.faults.next(fault);
    const pending = send(adapter, to(), controller.signal);
    await expect.poll(() => service.ledger.entries.length).toBe(1);
    // A whole exchange on another connection: by then the headers have arrived, where there are any.
    await send(adapter, to());
    controller.abort();
    expect(await pending).toMatchObject(expected);
    expect(service.ledger.entries).toHaveLength(2);
  });
});

describe('endpoints', () => {
  const problem = async (adapter: WebPushAdapter, endpoint: string): Promise<unknown> => {
    const { issues } = await adapter.target['~standard'].validate({ ...makeTarget(), endpoint });
    return issues?.[0]?.path;
  };

  test('of unknown or private hosts are invalid by their field, and not called where they come unchecked', async () => {
    const adapter = adapterOf({ allow: undefined });
    const { endpoint } = service.subscribe();
    expect(await problem(adapter, endpoint)).toEqual(['endpoint']);
    expect(await problem(adapter, 'https://169.254.169.254/latest')).toEqual(['endpoint']);
    expect(await problem(adapter, 'https://push.example/x')).toEqual(['endpoint']);
    expect(await problem(adapter, 'https://fcm.googleapis.com/x')).toBeUndefined();
    const { opened } = service.connections;
    expect(await send(adapter, to())).toMatchObject({
      kind: 'rejected',
      scope: 'target',
      code: 'tidings.invalid_target',
      field: 'to.endpoint',
    });
    expect(service.connections.opened).toBe(opened);
  });

  test('that lead to a private address after all are not connected to', async () => {
    const { port } = new URL(service.endpoint);
    const { opened } = service.connections;
    // A function that opens every host opens them at public addresses; a wildcard, too.
    const open: NonNullable<WebPushOptions['allow']>[] = [() => true, [`*.example:${port}`]];
    for (const allow of open) {
      const adapter = adapterOf({ allow, resolve: async () => [{ address: '127.0.0.1', family: 4 }] });
      const target = { ...makeTarget(), endpoint: `https://rebind.example:${port}/push/x` };
      expect(await problem(adapter, target.endpoint)).toBeUndefined();
      expect(await send(adapter, to({ target }))).toMatchObject({
        kind: 'rejected',
        scope: 'target',
        code: 'tidings.forbidden_address',
        field: 'to.endpoint',
      });
    }
    expect(service.connections.opened).toBe(opened);
  });

  test('are kept apart by their origin', () => {
    const adapter = adapterOf();
    expect(adapter.partition?.(makeTarget('https://fcm.googleapis.com/fcm/send/abc'))).toBe(
      'https://fcm.googleapis.com',
    );
    expect(adapter.partition?.(to().target)).toBe(service.endpoint);
  });
});

test('a key that is no point on the curve is the target’s fault', async () => {
  const target = service.subscribe();
  const point = Buffer.from(target.keys.p256dh, 'base64url');
  point[40] = (point[40] ?? 0) ^ 1;
  const broken = { ...target, keys: { ...target.keys, p256dh: point.toString('base64url') } };
  expect(await send(adapterOf(), to({ target: broken }))).toMatchObject({
    kind: 'rejected',
    scope: 'target',
    field: 'to.keys.p256dh',
  });
  expect(service.ledger.entries).toHaveLength(0);
});

describe('the VAPID key', () => {
  test('is not in doubt for a subscription made with another one', async () => {
    const asked: string[] = [];
    const adapter = adapterOf({
      vapid: (reason) => {
        asked.push(reason);
        return vapid;
      },
    });
    const foreign = to({ target: service.subscribe({ applicationServerKey: makeVapid().publicKey }) });
    expect(await send(adapter, foreign)).toMatchObject({
      kind: 'rejected',
      scope: 'target',
      code: 'VapidPkHashMismatch',
    });
    expect(await send(adapter, to())).toMatchObject({ kind: 'accepted' });
    expect(asked).toEqual(['start']);
  });

  test('that a service has taken before is not in doubt when it refuses without a word', async () => {
    const adapter = adapterOf();
    const refuse = async (): Promise<SendResult> => {
      service.faults.next({ kind: 'status', status: 401 });
      return send(adapter, to());
    };
    expect(await refuse()).toMatchObject({ kind: 'unauthorized', scope: 'credential' });
    expect(await send(adapter, to())).toMatchObject({ kind: 'accepted' });
    expect(await refuse()).toMatchObject({ kind: 'rejected', scope: 'target' });
  });

  test('is asked for again once when it is refused, and the next attempt has the new one', async () => {
    const asked: string[] = [];
    const adapter = adapterOf({
      vapid: (reason) => {
        asked.push(reason);
        return reason === 'start' ? makeVapid() : vapid;
      },
    });
    const delivery = to();
    service.faults.next({ kind: 'status', status: 401 }, { times: 3 });
    const refused = await adapter.send([to(), to(), to()] as Delivery[], { signal: never });
    expect(refused.map(({ kind }) => kind)).toEqual(['unauthorized', 'unauthorized', 'unauthorized']);
    expect(await send(adapter, delivery)).toMatchObject({ kind: 'accepted' });
    expect(asked).toEqual(['start', 'refused']);
  });

  test('that can not be had leaves the message unsent', async () => {
    const failing = adapterOf({ vapid: () => Promise.reject(new Error('vault is down')) });
    expect(await send(failing, to())).toMatchObject({
      kind: 'unavailable',
      unsent: true,
      code: 'tidings.credential_unavailable',
    });
    const wrong = adapterOf({ vapid: () => ({ ...vapid, privateKey: makeVapid().privateKey }) });
    expect(await send(wrong, to())).toMatchObject({ kind: 'unauthorized', code: 'tidings.invalid_credential' });
    expect(service.ledger.entries).toHaveLength(0);
  });

  test('is refused at once where an option is wrong', () => {
    expect(() => webPush({ vapid: { ...vapid, subject: 'me' } })).toThrow(
      expect.objectContaining({ code: 'tidings.invalid_options', field: 'vapid.subject' }),
    );
  });
});

test('no result and no adapter shows a key, an endpoint or a payload', async () => {
  const adapter = adapterOf();
  const delivery = to({ content: { title: 'secret title' }, native: { payload: 'secret payload' } });
  const secrets = [
    vapid.privateKey,
    delivery.target.endpoint.split('/').at(-1) ?? '',
    delivery.target.keys.auth,
    'secret',
  ];
  const seen: unknown[] = [adapter];
  for (const fault of [
    { kind: 'reset' },
    { kind: 'gone' },
    { kind: 'html' },
    { kind: 'status', status: 401 },
  ] as const) {
    service.faults.next(fault);
    seen.push(await send(adapter, delivery));
  }
  seen.push(await send(adapterOf({ allow: undefined }), delivery));
  seen.push(await send(adapter, { ...delivery, native: { payload: 'secret'.repeat(1000) } }));
  const shown = seen.map((each) => inspect(each, { depth: 20, showHidden: true }) + JSON.stringify(each)).join('\n');
  for (const secret of secrets) expect(shown).not.toContain(secret);
});

test('close lets the work in flight end and takes nothing more', async () => {
  const adapter = webPush({ vapid, ca: sandbox.ca, allow: [new URL(service.endpoint).host] });
  service.faults.next({ kind: 'slow', delay: 20 }, { times: 3 });
  const pending = [to(), to(), to()].map((each) => send(adapter, each));
  await expect.poll(() => service.ledger.entries.length).toBe(3);
  await adapter.close();
  expect((await Promise.all(pending)).map(({ kind }) => kind)).toEqual(['accepted', 'accepted', 'accepted']);
  expect(await send(adapter, to())).toMatchObject({ kind: 'unavailable', unsent: true });
  // A connection that went silent is never closed by its service.
  await expect.poll(() => service.connections.open).toBe(service.faults.applied.blackhole ?? 0);
  await adapter.close();
});

test('close ends the threads', async () => {
  const threads: Worker[] = [];
  const collect = (thread: Worker): void => void threads.push(thread);
  process.on('worker', collect);
  const adapter = adapterOf({ threads: 1 });
  await adapter.send(Array.from({ length: 16 }, () => to()) as Delivery[], { signal: never });
  process.off('worker', collect);
  expect(threads).toHaveLength(1);
  await adapter.close();
  expect(threads.map(({ threadId }) => threadId)).toEqual([-1]);
});

test('a process that has sent much ends by itself, closed or not', async () => {
  const script = fileURLToPath(new URL('testing/send-many.ts', import.meta.url));
  for (const close of [true, false]) {
    service.ledger.clear();
    const targets = Array.from({ length: 5 }, () => service.subscribe());
    const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'], timeout: 20_000 });
    child.stdin.end(
      JSON.stringify({ vapid, ca: sandbox.ca, allow: [new URL(service.endpoint).host], targets, close, messages: 300 }),
    );
    const [[code], output] = await Promise.all([once(child, 'exit'), text(child.stdout)]);
    expect([code, output]).toEqual([0, '{"accepted":300}']);
    expect(service.ledger.entries.filter(({ taken }) => taken)).toHaveLength(300);
  }
});
