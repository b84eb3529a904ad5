import { createECDH } from 'node:crypto';
import { tidingsError } from '@tidings/core';

/** An application server's identity towards push services. `web-push generate-vapid-keys` makes a key pair. */
export interface Vapid {
  /** A contact: `mailto:push@team.example` or an https URL. Apple refuses spaces and localhost. */
  readonly subject: string;
  /** 65 bytes in base64url without padding, as browsers got it as `applicationServerKey`. */
  readonly publicKey: string;
  /** 32 bytes in base64url without padding. */
  readonly privateKey: string;
}

/** @throws TidingsError `tidings.invalid_options` naming the field; never quotes a key */
export function checkVapid(value: unknown, field: string): asserts value is Vapid {
  const fail = (message: string, name?: string): never => {
    throw tidingsError('tidings.invalid_options', message, name === undefined ? field : `${field}.${name}`);
  };
  if (typeof value !== 'object' || value === null)
    return fail('expected { subject, publicKey, privateKey } or a function');
  const { subject, publicKey, privateKey } = value as { readonly [name: string]: unknown };
  if (!isSubject(subject))
    return fail(
      "expected a contact that push services accept: 'mailto:name@host' or an https URL, not on localhost",
      'subject',
    );
  if (!isText(publicKey, /^B[\w-]{86}$/)) return fail('expected 65 bytes in base64url without padding', 'publicKey');
  if (!isText(privateKey, /^[\w-]{43}$/)) return fail('expected 32 bytes in base64url without padding', 'privateKey');
  if (publicKeyOf(privateKey) !== publicKey) return fail('expected the private key of publicKey', 'privateKey');
}

const isText = (value: unknown, form: RegExp): value is string => typeof value === 'string' && form.test(value);

function isSubject(value: unknown): boolean {
  if (!isText(value, /^(mailto:[^\s@]+@[^\s@]+|https:\/\/\S+)$/)) return false;
  const host = value.startsWith('mailto:') ? value.slice(value.indexOf('@') + 1) : URL.parse(value)?.hostname;
  return host !== undefined && !/(^|\.)localhost\.?$/i.test(host);
}

function publicKeyOf(privateKey: string): string | undefined {
  try {
    const pair = createECDH('prime256v1');
    pair.setPrivateKey(privateKey, 'base64url');
    return pair.getPublicKey('base64url');
  } catch {
    return undefined;
  }
}
