import { errors as joseErrors, jwtVerify } from 'jose';
import type { KeyObject } from 'node:crypto';
import type { ApnsReason } from './apns-check.ts';

/** Different tokens whose result is kept; all are forgotten beyond it. */
const cacheLimit = 1000;
/** Seconds. @see https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns */
const lifetime = 3600;
/** Seconds a sender's clock, or its rounding, may be ahead. */
const tolerance = 5;

/** Of one `authorization` header. */
export type TokenCheck = { readonly issuedAt: number } | { readonly reason: ApnsReason };

export interface TokenVerifier {
  /** Verifies a signature once per token; its age at every call. */
  check(authorization: string | undefined): ApnsReason | undefined | Promise<ApnsReason | undefined>;
}

/** Checks provider tokens: ES256, signed by the registered key, with its key id and team id. */
export function createTokenVerifier(options: {
  readonly publicKey: KeyObject;
  readonly keyId: string;
  readonly teamId: string;
}): TokenVerifier {
  const cache = new Map<string, TokenCheck | Promise<TokenCheck>>();

  async function verify(token: string): Promise<TokenCheck> {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, options.publicKey, {
        algorithms: ['ES256'],
        issuer: options.teamId,
        requiredClaims: ['iat'],
      });
      if (protectedHeader.kid !== options.keyId) return { reason: 'InvalidProviderToken' };
      return { issuedAt: payload.iat as number };
    } catch (error) {
      return { reason: error instanceof joseErrors.JWTExpired ? 'ExpiredProviderToken' : 'InvalidProviderToken' };
    }
  }

  function start(token: string): Promise<TokenCheck> {
    if (cache.size >= cacheLimit) cache.clear();
    const verifying = verify(token);
    cache.set(token, verifying);
    // The first to wait: the result is there before whoever waits next goes on.
    verifying.then((result) => cache.set(token, result)).catch(() => {});
    return verifying;
  }

  return {
    check(authorization) {
      if (authorization === undefined) return 'MissingProviderToken';
      const [scheme = '', token = '', more] = authorization.split(' ');
      if (scheme.toLowerCase() !== 'bearer' || more !== undefined) return 'InvalidProviderToken';
      if (token === '') return 'MissingProviderToken';
      const known = cache.get(token) ?? start(token);
      return known instanceof Promise ? known.then(judgeAge) : judgeAge(known);
    },
  };
}

function judgeAge(result: TokenCheck): ApnsReason | undefined {
  if ('reason' in result) return result.reason;
  const age = Date.now() / 1000 - result.issuedAt;
  if (age < -tolerance) return 'InvalidProviderToken';
  return age > lifetime ? 'ExpiredProviderToken' : undefined;
}
