import type { ECDH } from 'node:crypto';
import { createECDH, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type { SubscriberKeys } from '../encryption.ts';

/** What web-push itself is built on: another implementation of the encryption, here of its other direction. */
const ece = createRequire(createRequire(import.meta.url).resolve('web-push'))('http_ece') as {
  decrypt(body: Buffer, parameters: { version: 'aes128gcm'; privateKey: ECDH; authSecret: Buffer }): Buffer;
};

/** A browser that has subscribed. */
export function makeReader(): { readonly keys: SubscriberKeys; read(body: Buffer): Buffer } {
  const privateKey = createECDH('prime256v1');
  const keys = { point: privateKey.generateKeys(), auth: randomBytes(16) };
  return { keys, read: (body) => ece.decrypt(body, { version: 'aes128gcm', privateKey, authSecret: keys.auth }) };
}
