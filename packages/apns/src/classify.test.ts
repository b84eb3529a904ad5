import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ApnsReply } from './classify.ts';
import { classify, reasons } from './classify.ts';
import { readBody } from './client.ts';
import type { ApnsNative } from './schemas.ts';
import { documented } from './testing/documented.ts';

const none = { get: () => null };
const answer = (status: number, reason?: string, more: object = {}): ApnsReply => ({
  kind: 'answer',
  status,
  headers: none,
  reason,
  ...more,
});
const judge = (reply: ApnsReply, native?: ApnsNative): unknown => classify(reply, native, 'delivery-id');

describe('an answer', () => {
  test.each(documented)('%i %s is %s', (status, reason, expected) => {
    const [kind, scope] = expected.split(' ');
    expect(judge(answer(status, reason))).toMatchObject({ kind, scope, code: reason });
  });

  test('the table has the documented reasons and no others', () => {
    expect(Object.keys(reasons).toSorted()).toEqual(documented.map(([, reason]) => reason).toSorted());
  });

  test('200 is accepted under the id that Apple gives, else the delivery', () => {
    expect(judge(answer(200))).toEqual({ kind: 'accepted', messageId: 'delivery-id' });
    expect(
      judge({
        ...answer(200),
        headers: { get: (name: string) => (name === 'apns-id' ? 'THEIRS' : null) },
      } as ApnsReply),
    ).toEqual({
      kind: 'accepted',
      messageId: 'THEIRS',
    });
  });

  test('410 says since when, if it does', () => {
    expect(judge(answer(410, 'Unregistered', { timestamp: 1_700_000_000_000 }))).toMatchObject({
      since: new Date(1_700_000_000_000),
    });
    expect(judge(answer(410, 'Unregistered'))).not.toHaveProperty('since');
    expect(judge(answer(410, 'Unregistered', { timestamp: 1e300 }))).not.toHaveProperty('since');
    expect(judge(answer(413, 'PayloadTooLarge', { timestamp: 5 }))).not.toHaveProperty('since');
  });

  test("a topic is the credential's fault, unless the message chose it", () => {
    for (const reason of ['BadTopic', 'DeviceTokenNotForTopic', 'TopicDisallowed', 'MissingTopic']) {
      const rejected = { kind: 'rejected', scope: 'message', code: reason };
      expect(judge(answer(400, reason), { headers: { 'apns-topic': 'x' } })).toEqual({
        ...rejected,
        field: 'native.apns.headers.apns-topic',
      });
      expect(judge(answer(400, reason), { headers: { 'apns-push-type': 'voip' } })).toEqual({
        ...rejected,
        field: 'native.apns.headers.apns-push-type',
      });
      expect(judge(answer(400, reason), { aps: {} })).not.toMatchObject(rejected);
    }
  });

  test('nothing but a topic is blamed on the topic that the message chose', () => {
    const native: ApnsNative = { headers: { 'apns-topic': 'x', 'apns-push-type': 'voip' } };
    expect(judge(answer(400, 'BadDeviceToken'), native)).toMatchObject({ kind: 'unregistered' });
    expect(judge(answer(413, 'PayloadTooLarge'), native)).toEqual({
      kind: 'rejected',
      scope: 'message',
      code: 'PayloadTooLarge',
    });
    expect(judge(answer(503), native)).toMatchObject({ kind: 'unavailable' });
  });

  test.each([
    ['BadCollapseId', 'collapseKey'],
    ['BadPriority', 'native.apns.headers.apns-priority'],
    ['InvalidPushType', 'native.apns.headers.apns-push-type'],
  ])('%s names the field', (reason, field) => {
    expect(judge(answer(400, reason))).toMatchObject({ kind: 'rejected', field });
  });

  test('a token that may be of the other environment says so', () => {
    for (const reason of ['BadDeviceToken', 'DeviceTokenNotForTopic']) {
      expect(judge(answer(400, reason))).toMatchObject({ message: expect.stringContaining('other environment') });
    }
  });

  test('a throttled device waits as told; new provider tokens wait 20 minutes', () => {
    const headers = { get: (name: string) => (name === 'retry-after' ? '7' : null) };
    expect(judge({ ...answer(429, 'TooManyRequests'), headers } as ApnsReply)).toMatchObject({
      scope: 'target',
      retryAfter: 7000,
    });
    expect(judge({ ...answer(429, 'TooManyProviderTokenUpdates'), headers } as ApnsReply)).toMatchObject({
      retryAfter: 1_200_000,
    });
  });

  test('without a word is judged by its status', () => {
    expect(judge(answer(410))).toMatchObject({ kind: 'rejected', scope: 'message', code: 'http_410' });
    expect(judge(answer(429))).toMatchObject({ kind: 'throttled', scope: 'provider' });
    expect(judge(answer(502))).toMatchObject({ kind: 'unavailable', scope: 'provider' });
  });

  test('whatever it says, only the four documented answers take a token away', () => {
    const words = fc.oneof(
      fc.constantFrom(...documented.map(([, reason]) => reason)),
      fc.string(),
      fc.constantFrom('constructor', '__proto__'),
    );
    const gone = new Set(['400 BadDeviceToken', '400 DeviceTokenNotForTopic', '410 Unregistered', '410 ExpiredToken']);
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), words, (status, reason) => {
        const result = judge(answer(status, reason)) as { kind: string; code?: string };
        expect(result.kind === 'unregistered').toBe(gone.has(`${status} ${reason}`));
        expect(result.code ?? '').toMatch(/^\w{0,64}$/);
      }),
    );
  });
});

test.each([
  ['{"reason":"Unregistered","timestamp":5}', { reason: 'Unregistered', timestamp: 5 }],
  ['{"reason":5,"timestamp":"x"}', {}],
  ['<html>', {}],
  ['', {}],
  ['null', {}],
  ['[]', {}],
])('the body %s is read as %j', (body, expected) => {
  expect(readBody(body)).toEqual(expected);
});

describe('no answer', () => {
  test.each([
    ['ECONNREFUSED', true, { kind: 'unavailable', scope: 'provider', unsent: true }],
    ['tidings.refused_stream', true, { kind: 'unavailable', scope: 'provider', unsent: true }],
    ['tidings.goaway', true, { kind: 'unavailable', scope: 'provider', unsent: true }],
    ['tidings.credentials_unavailable', true, { kind: 'unavailable', scope: 'provider', unsent: true }],
    ['tidings.stream_reset', false, { kind: 'ambiguous', scope: 'provider' }],
    ['tidings.timeout', false, { kind: 'ambiguous', scope: 'provider' }],
    ['ECONNRESET', false, { kind: 'ambiguous', scope: 'provider' }],
    ['tidings.invalid_request', true, { kind: 'rejected', scope: 'message' }],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', true, { kind: 'unauthorized', scope: 'credential' }],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', true, { kind: 'unauthorized', scope: 'credential' }],
  ])('%s, unsent %s', (code, unsent, expected) => {
    expect(judge({ kind: 'lost', code, unsent })).toMatchObject({ ...expected, code });
  });

  test('headers that can not be sent are named', () => {
    const reply: ApnsReply = { kind: 'lost', code: 'tidings.invalid_request', unsent: true };
    expect(judge(reply)).toMatchObject({ field: 'native.apns.headers' });
  });

  test("a key that can't be used is the credential's fault", () => {
    expect(judge({ kind: 'noCredential', code: 'tidings.invalid_credentials' })).toEqual({
      kind: 'unauthorized',
      scope: 'credential',
      code: 'tidings.invalid_credentials',
    });
  });
});
