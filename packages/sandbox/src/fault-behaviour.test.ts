import type { ClientHttp2Session } from 'node:http2';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  accessToken,
  apnsJwt,
  fcmSend,
  notification,
  openHttp2,
  sendHttp1,
  sendHttp2,
  until,
  type Outcome,
  type Send,
} from '../test/clients.ts';
import { startSandbox } from './sandbox.ts';
import type { Fault, Sandbox, Service } from './types.ts';

let sandbox: Sandbox;
let session: ClientHttp2Session;

/** What differs between the services, so that each fault is tested on both. */
interface Subject {
  readonly service: Service;
  readonly token: string;
  readonly send: Send;
}
let subjects: { readonly apns: Subject; readonly fcm: Subject };

beforeAll(async () => {
  sandbox = await startSandbox();
  const { apns, fcm } = sandbox;
  const device = apns.register();
  const registration = fcm.register();
  const [jwt, access] = await Promise.all([apnsJwt(apns), accessToken(sandbox)]);
  subjects = {
    apns: { service: apns, token: device, send: notification(apns, jwt, device) },
    fcm: { service: fcm, token: registration, send: fcmSend(fcm, access, { message: { token: registration } }) },
  };
});
afterAll(() => sandbox.close());
afterEach(() => {
  session.destroy();
  for (const { service } of [subjects.apns, subjects.fcm]) {
    service.faults.clear();
    service.ledger.clear();
  }
});

describe.each(['apns', 'fcm'] as const)('%s', (name) => {
  let subject: Subject;
  /** Connections that earlier tests left open: silent ones stay. */
  let open: number;
  /** Faults of each kind applied by earlier tests. */
  let applied: Service['faults']['applied'];
  beforeEach(async () => {
    subject = subjects[name];
    ({ applied } = subject.service.faults);
    ({ open } = subject.service.connections);
    session = openHttp2(subject.service.endpoint, sandbox.ca);
    // From here on the connection has all its streams.
    await sendHttp2(session, subject.send);
    subject.service.ledger.clear();
  });

  function provoke(fault: Fault): Promise<Outcome> {
    subject.service.faults.next(fault);
    return sendHttp2(session, subject.send);
  }

  function expectRecorded(fault: Fault, taken: boolean, more: object = {}): void {
    const { entries } = subject.service.ledger;
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ token: subject.token, fault: fault.kind, taken, ...more });
    expect(entries[0]?.payload).toEqual(expect.any(Object));
    expect(subject.service.faults.applied).toEqual({ ...applied, [fault.kind]: (applied[fault.kind] ?? 0) + 1 });
  }

  async function expectStillGood(): Promise<void> {
    expect(await sendHttp2(session, subject.send)).toMatchObject({ status: 200 });
  }

  test('status has the word of the provider in its place, and Retry-After', async () => {
    const reason = name === 'apns' ? 'TooManyRequests' : 'QUOTA_EXCEEDED';
    const fault = { kind: 'status', status: 429, reason, retryAfter: 7 } as const;
    const answer = await provoke(fault);
    expect(answer).toMatchObject({ status: 429, headers: { 'retry-after': '7' } });
    const body = JSON.parse(answer.body) as unknown;
    if (name === 'apns') expect(body).toEqual({ reason });
    else expect(body).toMatchObject({ error: { status: 'RESOURCE_EXHAUSTED', details: [{ errorCode: reason }] } });
    expectRecorded(fault, false, { status: 429, reason });
    await expectStillGood();
  });

  test('status without a reason has the usual one', async () => {
    const answer = await provoke({ kind: 'status', status: 503, retryAfter: 'Wed, 21 Oct 2015 07:28:00 GMT' });
    expect(answer.headers['retry-after']).toBe('Wed, 21 Oct 2015 07:28:00 GMT');
    const body = JSON.parse(answer.body) as unknown;
    if (name === 'apns') expect(body).toEqual({ reason: 'ServiceUnavailable' });
    else expect(body).toMatchObject({ error: { status: 'UNAVAILABLE', details: [{ errorCode: 'UNAVAILABLE' }] } });
  });

  test('gone is the answer for a dead target, once', async () => {
    const answer = await provoke({ kind: 'gone' });
    const body = JSON.parse(answer.body) as unknown;
    if (name === 'apns') expect(body).toEqual({ reason: 'Unregistered', timestamp: expect.any(Number) });
    else expect(body).toMatchObject({ error: { status: 'NOT_FOUND', details: [{ errorCode: 'UNREGISTERED' }] } });
    expectRecorded({ kind: 'gone' }, false, { status: name === 'apns' ? 410 : 404 });
    await expectStillGood();
  });

  test('html is a proxy page', async () => {
    const answer = await provoke({ kind: 'html' });
    expect(answer).toMatchObject({ status: 502, body: expect.stringContaining('<html>') });
    expectRecorded({ kind: 'html' }, false, { status: 502 });
    await expectStillGood();
  });

  test('garbage is a success that no parser reads', async () => {
    const answer = await provoke({ kind: 'garbage' });
    expect(answer.status).toBe(200);
    expect(() => JSON.parse(answer.body) as unknown).toThrow(SyntaxError);
    expectRecorded({ kind: 'garbage' }, true, { status: 200 });
    await expectStillGood();
  });

  test('slow is the right answer, later than the answers to others', async () => {
    const order: string[] = [];
    const slow = provoke({ kind: 'slow', delay: 40 }).then((answer) => (order.push('slow'), answer));
    await sendHttp2(session, subject.send).then(() => order.push('other'));
    expect(await slow).toMatchObject({ status: 200 });
    expect(order).toEqual(['other', 'slow']);
    expect(subject.service.ledger.entries[0]).toMatchObject({ taken: true, status: 200, fault: 'slow' });
  });

  test('hang takes the request and sends nothing', async () => {
    const answer = provoke({ kind: 'hang' });
    await expectStillGood();
    session.destroy();
    expect(await answer).not.toHaveProperty('status');
    expect(subject.service.ledger.entries[0]).toMatchObject({ taken: true, fault: 'hang' });
    expect(subject.service.ledger.entries[0]).not.toHaveProperty('status');
  });

  test('hangAfterHeaders sends the headers of a success and no end', async () => {
    subject.service.faults.next({ kind: 'hangAfterHeaders' });
    const { path, headers, body } = subject.send;
    const stream = session.request({ ':method': 'POST', ':path': path, ...headers });
    stream.on('error', () => {});
    stream.end(body);
    const response = await new Promise<object>((resolve) => stream.on('response', resolve));
    expect(response).toMatchObject({ ':status': 200 });
    await expectStillGood();
    expect(stream.readableEnded).toBe(false);
    expect(subject.service.ledger.entries[0]).toMatchObject({ taken: true, fault: 'hangAfterHeaders', status: 200 });
  });

  test('reset ends the stream and nothing else', async () => {
    const answer = await provoke({ kind: 'reset' });
    expect(answer).toMatchObject({ rstCode: 2, body: '', error: 'ERR_HTTP2_STREAM_ERROR' });
    expect(answer).not.toHaveProperty('status');
    expectRecorded({ kind: 'reset' }, true);
    await expectStillGood();
  });

  test('resetAfterHeaders breaks off in the middle of a success', async () => {
    const answer = await provoke({ kind: 'resetAfterHeaders' });
    expect(answer).toMatchObject({ status: 200, rstCode: 2, error: 'ERR_HTTP2_STREAM_ERROR' });
    expect(() => JSON.parse(answer.body) as unknown).toThrow(SyntaxError);
    expectRecorded({ kind: 'resetAfterHeaders' }, true, { status: 200 });
    await expectStillGood();
  });

  test('refused says that nothing was done', async () => {
    const answer = await provoke({ kind: 'refused' });
    expect(answer.rstCode).toBe(7);
    expect(answer).not.toHaveProperty('status');
    expectRecorded({ kind: 'refused' }, false);
    await expectStillGood();
  });

  test('blackhole reads and writes nothing more, not even a PING, and stays open', async () => {
    const slow = provoke({ kind: 'slow', delay: 20 });
    const answer = provoke({ kind: 'blackhole' });
    await until(() => (subject.service.faults.applied.blackhole ?? 0) > (applied.blackhole ?? 0));
    const ping = new Promise<unknown>((resolve) => session.ping(resolve));
    const later = sendHttp2(session, subject.send);
    // A second connection has time for far more than the first one would need.
    const second = openHttp2(subject.service.endpoint, sandbox.ca);
    subject.service.faults.next({ kind: 'slow', delay: 60 });
    expect(await sendHttp2(second, subject.send)).toMatchObject({ status: 200 });
    second.destroy();
    expect(session.destroyed).toBe(false);
    expect(subject.service.ledger.entries).toHaveLength(3);
    session.destroy();
    for (const lost of await Promise.all([slow, answer, later])) expect(lost).not.toHaveProperty('status');
    expect(await ping).toBeInstanceOf(Error);
    expect(subject.service.ledger.entries[1]).toMatchObject({ taken: true, fault: 'blackhole' });
    expect(subject.service.ledger.entries[1]).not.toHaveProperty('status');
  });

  test('goaway answers what came before, drops what came after, and closes', async () => {
    const lastIds: number[] = [];
    session.on('goaway', (_code, lastId) => lastIds.push(lastId));
    const closed = new Promise((resolve) => session.on('close', resolve));
    subject.service.faults.next({ kind: 'slow', delay: 30 });
    const before = sendHttp2(session, subject.send);
    subject.service.faults.next({ kind: 'goaway' });
    const at = sendHttp2(session, subject.send);
    const after = await Promise.all(Array.from({ length: 20 }, () => sendHttp2(session, subject.send)));
    expect(await before).toMatchObject({ status: 200 });
    const { status, stream } = await at;
    expect(status).toBe(200);
    await closed;
    // Never raised by a second GOAWAY.
    expect(new Set(lastIds)).toEqual(new Set([stream]));
    for (const dropped of after) expect(dropped.rstCode).toBe(7);
    expect(subject.service.ledger.entries).toHaveLength(2);
    await until(() => subject.service.connections.open <= open);
  });

  test('goaway with an error answers nothing and ends the connection', async () => {
    const goaways: unknown[] = [];
    session.on('goaway', (code, lastId) => goaways.push({ code, lastId }));
    subject.service.faults.next({ kind: 'slow', delay: 30 });
    const before = sendHttp2(session, subject.send);
    subject.service.faults.next({ kind: 'goaway', error: true });
    const answers = await Promise.all([before, ...Array.from({ length: 5 }, () => sendHttp2(session, subject.send))]);
    for (const answer of answers) expect(answer).not.toHaveProperty('status');
    expect(goaways).toContainEqual({ code: 2, lastId: answers[1]?.stream });
    await until(() => subject.service.connections.open <= open);
    expect(subject.service.ledger.entries.map(({ taken, fault }) => ({ taken, fault }))).toEqual([
      { taken: true, fault: 'slow' },
      { taken: true, fault: 'goaway' },
    ]);
  });

  test('what the service refuses by itself is not taken, whatever the fault', async () => {
    const send = { ...subject.send, body: '[]' };
    for (const kind of ['garbage', 'reset', 'goaway'] as const) {
      subject.service.faults.next({ kind });
      await sendHttp2(session, send);
    }
    expect(subject.service.ledger.entries.map(({ taken }) => taken)).toEqual([false, false, false]);
  });
});

describe('over HTTP/1.1', () => {
  let subject: Subject;
  beforeEach(() => {
    subject = subjects.fcm;
    session = openHttp2(subject.service.endpoint, sandbox.ca);
  });

  function provoke(fault: Fault, signal?: AbortSignal): Promise<Outcome> {
    subject.service.faults.next(fault);
    return sendHttp1(subject.service.endpoint, sandbox.ca, subject.send, signal);
  }

  test.each<[Fault, boolean, object]>([
    [{ kind: 'status', status: 503, retryAfter: 1 }, false, { status: 503 }],
    [{ kind: 'gone' }, false, { status: 404 }],
    [{ kind: 'html' }, false, { status: 502 }],
    [{ kind: 'garbage' }, true, { status: 200 }],
    [{ kind: 'slow', delay: 5 }, true, { status: 200 }],
    [{ kind: 'reset' }, true, { error: 'ECONNRESET', body: '' }],
    [{ kind: 'refused' }, false, { error: 'ECONNRESET', body: '' }],
    [{ kind: 'resetAfterHeaders' }, true, { status: 200, error: 'ECONNRESET' }],
    [{ kind: 'goaway' }, true, { status: 200, headers: { connection: 'close' } }],
    [{ kind: 'goaway', error: true }, true, { error: 'ECONNRESET' }],
  ])('%j', async (fault, taken, expected) => {
    expect(await provoke(fault)).toMatchObject(expected);
    expect(subject.service.ledger.entries).toMatchObject([{ fault: fault.kind, taken }]);
  });

  test.each<Fault>([{ kind: 'hang' }, { kind: 'hangAfterHeaders' }, { kind: 'blackhole' }])('%j', async (fault) => {
    const abort = new AbortController();
    const answer = provoke(fault, abort.signal);
    await until(() => subject.service.ledger.entries.length === 1);
    expect(await sendHttp1(subject.service.endpoint, sandbox.ca, subject.send)).toMatchObject({ status: 200 });
    abort.abort();
    expect(await answer).toHaveProperty('error');
    expect(subject.service.ledger.entries[0]).toMatchObject({ fault: fault.kind, taken: true });
  });
});
