import type { KeyObject } from 'node:crypto';
import { createPrivateKey } from 'node:crypto';
import { tidingsError } from '@tidings/core';
import { isObject } from './schemas.ts';

/** A service-account key file's content, as Google hands it out. @see https://cloud.google.com/iam/docs/keys-create-delete */
export interface ServiceAccount {
  readonly type?: string | undefined;
  readonly project_id: string;
  readonly client_email: string;
  /** RSA, PKCS #8 or PKCS #1, PEM. */
  readonly private_key: string;
  readonly private_key_id?: string | undefined;
  /** Default `https://oauth2.googleapis.com/token`. */
  readonly token_uri?: string | undefined;
  readonly client_id?: string | undefined;
  readonly auth_uri?: string | undefined;
  readonly auth_provider_x509_cert_url?: string | undefined;
  readonly client_x509_cert_url?: string | undefined;
  readonly universe_domain?: string | undefined;
}

/** A service account that is ready to sign. The KeyObject shows no key material when printed. */
export interface SigningAccount {
  readonly projectId: string;
  readonly email: string;
  readonly key: KeyObject;
  readonly keyId: string | undefined;
  readonly tokenUri: string;
}

const defaultTokenUri = 'https://oauth2.googleapis.com/token';

/**
 * Reads and checks a service account.
 * @param field where it stands in the options, for the error
 * @throws TidingsError `tidings.invalid_options`; names the field, never its value
 */
export function readServiceAccount(value: unknown, field: string): SigningAccount {
  const account = typeof value === 'string' ? parse(value, field) : value;
  if (!isObject(account)) throw invalid("expected a service-account key file's content, as object or JSON", field);
  const { client_email: email, private_key_id: keyId, token_uri: tokenUri = defaultTokenUri } = account;
  if (typeof email !== 'string' || email === '') throw invalid('expected a non-empty string', `${field}.client_email`);
  if (keyId !== undefined && typeof keyId !== 'string') throw invalid('expected a string', `${field}.private_key_id`);
  // Over plain HTTP anybody on the way could take the assertion and fetch tokens with it.
  if (typeof tokenUri !== 'string' || URL.parse(tokenUri)?.protocol !== 'https:') {
    throw invalid('expected an https URL', `${field}.token_uri`);
  }
  return {
    projectId: readProjectId(account['project_id'], `${field}.project_id`),
    email,
    key: readKey(account['private_key'], `${field}.private_key`),
    keyId,
    tokenUri,
  };
}

/** A project's id, or its number. @throws TidingsError `tidings.invalid_options` */
export function readProjectId(value: unknown, field: string): string {
  // It becomes part of the request's path.
  if (typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9:.-]{0,127}$/.test(value)) return value;
  throw invalid('expected the id of a Firebase project: letters, digits, hyphens', field);
}

function parse(text: string, field: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message would quote the text.
    throw invalid("expected a service-account key file's content as JSON text (not the file's path)", field);
  }
}

function readKey(value: unknown, field: string): KeyObject {
  if (typeof value !== 'string' || value === '') throw invalid('expected a private key as PEM text', field);
  let key: KeyObject;
  try {
    // Keys that went through an environment variable often have their line ends written out.
    key = createPrivateKey(value.replaceAll('\\n', '\n'));
  } catch {
    throw invalid('expected a private key as PEM text that Node can read', field);
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== 'rsa' || bits < 2048) throw invalid('expected an RSA key of at least 2048 bits', field);
  return key;
}

function invalid(message: string, field: string): Error {
  return tidingsError('tidings.invalid_options', message, field);
}
