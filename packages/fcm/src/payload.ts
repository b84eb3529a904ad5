import type { Delivery, Failure } from '@tidings/core';
import { hashedKey } from './collapse.ts';
import type { FcmContent, FcmNative, FcmTarget, FcmTargetKind } from './schemas.ts';
import { isObject, targetKind } from './schemas.ts';

export type FcmDelivery = Delivery<FcmTarget, FcmContent, FcmNative>;

/** What goes into one POST. */
export interface FcmRequest {
  readonly body: string;
  readonly target: FcmTargetKind;
}

export interface PayloadContext {
  /** Epoch ms. */
  readonly now: number;
  /** FCM checks the message and delivers nothing. */
  readonly validateOnly: boolean;
}

interface Block {
  [key: string]: unknown;
}

/** Bytes of keys and values in notification and data. @see https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode */
export const payloadBytes = 4096;
const topicPayloadBytes = 2048;
/** Four weeks, in seconds. */
const longestTtl = 2_419_200;
const reservedKey = /^(?:from$|google|gcm)/;

/**
 * A delivery as the body of `messages:send`. Pure, and never throws: what can't become a message is `rejected` with its field.
 * @see https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
 */
export function toRequest(delivery: FcmDelivery, context: PayloadContext): FcmRequest | Failure {
  const target = targetKind(delivery.target);
  try {
    const data = toData(delivery.content);
    if ('failure' in data) return data.failure;
    const message = overlay(toMessage(delivery, target, data.values, context.now), delivery.native);
    const body = JSON.stringify(context.validateOnly ? { validate_only: true, message } : { message });
    return tooLarge(message, body, target) ?? { body, target };
  } catch {
    // JSON.stringify: a circle, a nesting too deep, a toJSON that throws.
    return rejected('tidings.invalid_payload', 'holds something that JSON cannot express', 'native.fcm');
  }
}

function toMessage(delivery: FcmDelivery, target: FcmTargetKind, data: Block, now: number): Block {
  const { content, native } = delivery;
  const notification = toNotification(content);
  const visible = notification !== undefined || native?.notification !== undefined;
  const onAndroid = visible || native?.android?.notification !== undefined;
  const onApple =
    visible || content.sound !== undefined || content.badge !== undefined || native?.apns?.payload !== undefined;
  const ttl = toTtl(delivery.expiresAt.getTime(), now);
  // Without a key the id: a repeat of the same delivery then replaces instead of doubling.
  const key = hashedKey(delivery.collapseKey ?? delivery.id);
  return {
    [target]: delivery.target[target],
    ...(notification && { notification }),
    ...(Object.keys(data).length > 0 && { data }),
    android: toAndroid(delivery, onAndroid, ttl, key),
    apns: toApns(delivery, onApple, ttl, key, now),
    webpush: toWebpush(delivery, ttl, key),
  };
}

function toNotification({ title, body, image }: FcmDelivery['content']): Block | undefined {
  if (title === undefined && body === undefined && image === undefined) return undefined;
  return { title, body, image };
}

type Data = { readonly values: Block } | { readonly failure: Failure };

/** FCM takes strings only: others become their JSON, as the README says. */
function toData({ data, url }: FcmDelivery['content']): Data {
  const values: Block = {};
  if (url !== undefined) values['url'] = url;
  if (data === undefined) return { values };
  for (const [key, value] of Object.entries(data)) {
    if (value === undefined) continue;
    if (reservedKey.test(key)) {
      return {
        failure: rejected('tidings.reserved_data_key', 'FCM keeps from, google* and gcm* for itself', `data.${key}`),
      };
    }
    const text = typeof value === 'string' ? value : toJson(value);
    if (text === undefined) {
      return { failure: rejected('tidings.invalid_payload', 'expected what JSON can express', `data.${key}`) };
    }
    setOwn(values, key, text);
  }
  return { values };
}

function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

function toAndroid({ content, priority }: FcmDelivery, visible: boolean, ttl: number, tag: string): Block {
  const { sound, channelId, badge } = content;
  return {
    priority: priority === 'high' ? 'HIGH' : 'NORMAL',
    ttl: `${ttl}s`,
    // Only beside something visible: the block alone would turn a data message into an empty notification.
    ...(visible && {
      notification: { tag, sound, channel_id: channelId, notification_count: badge === 0 ? undefined : badge },
    }),
  };
}

function toApns(delivery: FcmDelivery, visible: boolean, ttl: number, key: string, now: number): Block {
  const { content, priority } = delivery;
  const aps = {
    ...(content.sound !== undefined && { sound: content.sound }),
    ...(content.badge !== undefined && { badge: content.badge }),
    // The app's extension may then fetch the image; without one it changes nothing.
    ...(content.image !== undefined && { 'mutable-content': 1 }),
    // Without it iOS hands a data message to the app only while it is open.
    ...(!visible && { 'content-available': 1 }),
  };
  return {
    headers: {
      'apns-collapse-id': key,
      // 0: deliver at once or not at all.
      'apns-expiration': ttl === 0 ? '0' : String(Math.floor(now / 1000) + ttl),
      // Apple refuses 10 for what shows nothing.
      'apns-priority': visible && priority !== 'low' ? '10' : '5',
    },
    ...(Object.keys(aps).length > 0 && { payload: { aps } }),
  };
}

const urgency = { high: 'high', normal: 'normal', low: 'low' } as const;

function toWebpush({ content, priority }: FcmDelivery, ttl: number, topic: string): Block {
  return {
    headers: { TTL: String(ttl), Urgency: urgency[priority], Topic: topic },
    // FCM refuses the whole message for a link that is not https.
    ...(content.url !== undefined && isHttps(content.url) && { fcm_options: { link: content.url } }),
  };
}

function toTtl(expiresAt: number, now: number): number {
  const seconds = Math.floor((expiresAt - now) / 1000);
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), longestTtl) : longestTtl;
}

function isHttps(url: string): boolean {
  return URL.parse(url)?.protocol === 'https:';
}

/** Native over the mapping: objects merge, all else replaces. The result is written out at once, so native's own parts are not copied. */
function overlay(base: Block, native: unknown): Block {
  if (!isObject(native)) return base;
  for (const [key, value] of Object.entries(native)) {
    if (value === undefined) continue;
    const below = Object.hasOwn(base, key) ? base[key] : undefined;
    setOwn(base, key, isObject(below) && isObject(value) ? overlay(below, value) : value);
  }
  return base;
}

/** Plain assignment, save that a key `__proto__` becomes a key like any other. */
function setOwn(block: Block, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(block, key, { value, enumerable: true, configurable: true, writable: true });
  else block[key] = value;
}

function tooLarge(message: Block, body: string, target: FcmTargetKind): Failure | undefined {
  const limit = target === 'topic' || target === 'condition' ? topicPayloadBytes : payloadBytes;
  // Most messages as a whole are smaller than their payload may be.
  if (Buffer.byteLength(body) <= limit) return undefined;
  const data = textBytes(message['data']);
  if (data + textBytes(message['notification']) <= limit) return undefined;
  return rejected(
    'tidings.payload_too_large',
    `the payload is larger than the ${limit} bytes that FCM takes here`,
    data > limit ? 'data' : 'body',
  );
}

/** Counted as FCM does, keys and values: never more than it counts, so that nothing is refused here that FCM would take. */
function textBytes(block: unknown): number {
  if (!isObject(block)) return 0;
  let bytes = 0;
  for (const [key, value] of Object.entries(block)) {
    if (typeof value === 'string') bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  return bytes;
}

function rejected(code: string, message: string, field: string): Failure {
  return { kind: 'rejected', scope: 'message', code, message, field };
}
