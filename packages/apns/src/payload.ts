import { createHash } from 'node:crypto';
import type { Content, Delivery, Failure, Json, Priority } from '@tidings/core';
import type { ApnsAps, ApnsContent, ApnsNative, ApnsPushType, ApnsSound, ApnsTarget } from './schemas.ts';
import { isCollapseId, topicSuffix } from './schemas.ts';

export type ApnsDelivery = Delivery<ApnsTarget, ApnsContent, ApnsNative>;
type MessageContent = ApnsDelivery['content'];

/** What all targets of one message share. */
export interface Prepared {
  readonly content: MessageContent;
  readonly native: ApnsNative | undefined;
  readonly body: Buffer;
  readonly pushType: ApnsPushType;
  readonly topic: string;
  /** Why it can't be sent at all. */
  readonly refused: Failure | undefined;
}

/** Header name to value, as the request carries it; `authorization` comes later. */
export interface RequestHeaders {
  [name: string]: string;
}

/** Bytes. @see https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification */
export const payloadLimit = { voip: 5120, others: 4096 } as const;

/** The payload and what follows from it. `topic` is the app's. */
export function prepare(content: MessageContent, native: ApnsNative | undefined, topic: string): Prepared {
  const payload = toPayload(content, native);
  const pushType = native?.headers?.['apns-push-type'] ?? derivePushType(payload.aps);
  const shared = { content, native, pushType, topic: native?.headers?.['apns-topic'] ?? addSuffix(topic, pushType) };
  let body: Buffer;
  try {
    body = Buffer.from(JSON.stringify(payload));
  } catch {
    const message = 'the content holds a value that JSON does not know (bigint, circular)';
    return {
      ...shared,
      body: Buffer.alloc(0),
      refused: { kind: 'rejected', scope: 'message', code: 'tidings.invalid_content', message },
    };
  }
  return { ...shared, body, refused: checkSize(body.length, pushType, content, native) };
}

/** Headers of one delivery. `now` is epoch ms. */
export function toHeaders(prepared: Prepared, delivery: ApnsDelivery, now: number): RequestHeaders {
  const override = prepared.native?.headers;
  return {
    'apns-topic': prepared.topic,
    'apns-push-type': prepared.pushType,
    'apns-priority': priorityOf(override?.['apns-priority'], prepared.pushType, delivery.priority),
    'apns-expiration': String(override?.['apns-expiration'] ?? expirationOf(delivery.expiresAt, now)),
    // The same on every attempt: a repeat can be told from a second message, and replaces the first on the device.
    'apns-id': delivery.id,
    'apns-collapse-id':
      override?.['apns-collapse-id'] ??
      (delivery.collapseKey === undefined ? delivery.id : collapseId(delivery.collapseKey)),
  };
}

/** As JSON: `aps`, and beside it `url`, `image` and `data` under these names. */
export function toPayload(
  content: MessageContent,
  native: ApnsNative | undefined,
): { aps: ApnsAps; [key: string]: Json | undefined } {
  const { url, image, data } = content;
  const nothingToShow =
    native?.headers?.['apns-push-type'] === undefined && !isVisible(content) && content.contentAvailable === undefined;
  return {
    ...(url !== undefined && { url }),
    ...(image !== undefined && { image }),
    ...(data !== undefined && { data }),
    ...native?.payload,
    aps: { ...toAps(content), ...(nothingToShow && { 'content-available': 1 as const }), ...native?.aps },
  };
}

function toAps(content: MessageContent): ApnsAps {
  const { title, subtitle, body, badge, sound, category, thread, interruptionLevel, relevanceScore } = content;
  const hasAlert = title !== undefined || subtitle !== undefined || body !== undefined;
  const mutable = content.mutableContent ?? content.image !== undefined;
  return {
    alert: hasAlert ? { title, subtitle, body } : undefined,
    badge,
    sound: typeof sound === 'object' ? toSound(sound) : sound,
    category,
    'thread-id': thread,
    'interruption-level': interruptionLevel,
    'relevance-score': relevanceScore,
    'content-available': content.contentAvailable === true ? 1 : undefined,
    'mutable-content': mutable ? 1 : undefined,
  };
}

function toSound({ name, critical, volume }: ApnsSound): { readonly [field: string]: Json | undefined } {
  return { name, critical: critical === true ? 1 : undefined, volume };
}

function isVisible({ title, subtitle, body, badge, sound }: Partial<Content & ApnsContent>): boolean {
  return [title, subtitle, body, badge, sound].some((field) => field !== undefined);
}

/** Apple: a background push has `content-available` and neither alert nor badge nor sound. */
function derivePushType(aps: ApnsAps): ApnsPushType {
  const visible = aps.alert !== undefined || aps.badge !== undefined || aps.sound !== undefined;
  return aps['content-available'] === 1 && !visible ? 'background' : 'alert';
}

function addSuffix(topic: string, pushType: ApnsPushType): string {
  const suffix = topicSuffix[pushType];
  return topic.endsWith(suffix) ? topic : topic + suffix;
}

/** What the user sees goes at once; low waits for the device's power. A background push with 10 is an error at Apple's. */
function priorityOf(override: number | undefined, pushType: ApnsPushType, priority: Priority): string {
  if (override !== undefined) return String(override);
  return pushType === 'background' || priority === 'low' ? '5' : '10';
}

/** 0 where less than a second is left: deliver now or never. */
function expirationOf(expiresAt: Date, now: number): number {
  const seconds = Math.floor(expiresAt.getTime() / 1000);
  return seconds * 1000 > now ? seconds : 0;
}

/** The key itself where Apple takes it, else its hash. */
export function collapseId(key: string): string {
  return isCollapseId(key) ? key : createHash('sha256').update(key).digest('base64url');
}

function checkSize(
  size: number,
  pushType: ApnsPushType,
  content: MessageContent,
  native: ApnsNative | undefined,
): Failure | undefined {
  const limit = pushType === 'voip' ? payloadLimit.voip : payloadLimit.others;
  if (size <= limit) return undefined;
  const message = `the payload has ${size} bytes, APNs takes at most ${limit}`;
  return { kind: 'rejected', scope: 'message', code: 'PayloadTooLarge', field: largestField(content, native), message };
}

/** Where shortening helps most. */
function largestField(content: MessageContent, native: ApnsNative | undefined): string {
  let largest = 'native.apns';
  let most = sizeOf(native);
  for (const [field, value] of Object.entries(content)) {
    const size = sizeOf(value);
    if (size > most) [largest, most] = [field, size];
  }
  return largest;
}

function sizeOf(value: unknown): number {
  return value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value) ?? '');
}
