import { hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SubscriberKeys } from './encryption.ts';
import { derive, encrypt, overhead, readKeys } from './encryption.ts';
import { makeReader } from './testing/reader.ts';

function seal(plaintext: Uint8Array, keys: SubscriberKeys): Buffer {
  const body = encrypt(plaintext, keys);
  if (body === undefined) throw new Error('not encrypted');
  return body;
}

test('another implementation reads it, whatever it is', () => {
  const { keys, read } = makeReader();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3993 }), (plaintext) => {
      expect(read(seal(plaintext, keys)).equals(plaintext)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('adds 103 bytes, so that 3993 fill the 4096 that push services take', () => {
  const { keys, read } = makeReader();
  for (const length of [0, 1, 3993]) expect(seal(Buffer.alloc(length), keys)).toHaveLength(length + overhead);
  expect(read(seal(Buffer.alloc(3993, 'a'), keys)).toString()).toBe('a'.repeat(3993));
});

test('takes keys in base64 as well as in base64url, padded or not', () => {
  const { keys, read } = makeReader();
  for (const encoding of ['base64', 'base64url'] as const) {
    const text = readKeys({ p256dh: keys.point.toString(encoding), auth: keys.auth.toString(encoding) });
    expect(read(seal(Buffer.from('text'), text)).toString()).toBe('text');
  }
});

test('no two messages share a key or a salt', () => {
  const { keys } = makeReader();
  const bodies = Array.from({ length: 20 }, () => seal(Buffer.from('text'), keys));
  const distinct = (from: number, to: number) =>
    new Set(bodies.map((body) => body.subarray(from, to).toString('hex'))).size;
  expect([distinct(0, 16), distinct(21, 86), distinct(86, 102)]).toEqual([20, 20, 20]);
});

test('there is no result for a point that is not on the curve', () => {
  const { keys } = makeReader();
  const point = Buffer.from(keys.point);
  point[40] = (point[40] ?? 0) ^ 1;
  for (const broken of [point, Buffer.alloc(0), Buffer.alloc(65), keys.point.subarray(1)]) {
    expect(encrypt(Buffer.alloc(1), { ...keys, point: broken })).toBeUndefined();
  }
});

test('the key derivation is HKDF', () => {
  const bytes = fc.uint8Array({ maxLength: 64 }).map((each) => Buffer.from(each));
  fc.assert(
    fc.property(bytes, fc.uint8Array({ minLength: 1, maxLength: 200 }), bytes, (salt, secret, info) => {
      expect(derive(salt, Buffer.from(secret), [info])).toEqual(
        Buffer.from(hkdfSync('sha256', secret, salt, info, 32)),
      );
    }),
  );
});
