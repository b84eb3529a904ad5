import { createECDH, randomBytes } from 'node:crypto';
import webPushLibrary from 'web-push';
import type { Vapid, WebPushContent, WebPushNative, WebPushTarget } from '../index.ts';
import type { WebPushDelivery } from '../payload.ts';

export function makeVapid(): Vapid {
  return { subject: 'mailto:push@team.example', ...webPushLibrary.generateVAPIDKeys() };
}

/** A browser's subscription at a push service, with real keys. */
export function makeTarget(endpoint = 'https://fcm.googleapis.com/fcm/send/abc'): WebPushTarget {
  const pair = createECDH('prime256v1');
  pair.generateKeys();
  return { endpoint, keys: { p256dh: pair.getPublicKey('base64url'), auth: randomBytes(16).toString('base64url') } };
}

type Changes = Partial<Omit<WebPushDelivery, 'content' | 'native'>> & {
  readonly content?: WebPushContent & WebPushDelivery['content'];
  readonly native?: WebPushNative;
};

export function makeDelivery(changes: Changes = {}): WebPushDelivery {
  return {
    id: '0197e6d2-4f6a-7abc-8def-0123456789ab',
    messageId: '0197e6d2-4f6a-7abc-8def-012345678900',
    channel: 'web',
    target: changes.target ?? makeTarget(),
    content: { title: 'Price alert', body: 'ACME is below 42' },
    priority: 'normal',
    expiresAt: new Date(Date.now() + 600_000),
    attempt: 1,
    ...changes,
  };
}

/** A signal that nobody aborts. */
export const never = new AbortController().signal;
