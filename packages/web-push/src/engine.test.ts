import { createEngine } from '@tidings/core';
import type { Sandbox, WebPushService } from '@tidings/sandbox';
import { startSandbox } from '@tidings/sandbox';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Vapid, WebPushOptions } from './index.ts';
import { webPush } from './index.ts';
import { makeTarget, makeVapid } from './testing/fixtures.ts';
import { startServer } from './testing/server.ts';

let sandbox: Sandbox;
let service: WebPushService;
const vapid = makeVapid();
beforeAll(async () => {
  sandbox = await startSandbox();
  service = sandbox.webPush;
});
afterEach(() => {
  service.faults.clear();
  service.ledger.clear();
});
afterAll(() => sandbox.close());

function start(options: Partial<WebPushOptions> = {}) {
  const allow = [new URL(service.endpoint).host];
  return createEngine({ channels: { web: webPush({ vapid, ca: sandbox.ca, allow, ...options }) } });
}
const target = (key: Vapid = vapid) =>
  ({ channel: 'web', ...service.subscribe({ applicationServerKey: key.publicKey }) }) as const;

test('a message through the engine has the common fields, the own ones and the native ones', async () => {
  await using engine = start();
  const outcome = await engine.send({
    to: target(),
    title: 'Price alert',
    ttl: '10m',
    content: { web: { icon: '/icon.png' } },
    native: { webPush: { urgency: 'very-low' } },
  });
  const [entry] = service.ledger.entries;
  expect(outcome).toMatchObject({ status: 'accepted', provider: 'webPush', providerMessageId: entry?.messageId });
  expect(entry).toMatchObject({
    payload: { id: outcome.deliveryId, title: 'Price alert', icon: '/icon.png' },
    headers: { urgency: 'very-low', topic: outcome.deliveryId.replaceAll('-', '') },
  });
});

test('a subscription that ended is told as gone, and a wrong field before anything is sent', async () => {
  await using engine = start();
  const gone: string[] = [];
  engine.on('target.gone', ({ to }) => gone.push(to.endpoint));
  const to = target();
  service.unsubscribe(to.endpoint);
  expect(await engine.send({ to, title: 'Hi' })).toMatchObject({
    status: 'failed',
    failure: { kind: 'unregistered', code: 'Unsubscribed' },
  });
  expect(gone).toEqual([to.endpoint]);
  const wrong: [object, string][] = [
    [{ endpoint: 'https://169.254.169.254/latest/meta-data' }, 'to.endpoint'],
    [{ endpoint: 'https://push.example/x' }, 'to.endpoint'],
    [{ keys: { ...to.keys, p256dh: 'x' } }, 'to.keys.p256dh'],
    [{ keys: { ...to.keys, auth: '' } }, 'to.keys.auth'],
  ];
  for (const [change, field] of wrong) {
    const outcome = await engine.send({ to: { ...to, ...change }, title: 'Hi' });
    expect(outcome).toMatchObject({ status: 'failed', failure: { kind: 'rejected', field }, attempts: [] });
  }
  expect(service.ledger.entries).toHaveLength(1);
});

test('a key that was rotated costs one attempt and no message', async () => {
  const old = makeVapid();
  await using engine = start({ vapid: (reason) => (reason === 'refused' ? vapid : old) });
  service.faults.next({ kind: 'status', status: 401 });
  const outcome = await engine.send({ to: target(), title: 'Hi' });
  expect(outcome.status).toBe('accepted');
  expect(service.ledger.entries.map(({ status }) => status)).toEqual([401, 201]);
});

test('subscriptions made with another key stop nobody else', async () => {
  await using engine = start();
  const other = makeVapid();
  const targets = Array.from({ length: 60 }, (_, index) => target(index % 2 === 0 ? other : vapid));
  const outcomes = await engine.send({ to: targets, title: 'Hi' });
  for (const [index, outcome] of outcomes.entries()) {
    if (index % 2 === 1) expect(outcome.status).toBe('accepted');
    else expect(outcome).toMatchObject({ status: 'failed', failure: { kind: 'rejected', scope: 'target' } });
  }
  expect(service.ledger.entries).toHaveLength(60);
});

test('with faults on every tenth request every message arrives, and a repeat replaces the first', async () => {
  await using engine = start();
  const targets = Array.from({ length: 300 }, () => target());
  service.faults.random({
    rate: 0.1,
    seed: 1,
    faults: [
      { kind: 'status', status: 503 },
      { kind: 'refused' },
      { kind: 'reset' },
      { kind: 'resetAfterHeaders' },
      { kind: 'html' },
      { kind: 'garbage' },
      { kind: 'goaway', error: true },
    ],
  });
  const outcomes = await engine.send({
    to: targets,
    title: 'Hi',
    policy: { retry: { first: '10ms', max: '50ms' } },
  });
  expect(outcomes.filter(({ status }) => status !== 'accepted')).toEqual([]);
  expect(Object.keys(service.faults.applied).length).toBeGreaterThan(4);
  const taken = service.ledger.entries.filter((entry) => entry.taken);
  expect(new Set(taken.map(({ token }) => token)).size).toBe(300);
  const copies = (endpoint: string) => taken.filter(({ token }) => endpoint.endsWith(`/${token}`));
  const repeats = outcomes.filter(({ to }) => copies(to.endpoint).length > 1);
  expect(repeats.length).toBeGreaterThan(0);
  for (const { to, trace } of repeats) {
    expect(trace.some(({ step }) => step === 'repeated')).toBe(true);
    expect(new Set(copies(to.endpoint).map(({ headers }) => headers['topic'])).size).toBe(1);
  }
});

test('one push service that is down does not hold up another', async () => {
  await using other = await startServer((request, response) => {
    request.resume();
    response.writeHead(201).end();
  });
  await using engine = createEngine({
    channels: {
      web: webPush({
        vapid,
        ca: `${sandbox.ca}\n${other.ca}`,
        allow: [new URL(service.endpoint).host, `localhost:${other.port}`],
      }),
    },
  });
  service.faults.random({ rate: 1, seed: 1, faults: [{ kind: 'status', status: 503 }] });
  const down = engine.send({ to: Array.from({ length: 100 }, () => target()), title: 'Hi', ttl: '1s' });
  const breakers = () => engine.stats().web.map(({ breaker }) => breaker);
  await expect.poll(breakers).toEqual(['open']);
  const up = Array.from({ length: 100 }, () => ({ channel: 'web' as const, ...makeTarget(`${other.origin}/push/1`) }));
  const outcomes = await engine.send({ to: up, title: 'Hi' });
  expect(outcomes.filter(({ status }) => status !== 'accepted')).toEqual([]);
  expect(breakers().toSorted()).toEqual(['closed', 'open']);
  await down;
});
