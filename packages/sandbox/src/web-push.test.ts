import { Agent, request, type RequestOptions } from 'node:https';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startSandbox } from './sandbox.ts';
import type { Fault, Sandbox, WebPushService, WebPushSubscription } from './types.ts';
import { encryptFor, makeVapidKeys } from '../test/web-push-sender.ts';

interface Received {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly reason: string | undefined;
}

let sandbox: Sandbox;
let service: WebPushService;
let agent: Agent;
const vapid = makeVapidKeys();
const soon = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;

beforeAll(async () => {
  sandbox = await startSandbox();
  service = sandbox.webPush;
});
beforeEach(() => {
  agent = new Agent({ keepAlive: true, ca: sandbox.ca });
});
afterEach(() => {
  agent.destroy();
  service.faults.clear();
  service.ledger.clear();
});
afterAll(() => sandbox.close());

const authorization = (claims: object = {}, head?: object): string =>
  vapid.authorize({ aud: service.endpoint, exp: soon(3600), sub: 'mailto:push@team.example', ...claims }, head);

function bodyFor(subscription: WebPushSubscription, text: string): Buffer {
  const { p256dh, auth } = subscription.keys;
  return encryptFor({ publicKey: Buffer.from(p256dh, 'base64url'), auth: Buffer.from(auth, 'base64url') }, text);
}

/** Sends a right message; `headers` sets single ones, or leaves them out where undefined. */
function send(
  subscription: WebPushSubscription,
  change: { headers?: Record<string, string | undefined>; body?: Buffer; method?: string } = {},
): Promise<Received> {
  const right = { ttl: '60', 'content-encoding': 'aes128gcm', authorization: authorization() };
  const headers = Object.fromEntries(
    Object.entries({ ...right, ...change.headers }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
  const options: RequestOptions = { agent, method: change.method ?? 'POST', headers };
  return new Promise((resolve, reject) => {
    const outgoing = request(subscription.endpoint, options, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('error', reject);
      response.on('end', () => {
        const reason = /"reason":"(\w+)"/.exec(text)?.[1];
        resolve({ status: response.statusCode ?? 0, headers: response.headers, reason });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(change.body ?? bodyFor(subscription, '{"title":"Hi"}'));
  });
}

test('a right message is taken and reads as the browser reads it', async () => {
  const subscription = service.subscribe({ applicationServerKey: vapid.publicKey });
  const { status, headers } = await send(subscription, { headers: { topic: 'weather', urgency: 'high' } });
  expect(status).toBe(201);
  expect(headers['location']).toContain(`${service.endpoint}/message/`);
  expect(headers['ttl']).toBe('60');
  expect(service.ledger.entries).toMatchObject([
    {
      sequence: 1,
      token: subscription.endpoint.split('/').at(-1),
      payload: { title: 'Hi' },
      taken: true,
      status: 201,
      messageId: headers['location'],
      headers: { ttl: '60', topic: 'weather', urgency: 'high' },
    },
  ]);
});

test('a message that is no JSON is its text', async () => {
  const subscription = service.subscribe();
  await send(subscription, { body: bodyFor(subscription, 'plain') });
  expect(service.ledger.entries[0]?.payload).toBe('plain');
});

test('a message lives 30 days at most', async () => {
  const { headers } = await send(service.subscribe(), { headers: { ttl: '9999999999' } });
  expect(headers['ttl']).toBe('2592000');
});

test('an unknown subscription is not found, an ended one is gone', async () => {
  const subscription = service.subscribe();
  expect(await send({ ...subscription, endpoint: `${service.endpoint}/push/x` })).toMatchObject({ status: 404 });
  expect(await send({ ...subscription, endpoint: service.endpoint })).toMatchObject({ status: 404 });
  service.unsubscribe(subscription.endpoint);
  expect(await send(subscription)).toMatchObject({ status: 410, reason: 'Unsubscribed' });
  expect(service.ledger.entries.map(({ taken, status }) => [taken, status])).toEqual([
    [false, 404],
    [false, 404],
    [false, 410],
  ]);
});

test.each<[string, Parameters<typeof send>[1], number, string]>([
  ['another method', { method: 'PUT' }, 405, 'MethodNotAllowed'],
  ['no TTL', { headers: { ttl: undefined } }, 400, 'BadTtl'],
  ['a TTL below 0', { headers: { ttl: '-1' } }, 400, 'BadTtl'],
  ['a TTL that is no integer', { headers: { ttl: '1.5' } }, 400, 'BadTtl'],
  ['a long topic', { headers: { topic: 'a'.repeat(33) } }, 400, 'BadTopic'],
  ['a topic with other characters', { headers: { topic: 'a:b' } }, 400, 'BadTopic'],
  ['an unknown urgency', { headers: { urgency: 'urgent' } }, 400, 'BadUrgency'],
  ['no content encoding', { headers: { 'content-encoding': undefined } }, 400, 'BadContentEncoding'],
  ['the old content encoding', { headers: { 'content-encoding': 'aesgcm' } }, 400, 'BadContentEncoding'],
  ['a body of 4097 bytes', { body: Buffer.alloc(4097) }, 413, 'PayloadTooLarge'],
  ['a body of 100 kB', { body: Buffer.alloc(100_000) }, 413, 'PayloadTooLarge'],
  ['a body that is not encrypted', { body: Buffer.from('{"title":"Hi"}') }, 400, 'UndecryptableBody'],
  ['no body', { body: Buffer.alloc(0) }, 400, 'UndecryptableBody'],
])('%s is refused', async (_, change, status, reason) => {
  expect(await send(service.subscribe(), change)).toMatchObject({ status, reason });
  expect(service.ledger.entries).toMatchObject([{ taken: false, status, reason, payload: undefined }]);
});

test('a message for somebody else is refused', async () => {
  const body = bodyFor(service.subscribe(), 'secret');
  expect(await send(service.subscribe(), { body })).toMatchObject({ status: 400, reason: 'UndecryptableBody' });
});

describe('VAPID', () => {
  test.each<[string, () => string | undefined, number]>([
    ['no header', () => undefined, 401],
    ['another scheme', () => 'Bearer x', 401],
    ['no key', () => authorization().replace(/, k=.*/, ''), 401],
    ['no token', () => authorization().replace(/t=[^,]*, /, ''), 401],
    ['a token of rubbish', () => `vapid t=a.b.c, k=${vapid.publicKey}`, 403],
    ['a key that is none', () => authorization().replace(/k=.*/, 'k=AAAA'), 403],
    ['somebody else’s key', () => authorization().replace(/k=.*/, `k=${makeVapidKeys().publicKey}`), 403],
    ['another algorithm', () => authorization({}, { alg: 'none' }), 403],
    ['another audience', () => authorization({ aud: 'https://fcm.googleapis.com' }), 403],
    ['an audience with a path', () => authorization({ aud: `${service.endpoint}/push` }), 403],
    ['a token that has expired', () => authorization({ exp: soon(-1) }), 403],
    ['a token for more than a day', () => authorization({ exp: soon(24 * 3600 + 60) }), 403],
    ['a token without an end', () => authorization({ exp: undefined }), 403],
    ['no contact', () => authorization({ sub: undefined }), 403],
    ['a contact that is no URL', () => authorization({ sub: 'push@team.example' }), 403],
    ['a contact on localhost', () => authorization({ sub: 'mailto:push@localhost' }), 403],
    ['a contact with a space', () => authorization({ sub: 'mailto: push@team.example' }), 403],
  ])('%s is refused', async (_, header, status) => {
    expect(await send(service.subscribe(), { headers: { authorization: header() } })).toMatchObject({ status });
    expect(service.ledger.entries).toMatchObject([{ taken: false, status }]);
  });

  test('a subscription takes messages only from the key that it is bound to', async () => {
    const bound = service.subscribe({ applicationServerKey: makeVapidKeys().publicKey });
    expect(await send(bound)).toMatchObject({ status: 403, reason: 'VapidPkHashMismatch' });
    const padded = service.subscribe({ applicationServerKey: `${vapid.publicKey}=` });
    expect(await send(padded)).toMatchObject({ status: 201 });
    expect(await send(service.subscribe())).toMatchObject({ status: 201 });
  });

  test('the parameters may come in any order', async () => {
    const [, token, key] = /^vapid (t=.*), (k=.*)$/.exec(authorization()) ?? [];
    expect(await send(service.subscribe(), { headers: { authorization: `Vapid ${key},${token}` } })).toMatchObject({
      status: 201,
    });
  });

  test('only a real key can be bound', () => {
    expect(() => service.subscribe({ applicationServerKey: 'AAAA' })).toThrow(/applicationServerKey: expected/);
    expect(() => service.unsubscribe('https://elsewhere.example/push/x')).toThrow(/endpoint: expected/);
  });
});

describe('faults', () => {
  test.each<[Fault, number, string | undefined, boolean]>([
    [{ kind: 'status', status: 503 }, 503, undefined, false],
    [{ kind: 'status', status: 429, reason: 'TooMany', retryAfter: 7 }, 429, 'TooMany', false],
    [{ kind: 'gone' }, 410, 'Unsubscribed', false],
    [{ kind: 'html' }, 502, undefined, false],
    [{ kind: 'garbage' }, 201, undefined, true],
    [{ kind: 'slow', delay: 5 }, 201, undefined, true],
    [{ kind: 'goaway' }, 201, undefined, true],
  ])('%o is answered, and recorded before', async (fault, status, reason, taken) => {
    service.faults.next(fault);
    const received = await send(service.subscribe());
    expect(received).toMatchObject({ status, reason });
    if (fault.kind === 'status' && fault.retryAfter !== undefined) expect(received.headers['retry-after']).toBe('7');
    expect(service.ledger.entries).toMatchObject([{ fault: fault.kind, taken, status }]);
    expect(await send(service.subscribe())).toMatchObject({ status: 201 });
  });

  test.each<Fault>([
    { kind: 'reset' },
    { kind: 'resetAfterHeaders' },
    { kind: 'refused' },
    { kind: 'goaway', error: true },
  ])('%o breaks the connection', async (fault) => {
    service.faults.next(fault);
    await expect(send(service.subscribe())).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(service.ledger.entries).toMatchObject([{ fault: fault.kind, taken: fault.kind !== 'refused' }]);
  });

  test.each<Fault>([{ kind: 'hang' }, { kind: 'hangAfterHeaders' }, { kind: 'blackhole' }])(
    '%o never ends',
    async (fault) => {
      service.faults.next(fault);
      let ended = false;
      const pending = send(service.subscribe()).finally(() => (ended = true));
      await expect.poll(() => service.ledger.entries.length).toBe(1);
      // A later request, whole, on another connection: time in which an answer would have come.
      expect(await send(service.subscribe())).toMatchObject({ status: 201 });
      expect(ended).toBe(false);
      agent.destroy();
      await expect(pending).rejects.toMatchObject({ code: 'ECONNRESET' });
    },
  );

  test('a fault may be for one subscription only', async () => {
    const [first, second] = [service.subscribe(), service.subscribe()];
    service.faults.next({ kind: 'status', status: 500 }, { token: second.endpoint.split('/').at(-1) ?? '' });
    expect(await send(first)).toMatchObject({ status: 201 });
    expect(await send(second)).toMatchObject({ status: 500 });
  });
});
