import { createECDH } from 'node:crypto';
import { expect, test } from 'vitest';
import { decrypt, generateSubscriberKeys, importPoint, type SubscriberKeys } from './web-push-encryption.ts';
import { encryptFor } from '../test/web-push-sender.ts';

/** The example of RFC 8291, section 5. */
const example = {
  privateKey: 'q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94',
  auth: 'BTBZMqHH6r4Tts7J_aSIgg',
  body: 'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
};

function exampleKeys(): SubscriberKeys {
  const privateKey = createECDH('prime256v1');
  privateKey.setPrivateKey(example.privateKey, 'base64url');
  return { privateKey, publicKey: privateKey.getPublicKey(), auth: Buffer.from(example.auth, 'base64url') };
}

test('reads the example of RFC 8291', () => {
  const plaintext = decrypt(Buffer.from(example.body, 'base64url'), exampleKeys());
  expect(plaintext?.toString()).toBe('When I grow up, I want to be a watermelon');
});

test('reads what was padded, and an empty message', () => {
  const keys = generateSubscriberKeys();
  expect(decrypt(encryptFor(keys, 'padded', { padding: 500 }), keys)?.toString()).toBe('padded');
  expect(decrypt(encryptFor(keys, ''), keys)?.length).toBe(0);
});

test('refuses any changed byte, a cut, another subscriber and another auth secret', () => {
  const keys = generateSubscriberKeys();
  const body = encryptFor(keys, 'text');
  for (let index = 0; index < body.length; index += 1) {
    // The record size may be larger than the record.
    if (index >= 16 && index < 20) continue;
    const changed = Buffer.from(body);
    changed[index] = (changed[index] ?? 0) ^ 1;
    expect(decrypt(changed, keys), `byte ${index}`).toBeUndefined();
  }
  for (let length = 0; length < body.length; length += 1)
    expect(decrypt(body.subarray(0, length), keys)).toBeUndefined();
  expect(decrypt(body, generateSubscriberKeys())).toBeUndefined();
  expect(decrypt(body, { ...keys, auth: Buffer.alloc(16) })).toBeUndefined();
});

test('refuses a record that is larger than the header says, or not the last one', () => {
  const keys = generateSubscriberKeys();
  expect(decrypt(encryptFor(keys, 'text', { recordSize: 20 }), keys)).toBeUndefined();
  expect(decrypt(encryptFor(keys, 'text', { delimiter: 1 }), keys)).toBeUndefined();
});

test('takes a point for a key only if it is on the curve', () => {
  const point = createECDH('prime256v1').generateKeys();
  expect(importPoint(point)?.asymmetricKeyType).toBe('ec');
  const off = Buffer.from(point);
  off[40] = (off[40] ?? 0) ^ 1;
  expect(importPoint(off)).toBeUndefined();
  expect(importPoint(point.subarray(1))).toBeUndefined();
  expect(importPoint(Buffer.alloc(65))).toBeUndefined();
});
