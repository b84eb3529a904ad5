import type { Schema } from '@tidings/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fcmContent, fcmNative, fcmTarget, targetKind } from './schemas.ts';

function issue(
  schema: Schema,
  value: unknown,
): { readonly message: string; readonly path?: readonly unknown[] } | undefined {
  const result = schema['~standard'].validate(value);
  if (result instanceof Promise || 'then' in result) throw new Error('expected a synchronous result');
  return result.issues?.[0];
}

describe('a target', () => {
  test.each([
    ['token', { token: 'dGVzdA:APA91b-_x' }],
    ['topic', { topic: 'news_sport-2.de~%41' }],
    ['condition', { condition: "'news' in topics && !('muted' in topics)" }],
    ['fid', { fid: 'cJ0ZkqYzQ0m3bXH9l5K1aB' }],
  ] as const)('may be a %s', (kind, target) => {
    expect(issue(fcmTarget, { channel: 'android', ...target })).toBeUndefined();
    expect(targetKind(target)).toBe(kind);
  });

  test.each([
    ['none of the four', { channel: 'android' }, undefined],
    ['two of them', { token: 'a', topic: 'b' }, undefined],
    ['an empty token', { token: '' }, ['token']],
    ['a token with a line break', { token: 'abc\r\nx: y' }, ['token']],
    ['a token that is no string', { token: 7 }, ['token']],
    ['a token that is too long', { token: 'a'.repeat(4097) }, ['token']],
    ['a topic with its path', { topic: '/topics/news' }, ['topic']],
    ['an installation id with a blank', { fid: 'a b' }, ['fid']],
    ['an empty condition', { condition: '' }, ['condition']],
    ['null', null, undefined],
    ['an array', ['token'], undefined],
  ])('is refused for %s', (_, value, path) => {
    const found = issue(fcmTarget, value);
    expect(found?.message).toMatch(/^expected /);
    expect(found?.path).toEqual(path);
  });

  test('never shows up in the issue about it', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 12 }), (text) => {
        const found = issue(fcmTarget, { topic: `/${text}` });
        expect(JSON.stringify(found)).not.toContain(JSON.stringify(text).slice(1, -1));
      }),
    );
  });
});

describe('content', () => {
  test.each([[{}], [{ title: 'Hi', sound: 'default', badge: 0, channelId: 'alerts' }]])('takes %o', (value) => {
    expect(issue(fcmContent, value)).toBeUndefined();
  });
  test.each([
    [{ sound: '' }, 'sound'],
    [{ sound: 1 }, 'sound'],
    [{ badge: -1 }, 'badge'],
    [{ badge: 1.5 }, 'badge'],
    [{ badge: '1' }, 'badge'],
    [{ channelId: null }, 'channelId'],
  ])('refuses %o', (value, field) => {
    expect(issue(fcmContent, value)?.path).toEqual([field]);
  });
});

describe('native', () => {
  test('takes the blocks of the v1 API', () => {
    const native = {
      android: { collapse_key: 'a', notification: { color: '#ff0000' } },
      apns: { headers: { 'apns-push-type': 'alert' }, payload: { aps: { 'thread-id': 't' } } },
      webpush: { notification: { icon: 'https://a.example/i.png' } },
      fcm_options: { analytics_label: 'spring' },
      notification: { title: 'Hi' },
      data: { a: 'b' },
    };
    expect(issue(fcmNative, native)).toBeUndefined();
  });
  test.each([
    ['another target', { token: 'x' }, undefined],
    ['a misspelled block', { androd: {} }, undefined],
    ['a block that is no object', { android: 'x' }, ['android']],
    ['data that is no string', { data: { a: 1 } }, ['data', 'a']],
    ['an array', [], undefined],
  ])('refuses %s', (_, value, path) => {
    const found = issue(fcmNative, value);
    expect(found).toBeDefined();
    expect(found?.path).toEqual(path);
  });
});
