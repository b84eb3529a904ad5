// The receiving side of RFC 8291 (message encryption for Web Push) over RFC 8188 (aes128gcm).
import {
  createDecipheriv,
  createECDH,
  createPublicKey,
  hash,
  randomBytes,
  type ECDH,
  type KeyObject,
} from 'node:crypto';

/** What a browser keeps of a subscription, and what it gives away of it. */
export interface SubscriberKeys {
  readonly privateKey: ECDH;
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
  const privateKey = createECDH('prime256v1');
  return { privateKey, publicKey: privateKey.generateKeys(), auth: randomBytes(16) };
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
  const shared = agree(keys.privateKey, senderPoint);
  if (shared === undefined) return undefined;
  const keyInfo = Buffer.concat([Buffer.from('WebPush: info\0'), keys.publicKey, senderPoint]);
  const secret = expand(hmac(keys.auth, shared), keyInfo);
  const pseudoRandom = hmac(salt, secret);
  const key = expand(pseudoRandom, Buffer.from('Content-Encoding: aes128gcm\0')).subarray(0, 16);
  const nonce = expand(pseudoRandom, Buffer.from('Content-Encoding: nonce\0')).subarray(0, 12);
  return open(record, key, nonce);
}

/** Undefined where the sender's key is no point on the curve. Not with key objects, which cost twice as much as the agreement itself. */
function agree(privateKey: ECDH, senderPoint: Buffer): Buffer | undefined {
  try {
    return privateKey.computeSecret(senderPoint);
  } catch {
    return undefined;
  }
}

/** The second half of HKDF (RFC 5869), for one block; the first is `hmac` with the salt as its key. */
function expand(key: Uint8Array, info: Uint8Array): Buffer {
  return hmac(key, Buffer.concat([info, Buffer.of(1)]));
}

/** Node's own HMAC and HKDF make a key object for each call, which costs several times the hashing. */
function hmac(key: Uint8Array, data: Uint8Array): Buffer {
  const block = Buffer.concat([key], 64);
  const inner = hash('sha256', Buffer.concat([block.map((byte) => byte ^ 0x36), data]), 'buffer');
  return hash('sha256', Buffer.concat([block.map((byte) => byte ^ 0x5c), inner]), 'buffer');
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
