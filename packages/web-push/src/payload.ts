import { hash } from 'node:crypto';
import type { Delivery, Failure, Priority } from '@tidings/core';
import { overhead } from './encryption.ts';
import type { Urgency, WebPushContent, WebPushDocument, WebPushNative, WebPushTarget } from './options.ts';

export type WebPushDelivery = Delivery<WebPushTarget, WebPushContent, WebPushNative>;

/** What goes to the push service, before encryption and authorization. */
export interface PushMessage {
  readonly plaintext: Uint8Array;
  readonly headers: { readonly TTL: string; readonly Urgency: Urgency; readonly Topic?: string };
}

/** Bytes of plaintext: push services take 4096 encrypted ones. @see https://www.rfc-editor.org/rfc/rfc8030#section-7.2 */
export const plaintextLimit = 4096 - overhead;

interface ServiceLimits {
  /** Longest TTL in seconds. */
  readonly life: number;
  /** A topic on every message is in order. */
  readonly ownTopic: boolean;
}

/**
 * FCM keeps 4 weeks, and of an offline browser's messages with a topic those of 4 topics: a topic of each message's own would lose
 * the fifth. There a repeat replaces the first one on the device, by its tag.
 * @see https://github.com/webpush-wg/webpush-protocol/pull/62
 */
const fcm: ServiceLimits = { life: 2_419_200, ownTopic: false };
const services: { readonly [hostname: string]: ServiceLimits } = {
  'fcm.googleapis.com': fcm,
  'android.googleapis.com': fcm,
};
/** 30 days, as Mozilla takes. */
const others: ServiceLimits = { life: 2_592_000, ownTopic: true };

const urgencies: { readonly [Each in Priority]: Urgency } = { high: 'high', normal: 'normal', low: 'low' };

/**
 * Delivery to message; a failure where it is too large.
 * @param hostname of the push service
 * @param now epoch ms
 */
export function toPushMessage(delivery: WebPushDelivery, hostname: string, now: number): PushMessage | Failure {
  const { native, priority } = delivery;
  const plaintext = plaintextOf(delivery);
  if (plaintext === undefined) return notJson;
  if (plaintext.length > plaintextLimit) return tooLarge(delivery);
  const limits = Object.hasOwn(services, hostname) ? (services[hostname] ?? others) : others;
  const topic = topicOf(delivery, limits);
  return {
    plaintext,
    headers: {
      TTL: String(native?.ttl ?? ttlOf(delivery, now, limits)),
      Urgency: native?.urgency ?? urgencies[priority],
      ...(topic !== undefined && { Topic: topic }),
    },
  };
}

/** Whole seconds that are left, rounded down: the message must not outlive its deadline. */
function ttlOf({ expiresAt }: WebPushDelivery, now: number, { life }: ServiceLimits): number {
  return Math.min(Math.max(Math.floor((expiresAt.getTime() - now) / 1000), 0), life);
}

function topicOf({ native, collapseKey, id }: WebPushDelivery, { ownTopic }: ServiceLimits): string | undefined {
  if (native?.topic !== undefined) return native.topic;
  return collapseKey !== undefined || ownTopic ? collapseTopic(collapseKey, id) : undefined;
}

const plainKey = /^[A-Za-z0-9]{1,32}$/;

/**
 * At most 32 letters and digits (Mozilla takes no others): the key itself where it is such, else 128 bits of its hash, as the FCM adapter
 * makes Android's tag; or the id where there is no key, so that a repeat replaces the first one.
 */
export function collapseTopic(collapseKey: string | undefined, id: string): string {
  if (collapseKey === undefined) return id.replaceAll('-', '');
  return plainKey.test(collapseKey) ? collapseKey : hash('sha256', collapseKey, 'hex').slice(0, 32);
}

/** Undefined for what JSON can't express: a cycle, a bigint. */
function plaintextOf(delivery: WebPushDelivery): Uint8Array | undefined {
  const raw = delivery.native?.payload;
  if (raw !== undefined) return typeof raw === 'string' ? Buffer.from(raw) : raw;
  try {
    return Buffer.from(JSON.stringify(toDocument(delivery)));
  } catch {
    return undefined;
  }
}

const notJson: Failure = {
  kind: 'rejected',
  scope: 'message',
  code: 'tidings.invalid_payload',
  message: 'expected what JSON can express',
  field: 'data',
};

/** The JSON that the service worker gets; what the message does not have is left out. */
function toDocument({ id, content, collapseKey }: WebPushDelivery): WebPushDocument {
  const { title, body, url, image, icon, badge, tag, actions, requireInteraction, renotify, silent, data } = content;
  return {
    id,
    title,
    body,
    url,
    image,
    icon,
    badge,
    tag: tag ?? collapseTopic(collapseKey, id),
    actions,
    requireInteraction,
    renotify,
    silent,
    data,
  };
}

function tooLarge({ native, content }: WebPushDelivery): Failure {
  return {
    kind: 'rejected',
    scope: 'message',
    code: 'tidings.payload_too_large',
    message: `the payload is larger than ${plaintextLimit} bytes`,
    field: native?.payload === undefined ? largestField(content) : 'native.webPush.payload',
  };
}

/** Where cutting down helps most. */
function largestField(content: WebPushDelivery['content']): string {
  const sizes = Object.entries(content).map(([name, value]) => [name, JSON.stringify(value)?.length ?? 0] as const);
  const [largest] = sizes.toSorted(([, one], [, other]) => other - one);
  return largest?.[0] ?? 'content';
}
