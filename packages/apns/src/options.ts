import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { tidingsError } from '@tidings/core';
import type { Awaitable } from '@tidings/core';
import type { NodeApnProvider } from './provider-client.ts';

/** The content of the `.p8` file: PEM. */
export type ApnsKey = string | Uint8Array;

/** Why a credential function is asked. */
export type CredentialReason = 'start' | 'expiring' | 'refused';

/** A signing key as a credential function returns it; with another key comes another id. */
export type ApnsCredential = ApnsKey | { readonly key: ApnsKey; readonly keyId: string };

interface Connections {
  /** The app's bundle id. Push types that need a suffix get it by themselves. */
  readonly topic: string;
  /** `api.push.apple.com`, else `api.sandbox.push.apple.com`. Default true; never read from the environment. */
  readonly production?: boolean | undefined;
  /** Origin that takes the place of Apple's: a local sandbox, a proxy. */
  readonly endpoint?: string | undefined;
  /** PEM, trusted in place of the machine's own roots. */
  readonly ca?: string | undefined;
  /** Connections at most. Default 4. */
  readonly sessions?: number | undefined;
  /** Requests at once on one connection. Default 500. */
  readonly streams?: number | undefined;
}

/** A key from the developer account; the token made of it serves all connections. */
export interface ApnsTokenOptions extends Connections {
  /** The key, or a function of the reason, for rotation: asked once per reason at a time; the last good answer is kept. */
  readonly key: ApnsKey | ((reason: CredentialReason) => Awaitable<ApnsCredential>);
  readonly keyId: string;
  readonly teamId: string;
  readonly cert?: undefined;
  readonly provider?: undefined;
}

/** A certificate for one app. */
export interface ApnsCertificateOptions extends Connections {
  /** PEM. */
  readonly cert: string | Uint8Array;
  /** Its private key. PEM. */
  readonly key: ApnsKey;
  readonly keyId?: undefined;
  readonly teamId?: undefined;
  readonly provider?: undefined;
}

/** A ready `Provider` of @parse/node-apn. It is handed over: its retries are turned off and `close()` shuts it down. */
export interface ApnsProviderOptions {
  readonly provider: NodeApnProvider;
  readonly topic: string;
  readonly key?: undefined;
  readonly cert?: undefined;
}

export type ApnsOptions = ApnsTokenOptions | ApnsCertificateOptions | ApnsProviderOptions;

/** The options with their defaults, checked once. */
export interface ConnectionSettings {
  readonly origin: string;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly certKey: string | undefined;
  readonly sessions: number;
  readonly streams: number;
}
export interface TokenSettings {
  readonly key: KeyObject | ((reason: CredentialReason) => Awaitable<ApnsCredential>);
  readonly keyId: string;
  readonly teamId: string;
}
export type Settings = { readonly topic: string } & (
  | { readonly via: 'provider'; readonly provider: NodeApnProvider }
  | { readonly via: 'pool'; readonly connections: ConnectionSettings; readonly token: TokenSettings | undefined }
);

/** @throws TidingsError `tidings.invalid_options` with the field: `'apns.keyId'` */
export function checkOptions(options: ApnsOptions): Settings {
  if (typeof options !== 'object' || options === null) fail('expected an object of options', 'apns');
  const topic = checkTopic(options.topic);
  if (options.provider !== undefined) return { topic, via: 'provider', provider: checkProvider(options.provider) };
  const token = options.cert === undefined ? checkToken(options) : undefined;
  return { topic, via: 'pool', connections: checkConnections(options), token };
}

function checkTopic(topic: unknown): string {
  if (typeof topic === 'string' && /^[\w.-]{1,255}$/.test(topic)) return topic;
  return fail('expected the bundle id of the app, such as com.example.app', 'apns.topic');
}

function checkToken(options: ApnsTokenOptions): TokenSettings {
  const { key, keyId, teamId } = options;
  return {
    key: typeof key === 'function' ? key : (readKey(key) ?? fail(expectedKey, 'apns.key')),
    keyId: checkWord(keyId, 'apns.keyId', 'the id of the key, ten letters and digits'),
    teamId: checkWord(teamId, 'apns.teamId', 'the id of the team, ten letters and digits'),
  };
}

const expectedKey = 'expected the content of a .p8 file: an EC private key on the curve P-256, as PEM';

/** Undefined where it is no key that APNs can use. */
export function readKey(key: unknown): KeyObject | undefined {
  const text = toText(key);
  const parsed = typeof text === 'string' ? parse(() => createPrivateKey(text)) : undefined;
  return parsed?.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? parsed : undefined;
}

export function isKeyId(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{1,64}$/.test(value);
}

function checkWord(value: unknown, field: string, expected: string): string {
  return isKeyId(value) ? value : fail(`expected ${expected}`, field);
}

function checkConnections(options: ApnsTokenOptions | ApnsCertificateOptions): ConnectionSettings {
  const { production = true, endpoint, ca, sessions = 4, streams = 500, cert } = options;
  if (typeof production !== 'boolean') fail('expected true or false', 'apns.production');
  return {
    origin: checkEndpoint(endpoint ?? `https://api.${production ? '' : 'sandbox.'}push.apple.com`),
    ca: ca === undefined ? undefined : checkCertificate(ca, 'apns.ca'),
    ...(cert !== undefined ? checkPair(cert, options.key) : { cert, certKey: undefined }),
    sessions: checkCount(sessions, 'apns.sessions', 1000),
    streams: checkCount(streams, 'apns.streams', 100_000),
  };
}

function checkEndpoint(endpoint: unknown): string {
  const url = typeof endpoint === 'string' && URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const plain = url?.protocol === 'https:' && url.pathname === '/' && url.search + url.hash + url.username === '';
  return plain ? url.origin : fail('expected an https origin, such as https://localhost:8443', 'apns.endpoint');
}

function toText(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value;
}

function parse<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    // OpenSSL's own error may quote what it was given.
    return undefined;
  }
}

function checkCertificate(value: unknown, field: string): string {
  const text = toText(value);
  if (typeof text !== 'string' || parse(() => new X509Certificate(text)) === undefined)
    fail('expected a certificate as PEM', field);
  return text;
}

function checkPair(cert: unknown, key: unknown): { readonly cert: string; readonly certKey: string } {
  const certificate = checkCertificate(cert, 'apns.cert');
  const text = toText(key);
  const parsed = typeof text === 'string' ? parse(() => createPrivateKey(text)) : undefined;
  if (parsed === undefined) return fail('expected a private key as PEM', 'apns.key');
  if (!new X509Certificate(certificate).checkPrivateKey(parsed))
    fail('expected the private key of the certificate', 'apns.key');
  return { cert: certificate, certKey: text as string };
}

function checkCount(value: unknown, field: string, most: number): number {
  const fits = Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
  return fits ? (value as number) : fail(`expected a whole number from 1 to ${most}`, field);
}

function checkProvider(provider: unknown): NodeApnProvider {
  if (typeof (provider as { send?: unknown } | null)?.send === 'function') return provider as NodeApnProvider;
  return fail('expected a Provider of @parse/node-apn', 'apns.provider');
}

function fail(message: string, field: string): never {
  throw tidingsError('tidings.invalid_options', message, field);
}
