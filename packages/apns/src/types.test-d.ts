// Compiled, never run: what users of the package rely on.
import type { MultiProvider, Provider } from '@parse/node-apn';
import { createEngine } from '@tidings/core';
import type { ApnsAdapter, ApnsContent, ApnsNative, ApnsOptions, ApnsTarget } from './index.ts';
import { apns } from './index.ts';

declare const provider: Provider;
declare const multiProvider: MultiProvider;

const token = { key: '', keyId: '', teamId: '', topic: '' };
export const adapters: ApnsAdapter[] = [
  apns(token),
  apns({
    ...token,
    key: Buffer.alloc(0),
    production: false,
    sessions: 2,
    streams: 50,
    endpoint: 'https://apns.example',
    ca: '',
  }),
  apns({ ...token, key: (reason) => (reason === 'refused' ? { key: '', keyId: '' } : '') }),
  apns({ ...token, key: async () => Buffer.alloc(0) }),
  apns({ cert: '', key: '', topic: '' }),
  apns({ provider, topic: '' }),
  apns({ provider: multiProvider, topic: '' }),
];

export const target: ApnsTarget = { token: '' };
export const content: ApnsContent = {
  badge: 1,
  sound: { name: 'default', critical: true },
  interruptionLevel: 'passive',
};
export const native: ApnsNative = {
  aps: { 'interruption-level': 'active', 'thread-id': '', 'content-state': { score: 1 } },
  headers: { 'apns-push-type': 'liveactivity', 'apns-priority': 10 },
  payload: { anything: [1] },
};

const engine = createEngine({ channels: { ios: apns(token) } });
export const outcome = await engine.send({ to: { channel: 'ios', token: '' }, title: '', native: { apns: native } });
export const gone: string | undefined = outcome.status === 'failed' ? outcome.to.token : undefined;

// @ts-expect-error no token
export const none: ApnsTarget = {};
// @ts-expect-error the id of the key is missing
export const keyless: ApnsOptions = { key: '', teamId: '', topic: '' };
// @ts-expect-error one credential only
export const both: ApnsOptions = { ...token, provider };
// @ts-expect-error a number
export const badge: ApnsContent = { badge: '1' };
// @ts-expect-error no such header
export const header: ApnsNative = { headers: { 'apns-topics': '' } };
// @ts-expect-error no such level
export const level: ApnsNative = { aps: { 'interruption-level': 'loud' } };
// @ts-expect-error misspelled content
await engine.send({ to: { channel: 'ios', token: '' }, content: { ios: { bagde: 1 } } });
