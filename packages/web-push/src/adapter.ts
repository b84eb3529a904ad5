import type { Adapter, AdapterContext, Failure, SendResult } from '@tidings/core';
import { defineAdapter } from '@tidings/core';
import { isTransportError } from '@tidings/transport';
import { classifyAnswer, classifyError, refusedAuthorization } from './classify.ts';
import { createClient } from './client.ts';
import { readKeys } from './encryption.ts';
import { createEncryptor } from './encryption-threads.ts';
import { endpointRules } from './endpoint.ts';
import type { WebPushContent, WebPushNative, WebPushOptions, WebPushTarget } from './options.ts';
import { checkOptions, contentSchema, nativeSchema, targetSchema } from './options.ts';
import type { WebPushDelivery } from './payload.ts';
import { plaintextLimit, toPushMessage } from './payload.ts';
import type { VapidProblem } from './vapid.ts';
import { createVapidHeaders } from './vapid.ts';

/** An interface: short names in compile errors. */
export interface WebPushAdapter extends Adapter<'webPush', WebPushTarget, WebPushContent, WebPushNative> {}

/**
 * Sends to browsers through their push services (RFC 8030, 8291, 8292).
 * @throws TidingsError `tidings.invalid_options` naming the option
 */
export function webPush(options: WebPushOptions): WebPushAdapter {
  const settings = checkOptions(options);
  const rules = endpointRules(settings.allow);
  const client = createClient(settings);
  const encryptor = createEncryptor(settings.threads);
  let busy = 0;
  let now = Date.now;
  // By the machine's clock, not the runtime's: the push services compare with theirs.
  const headers = createVapidHeaders(settings.vapid, Date.now);

  const sendOne = async (delivery: WebPushDelivery, signal: AbortSignal): Promise<SendResult> => {
    const endpoint = rules.parse(delivery.target.endpoint);
    if (endpoint === undefined) return invalidTarget('endpoint');
    const { hostname, origin } = endpoint.url;
    const message = toPushMessage(delivery, hostname, now());
    if ('kind' in message) return message;
    const body = await encryptor.encrypt({ plaintext: message.plaintext, keys: readKeys(delivery.target.keys) }, busy);
    if (body === undefined) return invalidTarget('keys.p256dh');
    const header = await headers.get(origin);
    if (typeof header === 'string') return withoutKey[header];

    try {
      const answer = await client.post({
        endpoint,
        headers: { ...message.headers, ...fixedHeaders, Authorization: header.value },
        body,
        signal,
      });
      const result = classifyAnswer(answer, { hostname, keyProven: headers.proven(header), now: now() });
      if (result.kind === 'accepted') headers.accepted(header);
      else if (refusedAuthorization(answer)) headers.refused(header, result.kind === 'unauthorized');
      return result;
    } catch (error) {
      if (isTransportError(error)) return classifyError(error);
      throw error;
    }
  };

  return defineAdapter({
    provider: 'webPush',
    target: targetSchema(rules.problem),
    content: contentSchema,
    native: nativeSchema,
    limits: { batch: 1, payloadBytes: plaintextLimit },
    policy: { concurrency: settings.sockets, timeout: '15s', ambiguous: 'retry' },
    async send(deliveries, { signal }) {
      busy += deliveries.length;
      try {
        return await Promise.all(deliveries.map((delivery) => sendOne(delivery, signal)));
      } finally {
        busy -= deliveries.length;
      }
    },
    partition: ({ endpoint }) => new URL(endpoint).origin,
    open({ runtime }: AdapterContext) {
      now = runtime.now;
    },
    async close() {
      await client.close();
      await encryptor.close();
    },
  });
}

const fixedHeaders = { 'Content-Type': 'application/octet-stream', 'Content-Encoding': 'aes128gcm' };

const withoutKey: { readonly [Problem in VapidProblem]: Failure } = {
  failed: {
    kind: 'unavailable',
    scope: 'provider',
    code: 'tidings.credential_unavailable',
    message: "the function given as 'vapid' failed",
    retryAfter: 1000,
    unsent: true,
  },
  invalid: {
    kind: 'unauthorized',
    scope: 'credential',
    code: 'tidings.invalid_credential',
    message: "the function given as 'vapid' gave no valid key pair",
  },
};

function invalidTarget(field: string): Failure {
  return {
    kind: 'rejected',
    scope: 'target',
    code: 'tidings.invalid_target',
    message: 'the subscription can not be used',
    field: `to.${field}`,
  };
}
