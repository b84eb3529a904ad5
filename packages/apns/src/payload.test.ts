import type { Content } from '@tidings/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ApnsContent, ApnsNative } from './schemas.ts';
import { collapseId, prepare, toHeaders, toPayload } from './payload.ts';
import { makeDelivery } from './testing/delivery.ts';

const topic = 'com.example.app';
/** Any UTF-16, lone surrogates included. */
const text = fc.array(fc.nat(0xffff), { maxLength: 40 }).map((units) => String.fromCharCode(...units));
const now = 1_700_000_000_000;
type All = Content & ApnsContent;
const payloadOf = (content: All, native?: ApnsNative): unknown =>
  JSON.parse(JSON.stringify(toPayload(content, native)));

describe('the payload', () => {
  const cases: [what: string, content: All, native: ApnsNative | undefined, expected: object][] = [
    [
      'title and body become the alert',
      { title: 'T', body: 'B' },
      undefined,
      { aps: { alert: { title: 'T', body: 'B' } } },
    ],
    [
      'a subtitle joins them',
      { title: 'T', subtitle: 'S' },
      undefined,
      { aps: { alert: { title: 'T', subtitle: 'S' } } },
    ],
    [
      'every field has its place',
      {
        title: 'T',
        badge: 0,
        sound: 'bell.caf',
        category: 'ALERT',
        thread: 'acme',
        interruptionLevel: 'time-sensitive',
        relevanceScore: 0.5,
        contentAvailable: true,
        mutableContent: true,
      },
      undefined,
      {
        aps: {
          alert: { title: 'T' },
          badge: 0,
          sound: 'bell.caf',
          category: 'ALERT',
          'thread-id': 'acme',
          'interruption-level': 'time-sensitive',
          'relevance-score': 0.5,
          'content-available': 1,
          'mutable-content': 1,
        },
      },
    ],
    [
      'a critical sound is spelled as Apple does',
      { title: 'T', sound: { name: 'default', critical: true, volume: 0.5 } },
      undefined,
      { aps: { alert: { title: 'T' }, sound: { name: 'default', critical: 1, volume: 0.5 } } },
    ],
    [
      'url, image and data stand beside aps, and an image asks for the service extension',
      {
        title: 'T',
        url: 'https://example.com',
        image: 'https://example.com/i.png',
        data: { aps: 1, symbol: 'ACME', list: [1, null] },
      },
      undefined,
      {
        url: 'https://example.com',
        image: 'https://example.com/i.png',
        data: { aps: 1, symbol: 'ACME', list: [1, null] },
        aps: { alert: { title: 'T' }, 'mutable-content': 1 },
      },
    ],
    [
      'unless told not to',
      { title: 'T', image: 'i', mutableContent: false },
      undefined,
      { image: 'i', aps: { alert: { title: 'T' } } },
    ],
    ['data alone wakes the app', { data: { a: 1 } }, undefined, { data: { a: 1 }, aps: { 'content-available': 1 } }],
    ['unless told not to wake it', { data: { a: 1 }, contentAvailable: false }, undefined, { data: { a: 1 }, aps: {} }],
    [
      'native wins field by field, can take a field out and add keys',
      { title: 'T', sound: 'a', badge: 1, url: 'x' },
      { aps: { alert: 'plain', sound: undefined, 'stale-date': 5 }, payload: { url: 'y', extra: true } },
      { url: 'y', extra: true, aps: { alert: 'plain', badge: 1, 'stale-date': 5 } },
    ],
    [
      'a push type of its own is not made a background push',
      {},
      { headers: { 'apns-push-type': 'liveactivity' }, aps: { event: 'update', 'content-state': { score: 1 } } },
      { aps: { event: 'update', 'content-state': { score: 1 } } },
    ],
  ];
  test.each(cases)('%s', (_what, content, native, expected) => {
    expect(payloadOf(content, native)).toEqual(expected);
  });

  test('a key called __proto__ stays a plain key', () => {
    const native = JSON.parse(
      '{"payload":{"__proto__":{"polluted":true}},"aps":{"__proto__":{"alert":"x"}}}',
    ) as ApnsNative;
    const payload = toPayload({ title: 'T' }, native);
    expect(Object.getPrototypeOf(payload)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(payload.aps)).toBe(Object.prototype);
    expect(JSON.stringify(payload)).toContain('"__proto__":{"polluted":true}');
  });
});

describe('push type, topic and priority', () => {
  const cases: [
    content: All,
    native: ApnsNative | undefined,
    priority: 'high' | 'normal' | 'low',
    expected: [string, string, string],
  ][] = [
    [{ title: 'T' }, undefined, 'high', ['alert', topic, '10']],
    [{ title: 'T' }, undefined, 'normal', ['alert', topic, '10']],
    [{ title: 'T' }, undefined, 'low', ['alert', topic, '5']],
    [{ badge: 3 }, undefined, 'high', ['alert', topic, '10']],
    [{ title: 'T', contentAvailable: true }, undefined, 'high', ['alert', topic, '10']],
    [{ contentAvailable: true }, undefined, 'high', ['background', topic, '5']],
    [{ data: {} }, undefined, 'high', ['background', topic, '5']],
    [{ contentAvailable: true }, { aps: { alert: 'x' } }, 'high', ['alert', topic, '10']],
    [{ title: 'T' }, { aps: { alert: undefined, 'content-available': 1 } }, 'high', ['background', topic, '5']],
    [{ title: 'T' }, { headers: { 'apns-priority': 1 } }, 'high', ['alert', topic, '1']],
    [{}, { headers: { 'apns-push-type': 'voip' } }, 'normal', ['voip', `${topic}.voip`, '10']],
    [
      {},
      { headers: { 'apns-push-type': 'liveactivity' } },
      'low',
      ['liveactivity', `${topic}.push-type.liveactivity`, '5'],
    ],
    [{}, { headers: { 'apns-push-type': 'complication' } }, 'low', ['complication', `${topic}.complication`, '5']],
    [{}, { headers: { 'apns-push-type': 'location' } }, 'high', ['location', `${topic}.location-query`, '10']],
    [{}, { headers: { 'apns-push-type': 'pushtotalk' } }, 'high', ['pushtotalk', `${topic}.voip-ptt`, '10']],
    [
      {},
      { headers: { 'apns-push-type': 'fileprovider' } },
      'high',
      ['fileprovider', `${topic}.pushkit.fileprovider`, '10'],
    ],
    [{}, { headers: { 'apns-push-type': 'mdm' } }, 'high', ['mdm', topic, '10']],
    [{}, { headers: { 'apns-push-type': 'voip', 'apns-topic': 'other' } }, 'high', ['voip', 'other', '10']],
  ];
  test.each(cases)('%j with %j at %s', (content, native, priority, expected) => {
    const headers = toHeaders(prepare(content, native, topic), makeDelivery({ priority }), now);
    expect([headers['apns-push-type'], headers['apns-topic'], headers['apns-priority']]).toEqual(expected);
  });

  test('a topic that already has the suffix keeps one', () => {
    expect(prepare({}, { headers: { 'apns-push-type': 'voip' } }, `${topic}.voip`).topic).toBe(`${topic}.voip`);
  });
});

describe('the other headers', () => {
  const headersOf = (fields: Parameters<typeof makeDelivery>[0], native?: ApnsNative): Record<string, string> =>
    toHeaders(prepare({ title: 'T' }, native, topic), makeDelivery(fields), now);

  test.each([
    [now + 600_000, '1700000600'],
    [now + 1999, '1700000001'],
    [now + 999, '0'],
    [now, '0'],
    [now - 5000, '0'],
  ])('a deadline at %i is the expiration %s', (expiresAt, expected) => {
    expect(headersOf({ expiresAt: new Date(expiresAt) })['apns-expiration']).toBe(expected);
  });

  test('the id is the delivery and the same on every attempt; without a key it also collapses', () => {
    const delivery = makeDelivery();
    const first = toHeaders(prepare({ title: 'T' }, undefined, topic), delivery, now);
    const again = toHeaders(prepare({ title: 'T' }, undefined, topic), { ...delivery, attempt: 2 }, now);
    expect([first['apns-id'], first['apns-collapse-id'], again]).toEqual([delivery.id, delivery.id, first]);
  });

  test('native headers win', () => {
    expect(
      headersOf({ collapseKey: 'a' }, { headers: { 'apns-collapse-id': 'b', 'apns-expiration': 0 } }),
    ).toMatchObject({
      'apns-collapse-id': 'b',
      'apns-expiration': '0',
    });
  });

  test('a short printable key is taken as it is, any other as a hash of at most 64 bytes that differs', () => {
    expect(collapseId('price:ACME')).toBe('price:ACME');
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ maxLength: 80 })), (key) => {
        const id = collapseId(key);
        expect(id).toMatch(/^[\x21-\x7e](?:[\x20-\x7e]{0,62}[\x21-\x7e])?$/);
        if (id !== key) expect(id).toHaveLength(43);
        expect(collapseId(`${key}x`)).not.toBe(id);
      }),
    );
  });
});

describe('the size', () => {
  const exactly = (size: number): All => ({
    body: 'x'.repeat(size - JSON.stringify(toPayload({ body: '' }, undefined)).length),
  });

  test('of 4,096 bytes passes, one more is refused before it is sent, and names the largest field', () => {
    expect(prepare(exactly(4096), undefined, topic)).toMatchObject({ refused: undefined, body: { length: 4096 } });
    expect(prepare(exactly(4097), undefined, topic).refused).toMatchObject({
      kind: 'rejected',
      scope: 'message',
      code: 'PayloadTooLarge',
      field: 'body',
      message: 'the payload has 4097 bytes, APNs takes at most 4096',
    });
  });

  test('is counted in bytes, not characters', () => {
    expect(prepare({ body: '€'.repeat(1400) }, undefined, topic).refused).toMatchObject({ field: 'body' });
  });

  test('of a voip push may be 5,120', () => {
    const native: ApnsNative = { headers: { 'apns-push-type': 'voip' }, payload: { call: 'x'.repeat(5000) } };
    expect(prepare({}, native, topic).refused).toBeUndefined();
    expect(prepare({ title: 'T' }, { payload: { call: 'x'.repeat(5000) } }, topic).refused).toMatchObject({
      field: 'native.apns',
    });
  });
});

test('a value that JSON does not know is a refused message, not a throw', () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  for (const data of [circular, { big: 1n }]) {
    expect(prepare({ title: 'T', data: data as never }, undefined, topic).refused).toMatchObject({
      kind: 'rejected',
      code: 'tidings.invalid_content',
    });
  }
});

test('whatever the content, the payload is JSON with aps and survives a round trip', () => {
  const content = fc.record(
    {
      title: text,
      body: text,
      url: fc.webUrl(),
      data: fc.dictionary(fc.string(), fc.jsonValue() as fc.Arbitrary<never>),
      badge: fc.nat(),
      thread: fc.string(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(content, (each) => {
      const { body, refused } = prepare(each, undefined, topic);
      const parsed = JSON.parse(body.toString()) as { aps: { alert?: { title?: string } }; data?: unknown };
      expect(parsed.aps.alert?.title).toBe(each.title);
      expect(JSON.stringify(parsed.data)).toBe(
        JSON.stringify(each.data === undefined ? undefined : JSON.parse(JSON.stringify(each.data))),
      );
      expect(refused === undefined).toBe(body.length <= 4096);
    }),
  );
});
