import { createECDH } from 'node:crypto';
import { apns } from '@tidings/apns';
import { createEngine, type Policy } from '@tidings/core';
import { fcm } from '@tidings/fcm';
import type { Sandbox } from '@tidings/sandbox';
import { webPush, type Vapid } from '@tidings/web-push';
import type { Settings } from './arguments.ts';

/** Deliveries of one channel that the engine holds at once: `sendAll` reads on as they settle. More would only wait longer. */
export const held = 100;

/** Short waits, so that the demo ends soon; the adapters' own are the providers' recommendations. */
export function demoPolicy({ count, faults }: Pick<Settings, 'count' | 'faults'>) {
  return {
    timeout: '1s',
    retry: { first: '20ms', max: '500ms', attempts: attemptsFor(count, faults), budget: 1 },
    breaker: { open: '1s' },
  } as const satisfies Policy;
}

/** So many that it would be a miracle if one delivery met a fault on all of them. */
function attemptsFor(count: number, faults: number): number {
  const miracle = 1e-6 / count;
  return faults === 0 ? 8 : Math.max(8, Math.ceil(Math.log(miracle) / Math.log(faults)));
}

/** An engine whose providers are the sandbox's. */
export function createDemoEngine(sandbox: Sandbox, vapid: Vapid, policy: Policy) {
  const { ca } = sandbox;
  return createEngine({
    channels: {
      ios: apns({ ...sandbox.apns.credentials, endpoint: sandbox.apns.endpoint, ca }),
      android: fcm({ serviceAccount: sandbox.fcm.serviceAccount, endpoint: sandbox.fcm.endpoint, ca }),
      // The endpoints come from browsers, so a push service beyond the known ones must be allowed. Fewer sockets than usual:
      // client and server share a process, where 50 handshakes at once take longer than an attempt may.
      web: webPush({ vapid, ca, sockets: 20, allow: [new URL(sandbox.webPush.endpoint).host] }),
    },
    policy,
    memory: { deliveries: held },
  });
}

export type DemoEngine = ReturnType<typeof createDemoEngine>;

/** A key pair for one run. Real ones are made once and kept: subscriptions are bound to them. */
export function makeVapid(): Vapid {
  const pair = createECDH('prime256v1');
  const publicKey = pair.generateKeys('base64url');
  // Once in 256 times the key begins with a zero, which node leaves out.
  const privateKey = pair.getPrivateKey('hex').padStart(64, '0');
  const subject = 'mailto:push@tidings.example';
  return { subject, publicKey, privateKey: Buffer.from(privateKey, 'hex').toString('base64url') };
}
