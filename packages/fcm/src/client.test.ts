import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import type { SendResult } from '@tidings/core';
import type { Sandbox } from '@tidings/sandbox';
import { startSandbox } from '@tidings/sandbox';
import { deleteApp, initializeApp } from 'firebase-admin/app';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CredentialReason, FcmAdapter, FcmOptions, FcmTarget } from './index.ts';
import { fcm } from './index.ts';
import { isFailure } from './credentials.ts';
import { readServiceAccount } from './service-account.ts';
import { deliver } from './testing/deliver.ts';
import { createTokenEndpoint } from './token-endpoint.ts';

let sandbox: Sandbox;
const adapters: FcmAdapter[] = [];

beforeAll(async () => {
  sandbox = await startSandbox();
});
afterEach(async () => {
  await Promise.all(adapters.splice(0).map((each) => each.close()));
  sandbox.fcm.faults.clear();
  sandbox.fcm.ledger.clear();
});
afterAll(() => sandbox.close());

function start(options: FcmOptions): FcmAdapter {
  const adapter = fcm({ endpoint: sandbox.fcm.endpoint, ca: sandbox.ca, ...options });
  adapters.push(adapter);
  return adapter;
}

const token = (): FcmTarget => ({ token: sandbox.fcm.register() });
const send = (adapter: FcmAdapter): Promise<SendResult> => deliver(adapter, { target: token() });
const wrongKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
}) as string;

/** An access token that the sandbox accepts. */
async function issueToken(): Promise<string> {
  const endpoint = createTokenEndpoint(sandbox.ca);
  const granted = await endpoint.grant(
    readServiceAccount(sandbox.fcm.serviceAccount, 'serviceAccount'),
    new AbortController().signal,
  );
  endpoint.close();
  if (isFailure(granted)) throw new Error(granted.code);
  return granted.token;
}

/** Requests that FCM itself saw, so without those to the token endpoint. */
const requests = (): number => sandbox.fcm.ledger.entries.length;

describe('a service account', () => {
  test('whose tokens were revoked loses one attempt and gets a new token for the next', async () => {
    const adapter = start({ serviceAccount: sandbox.fcm.serviceAccount });
    expect(await send(adapter)).toMatchObject({ kind: 'accepted' });
    const before = sandbox.fcm.tokensIssued;
    sandbox.fcm.revokeTokens();
    expect(await send(adapter)).toEqual({ kind: 'unauthorized', scope: 'credential', code: 'UNAUTHENTICATED' });
    expect(sandbox.fcm.tokensIssued - before).toBe(0);
    expect(await send(adapter)).toMatchObject({ kind: 'accepted' });
    expect(sandbox.fcm.tokensIssued - before).toBe(1);
    expect(requests()).toBe(3);
  });

  test('is asked for one token by a hundred refused attempts', async () => {
    const adapter = start({ serviceAccount: sandbox.fcm.serviceAccount });
    await send(adapter);
    const before = sandbox.fcm.tokensIssued;
    sandbox.fcm.revokeTokens();
    const all = (): Promise<SendResult[]> => Promise.all(Array.from({ length: 100 }, () => send(adapter)));
    expect((await all()).every((each) => each.kind === 'unauthorized')).toBe(true);
    expect((await all()).every((each) => each.kind === 'accepted')).toBe(true);
    expect(sandbox.fcm.tokensIssued - before).toBe(1);
  });

  test('with the wrong key is refused by the token endpoint, and no message goes out', async () => {
    const adapter = start({ serviceAccount: { ...sandbox.fcm.serviceAccount, private_key: wrongKey } });
    expect(await send(adapter)).toMatchObject({ kind: 'unauthorized', scope: 'credential', code: 'invalid_grant' });
    expect(requests()).toBe(0);
  });

  test('from a function is asked for again once its key was refused', async () => {
    const reasons: CredentialReason[] = [];
    const { serviceAccount } = sandbox.fcm;
    const adapter = start({
      serviceAccount: (reason) => {
        reasons.push(reason);
        return reason === 'refused' ? serviceAccount : { ...serviceAccount, private_key: wrongKey };
      },
    });
    expect(await send(adapter)).toMatchObject({ kind: 'unauthorized' });
    expect(await send(adapter)).toMatchObject({ kind: 'accepted' });
    expect(reasons).toEqual(['start', 'refused']);
  });

  test('whose token endpoint is away sends nothing and costs no attempt', async () => {
    const adapter = start({ serviceAccount: sandbox.fcm.serviceAccount, tokenUri: 'https://localhost:1/token' });
    expect(await send(adapter)).toMatchObject({ kind: 'unavailable', scope: 'provider', unsent: true });
    expect(requests()).toBe(0);
  });
});

test('a firebase-admin App gives token and project', async () => {
  let asked = 0;
  const credential = {
    async getAccessToken() {
      asked += 1;
      return { access_token: await issueToken(), expires_in: 3599 };
    },
  };
  const app = initializeApp({ credential, projectId: sandbox.fcm.serviceAccount.project_id }, 'tidings-fcm-test');
  try {
    const adapter = start({ app });
    const results = await Promise.all(Array.from({ length: 20 }, () => send(adapter)));
    expect(results.every((each) => each.kind === 'accepted')).toBe(true);
    expect(asked).toBe(1);
    sandbox.fcm.revokeTokens();
    expect(await send(adapter)).toMatchObject({ kind: 'unauthorized' });
    expect(await send(adapter)).toMatchObject({ kind: 'accepted' });
    expect(asked).toBe(2);
  } finally {
    await deleteApp(app);
  }
});

test('a function for access tokens hears why it is asked', async () => {
  const reasons: CredentialReason[] = [];
  const adapter = start({
    projectId: sandbox.fcm.serviceAccount.project_id,
    async accessToken(reason) {
      reasons.push(reason);
      return { token: await issueToken(), expiresAt: Date.now() + 3_599_000 };
    },
  });
  expect(await send(adapter)).toMatchObject({ kind: 'accepted' });
  sandbox.fcm.revokeTokens();
  expect(await send(adapter)).toMatchObject({ kind: 'unauthorized' });
  expect(await send(adapter)).toMatchObject({ kind: 'accepted' });
  expect(reasons).toEqual(['start', 'refused']);
});

test('neither the adapter nor a failure shows a key, a token or an address', async () => {
  const { serviceAccount } = sandbox.fcm;
  const tokens: string[] = [];
  const target = token();
  const overKey = start({ serviceAccount });
  const overToken = start({
    projectId: serviceAccount.project_id,
    async accessToken() {
      const issued = await issueToken();
      tokens.push(issued);
      return { token: issued, expiresAt: Date.now() + 3_599_000 };
    },
  });
  const shown: unknown[] = [overKey, overToken];
  for (const adapter of [overKey, overToken]) {
    await deliver(adapter, { target });
    for (const status of [400, 401, 403, 404, 429, 500]) {
      sandbox.fcm.faults.next({ kind: 'status', status });
      shown.push(await deliver(adapter, { target, content: { body: 'secret-body' } }));
    }
    sandbox.fcm.faults.next({ kind: 'reset' });
    shown.push(await deliver(adapter, { target }));
  }
  const keyLines = serviceAccount.private_key.split('\n').filter((line) => line.length > 20);
  const text = shown
    .map((each) => inspect(each, { depth: Infinity, showHidden: true, getters: true }) + JSON.stringify(each))
    .join('\n');
  const secrets = [...keyLines, ...tokens, target.token ?? '', 'secret-body', 'Bearer', serviceAccount.client_email];
  expect(tokens.length).toBeGreaterThan(0);
  expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
});
