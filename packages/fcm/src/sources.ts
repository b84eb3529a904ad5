import type { Failure, Runtime } from '@tidings/core';
import { isTidingsError } from '@tidings/core';
import type { FreshToken, TokenSource } from './credentials.ts';
import { isFailure, refused, unsent } from './credentials.ts';
import type { CredentialReason, CredentialSettings } from './options.ts';
import type { SigningAccount } from './service-account.ts';
import { readServiceAccount } from './service-account.ts';
import { isObject } from './schemas.ts';
import type { TokenEndpoint } from './token-endpoint.ts';

type Settings<From extends CredentialSettings['from']> = Extract<CredentialSettings, { from: From }>;

/** Grants of a service account's signed assertion. A function's last good account is kept for when it fails. */
export function serviceAccountSource(settings: Settings<'serviceAccount'>, endpoint: TokenEndpoint): TokenSource {
  let last = typeof settings.account === 'function' ? undefined : settings.account;

  async function account(reason: CredentialReason): Promise<SigningAccount | Failure> {
    if (typeof settings.account !== 'function') return settings.account;
    try {
      last = readServiceAccount(await settings.account(reason), 'serviceAccount');
      return last;
    } catch (error) {
      return last ?? failureOf(error);
    }
  }

  return {
    async fetch(reason, signal) {
      const given = await account(reason);
      if ('kind' in given) return given;
      const tokenUri = settings.tokenUri ?? given.tokenUri;
      const granted = await endpoint.grant({ ...given, tokenUri }, signal);
      return isFailure(granted) ? granted : { ...granted, projectId: settings.projectId ?? given.projectId };
    },
    close: () => endpoint.close(),
  };
}

/** A firebase-admin App's credential; its SDK caches and renews by itself. */
export function appSource({ credential, projectId }: Settings<'app'>): TokenSource {
  return {
    async fetch() {
      try {
        const { access_token: token, expires_in: expiresIn } = await credential.getAccessToken();
        return checkedToken(token, expiresIn * 1000, projectId);
      } catch (error) {
        return failureOf(error);
      }
    },
    close() {},
  };
}

/** An application's own function. */
export function accessTokenSource(
  { accessToken, projectId }: Settings<'accessToken'>,
  runtime: () => Runtime,
): TokenSource {
  return {
    async fetch(reason) {
      try {
        const { token, expiresAt } = await accessToken(reason);
        return checkedToken(token, Number(expiresAt) - runtime().now(), projectId);
      } catch (error) {
        return failureOf(error);
      }
    },
    close() {},
  };
}

function checkedToken(token: unknown, lifetime: number, projectId: string): FreshToken | Failure {
  // It becomes a header, where anything else would throw later and elsewhere.
  if (typeof token !== 'string' || !/^[\x21-\x7e]{1,16384}$/.test(token)) {
    return refused('tidings.invalid_credential', 'expected an access token of printable ASCII characters');
  }
  return lifetime > 0
    ? { token, lifetime, projectId }
    : refused('tidings.invalid_credential', 'expected an access token that has not expired');
}

/**
 * What an application's function or an SDK threw; of it only a status is read, since its text may hold anything.
 * Unless it clearly says that the credential is wrong it may well work the next time.
 */
function failureOf(error: unknown): Failure {
  if (isTidingsError(error)) return refused('tidings.invalid_credential', error.message);
  return isRefusal(error)
    ? refused('tidings.credential_refused', 'the credential source was refused')
    : unsent('tidings.credential_unavailable', 'the credential source failed');
}

function isRefusal(error: unknown): boolean {
  if (!isObject(error)) return false;
  if (error['code'] === 'app/invalid-credential') return true;
  const response = isObject(error['response']) ? error['response'] : error;
  return [400, 401, 403].includes(Number(response['status']));
}
