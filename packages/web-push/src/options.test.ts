import { isTidingsError } from '@tidings/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkOptions, contentSchema, nativeSchema, targetSchema } from './options.ts';
import { makeTarget, makeVapid } from './testing/fixtures.ts';

const vapid = makeVapid();

function codeAndField(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    if (!isTidingsError(error)) throw error;
    for (const secret of [vapid.privateKey, vapid.publicKey]) expect(error.message).not.toContain(secret);
    return [error.code, error.field];
  }
  return undefined;
}

describe('options', () => {
  test('have defaults', () => {
    expect(checkOptions({ vapid })).toMatchObject({ sockets: 50, idleTimeout: 30_000 });
    expect(checkOptions({ vapid: () => vapid, sockets: 5, allow: ['a.example'] })).toMatchObject({ sockets: 5 });
  });

  test.each([
    ['options', undefined],
    ['vapid', {}],
    ['vapid.subject', { vapid: { ...vapid, subject: 'push@team.example' } }],
    ['vapid.subject', { vapid: { ...vapid, subject: 'mailto: push@team.example' } }],
    ['vapid.subject', { vapid: { ...vapid, subject: 'mailto:push@localhost' } }],
    ['vapid.subject', { vapid: { ...vapid, subject: 'https://localhost/contact' } }],
    ['vapid.subject', { vapid: { ...vapid, subject: 'http://team.example' } }],
    ['vapid.publicKey', { vapid: { ...vapid, publicKey: `${vapid.publicKey}=` } }],
    ['vapid.publicKey', { vapid: { ...vapid, publicKey: vapid.privateKey } }],
    ['vapid.privateKey', { vapid: { ...vapid, privateKey: '' } }],
    ['vapid.privateKey', { vapid: { ...vapid, privateKey: makeVapid().privateKey } }],
    ['vapid.privateKey', { vapid: { ...vapid, privateKey: 'A'.repeat(43) } }],
    ['allow.1', { vapid, allow: ['a.example', 'https://b.example'] }],
    ['allow', { vapid, allow: 'a.example' }],
    ['ca', { vapid, ca: 7 }],
    ['ca', { vapid, ca: './root.pem' }],
    ['resolve', { vapid, resolve: 'dns' }],
    ['sockets', { vapid, sockets: 0 }],
    ['sockets', { vapid, sockets: 1.5 }],
    ['idleTimeout', { vapid, idleTimeout: -1 }],
    ['idleTimeout', { vapid, idleTimeout: '30s' }],
  ])('name what is wrong: %s', (field, options) => {
    expect(codeAndField(() => checkOptions(options as never))).toEqual(['tidings.invalid_options', field]);
  });
});

describe('a target', () => {
  const schema = targetSchema((endpoint) => (endpoint.startsWith('https://fcm') ? undefined : 'expected another'));
  const pathOf = async (value: unknown): Promise<unknown> => {
    const result = await schema['~standard'].validate(value);
    return result.issues === undefined ? 'valid' : result.issues[0]?.path?.join('.');
  };
  const good = makeTarget();
  const off = (bytes: number) => Buffer.alloc(bytes, 4).toString('base64url');

  test.each<[unknown, unknown]>([
    ['valid', good],
    ['valid', { ...good, expirationTime: null }],
    ['valid', { ...good, expirationTime: 1_900_000_000_000 }],
    ['valid', { ...good, channel: 'web' }],
    ['valid', { ...good, keys: { p256dh: `${good.keys.p256dh}=`, auth: `${good.keys.auth}==` } }],
    [
      'valid',
      {
        ...good,
        keys: { p256dh: Buffer.from(good.keys.p256dh, 'base64url').toString('base64'), auth: good.keys.auth },
      },
    ],
    [undefined, null],
    [undefined, 'https://fcm'],
    ['endpoint', {}],
    ['endpoint', { ...good, endpoint: undefined }],
    ['endpoint', { ...good, endpoint: 'https://evil.example' }],
    ['keys', { ...good, keys: undefined }],
    ['keys.p256dh', { ...good, keys: { auth: good.keys.auth } }],
    ['keys.p256dh', { ...good, keys: { ...good.keys, p256dh: off(64) } }],
    ['keys.p256dh', { ...good, keys: { ...good.keys, p256dh: off(66) } }],
    ['keys.p256dh', { ...good, keys: { ...good.keys, p256dh: Buffer.alloc(65, 2).toString('base64url') } }],
    ['keys.p256dh', { ...good, keys: { ...good.keys, p256dh: good.keys.p256dh.replace(/.$/, ' ') } }],
    ['keys.auth', { ...good, keys: { p256dh: good.keys.p256dh } }],
    ['keys.auth', { ...good, keys: { ...good.keys, auth: off(15) } }],
    ['keys.auth', { ...good, keys: { ...good.keys, auth: off(17) } }],
    ['expirationTime', { ...good, expirationTime: 'tomorrow' }],
  ])('is %s: %#', async (path, value) => {
    expect(await pathOf(value)).toBe(path);
  });

  test('never throws and never quotes what it was given', async () => {
    await fc.assert(
      fc.asyncProperty(fc.anything(), async (value) => {
        const result = await schema['~standard'].validate(value);
        for (const issue of result.issues ?? []) expect(issue.message).toMatch(/^expected [\w -,()]+$/);
      }),
    );
  });
});

describe('content and native', () => {
  const pathOf = async (schema: typeof contentSchema | typeof nativeSchema, value: unknown): Promise<unknown> => {
    const result = await schema['~standard'].validate(value);
    return result.issues === undefined ? 'valid' : result.issues[0]?.path?.join('.');
  };

  test.each<[unknown, unknown]>([
    ['valid', {}],
    ['valid', { title: 'Hi', tag: 'a', actions: [{ action: 'a', title: 'A', icon: '/i' }], silent: true }],
    ['valid', { tag: undefined }],
    ['tag', { tag: 7 }],
    ['actions', { actions: [{ action: 'a' }] }],
    ['actions', { actions: {} }],
    ['silent', { silent: 'yes' }],
  ])('content is %s: %#', async (path, value) => {
    expect(await pathOf(contentSchema, value)).toBe(path);
  });

  test.each<[unknown, unknown]>([
    ['valid', {}],
    ['valid', { payload: 'x', ttl: 0, urgency: 'very-low', topic: 'a-_9' }],
    ['valid', { payload: Uint8Array.of(1) }],
    ['payload', { payload: { title: 'x' } }],
    ['ttl', { ttl: -1 }],
    ['ttl', { ttl: 1.5 }],
    ['urgency', { urgency: 'urgent' }],
    ['topic', { topic: 'a'.repeat(33) }],
    ['topic', { topic: 'a:b' }],
    ['topic', { topic: 'a\r\nX: y' }],
    ['TTL', { TTL: 5 }],
  ])('native is %s: %#', async (path, value) => {
    expect(await pathOf(nativeSchema, value)).toBe(path);
  });
});
