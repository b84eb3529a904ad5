import { createEngine } from '@tidings/core';
import type { Sandbox } from '@tidings/sandbox';
import { startSandbox } from '@tidings/sandbox';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { fcm } from './index.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterEach(() => {
  sandbox.fcm.faults.clear();
  sandbox.fcm.ledger.clear();
});
afterAll(() => sandbox.close());

function start() {
  const { endpoint, serviceAccount } = sandbox.fcm;
  return createEngine({ channels: { android: fcm({ endpoint, serviceAccount, ca: sandbox.ca }) } });
}

test('a message through the engine has the common fields, the own ones and the native block', async () => {
  await using engine = start();
  const outcome = await engine.send({
    to: { channel: 'android', token: sandbox.fcm.register() },
    title: 'Hi',
    content: { android: { sound: 'default' } },
    native: { fcm: { android: { collapse_key: 'news' } } },
  });
  expect(outcome).toMatchObject({ status: 'accepted' });
  expect(sandbox.fcm.ledger.entries).toMatchObject([
    {
      payload: { notification: { title: 'Hi' }, android: { collapse_key: 'news', notification: { sound: 'default' } } },
    },
  ]);
});

test('revoked access tokens cost one attempt and no message', async () => {
  await using engine = start();
  const to = { channel: 'android', token: sandbox.fcm.register() } as const;
  await engine.send({ to, title: 'first' });
  sandbox.fcm.revokeTokens();
  const outcome = await engine.send({ to, title: 'second' });
  expect(outcome.status).toBe('accepted');
  expect(sandbox.fcm.ledger.entries.map((each) => each.status)).toEqual([200, 401, 200]);
});

test('a dead token is told as gone, and a wrong address before anything is sent', async () => {
  await using engine = start();
  const gone: string[] = [];
  engine.on('target.gone', ({ to }) => {
    if (to.token !== undefined) gone.push(to.token);
  });
  const token = sandbox.fcm.register();
  sandbox.fcm.unregister(token);
  expect(await engine.send({ to: { channel: 'android', token }, title: 'Hi' })).toMatchObject({
    status: 'failed',
    failure: { kind: 'unregistered', code: 'UNREGISTERED' },
  });
  expect(gone).toEqual([token]);
  expect(await engine.send({ to: { channel: 'android', topic: '/topics/news' }, title: 'Hi' })).toMatchObject({
    status: 'failed',
    failure: { kind: 'rejected' },
  });
  expect(sandbox.fcm.ledger.entries).toHaveLength(1);
});

test('with faults on every tenth request every message arrives', async () => {
  await using engine = start();
  const tokens = Array.from({ length: 300 }, () => sandbox.fcm.register());
  sandbox.fcm.faults.random({
    rate: 0.1,
    seed: 1,
    faults: [
      { kind: 'status', status: 503 },
      { kind: 'refused' },
      { kind: 'reset' },
      { kind: 'html' },
      { kind: 'garbage' },
      { kind: 'goaway' },
    ],
  });
  const outcomes = await engine.send({
    to: tokens.map((token) => ({ channel: 'android' as const, token })),
    title: 'Hi',
  });
  expect(outcomes.filter((each) => each.status !== 'accepted')).toEqual([]);
  expect(Object.keys(sandbox.fcm.faults.applied).length).toBeGreaterThan(3);
  const reached = new Set(sandbox.fcm.ledger.entries.filter((each) => each.taken).map((each) => each.token));
  expect(tokens.filter((token) => !reached.has(token))).toEqual([]);
});
