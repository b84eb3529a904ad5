import { hash } from 'node:crypto';

/** Fits `apns-collapse-id` (64 bytes), Topic of Web Push (32 characters) and Android's `tag` alike. */
const longest = 32;
const plain = /^[A-Za-z0-9]{1,32}$/;

/**
 * The key under which a later notification replaces an earlier one: the application's own where every service takes it,
 * else its SHA-256 in hex, cut to 32 characters (128 bits). Pure: the same key gives the same text on every attempt and machine.
 */
export function hashedKey(key: string): string {
  return plain.test(key) ? key : hash('sha256', key, 'hex').slice(0, longest);
}
