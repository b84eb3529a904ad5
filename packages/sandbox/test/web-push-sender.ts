// A sender for the sandbox's own tests: encrypts and signs, wrongly where it is told to.
import { createCipheriv, createECDH, createPrivateKey, hkdfSync, randomBytes, sign } from 'node:crypto';

/** Encrypts as RFC 8291 says; the options break it. */
export function encryptFor(
  keys: { readonly publicKey: Buffer; readonly auth: Buffer },
  text: string,
  options: { readonly padding?: number; readonly recordSize?: number; readonly delimiter?: number } = {},
): Buffer {
  const { padding = 0, recordSize = 4096, delimiter = 2 } = options;
  const sender = createECDH('prime256v1');
  const point = sender.generateKeys();
  const derive = (secret: Uint8Array, salt: Uint8Array, info: Uint8Array | string, length: number): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, salt, info, length));
  const keyInfo = Buffer.concat([Buffer.from('WebPush: info\0'), keys.publicKey, point]);
  const secret = derive(sender.computeSecret(keys.publicKey), keys.auth, keyInfo, 32);
  const salt = randomBytes(16);
  const key = derive(secret, salt, 'Content-Encoding: aes128gcm\0', 16);
  const cipher = createCipheriv('aes-128-gcm', key, derive(secret, salt, 'Content-Encoding: nonce\0', 12));
  const plaintext = Buffer.concat([Buffer.from(text), Buffer.of(delimiter), Buffer.alloc(padding)]);
  const record = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  const prefix = Buffer.concat([salt, Buffer.alloc(4), Buffer.of(point.length), point]);
  prefix.writeUInt32BE(recordSize, salt.length);
  return Buffer.concat([prefix, record]);
}

export interface VapidKeys {
  /** Base64url of the point. */
  readonly publicKey: string;
  /** The `Authorization` header for these claims. */
  authorize(claims: object, head?: object): string;
}

export function makeVapidKeys(): VapidKeys {
  const pair = createECDH('prime256v1');
  const point = pair.generateKeys();
  const part = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    d: part(pair.getPrivateKey()),
    x: part(point.subarray(1, 33)),
    y: part(point.subarray(33)),
  };
  const privateKey = createPrivateKey({ format: 'jwk', key: jwk });
  const publicKey = part(point);
  return {
    publicKey,
    authorize(claims, head = { typ: 'JWT', alg: 'ES256' }) {
      const signed = [head, claims].map((each) => part(Buffer.from(JSON.stringify(each)))).join('.');
      const proof = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return `vapid t=${signed}.${part(proof)}, k=${publicKey}`;
    },
  };
}
