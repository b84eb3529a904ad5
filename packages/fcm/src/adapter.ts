import type { Adapter, Delivery, Failure, SendResult } from '@tidings/core';
import { defineAdapter, realRuntime } from '@tidings/core';
import { createClient } from './client.ts';
import type { FcmOptions } from './options.ts';
import { readOptions } from './options.ts';
import type { FcmDelivery, FcmRequest } from './payload.ts';
import { payloadBytes, toRequest } from './payload.ts';
import type { FcmContent, FcmNative, FcmTarget } from './schemas.ts';
import { fcmContent, fcmNative, fcmTarget } from './schemas.ts';

export interface FcmAdapter extends Adapter<'fcm', FcmTarget, FcmContent, FcmNative> {}

/**
 * Firebase Cloud Messaging over HTTP v1: Android, Apple and web apps that registered with Firebase.
 * Connects and asks for an access token at the first send.
 * @throws TidingsError `tidings.invalid_options` with the field
 * @see https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send
 */
export function fcm(options: FcmOptions): FcmAdapter {
  const settings = readOptions(options);
  const { sessions, streams, validateOnly } = settings;
  let runtime = realRuntime();
  const client = createClient(settings, () => runtime);

  async function send(delivery: FcmDelivery, signal: AbortSignal): Promise<SendResult> {
    const request = toRequest(delivery, { now: runtime.now(), validateOnly });
    return isRequest(request) ? client.send(request, signal) : request;
  }

  return defineAdapter({
    provider: 'fcm',
    target: fcmTarget,
    content: fcmContent,
    native: fcmNative,
    limits: { batch: 1, payloadBytes },
    policy: {
      concurrency: sessions * streams,
      // FCM asks senders to wait at least this long for an answer.
      timeout: '10s',
      // 600,000 a minute and project. @see https://firebase.google.com/docs/cloud-messaging/throttling-and-quotas
      rate: '10000/s',
      ambiguous: 'retry',
    },
    open(context) {
      ({ runtime } = context);
    },
    async send(deliveries: readonly Delivery<FcmTarget, FcmContent, FcmNative>[], { signal }) {
      return Promise.all(deliveries.map((delivery) => send(delivery, signal)));
    },
    close: () => client.close(),
  });
}

function isRequest(value: FcmRequest | Failure): value is FcmRequest {
  return 'body' in value;
}
