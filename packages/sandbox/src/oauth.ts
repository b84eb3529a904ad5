import { errors as joseErrors, jwtVerify } from 'jose';
import { randomBytes, type KeyObject } from 'node:crypto';
import { jsonReply } from './google-error.ts';
import type { Reply, ServiceRequest } from './provider.ts';

/** Seconds. */
const lifetime = 3599;
/** Access tokens known at the same time; the oldest are forgotten beyond it. */
const tokenLimit = 10_000;
/** Seconds that a JWT's times may be off. */
const tolerance = 300;

const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const scopes = ['https://www.googleapis.com/auth/firebase.messaging', 'https://www.googleapis.com/auth/cloud-platform'];
/** What Google's own clients name, wherever they are made to connect to. */
const googleTokenUri = 'https://oauth2.googleapis.com/token';

export interface TokenIssuer {
  /** Answers the token endpoint. */
  answer(request: ServiceRequest): Promise<Reply>;
  isValid(authorization: string | undefined): boolean;
  readonly issued: number;
  revoke(): void;
}

/** Exchanges a service account's signed JWT for an access token. @see RFC 7523 and https://developers.google.com/identity/protocols/oauth2/service-account */
export function createTokenIssuer(options: {
  readonly publicKey: KeyObject;
  readonly email: string;
  readonly tokenUri: string;
}): TokenIssuer {
  /** Authorization header to the epoch ms of its end. */
  const valid = new Map<string, number>();
  let issued = 0;

  async function refuse(assertion: string): Promise<Reply | undefined> {
    try {
      const { payload } = await jwtVerify(assertion, options.publicKey, {
        algorithms: ['RS256'],
        issuer: options.email,
        audience: [options.tokenUri, googleTokenUri],
        requiredClaims: ['iat', 'exp'],
        clockTolerance: tolerance,
      });
      const now = Date.now() / 1000;
      const { iat = 0, exp = 0 } = payload;
      if (iat > now + tolerance || exp - iat > 3600) return invalidGrant(timeframe);
      const asked = typeof payload.scope === 'string' ? payload.scope.split(' ') : [];
      if (asked.some((scope) => scopes.includes(scope))) return undefined;
      return oauthError('invalid_scope', 'Invalid OAuth scope or ID token audience provided.');
    } catch (error) {
      return invalidGrant(describe(error));
    }
  }

  return {
    async answer(request) {
      if (request.method !== 'POST') return { status: 404 };
      const form = new URLSearchParams(request.body?.toString('utf8') ?? '');
      const given = form.get('grant_type');
      if (given === null) return oauthError('invalid_request', 'Required parameter is missing: grant_type');
      if (given !== grantType) return oauthError('unsupported_grant_type', 'Invalid grant_type');
      const assertion = form.get('assertion');
      if (assertion === null) return oauthError('invalid_request', 'Required parameter is missing: assertion');
      const refusal = await refuse(assertion);
      if (refusal !== undefined) return refusal;

      const token = `ya29.${randomBytes(96).toString('base64url')}`;
      for (const oldest of valid.keys()) if (valid.size >= tokenLimit) valid.delete(oldest);
      valid.set(token, Date.now() + lifetime * 1000);
      issued += 1;
      return jsonReply(200, { access_token: token, expires_in: lifetime, token_type: 'Bearer' });
    },
    isValid(authorization = '') {
      if (!/^bearer /i.test(authorization)) return false;
      const until = valid.get(authorization.slice('bearer '.length));
      return until !== undefined && until > Date.now();
    },
    get issued() {
      return issued;
    },
    revoke: () => valid.clear(),
  };
}

const timeframe =
  'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.';

function describe(error: unknown): string {
  if (error instanceof joseErrors.JWSSignatureVerificationFailed) return 'Invalid JWT Signature.';
  if (error instanceof joseErrors.JWTExpired) return timeframe;
  if (error instanceof joseErrors.JWTClaimValidationFailed) {
    if (error.claim === 'iss') return 'Invalid grant: account not found';
    return error.claim === 'aud' ? 'Invalid JWT: Failed audience check.' : timeframe;
  }
  return 'Invalid JWT';
}

function invalidGrant(description: string): Reply {
  return oauthError('invalid_grant', description);
}

function oauthError(error: string, description: string): Reply {
  return { ...jsonReply(400, { error, error_description: description }), reason: error };
}
