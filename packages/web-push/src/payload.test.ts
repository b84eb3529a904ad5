import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { collapseTopic, plaintextLimit, toPushMessage } from './payload.ts';
import type { PushMessage, WebPushDelivery } from './payload.ts';
import { makeDelivery } from './testing/fixtures.ts';

const now = Date.UTC(2026, 0, 1);
const mozilla = 'updates.push.services.mozilla.com';

function message(changes: Parameters<typeof makeDelivery>[0] = {}, hostname = mozilla): PushMessage {
  const made = toPushMessage(makeDelivery({ expiresAt: new Date(now + 60_000), ...changes }), hostname, now);
  if ('kind' in made) throw new Error(made.code);
  return made;
}
const document = (changes: Parameters<typeof makeDelivery>[0]): unknown =>
  JSON.parse(Buffer.from(message(changes).plaintext).toString());

test('the document has what the message has, and nothing else', () => {
  expect(document({ content: { title: 'Hi' } })).toEqual({
    id: '0197e6d2-4f6a-7abc-8def-0123456789ab',
    title: 'Hi',
    tag: '0197e6d24f6a7abc8def0123456789ab',
  });
  const content = {
    title: 'Price alert',
    body: 'ACME is below 42',
    url: 'https://team.example/acme',
    image: 'https://team.example/acme.png',
    data: { symbol: 'ACME' },
    icon: '/icon.png',
    badge: '/badge.png',
    tag: 'mine',
    actions: [{ action: 'sell', title: 'Sell' }],
    requireInteraction: true,
    renotify: true,
    silent: false,
  };
  expect(document({ content })).toEqual({ id: '0197e6d2-4f6a-7abc-8def-0123456789ab', ...content });
});

test('a native payload is sent as it is, text or bytes', () => {
  expect(message({ native: { payload: 'raw €' } }).plaintext).toEqual(Buffer.from('raw €'));
  expect(message({ native: { payload: Uint8Array.of(0, 255) } }).plaintext).toEqual(Uint8Array.of(0, 255));
  expect(message({ native: { payload: '' } }).plaintext).toHaveLength(0);
});

describe('topic and tag', () => {
  test('come from the collapse key, the same for the same key', () => {
    const { headers } = message({ collapseKey: 'price:ACME' });
    expect(headers.Topic).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(document({ collapseKey: 'price:ACME' })).toMatchObject({ tag: headers.Topic });
    expect(message({ collapseKey: 'price:ACME', id: 'another' }).headers.Topic).toBe(headers.Topic);
    expect(message({ collapseKey: 'price:ACMF' }).headers.Topic).not.toBe(headers.Topic);
    expect(message({ collapseKey: 'priceACME' }).headers.Topic).toBe('priceACME');
  });

  test('are the delivery’s own where there is no key, so that a repeat replaces the first', () => {
    expect(message().headers.Topic).toBe('0197e6d24f6a7abc8def0123456789ab');
    expect(message({ attempt: 2 }).headers.Topic).toBe(message({ attempt: 1 }).headers.Topic);
  });

  test('FCM gets a topic only for a collapse key, since it keeps four; the tag replaces on the device', () => {
    expect(message({}, 'fcm.googleapis.com').headers).not.toHaveProperty('Topic');
    expect(document({})).toMatchObject({ tag: '0197e6d24f6a7abc8def0123456789ab' });
    expect(message({ collapseKey: 'k' }, 'fcm.googleapis.com').headers.Topic).toBe(collapseTopic('k', ''));
    expect(message({ native: { topic: 'mine' } }, 'fcm.googleapis.com').headers.Topic).toBe('mine');
  });

  test('any key gives a valid topic', () => {
    fc.assert(fc.property(fc.string(), (key) => /^[A-Za-z0-9]{1,32}$/.test(collapseTopic(key, ''))));
  });
});

describe('headers', () => {
  test.each([
    ['high', 'high'],
    ['normal', 'normal'],
    ['low', 'low'],
  ] as const)('priority %s is urgency %s', (priority, urgency) => {
    expect(message({ priority }).headers.Urgency).toBe(urgency);
  });

  test.each([
    ['whole seconds', 60_999, mozilla, '60'],
    ['less than a second', 999, mozilla, '0'],
    ['past', -5000, mozilla, '0'],
    ['30 days', 2_592_000_000, mozilla, '2592000'],
    ['more than 30 days', 9_000_000_000, mozilla, '2592000'],
    ['30 days at FCM, which keeps 28', 2_592_000_000, 'fcm.googleapis.com', '2419200'],
    ['a host named like a property', 60_000, 'constructor', '60'],
  ])('TTL: %s', (_, left, hostname, ttl) => {
    expect(message({ expiresAt: new Date(now + left) }, hostname).headers.TTL).toBe(ttl);
  });

  test('native ones win', () => {
    const { headers } = message({
      native: { ttl: 7, urgency: 'very-low', topic: 'mine' },
      collapseKey: 'k',
      priority: 'high',
    });
    expect(headers).toEqual({ TTL: '7', Urgency: 'very-low', Topic: 'mine' });
  });

  test('the TTL never lets a message outlive its deadline', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e10, max: 1e10 }), (left) => {
        const ttl = Number(message({ expiresAt: new Date(now + left) }).headers.TTL);
        expect(Number.isInteger(ttl)).toBe(true);
        expect(ttl).toBeGreaterThanOrEqual(0);
        expect(ttl * 1000).toBeLessThanOrEqual(Math.max(0, left));
      }),
    );
  });
});

describe('size', () => {
  const sized = (delivery: WebPushDelivery) => toPushMessage(delivery, mozilla, now);

  test('3993 bytes are taken, one more is not', () => {
    expect(plaintextLimit).toBe(3993);
    expect(sized(makeDelivery({ native: { payload: 'a'.repeat(3993) } }))).toHaveProperty('plaintext');
    expect(sized(makeDelivery({ native: { payload: 'a'.repeat(3994) } }))).toMatchObject({
      kind: 'rejected',
      scope: 'message',
      code: 'tidings.payload_too_large',
      field: 'native.webPush.payload',
    });
  });

  test('bytes count, not characters', () => {
    expect(sized(makeDelivery({ native: { payload: '€'.repeat(1332) } }))).toMatchObject({ kind: 'rejected' });
  });

  test('names the field that is to blame, and nothing of its content', () => {
    const failure = sized(
      makeDelivery({ content: { title: 'x', body: 'short', data: { secret: 's3cret'.repeat(1000) } } }),
    );
    expect(failure).toMatchObject({ field: 'data' });
    expect(JSON.stringify(failure)).not.toContain('s3cret');
  });
});

test('data that JSON can not express is the message’s fault', () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  for (const data of [
    cycle,
    { amount: 1n },
    {
      toJSON: () => {
        throw new Error('no');
      },
    },
  ]) {
    expect(toPushMessage(makeDelivery({ content: { data: data as never } }), mozilla, now)).toMatchObject({
      kind: 'rejected',
      scope: 'message',
      code: 'tidings.invalid_payload',
      field: 'data',
    });
  }
});
