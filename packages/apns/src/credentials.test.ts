import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { ProviderToken } from './credentials.ts';
import type { TokenSettings } from './options.ts';

const minute = 60_000;
const makePem = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const pem = makePem();
const otherPem = makePem();

function setUp(key: TokenSettings['key'] | string): { token: ProviderToken; clock: { now: number } } {
  const clock = { now: 1_700_000_000_000 };
  const settings = { key: typeof key === 'string' ? createPrivateKey(key) : key, keyId: 'KEY1', teamId: 'TEAM1' };
  return { token: new ProviderToken(settings, () => clock.now), clock };
}

const good = async (token: ProviderToken): Promise<string> => {
  const header = await token.current();
  if (typeof header !== 'string') throw new Error(header.code);
  return header;
};
const jwtOf = (header: string): string => header.replace('bearer ', '');
/** The token once it is another one. */
async function renewed(token: ProviderToken, from: string): Promise<string> {
  await expect.poll(() => token.current()).not.toBe(from);
  return good(token);
}
/** Lets a function's answer, where it leads to no new token, come to its end. */
const settled = async (token: ProviderToken): Promise<string> => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  return good(token);
};

describe('the provider token', () => {
  test('is an ES256 JWT with key id, team and time', async () => {
    const { token, clock } = setUp(pem);
    const header = await good(token);
    const { payload, protectedHeader } = await jwtVerify(jwtOf(header), createPublicKey(pem), {
      currentDate: new Date(clock.now),
    });
    expect(protectedHeader).toEqual({ alg: 'ES256', kid: 'KEY1' });
    expect(payload).toEqual({ iss: 'TEAM1', iat: clock.now / 1000 });
  });

  test('is one for all who ask, and given at once from then on', async () => {
    const { token } = setUp(pem);
    const headers = await Promise.all(Array.from({ length: 50 }, () => good(token)));
    expect(new Set(headers).size).toBe(1);
    expect(token.current()).toBe(headers[0]);
  });

  test('is made anew after 50 minutes, while the old one still serves', async () => {
    const { token, clock } = setUp(pem);
    const first = await good(token);
    clock.now += 50 * minute - 1;
    expect(await settled(token)).toBe(first);
    clock.now += 1;
    expect(token.current()).toBe(first);
    expect(decodeJwt(jwtOf(await renewed(token, first))).iat).toBe(clock.now / 1000);
  });

  test('that is too old is waited for', async () => {
    const { token, clock } = setUp(pem);
    const first = await good(token);
    clock.now += 3 * 60 * minute;
    expect(token.current()).toBeInstanceOf(Promise);
    expect(await good(token)).not.toBe(first);
  });

  test('from the future, after the clock was set back, is replaced', async () => {
    const { token, clock } = setUp(pem);
    const first = await good(token);
    clock.now -= 30_000;
    expect(await settled(token)).toBe(first);
    clock.now -= 60 * minute;
    expect(await good(token)).not.toBe(first);
  });

  test('shows nothing when inspected', async () => {
    const { token } = setUp(pem);
    const header = await good(token);
    const shown = inspect(token, { depth: Infinity, showHidden: true }) + JSON.stringify(token);
    expect(shown).not.toContain(jwtOf(header));
    expect(shown).not.toContain('TEAM1');
  });
});

describe('a refusal', () => {
  test('of a fixed key makes no new token within 20 minutes, and one after', async () => {
    const { token, clock } = setUp(pem);
    const first = await good(token);
    clock.now += 19 * minute;
    token.refused(first);
    expect(await settled(token)).toBe(first);
    clock.now += 2 * minute;
    token.refused(first);
    await renewed(token, first);
  });

  test('asks the function once, however many requests were refused, and a changed key serves at once', async () => {
    const reasons: string[] = [];
    const { token, clock } = setUp((reason) => {
      reasons.push(reason);
      return reason === 'refused' ? { key: otherPem, keyId: 'KEY2' } : pem;
    });
    const first = await good(token);
    for (let count = 0; count < 100; count += 1) token.refused(first);
    // The next attempt must not go out with what was just refused.
    const second = await good(token);
    expect(second).not.toBe(first);
    for (let count = 0; count < 100; count += 1) token.refused(first);
    expect(await settled(token)).toBe(second);
    // A late answer to a request with the old token says nothing about the new one.
    clock.now += 2 * minute;
    token.refused(first);
    expect(await settled(token)).toBe(second);
    expect(reasons).toEqual(['start', 'refused']);
    expect(decodeProtectedHeader(jwtOf(second)).kid).toBe('KEY2');
    await jwtVerify(jwtOf(second), createPublicKey(otherPem), { currentDate: new Date(1_700_000_000_000) });
  });

  test('whose function has no other key makes no new token and does not ask again at once', async () => {
    let asked = 0;
    const { token, clock } = setUp(() => {
      asked += 1;
      return pem;
    });
    const first = await good(token);
    for (let round = 0; round < 3; round += 1) {
      token.refused(first);
      expect(await settled(token)).toBe(first);
    }
    expect(asked).toBe(2);
    clock.now += minute;
    token.refused(first);
    await settled(token);
    expect(asked).toBe(3);
  });
});

describe('a credential function', () => {
  test('that throws, rejects or returns no key gives a reason, and is asked again after a while', async () => {
    let answer: () => unknown = () => {
      throw new Error('secret detail');
    };
    let asked = 0;
    const { token, clock } = setUp((() => {
      asked += 1;
      return answer();
    }) as TokenSettings['key']);
    expect(await token.current()).toEqual({ code: 'tidings.credentials_unavailable' });
    expect(await token.current()).toEqual({ code: 'tidings.credentials_unavailable' });
    expect(asked).toBe(1);
    clock.now += 1000;
    answer = () => Promise.reject(new Error('secret detail'));
    expect(await token.current()).toEqual({ code: 'tidings.credentials_unavailable' });
    clock.now += 1000;
    answer = () => 'no key';
    expect(await token.current()).toEqual({ code: 'tidings.invalid_credentials' });
    clock.now += 1000;
    answer = () => ({ key: pem, keyId: 'a b' });
    expect(await token.current()).toEqual({ code: 'tidings.invalid_credentials' });
    clock.now += 1000;
    answer = () => Buffer.from(pem);
    expect(await token.current()).toMatch(/^bearer /);
  });

  test('that fails later leaves the last good key in use', async () => {
    const { token, clock } = setUp((reason) => {
      if (reason === 'expiring') throw new Error('vault is down');
      return pem;
    });
    const first = await good(token);
    clock.now += 2 * 60 * minute;
    const second = await good(token);
    expect(second).not.toBe(first);
    await jwtVerify(jwtOf(second), createPublicKey(pem), { currentDate: new Date(clock.now) });
  });
});
