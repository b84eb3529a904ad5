import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { isTidingsError } from '@tidings/core';
import { describe, expect, test } from 'vitest';
import { makeCertificate } from '../../transport/src/testing/certificate.ts';
import { apns } from './index.ts';

const pem = (namedCurve: string): string =>
  generateKeyPairSync('ec', { namedCurve }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const key = pem('P-256');
const certificate = makeCertificate({ name: 'Apple Push Services' });
const good = { key, keyId: 'ABC123DEFG', teamId: 'DEF123GHIJ', topic: 'com.example.app' };

function fieldOf(options: unknown): string | undefined {
  try {
    apns(options as never);
  } catch (error) {
    if (!isTidingsError(error)) throw error;
    expect(error.code).toBe('tidings.invalid_options');
    for (const secret of key.split('\n').slice(1, -2)) expect(inspect(error)).not.toContain(secret);
    return error.field;
  }
  return undefined;
}

describe('options', () => {
  test.each([
    [good, undefined],
    [{ ...good, key: Buffer.from(key) }, undefined],
    [{ ...good, key: () => key }, undefined],
    [{ ...good, production: false, sessions: 1, streams: 10 }, undefined],
    [{ ...good, endpoint: 'https://localhost:8443' }, undefined],
    [{ ...good, endpoint: 'https://localhost:8443/' }, undefined],
    [undefined, 'apns'],
    [{ ...good, topic: undefined }, 'apns.topic'],
    [{ ...good, topic: 'a b' }, 'apns.topic'],
    [{ ...good, key: undefined }, 'apns.key'],
    [{ ...good, key: './AuthKey.p8' }, 'apns.key'],
    [{ ...good, key: pem('P-384') }, 'apns.key'],
    [{ ...good, key: key.slice(0, -60) }, 'apns.key'],
    [{ ...good, keyId: undefined }, 'apns.keyId'],
    [{ ...good, keyId: 'a b' }, 'apns.keyId'],
    [{ ...good, teamId: 5 }, 'apns.teamId'],
    [{ ...good, production: 'false' }, 'apns.production'],
    [{ ...good, endpoint: 'http://localhost' }, 'apns.endpoint'],
    [{ ...good, endpoint: 'https://localhost/3/device' }, 'apns.endpoint'],
    [{ ...good, endpoint: 'localhost' }, 'apns.endpoint'],
    [{ ...good, ca: 'no certificate' }, 'apns.ca'],
    [{ ...good, ca: 5 }, 'apns.ca'],
    [{ ...good, sessions: 0 }, 'apns.sessions'],
    [{ ...good, streams: '500' }, 'apns.streams'],
    [{ cert: 'x', key, topic: 'a' }, 'apns.cert'],
    [{ cert: certificate.cert, key: certificate.key, topic: 'a' }, undefined],
    [{ cert: Buffer.from(certificate.cert), key: Buffer.from(certificate.key), topic: 'a' }, undefined],
    [{ cert: certificate.cert, key: 'x', topic: 'a' }, 'apns.key'],
    [{ cert: certificate.cert, topic: 'a' }, 'apns.key'],
    [{ cert: certificate.cert, key, topic: 'a' }, 'apns.key'],
    [{ provider: {}, topic: 'a' }, 'apns.provider'],
    [{ provider: { send() {} }, topic: 'a' }, 'apns.provider'],
  ])('case %#: %s', (options, expected) => expect(fieldOf(options)).toBe(expected));
});

test('an adapter shows nothing of its credentials, however it is looked at', async () => {
  const adapter = apns(good);
  const shown =
    inspect(adapter, { depth: Infinity, showHidden: true }) + JSON.stringify(adapter) + String(Object.values(adapter));
  for (const secret of [good.keyId, good.teamId, ...key.split('\n').slice(1, -2)]) expect(shown).not.toContain(secret);
  await adapter.close();
});

test('the defaults fit the connections', () => {
  expect(apns(good)).toMatchObject({
    version: 1,
    provider: 'apns',
    limits: { batch: 1, payloadBytes: 4096 },
    policy: { concurrency: 1000, ambiguous: 'retry' },
  });
  expect(apns({ ...good, sessions: 1, streams: 50 }).policy.concurrency).toBe(50);
});
