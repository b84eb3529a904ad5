import { availableParallelism } from 'node:os';
import type { Awaitable, Issue, Json, Schema } from '@tidings/core';
import { checked, tidingsError } from '@tidings/core';
import type { Resolve } from '@tidings/transport';
import type { AllowHosts } from './endpoint.ts';
import { problemOfHosts } from './endpoint.ts';
import type { Vapid } from './vapid-keys.ts';
import { checkVapid } from './vapid-keys.ts';

export interface WebPushOptions {
  /**
   * The key pair that subscriptions were made with (`applicationServerKey`), and a contact for the push services.
   * A function is asked when the adapter first needs it (`start`), about every 11 hours (`expiring`) and when a push service refused
   * it (`refused`); while it fails, the last good answer stays in use.
   * @see https://www.rfc-editor.org/rfc/rfc8292
   */
  readonly vapid: Vapid | ((reason: VapidReason) => Awaitable<Vapid>);
  /**
   * Push services beyond those of Google, Mozilla, Apple and Microsoft: self-hosted ones, UnifiedPush, a test server.
   * A list of `'push.example'`, `'push.example:8443'` or `'*.push.example'`, or a function that decides per host.
   * Endpoints come from browsers and so from anybody: a host named in full may be at a private address, all others must be public.
   */
  readonly allow?: AllowHosts | undefined;
  /** Roots trusted in place of the machine's own. PEM. */
  readonly ca?: string | undefined;
  /** Connections at most to each push service. Default 50. */
  readonly sockets?: number | undefined;
  /** A connection on which nothing happens is closed after this many milliseconds. Default 30,000. */
  readonly idleTimeout?: number | undefined;
  /**
   * Threads that encrypt while 16 or more messages are under way, so that the event loop is free for others; 0 for none.
   * Default: one for each core beyond the first, at most 2.
   */
  readonly threads?: number | undefined;
  /** Finds the addresses of a host. Default: the machine's resolver. What it finds is checked all the same. */
  readonly resolve?: Resolve | undefined;
}

export type VapidReason = 'start' | 'expiring' | 'refused';

/** What `JSON.stringify(subscription)` gives in the browser. */
export interface WebPushTarget {
  readonly endpoint: string;
  readonly keys: {
    /** The browser's public key: 65 bytes in base64url. */
    readonly p256dh: string;
    /** 16 bytes in base64url. */
    readonly auth: string;
  };
  readonly expirationTime?: number | null | undefined;
}

/** Content beyond the common fields: what `showNotification` takes. @see https://developer.mozilla.org/docs/Web/API/ServiceWorkerRegistration/showNotification */
export interface WebPushContent {
  /** A notification replaces the one with the same tag. Default: the hash of the collapse key, else the delivery's id. */
  readonly tag?: string | undefined;
  readonly icon?: string | undefined;
  readonly badge?: string | undefined;
  readonly actions?: readonly WebPushAction[] | undefined;
  readonly requireInteraction?: boolean | undefined;
  readonly renotify?: boolean | undefined;
  readonly silent?: boolean | undefined;
}

export interface WebPushAction {
  readonly action: string;
  readonly title: string;
  readonly icon?: string | undefined;
}

/** Raw parts of the request; each wins over what the message's fields would have made of it. */
export interface WebPushNative {
  /** Sent as it is, in place of the JSON document. */
  readonly payload?: string | Uint8Array | undefined;
  /** Seconds. */
  readonly ttl?: number | undefined;
  readonly urgency?: Urgency | undefined;
  /** 1 to 32 characters of base64url; Mozilla takes only letters and digits. */
  readonly topic?: string | undefined;
}

export type Urgency = 'very-low' | 'low' | 'normal' | 'high';

/** The options with their defaults. */
export interface Settings {
  readonly vapid: WebPushOptions['vapid'];
  readonly allow: AllowHosts | undefined;
  readonly ca: string | undefined;
  readonly sockets: number;
  readonly idleTimeout: number;
  readonly threads: number;
  readonly resolve: Resolve | undefined;
}

/** @throws TidingsError `tidings.invalid_options` with the field */
export function checkOptions(options: WebPushOptions): Settings {
  if (typeof options !== 'object' || options === null) throw invalid('expected an object', 'options');
  const { vapid, allow, ca, resolve } = options;
  if (typeof vapid !== 'function') checkVapid(vapid, 'vapid');
  const hosts = problemOfHosts(allow);
  if (hosts !== undefined) throw invalid(hosts.message, ['allow', ...(hosts.path ?? [])].join('.'));
  if (ca !== undefined && (typeof ca !== 'string' || !ca.includes('-----BEGIN CERTIFICATE-----'))) {
    throw invalid('expected certificates as PEM text', 'ca');
  }
  if (resolve !== undefined && typeof resolve !== 'function') throw invalid('expected a function', 'resolve');
  return {
    vapid,
    allow,
    ca,
    sockets: whole(options, 'sockets', 50, 1),
    idleTimeout: whole(options, 'idleTimeout', 30_000, 1),
    threads: whole(options, 'threads', Math.min(availableParallelism() - 1, 2), 0),
    resolve,
  };
}

function whole(
  options: WebPushOptions,
  name: 'sockets' | 'idleTimeout' | 'threads',
  otherwise: number,
  least: number,
): number {
  const value = options[name] ?? otherwise;
  // 2^31 - 1 is the longest delay a timer takes.
  if (!Number.isInteger(value) || value < least || value > 2_147_483_647) {
    throw invalid(`expected a whole number of at least ${least}`, name);
  }
  return value;
}

const invalid = (message: string, field: string): Error => tidingsError('tidings.invalid_options', message, field);

/** A subscription whose endpoint the adapter may call. */
export function targetSchema(problemOfEndpoint: (endpoint: string) => string | undefined): Schema<WebPushTarget> {
  return checked((value) => {
    if (!isRecord(value)) return { message: 'expected the JSON of a PushSubscription' };
    const { endpoint, keys, expirationTime } = value;
    if (typeof endpoint !== 'string') return { message: 'expected a URL', path: ['endpoint'] };
    const problem = problemOfEndpoint(endpoint);
    if (problem !== undefined) return { message: problem, path: ['endpoint'] };
    if (!isRecord(keys)) return { message: 'expected an object with p256dh and auth', path: ['keys'] };
    if (!isPoint(keys['p256dh']))
      return { message: 'expected a P-256 point of 65 bytes in base64url', path: ['keys', 'p256dh'] };
    if (!isBase64(keys['auth'], 16)) return { message: 'expected 16 bytes in base64url', path: ['keys', 'auth'] };
    const noTime = expirationTime === undefined || expirationTime === null || typeof expirationTime === 'number';
    return noTime ? undefined : { message: 'expected a number or null', path: ['expirationTime'] };
  });
}

/** The first byte says that the point is uncompressed: 4 makes the first character a B. Whether it is on the curve shows at encryption. */
const isPoint = (value: unknown): boolean => isBase64(value, 65) && (value as string).startsWith('B');

/** Base64url or, as some backends keep it, base64; padded or not. */
function isBase64(value: unknown, bytes: number): boolean {
  if (typeof value !== 'string') return false;
  const bare = value.endsWith('=') ? value.replace(/={1,2}$/, '') : value;
  return bare.length === Math.ceil((bytes * 4) / 3) && /^[\w+/-]+$/.test(bare);
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isFlag = (value: unknown): boolean => typeof value === 'boolean';

type Rules = { readonly [field: string]: readonly [(value: unknown) => boolean, string] };

const contentRules: Rules = {
  tag: [isText, 'expected a string'],
  icon: [isText, 'expected a URL'],
  badge: [isText, 'expected a URL'],
  actions: [isActions, 'expected a list of { action, title, icon? }'],
  requireInteraction: [isFlag, 'expected a boolean'],
  renotify: [isFlag, 'expected a boolean'],
  silent: [isFlag, 'expected a boolean'],
};

const nativeRules: Rules = {
  payload: [(value) => isText(value) || value instanceof Uint8Array, 'expected a string or bytes'],
  ttl: [(value) => Number.isInteger(value) && (value as number) >= 0, 'expected seconds, a whole number of at least 0'],
  urgency: [
    (value) => ['very-low', 'low', 'normal', 'high'].includes(value as string),
    'expected very-low, low, normal or high',
  ],
  topic: [
    (value) => isText(value) && /^[\w-]{1,32}$/.test(value as string),
    'expected 1 to 32 characters of A-Z a-z 0-9 - _',
  ],
};

export const contentSchema: Schema<WebPushContent> = checked((value) => problemOf(value, contentRules));

/** Unlike in the content, an unknown field here is a mistake: it would silently do nothing. */
export const nativeSchema: Schema<WebPushNative> = checked((value) => {
  const unknown = isRecord(value) ? Object.keys(value).find((field) => !Object.hasOwn(nativeRules, field)) : undefined;
  return unknown === undefined ? problemOf(value, nativeRules) : { message: 'no such field', path: [unknown] };
});

function problemOf(value: unknown, rules: Rules): Issue | undefined {
  if (!isRecord(value)) return { message: 'expected an object' };
  for (const [field, [fits, message]] of Object.entries(rules)) {
    if (value[field] !== undefined && !fits(value[field])) return { message, path: [field] };
  }
  return undefined;
}

function isActions(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every(
      (each) =>
        isRecord(each) &&
        isText(each['action']) &&
        isText(each['title']) &&
        (each['icon'] === undefined || isText(each['icon'])),
    )
  );
}

function isRecord(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What the service worker gets: see the README. */
export interface WebPushDocument extends WebPushContent {
  readonly id: string;
  readonly title?: string | undefined;
  readonly body?: string | undefined;
  readonly url?: string | undefined;
  readonly image?: string | undefined;
  readonly data?: { readonly [key: string]: Json | undefined } | undefined;
}
