// Compiled, never run: what users of the package rely on.
import type { App } from 'firebase-admin/app';
import type { FcmAdapter, FcmNative, FcmOptions, FcmTarget } from './index.ts';
import { fcm } from './index.ts';

declare const app: App;
declare const keyFile: { type: string; project_id: string; private_key: string; client_email: string };

export const adapters: FcmAdapter[] = [
  fcm({ app }),
  fcm({ app, projectId: 'p', sessions: 2, streams: 50, validateOnly: true, endpoint: 'https://fcm.example', ca: '' }),
  fcm({ serviceAccount: keyFile }),
  fcm({ serviceAccount: JSON.stringify(keyFile), tokenUri: 'https://token.example' }),
  fcm({ serviceAccount: async (reason) => (reason === 'refused' ? keyFile : JSON.stringify(keyFile)) }),
  fcm({ projectId: 'p', accessToken: () => ({ token: '', expiresAt: new Date() }) }),
  fcm({ projectId: 'p', accessToken: async () => ({ token: '', expiresAt: 0 }) }),
];

export const targets: FcmTarget[] = [{ token: 't' }, { topic: 'news' }, { condition: "'a' in topics" }, { fid: 'f' }];
export const native: FcmNative = {
  android: { collapse_key: 'a', notification: { color: '#f00' }, bandwidth_constrained_ok: true },
  apns: { headers: { 'apns-push-type': 'alert' }, payload: { aps: { 'thread-id': 't' } } },
};

// @ts-expect-error one target only
export const two: FcmTarget = { token: 't', topic: 'news' };
// @ts-expect-error no target
export const none: FcmTarget = {};
// @ts-expect-error one credential only
export const both: FcmOptions = { app, serviceAccount: keyFile };
// @ts-expect-error a function alone does not tell the project
export const projectless: FcmOptions = { accessToken: () => ({ token: '', expiresAt: 0 }) };
// @ts-expect-error no such block
export const misspelled: FcmNative = { androd: {} };
// @ts-expect-error FCM takes strings only
export const numbers: FcmNative = { data: { a: 1 } };
