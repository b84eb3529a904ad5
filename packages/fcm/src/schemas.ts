import type { Issue, Json, Schema } from '@tidings/core';
import { checked } from '@tidings/core';

/**
 * Where a message goes: exactly one of the four.
 * For a topic or a condition `accepted` means that FCM took the request, not that any device is subscribed.
 */
export type FcmTarget =
  /** A registration token. */
  | { readonly token: string; readonly topic?: never; readonly condition?: never; readonly fid?: never }
  /** A topic's name, without `/topics/`. */
  | { readonly topic: string; readonly token?: never; readonly condition?: never; readonly fid?: never }
  /** `"'news' in topics && !('muted' in topics)"`, at most five topics. */
  | { readonly condition: string; readonly token?: never; readonly topic?: never; readonly fid?: never }
  /** A Firebase installation id. */
  | { readonly fid: string; readonly token?: never; readonly topic?: never; readonly condition?: never };

export type FcmTargetKind = 'token' | 'topic' | 'condition' | 'fid';

/** What FCM takes beyond the common fields. */
export interface FcmContent {
  /** A sound of the app's resources, `'default'` for the system's own. */
  readonly sound?: string | undefined;
  /** Number on the app's icon on Apple devices (0 removes it), count of new items on Android. */
  readonly badge?: number | undefined;
  /** Android notification channel (Android 8 and later); the app must have created it. */
  readonly channelId?: string | undefined;
}

export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** `AndroidConfig` of the v1 API; fields not named here are passed on as they are. */
export interface FcmAndroid extends JsonObject {
  /** At most four keys are stored per token, so it is never set by the mapping. */
  readonly collapse_key?: string;
  readonly priority?: 'NORMAL' | 'HIGH' | 'normal' | 'high';
  /** Seconds: `'600s'`. */
  readonly ttl?: string;
  readonly restricted_package_name?: string;
  readonly data?: { readonly [key: string]: string };
  readonly notification?: JsonObject;
  readonly direct_boot_ok?: boolean;
}
export interface FcmApns extends JsonObject {
  readonly headers?: { readonly [name: string]: string };
  readonly payload?: JsonObject;
  readonly fcm_options?: JsonObject;
}
export interface FcmWebpush extends JsonObject {
  readonly headers?: { readonly [name: string]: string };
  readonly data?: { readonly [key: string]: string };
  readonly notification?: JsonObject;
  readonly fcm_options?: JsonObject;
}

/**
 * Raw blocks of a v1 message, laid deeply over what the mapping made: objects merge, anything else replaces.
 * @see https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages#Message
 */
export interface FcmNative {
  readonly android?: FcmAndroid;
  readonly apns?: FcmApns;
  readonly webpush?: FcmWebpush;
  readonly fcm_options?: { readonly analytics_label?: string };
  readonly notification?: JsonObject;
  /** FCM takes strings only; as the application wrote them, nothing is made a string here. */
  readonly data?: { readonly [key: string]: string };
}

const targetKinds: readonly FcmTargetKind[] = ['token', 'topic', 'condition', 'fid'];

/** Which of the four a valid target has. */
export function targetKind(target: FcmTarget): FcmTargetKind {
  if (target.token !== undefined) return 'token';
  if (target.topic !== undefined) return 'topic';
  return target.condition === undefined ? 'fid' : 'condition';
}

const addresses: { readonly [Kind in FcmTargetKind]: { readonly form: RegExp; readonly expected: string } } = {
  token: { form: /^[\x21-\x7e]{1,4096}$/, expected: 'a registration token: 1 to 4096 printable ASCII characters' },
  fid: { form: /^[\x21-\x7e]{1,4096}$/, expected: 'an installation id: 1 to 4096 printable ASCII characters' },
  topic: {
    form: /^[A-Za-z0-9\-_.~%]{1,900}$/,
    expected: 'a topic name of letters, digits and -_.~%, without /topics/',
  },
  condition: { form: /^[\x20-\x7e]{1,2048}$/, expected: 'a condition like "\'news\' in topics"' },
};

export const fcmTarget: Schema<FcmTarget> = checked((value) => {
  if (!isObject(value)) return { message: 'expected an object with one of token, topic, condition, fid' };
  const given = targetKinds.filter((kind) => value[kind] !== undefined);
  const [kind] = given;
  if (kind === undefined || given.length > 1) {
    return { message: 'expected exactly one of token, topic, condition, fid' };
  }
  const address = value[kind];
  const { form, expected } = addresses[kind];
  return typeof address === 'string' && form.test(address)
    ? undefined
    : { message: `expected ${expected}`, path: [kind] };
});

export const fcmContent: Schema<FcmContent> = checked((value) => {
  if (!isObject(value)) return { message: 'expected an object' };
  const { sound, badge, channelId } = value;
  if (!isOptionalText(sound)) return { message: "expected a sound's name", path: ['sound'] };
  if (!isOptionalText(channelId)) return { message: 'expected the id of a notification channel', path: ['channelId'] };
  const isCount = Number.isSafeInteger(badge) && (badge as number) >= 0;
  return badge === undefined || isCount ? undefined : { message: 'expected an integer of at least 0', path: ['badge'] };
});

const blocks: readonly string[] = ['android', 'apns', 'webpush', 'fcm_options', 'notification', 'data'];

export const fcmNative: Schema<FcmNative> = checked((value) => {
  if (!isObject(value)) return { message: `expected an object with some of ${blocks.join(', ')}` };
  for (const [name, block] of Object.entries(value)) {
    // The name is the application's own text, so it is not repeated.
    if (!blocks.includes(name)) return { message: `expected only ${blocks.join(', ')}` };
    if (block !== undefined && !isObject(block)) return { message: 'expected an object', path: [name] };
  }
  return textMapIssue(value.data, ['data']);
});

function textMapIssue(value: unknown, path: readonly string[]): Issue | undefined {
  if (!isObject(value)) return undefined;
  const wrong = Object.keys(value).find((key) => typeof value[key] !== 'string');
  return wrong === undefined ? undefined : { message: 'expected a string', path: [...path, wrong] };
}

function isOptionalText(value: unknown): boolean {
  return value === undefined || (typeof value === 'string' && value !== '');
}

/** A plain record: neither null nor an array. */
export function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
