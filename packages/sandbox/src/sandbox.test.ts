import { once } from 'node:events';
import { connect as connectTcp, createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import {
  accessToken,
  apnsJwt,
  fcmSend,
  notification,
  openHttp2,
  sendHttp1,
  sendHttp2,
  until,
} from '../test/clients.ts';
import { startSandbox } from './sandbox.ts';
import type { SandboxOptions } from './types.ts';

test('close ends hung streams, late answers, silent connections and unfinished handshakes', async () => {
  const sandbox = await startSandbox({ control: true });
  const { apns, fcm, ca } = sandbox;
  const jwt = await apnsJwt(apns);
  const access = await accessToken(sandbox);
  const send = notification(apns, jwt, apns.register());
  const message = fcmSend(fcm, access, { message: { topic: 'a' } });
  const sessions = [openHttp2(apns.endpoint, ca), openHttp2(apns.endpoint, ca), openHttp2(fcm.endpoint, ca)] as const;
  for (const each of sessions.slice(0, 2)) expect(await sendHttp2(each, send)).toMatchObject({ status: 200 });

  apns.faults.next({ kind: 'hang' });
  const hung = sendHttp2(sessions[0], send);
  await until(() => apns.faults.applied.hang === 1);
  apns.faults.next({ kind: 'blackhole' });
  const silent = sendHttp2(sessions[1], send);
  await until(() => apns.faults.applied.blackhole === 1);
  fcm.faults.next({ kind: 'slow', delay: 2_000_000_000 });
  const late = sendHttp2(sessions[2], message);
  await until(() => fcm.faults.applied.slow === 1);
  fcm.faults.next({ kind: 'hangAfterHeaders' });
  const half = sendHttp1(fcm.endpoint, ca, message);
  await until(() => fcm.faults.applied.hangAfterHeaders === 1);
  const raw = connectTcp(Number(new URL(apns.endpoint).port), '127.0.0.1');
  raw.on('error', () => {});
  await once(raw, 'connect');

  await sandbox.close();
  for (const outcome of [await hung, await silent, await late]) expect(outcome).not.toHaveProperty('status');
  expect(await half).toHaveProperty('error');
  await until(() => apns.connections.open === 0 && fcm.connections.open === 0 && raw.destroyed);
});

test('closing twice is closing once', async () => {
  const sandbox = await startSandbox({ control: true });
  await Promise.all([sandbox.close(), sandbox.close()]);
  await expect(sandbox.close()).resolves.toBeUndefined();
});

test('connections and the peak of requests at once are counted', async () => {
  await using sandbox = await startSandbox();
  const { fcm, ca } = sandbox;
  const access = await accessToken(sandbox);
  await until(() => fcm.connections.open === 0);
  const { opened } = fcm.connections;
  fcm.faults.next({ kind: 'slow', delay: 20 }, { times: 12 });
  const session = openHttp2(fcm.endpoint, ca);
  const send = fcmSend(fcm, access, { message: { topic: 'a' } });
  await Promise.all(Array.from({ length: 12 }, () => sendHttp2(session, send)));
  expect(fcm.connections).toEqual({ opened: opened + 1, open: 1 });
  expect(fcm.peakConcurrency).toBe(12);
  session.destroy();
  await until(() => fcm.connections.open === 0);
});

test('the announced stream limits can be chosen', async () => {
  await using sandbox = await startSandbox({ streams: { apns: 7, fcm: 3 } });
  const { apns, fcm, ca } = sandbox;
  const session = openHttp2(apns.endpoint, ca);
  await sendHttp2(session, notification(apns, await apnsJwt(apns), apns.register()));
  await until(() => session.remoteSettings.maxConcurrentStreams === 7);
  const other = openHttp2(fcm.endpoint, ca);
  await once(other, 'remoteSettings');
  expect(other.remoteSettings.maxConcurrentStreams).toBe(3);
});

test('the ledger keeps as much as it was told to', async () => {
  await using sandbox = await startSandbox({ ledgerLimit: 5 });
  const { fcm, ca } = sandbox;
  const session = openHttp2(fcm.endpoint, ca);
  const send = fcmSend(fcm, await accessToken(sandbox), { message: { topic: 'a' } });
  await Promise.all(Array.from({ length: 12 }, () => sendHttp2(session, send)));
  expect(fcm.ledger.entries.map(({ sequence }) => sequence)).toEqual([8, 9, 10, 11, 12]);
  expect(fcm.ledger.dropped).toBe(7);
});

test('a taken port rejects, and nothing of the sandbox stays behind', async () => {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  await expect(startSandbox({ ports: { fcm: port } })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  server.close();
});

test.each<[string, object]>([
  ['ports.apns', { ports: { apns: 65_536 } }],
  ['ports.control', { ports: { control: 1.5 } }],
  ['ledgerLimit', { ledgerLimit: 0 }],
  ['streams.fcm', { streams: { fcm: '9' } }],
])('a wrong %s is refused by name', async (field, options) => {
  await expect(startSandbox(options as SandboxOptions)).rejects.toMatchObject({
    field,
    code: 'tidings.invalid_options',
  });
});

test('5,000 notifications with faults: whoever repeats only what was surely not taken doubles nothing', async () => {
  await using sandbox = await startSandbox();
  const { apns, ca } = sandbox;
  const jwt = await apnsJwt(apns);
  apns.faults.random({
    rate: 0.05,
    seed: 42,
    faults: [
      { kind: 'goaway', weight: 2 },
      { kind: 'refused', weight: 4 },
      { kind: 'status', status: 503, weight: 4 },
      { kind: 'slow', delay: 3, weight: 4 },
    ],
  });
  let session = openHttp2(apns.endpoint, ca);
  let next = 0;
  let repeats = 0;

  async function deliver(token: string): Promise<void> {
    for (;;) {
      if (session.closed || session.destroyed) session = openHttp2(apns.endpoint, ca);
      const outcome = await sendHttp2(session, notification(apns, jwt, token));
      if (outcome.status === 200) return;
      // 503, REFUSED_STREAM, above the GOAWAY, or never begun: nothing of it was taken. Anything else was not asked for.
      if (outcome.status !== 503 && outcome.rstCode !== 7 && outcome.stream !== undefined) {
        throw new Error(`ended otherwise: ${JSON.stringify(outcome)}`);
      }
      repeats += 1;
    }
  }
  const tokens = Array.from({ length: 5000 }, () => apns.register());
  await Promise.all(
    Array.from({ length: 300 }, async () => {
      for (let token = tokens[next++]; token !== undefined; token = tokens[next++]) await deliver(token);
    }),
  );
  session.destroy();
  const taken = apns.ledger.entries.filter((entry) => entry.taken).map((entry) => entry.token);
  expect(taken).toHaveLength(5000);
  expect(new Set(taken).size).toBe(5000);
  expect(repeats).toBeGreaterThan(150);
  expect(apns.faults.applied.goaway).toBeGreaterThan(10);
});
