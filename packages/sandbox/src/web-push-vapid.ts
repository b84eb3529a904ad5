// The receiving side of RFC 8292 (VAPID).
import { verify } from 'node:crypto';
import { importPoint } from './web-push-encryption.ts';

/** A refusal: status and the word that tells why. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 404 | 405 | 410 | 413;
  readonly reason: string;
}

/** What was checked once of a header: it comes with every message to one origin for hours, and a signature costs more than all else. */
interface Checked {
  readonly refusal?: Refusal;
  /** Of the key, base64url. */
  readonly key: string;
  /** Seconds. */
  readonly expires: number;
}

/** Header values remembered at most. */
const cacheLimit = 1000;
const longestLife = 24 * 3600;

const missing: Refusal = { status: 401, reason: 'MissingAuthorization' };
/** Apple's word for all that can be wrong with the token. */
const badToken: Refusal = { status: 403, reason: 'BadJwtToken' };
const mismatch: Refusal = { status: 403, reason: 'VapidPkHashMismatch' };

/** Checks `Authorization` headers for one service: undefined where the sender may send to a subscription bound to `boundTo`. */
export function createVapidCheck(
  origin: string,
  now: () => number = Date.now,
): (header: string | undefined, boundTo: string | undefined) => Refusal | undefined {
  const cache = new Map<string, Checked>();

  function lookUp(header: string): Checked {
    const known = cache.get(header);
    if (known !== undefined) return known;
    const fresh = check(header, origin, now() / 1000);
    cache.set(header, fresh);
    if (cache.size > cacheLimit) cache.delete(cache.keys().next().value ?? '');
    return fresh;
  }

  return (header, boundTo) => {
    if (header === undefined) return missing;
    const { refusal, key, expires } = lookUp(header);
    if (refusal !== undefined) return refusal;
    if (expires <= now() / 1000) return badToken;
    return boundTo === undefined || boundTo === key ? undefined : mismatch;
  };
}

function check(header: string, origin: string, seconds: number): Checked {
  const { token, key } = parse(header);
  const failed = (refusal: Refusal): Checked => ({ refusal, key, expires: 0 });
  if (token === '' || key === '') return failed(missing);
  const publicKey = importPoint(Buffer.from(key, 'base64url'));
  const [head = '', claims = '', signature = '', ...rest] = token.split('.');
  if (publicKey === undefined || rest.length > 0) return failed(badToken);
  if (json(head)?.['alg'] !== 'ES256') return failed(badToken);
  const signed = Buffer.from(`${head}.${claims}`);
  const proof = Buffer.from(signature, 'base64url');
  if (!verify('sha256', signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, proof)) return failed(badToken);

  const { aud, exp, sub } = json(claims) ?? {};
  if (aud !== origin || !isContact(sub)) return failed(badToken);
  if (typeof exp !== 'number' || exp > seconds + longestLife) return failed(badToken);
  return { key, expires: exp };
}

/** `vapid t=<token>, k=<key>`, the parameters in any order. */
function parse(header: string): { token: string; key: string } {
  const [, parameters] = /^vapid\s+(.+)$/i.exec(header) ?? [];
  const values = new Map<string, string>();
  for (const each of (parameters ?? '').split(',')) {
    const [, name = '', value = ''] = /^\s*([a-z]+)\s*=\s*"?([\w.-]+)"?\s*$/i.exec(each) ?? [];
    values.set(name.toLowerCase(), value);
  }
  return { token: values.get('t') ?? '', key: values.get('k') ?? '' };
}

/** A contact as Apple wants it: `mailto:` or `https:`, without spaces, and not on this machine. */
function isContact(subject: unknown): boolean {
  if (typeof subject !== 'string' || /\s/.test(subject)) return false;
  if (/^mailto:[^@]+@[^@]+$/.test(subject)) return !/@localhost$/i.test(subject);
  return URL.parse(subject)?.protocol === 'https:' && URL.parse(subject)?.hostname !== 'localhost';
}

function json(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
