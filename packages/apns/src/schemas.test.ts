import type { Schema } from '@tidings/core';
import { describe, expect, test } from 'vitest';
import { contentSchema, nativeSchema, targetSchema } from './schemas.ts';

/** Path of the first issue; undefined where there is none. */
function problem(schema: Schema, value: unknown): string | undefined {
  const result = schema['~standard'].validate(value) as {
    value?: unknown;
    issues?: readonly { path?: readonly unknown[] }[];
  };
  if (result.issues === undefined) {
    // The engine relies on getting back what it gave.
    expect(result.value).toBe(value);
    return undefined;
  }
  return (result.issues[0]?.path ?? []).join('.');
}

describe('a target', () => {
  test.each([
    [{ token: 'a'.repeat(64) }, undefined],
    [{ token: 'AB'.repeat(100), channel: 'ios' }, undefined],
    [{ token: 'a'.repeat(62) }, 'token'],
    [{ token: 'a'.repeat(65) }, 'token'],
    [{ token: 'a'.repeat(202) }, 'token'],
    [{ token: 'g'.repeat(64) }, 'token'],
    [{ token: `${'a'.repeat(62)}/.` }, 'token'],
    [{ token: `${'a'.repeat(64)}\n` }, 'token'],
    [{ token: 5 }, 'token'],
    [{}, 'token'],
    [null, ''],
    ['a'.repeat(64), ''],
  ])('%j: %s', (value, expected) => expect(problem(targetSchema as Schema, value)).toBe(expected));

  test('its issue does not quote the token', () => {
    const result = targetSchema['~standard'].validate({ token: 'secret-token' });
    expect(JSON.stringify(result)).not.toContain('secret-token');
  });
});

describe('content', () => {
  test.each([
    [{}, undefined],
    [
      {
        title: 'T',
        badge: 0,
        sound: 'default',
        relevanceScore: 1,
        interruptionLevel: 'passive',
        contentAvailable: true,
      },
      undefined,
    ],
    [{ sound: { name: 'x', critical: true, volume: 0 } }, undefined],
    [{ badge: undefined }, undefined],
    [{ badge: '1' }, 'badge'],
    [{ badge: -1 }, 'badge'],
    [{ badge: 1.5 }, 'badge'],
    [{ sound: { volume: 1 } }, 'sound'],
    [{ sound: { name: 'x', volume: 2 } }, 'sound'],
    [{ sound: null }, 'sound'],
    [{ subtitle: 5 }, 'subtitle'],
    [{ category: {} }, 'category'],
    [{ thread: [] }, 'thread'],
    [{ interruptionLevel: 'loud' }, 'interruptionLevel'],
    [{ relevanceScore: NaN }, 'relevanceScore'],
    [{ contentAvailable: 1 }, 'contentAvailable'],
    [{ mutableContent: 'yes' }, 'mutableContent'],
    [null, ''],
  ])('%j: %s', (value, expected) => expect(problem(contentSchema as Schema, value)).toBe(expected));
});

describe('native', () => {
  test.each([
    [{}, undefined],
    [{ aps: { alert: 'x', anything: [1] }, payload: { a: 1 } }, undefined],
    [
      {
        headers: {
          'apns-push-type': 'voip',
          'apns-topic': 'a.b-c_d',
          'apns-priority': 1,
          'apns-collapse-id': 'x y',
          'apns-expiration': 0,
        },
      },
      undefined,
    ],
    [{ app: {} }, 'app'],
    [{ aps: 'x' }, 'aps'],
    [{ payload: [] }, 'payload'],
    [{ payload: { aps: {} } }, 'payload.aps'],
    [{ headers: { 'apns-topics': 'x' } }, 'headers.apns-topics'],
    [{ headers: { authorization: 'bearer x' } }, 'headers.authorization'],
    [{ headers: { 'apns-id': 'x' } }, 'headers.apns-id'],
    [{ headers: { 'apns-push-type': 'toString' } }, 'headers.apns-push-type'],
    [{ headers: { 'apns-topic': 'a\r\nb: c' } }, 'headers.apns-topic'],
    [{ headers: { 'apns-topic': 'a\0b\0\0' } }, 'headers.apns-topic'],
    [{ headers: { 'apns-priority': 7 } }, 'headers.apns-priority'],
    [{ headers: { 'apns-priority': '10' } }, 'headers.apns-priority'],
    [{ headers: { 'apns-collapse-id': 'x'.repeat(65) } }, 'headers.apns-collapse-id'],
    [{ headers: { 'apns-collapse-id': 'ü' } }, 'headers.apns-collapse-id'],
    [{ headers: { 'apns-expiration': -1 } }, 'headers.apns-expiration'],
    [[], ''],
  ])('%j: %s', (value, expected) => expect(problem(nativeSchema as Schema, value)).toBe(expected));
});
