// Compiled, never run: what users of the package rely on.
import type { PushSubscription } from 'web-push';
import type { WebPushAdapter, WebPushContent, WebPushNative, WebPushOptions, WebPushTarget } from './index.ts';
import { webPush } from './index.ts';

const vapid = { subject: 'mailto:push@team.example', publicKey: '', privateKey: '' };
declare const subscription: PushSubscription;

export const adapters: WebPushAdapter[] = [
  webPush({ vapid }),
  webPush({ vapid: (reason) => (reason === 'refused' ? Promise.resolve(vapid) : vapid) }),
  webPush({
    vapid,
    allow: ['push.example', '*.push.example:8443'],
    sockets: 10,
    idleTimeout: 1000,
    threads: 0,
    ca: '',
  }),
  webPush({ vapid, allow: ({ hostname, port }) => (hostname === 'localhost' ? 'private' : port === 443) }),
  webPush({ vapid, resolve: async () => [{ address: '203.0.113.7', family: 4 }] }),
];

export const targets: WebPushTarget[] = [
  subscription,
  { endpoint: 'https://push.example', keys: { p256dh: '', auth: '' }, expirationTime: null },
];
export const content: WebPushContent = { tag: 'a', actions: [{ action: 'a', title: 'A' }], silent: undefined };
export const native: WebPushNative[] = [
  { payload: 'text' },
  { payload: new Uint8Array(), ttl: 0, urgency: 'very-low', topic: 'a' },
];

// @ts-expect-error no key pair
export const keyless: WebPushOptions = {};
// @ts-expect-error no contact
export const contactless: WebPushOptions = { vapid: { publicKey: '', privateKey: '' } };
// @ts-expect-error no keys
export const unencrypted: WebPushTarget = { endpoint: 'https://push.example' };
// @ts-expect-error no such urgency
export const urgent: WebPushNative = { urgency: 'urgent' };
// @ts-expect-error misspelled
export const misspelled: WebPushNative = { TTL: 5 };
// @ts-expect-error an action has a title
export const untitled: WebPushContent = { actions: [{ action: 'a' }] };
