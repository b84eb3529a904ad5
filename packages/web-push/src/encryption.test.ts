import { createECDH, hkdfSync, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { derive, encrypt, overhead } from './encryption.ts';

/** What web-push itself is built on: another implementation, of both directions. */
const ece = createRequire(createRequire(import.meta.url).resolve('web-push'))('http_ece') as {
  decrypt(body: Buffer, parameters: { version: 'aes128gcm'; privateKey: object; authSecret: string }): Buffer;
};

function subscriber() {
  const privateKey = createECDH('prime256v1');
  privateKey.generateKeys();
  const keys = { p256dh: privateKey.getPublicKey('base64url'), auth: randomBytes(16).toString('base64url') };
  return { keys, read: (body: Buffer) => ece.decrypt(body, { version: 'aes128gcm', privateKey, authSecret: keys.auth }) };
}

test('another implementation reads it, whatever it is', () => {
  const { keys, read } = subscriber();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3993 }), (plaintext) => {
      expect(read(encrypt(plaintext, keys)).equals(plaintext)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('adds 103 bytes, so that 3993 fill the 4096 that push services take', () => {
  const { keys, read } = subscriber();
  for (const length of [0, 1, 3993]) expect(encrypt(Buffer.alloc(length), keys)).toHaveLength(length + overhead);
  expect(read(encrypt(Buffer.alloc(3993, 'a'), keys)).toString()).toBe('a'.repeat(3993));
});

test('takes keys in base64 as well as in base64url, padded or not', () => {
  const { keys, read } = subscriber();
  const again = (encoding: 'base64' | 'base64url') => ({
    p256dh: Buffer.from(keys.p256dh, 'base64url').toString(encoding),
    auth: Buffer.from(keys.auth, 'base64url').toString(encoding),
  });
  for (const each of [again('base64'), again('base64url')]) expect(read(encrypt(Buffer.from('text'), each)).toString()).toBe('text');
});

test('no two messages share a key or a salt', () => {
  const { keys } = subscriber();
  const bodies = Array.from({ length: 20 }, () => encrypt(Buffer.from('text'), keys));
  const distinct = (from: number, to: number) => new Set(bodies.map((body) => body.subarray(from, to).toString('hex'))).size;
  expect([distinct(0, 16), distinct(21, 86), distinct(86, 102)]).toEqual([20, 20, 20]);
});

test('a point that is not on the curve is refused', () => {
  const { keys } = subscriber();
  const point = Buffer.from(keys.p256dh, 'base64url');
  point[40] = (point[40] ?? 0) ^ 1;
  expect(() => encrypt(Buffer.alloc(1), { ...keys, p256dh: point.toString('base64url') })).toThrow();
  expect(() => encrypt(Buffer.alloc(1), { ...keys, p256dh: '' })).toThrow();
});

test('the key derivation is HKDF', () => {
  const bytes = fc.uint8Array({ maxLength: 64 }).map((each) => Buffer.from(each));
  fc.assert(
    fc.property(bytes, fc.uint8Array({ minLength: 1, maxLength: 200 }), bytes, (salt, secret, info) => {
      expect(derive(salt, Buffer.from(secret), [info])).toEqual(Buffer.from(hkdfSync('sha256', secret, salt, info, 32)));
    }),
  );
});
