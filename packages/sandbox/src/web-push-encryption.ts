// The receiving side of RFC 8291 (message encryption for Web Push) over RFC 8188 (aes128gcm).
import {
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';

/** What a browser keeps of a subscription, and what it gives away of it. */
export interface SubscriberKeys {
  readonly privateKey: KeyObject;
  /** Uncompressed point, 65 bytes. */
  readonly publicKey: Buffer;
  /** 16 bytes. */
  readonly auth: Buffer;
}

const pointLength = 65;
const saltLength = 16;
const tagLength = 16;
/** Salt, record size, length of the key id; the key id follows. */
const prefixLength = saltLength + 4 + 1;
/** What comes before the point in the DER form of a P-256 public key. */
const derPrefix = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');

/** A new subscription's keys, as a browser makes them. */
export function generateSubscriberKeys(): SubscriberKeys {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  return { privateKey, publicKey: point, auth: randomBytes(16) };
}

/** A P-256 public key from its uncompressed point; undefined for what is none. */
export function importPoint(point: Uint8Array): KeyObject | undefined {
  if (point.length !== pointLength || point[0] !== 4) return undefined;
  try {
    return createPublicKey({ key: Buffer.concat([derPrefix, point]), format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

/** The plaintext of a message, or undefined where it was not encrypted for this subscriber or is no single aes128gcm record. */
export function decrypt(body: Buffer, keys: SubscriberKeys): Buffer | undefined {
  const idLength = body[prefixLength - 1];
  if (idLength !== pointLength) return undefined;
  const salt = body.subarray(0, saltLength);
  const recordSize = body.readUInt32BE(saltLength);
  const senderPoint = body.subarray(prefixLength, prefixLength + pointLength);
  const record = body.subarray(prefixLength + pointLength);
  // One record only (RFC 8291, section 4), with room for the tag and the delimiter.
  if (record.length > recordSize || record.length <= tagLength) return undefined;
  const sender = importPoint(senderPoint);
  if (sender === undefined) return undefined;

  const shared = diffieHellman({ privateKey: keys.privateKey, publicKey: sender });
  const keyInfo = Buffer.concat([Buffer.from('WebPush: info\0'), keys.publicKey, senderPoint]);
  const secret = derive(shared, keys.auth, keyInfo, 32);
  const key = derive(secret, salt, 'Content-Encoding: aes128gcm\0', 16);
  const nonce = derive(secret, salt, 'Content-Encoding: nonce\0', 12);
  return open(record, key, nonce);
}

function derive(secret: Uint8Array, salt: Uint8Array, info: string | Uint8Array, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, length));
}

function open(record: Buffer, key: Buffer, nonce: Buffer): Buffer | undefined {
  const decipher = createDecipheriv('aes-128-gcm', key, nonce);
  decipher.setAuthTag(record.subarray(-tagLength));
  let padded: Buffer;
  try {
    padded = Buffer.concat([decipher.update(record.subarray(0, -tagLength)), decipher.final()]);
  } catch {
    return undefined;
  }
  // Behind the text a delimiter, 2 in the last record, then zeros (RFC 8188, section 2).
  let end = padded.length - 1;
  while (end >= 0 && padded[end] === 0) end -= 1;
  return padded[end] === 2 ? padded.subarray(0, end) : undefined;
}
