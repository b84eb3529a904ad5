import { generateKeyPairSync } from 'node:crypto';
import type { Failure } from '@tidings/core';
import { realRuntime } from '@tidings/core';
import { describe, expect, test } from 'vitest';
import type { CredentialReason } from './options.ts';
import { readOptions } from './options.ts';
import { readServiceAccount } from './service-account.ts';
import { accessTokenSource, appSource, serviceAccountSource } from './sources.ts';
import type { GrantedToken, TokenEndpoint } from './token-endpoint.ts';

const { signal } = new AbortController();
const newKey = (): string =>
  generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const file = {
  project_id: 'demo-1',
  client_email: 'one@demo-1.iam.gserviceaccount.com',
  private_key: newKey(),
  token_uri: 'https://token.example/',
};
const secret = 'ya29.secret';

/** Takes down whom it was asked for. */
function endpoint(answer: GrantedToken | Failure = { token: 'a', lifetime: 1000 }) {
  const asked: string[] = [];
  let isClosed = false;
  const given: TokenEndpoint = {
    async grant({ email, tokenUri }) {
      asked.push(`${email} ${tokenUri}`);
      return answer;
    },
    close() {
      isClosed = true;
    },
  };
  return { given, asked, isClosed: () => isClosed };
}

describe('a service account', () => {
  const settings = { from: 'serviceAccount', projectId: undefined, tokenUri: undefined } as const;

  test('that is fixed is asked for at its own token endpoint, for its own project', async () => {
    const at = endpoint();
    const source = serviceAccountSource({ ...settings, account: readServiceAccount(file, 'serviceAccount') }, at.given);
    expect(await source.fetch('start', signal)).toEqual({ token: 'a', lifetime: 1000, projectId: 'demo-1' });
    expect(at.asked).toEqual([`${file.client_email} ${file.token_uri}`]);
    source.close();
    expect(at.isClosed()).toBe(true);
  });

  test('may be overridden in project and token endpoint', async () => {
    const at = endpoint();
    const account = readServiceAccount(file, 'serviceAccount');
    const source = serviceAccountSource(
      { ...settings, account, projectId: 'other', tokenUri: 'https://other.example/' },
      at.given,
    );
    expect(await source.fetch('start', signal)).toMatchObject({ projectId: 'other' });
    expect(at.asked).toEqual([`${file.client_email} https://other.example/`]);
  });

  test('from a function is asked for by reason, so that a new key is used', async () => {
    const reasons: CredentialReason[] = [];
    const at = endpoint();
    const account = (reason: CredentialReason) => {
      reasons.push(reason);
      return JSON.stringify({ ...file, client_email: `${reason}@demo-1.iam.gserviceaccount.com` });
    };
    const source = serviceAccountSource({ ...settings, account }, at.given);
    await source.fetch('start', signal);
    await source.fetch('refused', signal);
    expect(reasons).toEqual(['start', 'refused']);
    expect(at.asked.map((each) => each.split('@')[0])).toEqual(['start', 'refused']);
  });

  test('from a function that fails later is the last good one', async () => {
    let calls = 0;
    const at = endpoint();
    const account = async () => {
      calls += 1;
      if (calls > 1) throw new Error(secret);
      return file;
    };
    const source = serviceAccountSource({ ...settings, account }, at.given);
    await source.fetch('start', signal);
    expect(await source.fetch('expiring', signal)).toMatchObject({ token: 'a' });
    expect(at.asked).toHaveLength(2);
  });

  test('from a function that fails at once is unavailable, and what it threw is not repeated', async () => {
    const at = endpoint();
    const source = serviceAccountSource({ ...settings, account: () => Promise.reject(new Error(secret)) }, at.given);
    const result = await source.fetch('start', signal);
    expect(result).toMatchObject({ kind: 'unavailable', unsent: true, code: 'tidings.credential_unavailable' });
    expect(JSON.stringify(result)).not.toContain(secret);
    expect(at.asked).toEqual([]);
  });

  test('from a function that is none is unauthorized, for a person must act', async () => {
    const account = () => ({ ...file, private_key: secret });
    const result = await serviceAccountSource({ ...settings, account }, endpoint().given).fetch('start', signal);
    expect(result).toMatchObject({ kind: 'unauthorized', scope: 'credential', code: 'tidings.invalid_credential' });
    expect(JSON.stringify(result)).toContain('serviceAccount.private_key');
    expect(JSON.stringify(result)).not.toContain(secret);
  });

  test('that the token endpoint refuses is refused', async () => {
    const no = { kind: 'unauthorized', scope: 'credential', code: 'invalid_grant' } as const;
    const account = readServiceAccount(file, 'serviceAccount');
    expect(await serviceAccountSource({ ...settings, account }, endpoint(no).given).fetch('start', signal)).toBe(no);
  });
});

describe('an app', () => {
  const sourceOf = (getAccessToken: () => Promise<unknown>) => {
    const { credentials } = readOptions({
      app: { options: { projectId: 'demo-1', credential: { getAccessToken: getAccessToken as never } } },
    });
    return appSource(credentials as never);
  };
  test("gives its credential's token", async () => {
    const source = sourceOf(async () => ({ access_token: 'a', expires_in: 3600 }));
    expect(await source.fetch('start', signal)).toEqual({ token: 'a', lifetime: 3_600_000, projectId: 'demo-1' });
  });
  test.each<[string, unknown, string]>([
    ["the SDK's word for a wrong credential", { code: 'app/invalid-credential' }, 'unauthorized'],
    ['an HTTP refusal', { response: { status: 400 } }, 'unauthorized'],
    ['an HTTP refusal of newer clients', { status: 401 }, 'unauthorized'],
    ['a server error', { response: { status: 503 } }, 'unavailable'],
    ['a network error', Object.assign(new Error(secret), { code: 'ECONNRESET' }), 'unavailable'],
    ['a string', secret, 'unavailable'],
    ['nothing', undefined, 'unavailable'],
  ])('that throws %s', async (_, thrown, kind) => {
    const result = await sourceOf(() => Promise.reject(thrown)).fetch('start', signal);
    expect(result).toMatchObject({ kind });
    expect(JSON.stringify(result)).not.toContain(secret);
  });
  test.each([
    [undefined],
    [{}],
    [{ access_token: 'a' }],
    [{ access_token: 'a b', expires_in: 1 }],
    [{ access_token: 'a', expires_in: -1 }],
  ])('that gives %o gives no token', async (value) => {
    expect(await sourceOf(async () => value).fetch('start', signal)).toHaveProperty('kind');
  });
});

describe('a function for access tokens', () => {
  const time = { ...realRuntime(), now: () => 1_000_000 };
  const sourceOf = (accessToken: (reason: CredentialReason) => unknown) =>
    accessTokenSource({ from: 'accessToken', accessToken: accessToken as never, projectId: 'demo-1' }, () => time);

  test.each([[1_060_000], [new Date(1_060_000)]])('may name the expiry as %o', async (expiresAt) => {
    expect(await sourceOf(() => ({ token: 'a', expiresAt })).fetch('start', signal)).toEqual({
      token: 'a',
      lifetime: 60_000,
      projectId: 'demo-1',
    });
  });
  test('hears the reason', async () => {
    expect(
      await sourceOf((reason) => ({ token: reason, expiresAt: 2_000_000 })).fetch('refused', signal),
    ).toMatchObject({ token: 'refused' });
  });
  test.each([
    [{ token: 'a', expiresAt: 999_999 }],
    [{ token: 'a' }],
    [{ token: '', expiresAt: 2_000_000 }],
    [{ token: 'a\nb', expiresAt: 2_000_000 }],
  ])('that gives %o is told so', async (value) => {
    expect(await sourceOf(() => value).fetch('start', signal)).toMatchObject({
      kind: 'unauthorized',
      code: 'tidings.invalid_credential',
    });
  });
});
