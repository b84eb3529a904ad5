import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashedKey } from './collapse.ts';

test('a short key of letters and digits stays as it is', () => {
  expect(hashedKey('order42')).toBe('order42');
  expect(hashedKey('a'.repeat(32))).toBe('a'.repeat(32));
});

test('a longer key and one with other characters become the start of their SHA-256', () => {
  // Fixed: a process of another version must replace the same notification.
  expect(hashedKey('price:ACME')).toBe('ccdf4550db79814aa0e47430f8ca5f64');
  expect(hashedKey('a'.repeat(33))).toMatch(/^[0-9a-f]{32}$/);
});

test('every key fits every service, and the same key gives the same text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (key) => {
      const text = hashedKey(key);
      expect(text).toMatch(/^[A-Za-z0-9]{1,32}$/);
      expect(hashedKey(key)).toBe(text);
    }),
  );
});

test('different keys stay different', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), fc.string({ maxLength: 80 }), (one, other) => {
      fc.pre(one !== other);
      expect(hashedKey(one)).not.toBe(hashedKey(other));
    }),
  );
});
