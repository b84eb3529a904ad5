import { createEngine } from '@tidings/core';
import type { Sandbox } from '@tidings/sandbox';
import { startSandbox } from '@tidings/sandbox';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ApnsTokenOptions } from './index.ts';
import { apns } from './index.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterEach(() => {
  sandbox.apns.faults.clear();
  sandbox.apns.ledger.clear();
});
afterAll(() => sandbox.close());

function start(options: Partial<ApnsTokenOptions> = {}) {
  const { endpoint, credentials } = sandbox.apns;
  return createEngine({ channels: { ios: apns({ endpoint, ca: sandbox.ca, ...credentials, ...options }) } });
}

test('a message through the engine has the common fields, the own ones and the native ones', async () => {
  await using engine = start();
  const outcome = await engine.send({
    to: { channel: 'ios', token: sandbox.apns.register() },
    title: 'Price alert',
    ttl: '10m',
    content: { ios: { badge: 3 } },
    native: { apns: { aps: { 'thread-id': 'acme' } } },
  });
  expect(outcome).toMatchObject({ status: 'accepted', provider: 'apns', providerMessageId: outcome.deliveryId });
  expect(sandbox.apns.ledger.entries).toMatchObject([
    {
      payload: { aps: { alert: { title: 'Price alert' }, badge: 3, 'thread-id': 'acme' } },
      headers: { 'apns-id': outcome.deliveryId },
    },
  ]);
});

test('a dead token is told as gone, and a wrong field before anything is sent', async () => {
  await using engine = start();
  const gone: string[] = [];
  engine.on('target.gone', ({ to }) => gone.push(to.token));
  const token = sandbox.apns.register();
  sandbox.apns.unregister(token);
  expect(await engine.send({ to: { channel: 'ios', token }, title: 'Hi' })).toMatchObject({
    status: 'failed',
    failure: { kind: 'unregistered', code: 'Unregistered', since: expect.any(Date) },
  });
  expect(gone).toEqual([token]);
  expect(await engine.send({ to: { channel: 'ios', token: 'short' }, title: 'Hi' })).toMatchObject({
    status: 'failed',
    failure: { kind: 'rejected', field: 'to.token' },
  });
  expect(await engine.send({ to: { channel: 'ios', token }, content: { ios: { badge: -1 } } })).toMatchObject({
    status: 'failed',
    failure: { kind: 'rejected', field: 'content.ios.badge' },
  });
  expect(sandbox.apns.ledger.entries).toHaveLength(1);
});

test('a key that was rotated costs one attempt and no message', async () => {
  const { key, keyId } = sandbox.apns.credentials;
  const current: ApnsTokenOptions['key'] = (reason) => ({ key, keyId: reason === 'refused' ? keyId : 'OLDKEY' });
  await using engine = start({ key: current });
  const outcome = await engine.send({ to: { channel: 'ios', token: sandbox.apns.register() }, title: 'Hi' });
  expect(outcome.status).toBe('accepted');
  expect(sandbox.apns.ledger.entries.map(({ status }) => status)).toEqual([403, 200]);
});

test('with faults on every tenth request every message arrives', async () => {
  await using engine = start();
  const tokens = Array.from({ length: 300 }, () => sandbox.apns.register());
  sandbox.apns.faults.random({
    rate: 0.1,
    seed: 1,
    faults: [
      { kind: 'status', status: 503 },
      { kind: 'refused' },
      { kind: 'reset' },
      { kind: 'html' },
      { kind: 'goaway' },
    ],
  });
  const outcomes = await engine.send({
    to: tokens.map((token) => ({ channel: 'ios' as const, token })),
    title: 'Hi',
    policy: { retry: { first: '10ms', max: '50ms' } },
  });
  expect(outcomes.filter(({ status }) => status !== 'accepted')).toEqual([]);
  expect(Object.keys(sandbox.apns.faults.applied).length).toBeGreaterThan(3);
  const taken = sandbox.apns.ledger.entries.filter((entry) => entry.taken);
  expect(new Set(taken.map(({ token }) => token)).size).toBe(300);
  // Who got it twice got it under the same id: the answer to the first was lost, and the trace says so.
  const repeats = outcomes.filter(({ to }) => taken.filter(({ token }) => token === to.token).length > 1);
  expect(repeats.length).toBeGreaterThan(0);
  for (const { to, trace } of repeats) {
    expect(trace.some(({ step }) => step === 'repeated')).toBe(true);
    const ids = taken.filter(({ token }) => token === to.token).map(({ headers }) => headers['apns-id']);
    expect(new Set(ids).size).toBe(1);
  }
});
