import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { isTidingsError } from '@tidings/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FcmOptions } from './options.ts';
import { readOptions } from './options.ts';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const account = {
  type: 'service_account',
  project_id: 'demo-1',
  private_key_id: 'k1',
  private_key: pem,
  client_email: 'push@demo-1.iam.gserviceaccount.com',
  token_uri: 'https://oauth2.googleapis.com/token',
};
const credential = { getAccessToken: async () => ({ access_token: 't', expires_in: 3600 }) };

function refusal(options: unknown): {
  readonly code: string;
  readonly field: string | undefined;
  readonly text: string;
} {
  try {
    readOptions(options as FcmOptions);
  } catch (error) {
    if (!isTidingsError(error)) throw error;
    return { code: error.code, field: error.field, text: inspect(error) };
  }
  throw new Error('expected the options to be refused');
}

test('a service account is enough, as object or JSON', () => {
  for (const serviceAccount of [account, JSON.stringify(account)]) {
    expect(readOptions({ serviceAccount })).toMatchObject({
      origin: 'https://fcm.googleapis.com',
      sessions: 4,
      streams: 100,
      validateOnly: false,
      credentials: {
        from: 'serviceAccount',
        account: { projectId: 'demo-1', keyId: 'k1', tokenUri: account.token_uri },
      },
    });
  }
});

test('a key whose line ends are written out and one in PKCS #1 are read as well', () => {
  const pkcs1 = privateKey.export({ type: 'pkcs1', format: 'pem' }) as string;
  for (const key of [pem.replaceAll('\n', '\\n'), pkcs1]) {
    expect(() => readOptions({ serviceAccount: { ...account, private_key: key } })).not.toThrow();
  }
});

test('an app gives its credential, and the project of the options, the app or the credential in this order', () => {
  const project = (options: object): unknown => readOptions(options as FcmOptions).credentials.projectId;
  const both = { options: { projectId: 'of-app', credential: { ...credential, projectId: 'of-credential' } } };
  expect(project({ app: both, projectId: 'of-options' })).toBe('of-options');
  expect(project({ app: both })).toBe('of-app');
  expect(project({ app: { options: { credential: both.options.credential } } })).toBe('of-credential');
});

describe('refused with the field', () => {
  const base = { projectId: 'demo-1', accessToken: async () => ({ token: 't', expiresAt: 0 }) };
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  test.each<[string, unknown, string | undefined]>([
    ['nothing', undefined, undefined],
    ['no credential', {}, 'serviceAccount'],
    ['two credentials', { ...base, serviceAccount: account }, 'serviceAccount'],
    ['a path in place of JSON', { serviceAccount: './key.json' }, 'serviceAccount'],
    ['JSON that is no object', { serviceAccount: '[]' }, 'serviceAccount'],
    ['no mail address', { serviceAccount: { ...account, client_email: '' } }, 'serviceAccount.client_email'],
    ['no key', { serviceAccount: { ...account, private_key: undefined } }, 'serviceAccount.private_key'],
    ['a key that is none', { serviceAccount: { ...account, private_key: 'secret-key' } }, 'serviceAccount.private_key'],
    ['an EC key', { serviceAccount: { ...account, private_key: ec } }, 'serviceAccount.private_key'],
    ['a short key', { serviceAccount: { ...account, private_key: short } }, 'serviceAccount.private_key'],
    [
      'a key id that is no string',
      { serviceAccount: { ...account, private_key_id: 1 } },
      'serviceAccount.private_key_id',
    ],
    [
      'a token endpoint without TLS',
      { serviceAccount: { ...account, token_uri: 'http://a.example' } },
      'serviceAccount.token_uri',
    ],
    ['a project with a slash', { serviceAccount: { ...account, project_id: 'a/../b' } }, 'serviceAccount.project_id'],
    ['an override without TLS', { serviceAccount: account, tokenUri: 'http://a.example' }, 'tokenUri'],
    ['a token in place of a function', { ...base, accessToken: 'ya29.x' }, 'accessToken'],
    ['a function without a project', { accessToken: base.accessToken }, 'projectId'],
    ['an app without a credential', { app: { options: {} } }, 'app'],
    ['no app', { app: null }, 'app'],
    ['an app without a project', { app: { options: { credential } } }, 'projectId'],
    ['an endpoint without TLS', { ...base, endpoint: 'http://fcm.example' }, 'endpoint'],
    ['an endpoint with a path', { ...base, endpoint: 'https://fcm.example/v1' }, 'endpoint'],
    ['an endpoint with a user', { ...base, endpoint: 'https://u:p@fcm.example' }, 'endpoint'],
    ['certificates that are none', { ...base, ca: '/etc/ca.pem' }, 'ca'],
    ['no sessions', { ...base, sessions: 0 }, 'sessions'],
    ['half a session', { ...base, sessions: 1.5 }, 'sessions'],
    ['too many streams', { ...base, streams: 1001 }, 'streams'],
    ['streams that are no number', { ...base, streams: '100' }, 'streams'],
    ['validateOnly that is no boolean', { ...base, validateOnly: 'no' }, 'validateOnly'],
  ])('%s', (_, options, field) => {
    expect(refusal(options)).toMatchObject({ code: 'tidings.invalid_options', field });
  });

  test('and never with the value', () => {
    const hex = fc.stringMatching(/^[0-9a-f]{24}$/);
    fc.assert(
      fc.property(hex, (secret) => {
        for (const serviceAccount of [
          secret,
          `{"private_key":"${secret}`,
          { ...account, private_key: secret },
          { ...account, project_id: `/${secret}` },
        ]) {
          expect(refusal({ serviceAccount }).text).not.toContain(secret);
        }
        expect(refusal({ ...base, accessToken: secret }).text).not.toContain(secret);
        expect(refusal({ ...base, ca: secret }).text).not.toContain(secret);
      }),
      { numRuns: 20 },
    );
  });
});
