import { randomUUID } from 'node:crypto';
import type { ServiceRequest } from './provider.ts';

// The rules of APNs for one request, but for the provider token and the device.

/** Reason to status, as documented. @see https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns */
export const apnsStatus = {
  BadCollapseId: 400,
  BadDeviceToken: 400,
  BadExpirationDate: 400,
  BadMessageId: 400,
  BadPriority: 400,
  BadTopic: 400,
  DuplicateHeaders: 400,
  InvalidPushType: 400,
  MissingDeviceToken: 400,
  MissingTopic: 400,
  PayloadEmpty: 400,
  TopicDisallowed: 400,
  /** Not Apple's: what APNs says to a body that is no JSON object isn't documented. */
  BadPayload: 400,
  ExpiredProviderToken: 403,
  InvalidProviderToken: 403,
  MissingProviderToken: 403,
  BadPath: 404,
  MethodNotAllowed: 405,
  Unregistered: 410,
  PayloadTooLarge: 413,
  TooManyProviderTokenUpdates: 429,
  TooManyRequests: 429,
  InternalServerError: 500,
  ServiceUnavailable: 503,
} as const;

export type ApnsReason = keyof typeof apnsStatus;

/** Push type to what its topic ends with. */
const topicSuffix: Readonly<Record<string, string>> = {
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

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const hexToken = /^(?:[0-9a-f]{2}){32,100}$/i;
const devicePath = '/3/device/';

/** A path of ours: the token, empty where it is missing; undefined where it is another path. */
export function tokenOf(path: string): string | undefined {
  if (path === devicePath || path === '/3/device') return '';
  if (!path.startsWith(devicePath)) return undefined;
  const token = path.slice(devicePath.length);
  return /[/?]/.test(token) ? undefined : token;
}

/** The id of the answer: the sender's where it is one. */
export function messageIdOf(request: ServiceRequest): string {
  const given = request.headers['apns-id'];
  return given !== undefined && uuid.test(given) ? given : randomUUID().toUpperCase();
}

/** Checks that come before the provider token. */
export function checkLine(request: ServiceRequest): ApnsReason | undefined {
  if (tokenOf(request.path) === undefined) return 'BadPath';
  if (request.method !== 'POST') return 'MethodNotAllowed';
  if (hasRepeats(request.rawHeaders)) return 'DuplicateHeaders';
  return undefined;
}

/** Checks that come after the provider token. The payload is the parsed body. */
export function checkNotification(request: ServiceRequest, payload: unknown, topic: string): ApnsReason | undefined {
  return checkHeaders(request.headers, topic) ?? checkPayload(request, payload) ?? checkToken(request.path);
}

function checkHeaders(headers: ServiceRequest['headers'], topic: string): ApnsReason | undefined {
  const id = headers['apns-id'];
  const expiration = headers['apns-expiration'];
  const priority = headers['apns-priority'] ?? '10';
  const pushType = headers['apns-push-type'];
  const collapseId = headers['apns-collapse-id'];
  if (id !== undefined && !uuid.test(id)) return 'BadMessageId';
  if (expiration !== undefined && !/^\d{1,12}$/.test(expiration)) return 'BadExpirationDate';
  if (priority !== '10' && priority !== '5' && priority !== '1') return 'BadPriority';
  if (collapseId !== undefined && Buffer.byteLength(collapseId, 'latin1') > 64) return 'BadCollapseId';
  if (pushType === undefined || !Object.hasOwn(topicSuffix, pushType)) return 'InvalidPushType';
  if (pushType === 'background' && priority !== '5') return 'BadPriority';
  return checkTopic(headers['apns-topic'], `${topic}${topicSuffix[pushType]}`);
}

function checkTopic(topic: string | undefined, expected: string): ApnsReason | undefined {
  if (topic === undefined || topic === '') return 'MissingTopic';
  if (topic === expected) return undefined;
  return /^[\w.-]+$/.test(topic) ? 'TopicDisallowed' : 'BadTopic';
}

function checkPayload(request: ServiceRequest, payload: unknown): ApnsReason | undefined {
  const { body, headers } = request;
  const limit = headers['apns-push-type'] === 'voip' ? 5120 : 4096;
  if (body === undefined || body.length > limit) return 'PayloadTooLarge';
  if (body.length === 0) return 'PayloadEmpty';
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return 'BadPayload';
  return undefined;
}

function checkToken(path: string): ApnsReason | undefined {
  const token = tokenOf(path);
  if (token === undefined || token === '') return 'MissingDeviceToken';
  return hexToken.test(token) ? undefined : 'BadDeviceToken';
}

function hasRepeats(rawHeaders: readonly string[]): boolean {
  let seen = '';
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name !== 'authorization' && !name.startsWith('apns-')) continue;
    if (seen.includes(` ${name} `)) return true;
    seen += ` ${name} `;
  }
  return false;
}
