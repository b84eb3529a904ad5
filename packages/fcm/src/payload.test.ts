import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FcmDelivery } from './payload.ts';
import { toRequest } from './payload.ts';
import type { FcmNative } from './schemas.ts';

const now = Date.UTC(2030, 0, 1);
const id = '018cc251-f400-7000-8000-000000000001';

function delivery(changes: Partial<FcmDelivery> = {}): FcmDelivery {
  return {
    id,
    messageId: id,
    channel: 'android',
    target: { token: 'token-1' },
    content: { title: 'Price alert', body: 'ACME is below 42' },
    priority: 'normal',
    expiresAt: new Date(now + 600_000),
    attempt: 1,
    ...changes,
  };
}

function failure(changes: Partial<FcmDelivery>): object {
  const request = toRequest(delivery(changes), { now, validateOnly: false });
  if ('body' in request) throw new Error('expected a failure');
  return request;
}

/** What was written, read without asking at each step whether it is there: a test that asks for what isn't there fails. */
type Sent = {
  readonly [
    key in
      | 'android'
      | 'apns'
      | 'webpush'
      | 'notification'
      | 'payload'
      | 'aps'
      | 'headers'
      | 'fcm_options'
      | 'data'
      | 'alert'
  ]: Sent;
} & {
  readonly [key: string]: unknown;
};

function message(changes: Partial<FcmDelivery> = {}): Sent {
  const request = toRequest(delivery(changes), { now, validateOnly: false });
  if (!('body' in request)) throw new Error(`refused: ${request.code}`);
  return JSON.parse(request.body).message as Sent;
}

describe('a notification', () => {
  test('is written for all three platforms', () => {
    const sent = message({
      content: {
        title: 'Price alert',
        body: 'ACME is below 42',
        image: 'https://a.example/i.png',
        url: 'https://a.example/acme',
        data: { symbol: 'ACME', price: 41.5, tags: ['a', 'b'], none: undefined, gone: null },
        sound: 'ping.wav',
        badge: 3,
        channelId: 'alerts',
      },
      priority: 'high',
      collapseKey: 'acme',
    });
    expect(sent).toEqual({
      token: 'token-1',
      notification: { title: 'Price alert', body: 'ACME is below 42', image: 'https://a.example/i.png' },
      data: { url: 'https://a.example/acme', symbol: 'ACME', price: '41.5', tags: '["a","b"]', gone: 'null' },
      android: {
        priority: 'HIGH',
        ttl: '600s',
        notification: { tag: 'acme', sound: 'ping.wav', channel_id: 'alerts', notification_count: 3 },
      },
      apns: {
        headers: {
          'apns-collapse-id': 'acme',
          'apns-expiration': String(now / 1000 + 600),
          'apns-priority': '10',
        },
        payload: { aps: { sound: 'ping.wav', badge: 3, 'mutable-content': 1 } },
      },
      webpush: {
        headers: { TTL: '600', Urgency: 'high', Topic: 'acme' },
        fcm_options: { link: 'https://a.example/acme' },
      },
    });
  });

  test.each([
    ['token', { token: 't' }],
    ['topic', { topic: 'news' }],
    ['condition', { condition: "'news' in topics" }],
    ['fid', { fid: 'f' }],
  ] as const)('goes to a %s', (kind, target) => {
    const request = toRequest(delivery({ target }), { now, validateOnly: false });
    expect(request).toMatchObject({ target: kind });
    expect(message({ target })[kind]).toBe(target[kind as keyof typeof target]);
  });

  test('asks for a check only where the option is set', () => {
    const checked = toRequest(delivery(), { now, validateOnly: true });
    expect('body' in checked && JSON.parse(checked.body).validate_only).toBe(true);
    const sent = toRequest(delivery(), { now, validateOnly: false });
    expect('body' in sent && JSON.parse(sent.body)).not.toHaveProperty('validate_only');
  });

  test('removes the badge on Apple devices and counts nothing on Android with a badge of 0', () => {
    const sent = message({ content: { title: 'x', badge: 0 } });
    expect(sent.apns.payload.aps.badge).toBe(0);
    expect(sent.android.notification).not.toHaveProperty('notification_count');
  });
});

describe('a data message', () => {
  const silent = { content: { data: { sync: 'inbox' } } };
  test('shows nothing and still wakes an Apple app', () => {
    const sent = message({ ...silent, priority: 'high' });
    expect(sent).not.toHaveProperty('notification');
    expect(sent.android).toEqual({ priority: 'HIGH', ttl: '600s' });
    expect(sent.apns.payload).toEqual({ aps: { 'content-available': 1 } });
    expect(sent.apns.headers['apns-priority']).toBe('5');
  });
  test('leaves the Apple payload to native where there is one', () => {
    const sent = message({ ...silent, native: { apns: { payload: { aps: { alert: 'Hi' } } } }, priority: 'high' });
    expect(sent.apns.payload).toEqual({ aps: { alert: 'Hi' } });
    expect(sent.apns.headers['apns-priority']).toBe('10');
  });
  test('has a tag on Android as soon as native makes it visible there', () => {
    const sent = message({ ...silent, native: { android: { notification: { title: 'Hi' } } } });
    expect(sent.android.notification).toMatchObject({ title: 'Hi', tag: expect.any(String) });
  });
});

test.each([
  ['high', 'HIGH', '10', 'high'],
  ['normal', 'NORMAL', '10', 'normal'],
  ['low', 'NORMAL', '5', 'low'],
] as const)('priority %s is %s on Android, %s on Apple devices and %s in browsers', (priority, android, apple, web) => {
  const sent = message({ priority });
  expect(sent.android.priority).toBe(android);
  expect(sent.apns.headers['apns-priority']).toBe(apple);
  expect(sent.webpush.headers.Urgency).toBe(web);
});

describe('the lifetime', () => {
  test.each([
    ['counts whole seconds down', 1999, '1s', String(now / 1000 + 1)],
    ['is none below a second', 999, '0s', '0'],
    ['is none after the deadline', -5000, '0s', '0'],
    ['is four weeks at most', 90 * 86_400_000, '2419200s', String(now / 1000 + 2_419_200)],
  ])('%s', (_, rest, ttl, expiration) => {
    const sent = message({ expiresAt: new Date(now + rest) });
    expect(sent.android.ttl).toBe(ttl);
    expect(sent.webpush.headers.TTL).toBe(ttl.slice(0, -1));
    expect(sent.apns.headers['apns-expiration']).toBe(expiration);
  });
});

describe('collapsing', () => {
  test('uses the delivery id where no key is given, the same on every attempt', () => {
    const first = message();
    expect(first.android.notification.tag).toMatch(/^[0-9a-f]{32}$/);
    expect(message({ attempt: 2 }).android.notification.tag).toBe(first.android.notification.tag);
    expect(message({ id: id.replace('1', '2') }).android.notification.tag).not.toBe(first.android.notification.tag);
  });
  test('gives all platforms the same key', () => {
    const sent = message({ collapseKey: 'price:ACME' });
    const key = sent.android.notification.tag as string;
    expect(key).toMatch(/^[0-9a-f]{32}$/);
    expect(sent.apns.headers['apns-collapse-id']).toBe(key);
    expect(sent.webpush.headers.Topic).toBe(key);
  });
  test('sets collapse_key only through native, for FCM keeps four per token', () => {
    expect(message({ collapseKey: 'a' }).android).not.toHaveProperty('collapse_key');
    expect(message({ native: { android: { collapse_key: 'mine' } } }).android.collapse_key).toBe('mine');
  });
});

describe('a url', () => {
  test.each(['http://a.example/', 'app://open/1', 'not a url', 'javascript:alert(1)'])(
    '%s is no web link but data',
    (url) => {
      const sent = message({ content: { title: 'x', url } });
      expect(sent.webpush).not.toHaveProperty('fcm_options');
      expect(sent.data).toEqual({ url });
    },
  );
  test('yields to a field of the same name in data', () => {
    expect(message({ content: { url: 'app://a', data: { url: 'app://b' } } }).data).toEqual({ url: 'app://b' });
  });
});

describe('data', () => {
  test.each(['from', 'google.c', 'googleId', 'gcm', 'gcm.notification.title'])('is refused for the key %s', (key) => {
    expect(failure({ content: { data: { [key]: 'x' } } })).toMatchObject({
      kind: 'rejected',
      scope: 'message',
      code: 'tidings.reserved_data_key',
      field: `data.${key}`,
    });
  });
  test.each(['From', 'fromage', 'my.google', 'notification', 'collapse_key'])('may have the key %s', (key) => {
    expect(message({ content: { data: { [key]: 'x' } } }).data).toEqual({ [key]: 'x' });
  });
  test('that JSON cannot express is refused with its field', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    expect(failure({ content: { data: { circle: circle as never } } })).toMatchObject({
      kind: 'rejected',
      field: 'data.circle',
    });
    expect(failure({ content: { data: { big: 1n as never } } })).toMatchObject({ kind: 'rejected', field: 'data.big' });
  });
  test('holds strings only, whatever it was made from', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string().map((key) => `k${key}`),
          fc.jsonValue(),
        ),
        (data) => {
          const request = toRequest(delivery({ content: { data: data } }), { now, validateOnly: false });
          if (!('body' in request)) return;
          const sent = (JSON.parse(request.body).message.data ?? {}) as Record<string, unknown>;
          expect(new Set(Object.keys(sent))).toEqual(new Set(Object.keys(data)));
          for (const [key, value] of Object.entries(sent)) {
            expect(typeof value).toBe('string');
            if (typeof data[key] !== 'string')
              expect(JSON.parse(value as string)).toEqual(JSON.parse(JSON.stringify(data[key])));
          }
        },
      ),
    );
  });
});

describe('native', () => {
  test('merges into the mapping and wins field by field', () => {
    const native: FcmNative = {
      android: { priority: 'NORMAL', notification: { color: '#f00', tag: 'mine' } },
      apns: { headers: { 'apns-priority': '5' }, payload: { aps: { 'thread-id': 't' }, extra: [1] } },
      webpush: { headers: { Urgency: 'very-low' } },
      notification: { title: 'Other' },
      fcm_options: { analytics_label: 'spring' },
      data: { a: 'z' },
    };
    const content = { title: 'x', body: 'y', sound: 'default', data: { a: '1', b: '2' } };
    const sent = message({ native, content, priority: 'high' });
    expect(sent.android).toMatchObject({
      priority: 'NORMAL',
      ttl: '600s',
      notification: { color: '#f00', tag: 'mine', sound: 'default' },
    });
    expect(sent.apns.headers).toMatchObject({ 'apns-priority': '5', 'apns-collapse-id': expect.any(String) });
    expect(sent.apns.payload).toEqual({ aps: { sound: 'default', 'thread-id': 't' }, extra: [1] });
    expect(sent.webpush.headers).toMatchObject({ Urgency: 'very-low', TTL: '600' });
    expect(sent.notification).toEqual({ title: 'Other', body: 'y' });
    expect(sent.fcm_options).toEqual({ analytics_label: 'spring' });
    expect(sent.data).toEqual({ a: 'z', b: '2' });
  });

  test('leaves the mapping alone where a field is undefined', () => {
    const sent = message({ native: { android: undefined, apns: { headers: undefined } } });
    expect(sent.android.ttl).toBe('600s');
    expect(sent.apns.headers['apns-priority']).toBe('10');
  });

  test('is not changed by the merge, so that the same object can go to a million targets', () => {
    const native = { android: { notification: { color: '#f00' } }, data: { a: 'b' } };
    const before = structuredClone(native);
    message({ native, content: { title: 'x', sound: 'default', data: { c: 'd' } } });
    expect(native).toEqual(before);
  });

  test('with a key __proto__ changes no prototype', () => {
    const native = JSON.parse('{"android":{"__proto__":{"polluted":true}},"data":{"__proto__":"x"}}') as FcmNative;
    const request = toRequest(delivery({ native }), { now, validateOnly: false });
    expect(({} as Sent).polluted).toBeUndefined();
    expect('body' in request && request.body).toContain('"__proto__":{"polluted":true}');
  });

  test('that JSON cannot express is refused', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    expect(failure({ native: { android: circle as never } })).toMatchObject({
      code: 'tidings.invalid_payload',
      field: 'native.fcm',
    });
    const deep = JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`) as never;
    expect(failure({ native: { android: deep } })).toMatchObject({ code: 'tidings.invalid_payload' });
  });
});

describe('the size', () => {
  const fill = (bytes: number): string => 'x'.repeat(bytes);
  test.each([
    ['a token', { token: 't' }, 4096],
    ['a topic', { topic: 'news' }, 2048],
    ['a condition', { condition: "'a' in topics" }, 2048],
  ] as const)('for %s may be as large as FCM documents, and no byte larger', (_, target, limit) => {
    // 'k' counts as well.
    expect(message({ target, content: { data: { k: fill(limit - 1) } } }).data.k).toHaveLength(limit - 1);
    expect(failure({ target, content: { data: { k: fill(limit) } } })).toEqual({
      kind: 'rejected',
      scope: 'message',
      code: 'tidings.payload_too_large',
      message: `the payload is larger than the ${limit} bytes that FCM takes here`,
      field: 'data',
    });
  });
  test('is counted in bytes of UTF-8', () => {
    expect(failure({ content: { body: '€'.repeat(1366) } })).toMatchObject({
      code: 'tidings.payload_too_large',
      field: 'body',
    });
    expect(message({ content: { body: '€'.repeat(1363) } }).notification.body).toHaveLength(1363);
  });
  test('leaves out what is for the platforms alone', () => {
    expect(message({ native: { webpush: { data: { k: fill(5000) } } } }).webpush.data.k).toHaveLength(5000);
  });
});

test('no delivery, however odd, makes it throw', () => {
  const odd = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSparseArray: true,
  });
  fc.assert(
    fc.property(fc.dictionary(fc.string(), odd), odd, odd, fc.string(), (data, native, body, collapseKey) => {
      const request = toRequest(
        delivery({
          content: { title: 'x', body: body as never, data: data as never },
          native: native as never,
          collapseKey,
        }),
        { now, validateOnly: false },
      );
      if ('body' in request) expect(JSON.parse(request.body)).toHaveProperty('message.token');
      else expect(request.kind).toBe('rejected');
    }),
  );
});
