import { checked } from '@tidings/core';
import type { Issue, Json } from '@tidings/core';

// What a user writes for APNs, and the schemas that check it before the engine hands it to the adapter.

export interface ApnsTarget {
  /** Device token, or another push token of the app (live activity, PushKit): hex. */
  readonly token: string;
}

export interface ApnsSound {
  /** A file of the app, or `'default'`. */
  readonly name: string;
  /** Sounds even when muted; needs Apple's entitlement. */
  readonly critical?: boolean | undefined;
  /** Of a critical sound: 0 to 1. */
  readonly volume?: number | undefined;
}

export type ApnsInterruptionLevel = 'passive' | 'active' | 'time-sensitive' | 'critical';

/** Fields beyond title, body, data, url and image. @see https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification */
export interface ApnsContent {
  readonly subtitle?: string | undefined;
  /** Number on the app's icon; 0 removes it. */
  readonly badge?: number | undefined;
  readonly sound?: string | ApnsSound | undefined;
  /** Names the set of actions that the app has registered. */
  readonly category?: string | undefined;
  /** Groups notifications. */
  readonly thread?: string | undefined;
  readonly interruptionLevel?: ApnsInterruptionLevel | undefined;
  /** Order in the summary: 0 to 1. */
  readonly relevanceScore?: number | undefined;
  /** Wakes the app. With nothing to show the push becomes a background push. */
  readonly contentAvailable?: boolean | undefined;
  /** Lets the app's service extension change the notification; true by itself where there is an image. */
  readonly mutableContent?: boolean | undefined;
}

export type ApnsPushType =
  | 'alert'
  | 'background'
  | 'complication'
  | 'controls'
  | 'fileprovider'
  | 'liveactivity'
  | 'location'
  | 'mdm'
  | 'pushtotalk'
  | 'voip'
  | 'widgets';

/** Laid over the `aps` dictionary field by field; `undefined` takes a mapped field out. */
export interface ApnsAps {
  readonly alert?: string | { readonly [field: string]: Json | undefined } | undefined;
  readonly badge?: number | undefined;
  readonly sound?: string | { readonly [field: string]: Json | undefined } | undefined;
  readonly category?: string | undefined;
  readonly 'thread-id'?: string | undefined;
  readonly 'content-available'?: 0 | 1 | undefined;
  readonly 'mutable-content'?: 0 | 1 | undefined;
  readonly 'interruption-level'?: ApnsInterruptionLevel | undefined;
  readonly 'relevance-score'?: number | undefined;
  readonly [field: string]: Json | undefined;
}

/** In place of what the mapping chooses. */
export interface ApnsHeaders {
  readonly 'apns-push-type'?: ApnsPushType | undefined;
  /** Taken as it is: no suffix is added. */
  readonly 'apns-topic'?: string | undefined;
  readonly 'apns-priority'?: 1 | 5 | 10 | undefined;
  /** At most 64 bytes. */
  readonly 'apns-collapse-id'?: string | undefined;
  /** Epoch seconds; 0: now or never. */
  readonly 'apns-expiration'?: number | undefined;
}

/** Raw; always wins over the mapping. */
export interface ApnsNative {
  readonly aps?: ApnsAps | undefined;
  readonly headers?: ApnsHeaders | undefined;
  /** Further keys beside `aps`. */
  readonly payload?: { readonly [key: string]: Json | undefined } | undefined;
}

/** Push type to what the topic ends with. @see https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns */
export const topicSuffix: { readonly [Type in ApnsPushType]: string } = {
  alert: '',
  background: '',
  complication: '.complication',
  controls: '.push-type.controls',
  fileprovider: '.pushkit.fileprovider',
  liveactivity: '.push-type.liveactivity',
  location: '.location-query',
  mdm: '',
  pushtotalk: '.voip-ptt',
  voip: '.voip',
  widgets: '.push-type.widgets',
};

type Fields = { readonly [field: string]: unknown };
/** What a field may be, and how to say so. */
type Rule = readonly [test: (value: unknown) => boolean, expected: string];

const text: Rule = [(value) => typeof value === 'string', 'a text'];
const flag: Rule = [(value) => typeof value === 'boolean', 'true or false'];
const share: Rule = [(value) => typeof value === 'number' && value >= 0 && value <= 1, 'a number from 0 to 1'];
const count: Rule = [(value) => Number.isSafeInteger(value) && (value as number) >= 0, 'a whole number, not negative'];
const record: Rule = [isRecord, 'an object'];
const levels = ['passive', 'active', 'time-sensitive', 'critical'];

const contentRules: { readonly [Field in keyof ApnsContent]-?: Rule } = {
  subtitle: text,
  badge: count,
  sound: [isSound, 'the name of a sound, or an object with name, critical and volume'],
  category: text,
  thread: text,
  interruptionLevel: [(value) => levels.includes(value as string), levels.join(', ')],
  relevanceScore: share,
  contentAvailable: flag,
  mutableContent: flag,
};

const headerRules: { readonly [Field in keyof ApnsHeaders]-?: Rule } = {
  'apns-push-type': [
    (value) => typeof value === 'string' && Object.hasOwn(topicSuffix, value),
    `one of ${Object.keys(topicSuffix).join(', ')}`,
  ],
  'apns-topic': [
    (value) => typeof value === 'string' && /^[\w.-]{1,255}$/.test(value),
    'letters, digits, dots, dashes',
  ],
  'apns-priority': [(value) => value === 1 || value === 5 || value === 10, '1, 5 or 10'],
  'apns-collapse-id': [isCollapseId, '1 to 64 printable ASCII characters'],
  'apns-expiration': count,
};

/** What goes into the header as it is. */
export function isCollapseId(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e](?:[\x20-\x7e]{0,62}[\x21-\x7e])?$/.test(value);
}

export const targetSchema = checked<ApnsTarget>((value) => {
  if (!isRecord(value)) return { message: 'expected an object with a token' };
  const { token } = value;
  if (typeof token === 'string' && /^(?:[0-9a-f]{2}){32,100}$/i.test(token)) return undefined;
  return { message: 'expected 64 to 200 hex digits, an even number', path: ['token'] };
});

export const contentSchema = checked<ApnsContent>((value) =>
  isRecord(value) ? firstIssue(value, contentRules, []) : { message: 'expected an object' },
);

export const nativeSchema = checked<ApnsNative>((value) => {
  if (!isRecord(value)) return { message: 'expected an object with aps, headers or payload' };
  const issue =
    firstIssue(value, { aps: record, headers: record, payload: record }, []) ?? unknownKey(value, nativeKeys, []);
  if (issue !== undefined) return issue;
  const { headers = {}, payload = {} } = value as { headers?: Fields; payload?: Fields };
  if (Object.hasOwn(payload, 'aps')) return { message: 'expected keys beside aps', path: ['payload', 'aps'] };
  return firstIssue(headers, headerRules, ['headers']) ?? unknownKey(headers, Object.keys(headerRules), ['headers']);
});

const nativeKeys = ['aps', 'headers', 'payload'];

function firstIssue(
  value: Fields,
  rules: { readonly [field: string]: Rule },
  path: readonly string[],
): Issue | undefined {
  for (const field in rules) {
    const [test, expected] = rules[field] as Rule;
    if (value[field] !== undefined && !test(value[field]))
      return { message: `expected ${expected}`, path: [...path, field] };
  }
  return undefined;
}

/** A misspelled header would be a silent loss. */
function unknownKey(value: Fields, known: readonly string[], path: readonly string[]): Issue | undefined {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  return unknown === undefined ? undefined : { message: `expected only ${known.join(', ')}`, path: [...path, unknown] };
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSound(value: unknown): boolean {
  if (typeof value === 'string') return value !== '';
  if (!isRecord(value) || typeof value.name !== 'string' || value.name === '') return false;
  const { critical, volume } = value;
  return (critical === undefined || flag[0](critical)) && (volume === undefined || share[0](volume));
}
