import type { Sandbox, Service, WebPushSubscription } from '@tidings/sandbox';
import type { Readable } from './ledger-check.ts';

export const channelNames = ['ios', 'android', 'web'] as const;
export type ChannelName = (typeof channelNames)[number];

export function isChannelName(name: string): name is ChannelName {
  return (channelNames as readonly string[]).includes(name);
}

/** A device, as an application's database has it. */
export type Device =
  | { readonly channel: 'ios' | 'android'; readonly token: string }
  | ({ readonly channel: 'web' } & WebPushSubscription);

export function serviceOf(sandbox: Sandbox, name: ChannelName): Service {
  return { ios: sandbox.apns, android: sandbox.fcm, web: sandbox.webPush }[name];
}

/** A new device that the sandbox's service knows. @param vapidKey public key that browsers subscribe with */
export function register(sandbox: Sandbox, name: ChannelName, vapidKey: string): Device {
  switch (name) {
    case 'ios':
      return { channel: name, token: sandbox.apns.register() };
    case 'android':
      return { channel: name, token: sandbox.fcm.register() };
    case 'web':
      return { channel: name, ...sandbox.webPush.subscribe({ applicationServerKey: vapidKey }) };
  }
}

/** What a device can read of a payload in its service's ledger. */
export function readOnDevice(name: ChannelName, payload: unknown): Readable {
  switch (name) {
    case 'ios':
      return readApns(payload as ApnsPayload | undefined);
    case 'android':
      return readFcm(payload as FcmMessage | undefined);
    case 'web': {
      // A service worker gets what was sent under the names of the message itself.
      const { title, body, url, data } = (payload ?? {}) as Readable;
      return { title, body, url, data };
    }
  }
}

/** What a device must be able to read of what was sent to it. */
export function expectOnDevice(name: ChannelName, { title, body, url, data }: Readable): Readable {
  return { title, body, url, data: name === 'android' ? asStrings(data) : data };
}

interface ApnsPayload extends Pick<Readable, 'url' | 'data'> {
  readonly aps?: { readonly alert?: Pick<Readable, 'title' | 'body'> };
}

function readApns({ aps, url, data }: ApnsPayload = {}): Readable {
  return { title: aps?.alert?.title, body: aps?.alert?.body, url, data };
}

interface FcmMessage {
  readonly notification?: Pick<Readable, 'title' | 'body'>;
  readonly data?: { readonly [key: string]: string };
}

/** FCM has no place for a link on Android: it comes with the data. */
function readFcm({ notification, data = {} }: FcmMessage = {}): Readable {
  const { url, ...rest } = data;
  return { title: notification?.title, body: notification?.body, url, data: rest };
}

/** FCM's data are texts; whatever else comes as its JSON. */
function asStrings(data: Readable['data']): Readable['data'] {
  const entries = Object.entries(data ?? {});
  return Object.fromEntries(
    entries.map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}
