import type { Awaitable } from '@tidings/core';
import { tidingsError } from '@tidings/core';
import type { ServiceAccount, SigningAccount } from './service-account.ts';
import { readProjectId, readServiceAccount } from './service-account.ts';
import { isObject } from './schemas.ts';

/** Why a credential is asked for: for the first time, before it expires, or because it was refused. */
export type CredentialReason = 'start' | 'expiring' | 'refused';

/** What a function that hands over access tokens returns. */
export interface AccessToken {
  /** OAuth 2 access token with the scope `https://www.googleapis.com/auth/firebase.messaging`. */
  readonly token: string;
  /** A number is epoch ms. */
  readonly expiresAt: Date | number;
}

/** What is used of a firebase-admin `App`: its credential and project, nothing else. */
export interface FirebaseApp {
  readonly options: {
    readonly projectId?: string | undefined;
    readonly credential?:
      | { getAccessToken(): Promise<{ readonly access_token: string; readonly expires_in: number }> }
      | undefined;
  };
}

interface CommonOptions {
  /** Default `https://fcm.googleapis.com`. */
  readonly endpoint?: string | undefined;
  /** Trusted in place of the machine's own roots, for the endpoint and the token endpoint. PEM. */
  readonly ca?: string | undefined;
  /** Connections at most. Default 4. */
  readonly sessions?: number | undefined;
  /** Requests at once on one connection. Default 100, what FCM allows. */
  readonly streams?: number | undefined;
  /** FCM checks every message and delivers none. Default false. */
  readonly validateOnly?: boolean | undefined;
}

export interface ServiceAccountOptions extends CommonOptions {
  /** Content of a service-account key file, as object or JSON, or a function that returns it; asked again when a key was refused. */
  readonly serviceAccount: ServiceAccount | string | ((reason: CredentialReason) => Awaitable<ServiceAccount | string>);
  /** Default: the service account's own project. */
  readonly projectId?: string | undefined;
  /** In place of the service account's `token_uri`; https. */
  readonly tokenUri?: string | undefined;
  readonly app?: never;
  readonly accessToken?: never;
}

export interface AppOptions extends CommonOptions {
  /** An initialized firebase-admin `App`. Its credential's own cache decides when a token is renewed. */
  readonly app: FirebaseApp;
  /** Default: the app's, else its credential's. */
  readonly projectId?: string | undefined;
  readonly serviceAccount?: never;
  readonly accessToken?: never;
  readonly tokenUri?: never;
}

export interface AccessTokenOptions extends CommonOptions {
  readonly projectId: string;
  /** Asked once at a time: at the start, 5 minutes before expiry, and once after a refusal. */
  readonly accessToken: (reason: CredentialReason) => Awaitable<AccessToken>;
  readonly serviceAccount?: never;
  readonly app?: never;
  readonly tokenUri?: never;
}

/** Credentials in exactly one of three forms: `serviceAccount`, `app` or `accessToken`. Nothing is read from the environment. */
export type FcmOptions = ServiceAccountOptions | AppOptions | AccessTokenOptions;

export type CredentialSettings =
  | {
      readonly from: 'serviceAccount';
      readonly account: SigningAccount | ((reason: CredentialReason) => Awaitable<ServiceAccount | string>);
      readonly projectId: string | undefined;
      readonly tokenUri: string | undefined;
    }
  | {
      readonly from: 'app';
      readonly credential: NonNullable<FirebaseApp['options']['credential']>;
      readonly projectId: string;
    }
  | {
      readonly from: 'accessToken';
      readonly accessToken: AccessTokenOptions['accessToken'];
      readonly projectId: string;
    };

/** Options checked and completed. */
export interface Settings {
  readonly origin: string;
  readonly ca: string | undefined;
  readonly sessions: number;
  readonly streams: number;
  readonly validateOnly: boolean;
  readonly credentials: CredentialSettings;
}

const defaultEndpoint = 'https://fcm.googleapis.com';

/**
 * Checks what the caller gave.
 * @throws TidingsError `tidings.invalid_options` with the field
 */
export function readOptions(options: FcmOptions): Settings {
  if (!isObject(options)) throw invalid('expected an options object');
  const { endpoint = defaultEndpoint, ca, sessions = 4, streams = 100, validateOnly = false } = options;
  if (ca !== undefined && (typeof ca !== 'string' || !ca.includes('-----BEGIN CERTIFICATE-----'))) {
    throw invalid('expected certificates as PEM text', 'ca');
  }
  if (typeof validateOnly !== 'boolean') throw invalid('expected true or false', 'validateOnly');
  return {
    origin: readOrigin(endpoint),
    ca,
    sessions: readCount(sessions, 'sessions', 64),
    streams: readCount(streams, 'streams', 1000),
    validateOnly,
    credentials: readCredentials(options),
  };
}

function readCredentials(options: FcmOptions): CredentialSettings {
  const given = [options.serviceAccount, options.app, options.accessToken].filter((each) => each !== undefined);
  if (given.length !== 1) throw invalid('expected exactly one of serviceAccount, app, accessToken', 'serviceAccount');
  if (options.app !== undefined) return readApp(options);
  if (options.accessToken !== undefined) {
    const { accessToken, projectId } = options;
    if (typeof accessToken !== 'function')
      throw invalid('expected a function that returns { token, expiresAt }', 'accessToken');
    return { from: 'accessToken', accessToken, projectId: readProjectId(projectId, 'projectId') };
  }
  const { serviceAccount, projectId, tokenUri } = options;
  if (tokenUri !== undefined && URL.parse(tokenUri)?.protocol !== 'https:')
    throw invalid('expected an https URL', 'tokenUri');
  return {
    from: 'serviceAccount',
    account:
      typeof serviceAccount === 'function' ? serviceAccount : readServiceAccount(serviceAccount, 'serviceAccount'),
    projectId: projectId === undefined ? undefined : readProjectId(projectId, 'projectId'),
    tokenUri,
  };
}

function readApp({ app, projectId }: AppOptions): CredentialSettings {
  const credential: unknown = app?.options?.credential;
  if (!isObject(credential) || typeof credential['getAccessToken'] !== 'function') {
    throw invalid('expected a firebase-admin App with a credential (initializeApp({ credential, projectId }))', 'app');
  }
  const project = projectId ?? app.options.projectId ?? credential['projectId'];
  if (project === undefined) {
    throw invalid("expected the Firebase project's id: the app and its credential name none", 'projectId');
  }
  return {
    from: 'app',
    credential: app.options.credential as NonNullable<FirebaseApp['options']['credential']>,
    projectId: readProjectId(project, 'projectId'),
  };
}

function readOrigin(endpoint: unknown): string {
  const url = typeof endpoint === 'string' ? URL.parse(endpoint) : null;
  if (
    url?.protocol !== 'https:' ||
    url.pathname !== '/' ||
    url.search !== '' ||
    url.hash !== '' ||
    url.username !== ''
  ) {
    throw invalid('expected an https origin without a path, like https://fcm.googleapis.com', 'endpoint');
  }
  return url.origin;
}

function readCount(value: unknown, field: string, most: number): number {
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > most) {
    throw invalid(`expected an integer from 1 to ${most}`, field);
  }
  return value as number;
}

function invalid(message: string, field?: string): Error {
  return tidingsError('tidings.invalid_options', message, field);
}
