import type { Adapter, Policy, SendContext, SendResult } from '@tidings/core';
import { defineAdapter } from '@tidings/core';
import { classify } from './classify.ts';
import type { ApnsClient } from './client.ts';
import { createPoolClient } from './client.ts';
import type { ApnsContent, ApnsNative, ApnsTarget } from './schemas.ts';
import { contentSchema, nativeSchema, targetSchema } from './schemas.ts';
import type { ApnsOptions, Settings } from './options.ts';
import { checkOptions } from './options.ts';
import type { ApnsDelivery, Prepared } from './payload.ts';
import { payloadLimit, prepare, toHeaders } from './payload.ts';
import { createProviderClient } from './provider-client.ts';

/** What `apns()` makes: a channel for `{ token }` targets. */
export interface ApnsAdapter extends Adapter<'apns', ApnsTarget, ApnsContent, ApnsNative> {}

/** Requests in flight by default, over all connections: more only wait inside Apple's own limits. */
const mostInFlight = 1000;

/**
 * Apple Push Notification service, over kept HTTP/2 sessions.
 * @throws TidingsError `tidings.invalid_options` with the field: `'apns.keyId'`
 * @see https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns
 */
export function apns(options: ApnsOptions): ApnsAdapter {
  const settings = checkOptions(options);
  const client = createClient(settings);
  const { topic } = settings;
  let shared: Prepared | undefined;

  /** The payload is put together once for all targets of a message: they come one after the other with the same content. */
  function prepareOnce({ content, native }: ApnsDelivery): Prepared {
    if (shared?.content !== content || shared.native !== native) shared = prepare(content, native, topic);
    return shared;
  }

  async function sendOne(delivery: ApnsDelivery, context: SendContext): Promise<SendResult> {
    const prepared = prepareOnce(delivery);
    if (prepared.refused !== undefined) return prepared.refused;
    const headers = toHeaders(prepared, delivery, Date.now());
    const request = { token: delivery.target.token, headers, body: prepared.body };
    return classify(await client.send(request, context.signal), delivery.native, delivery.id);
  }

  async function send(deliveries: readonly ApnsDelivery[], context: SendContext): Promise<readonly SendResult[]> {
    const [first] = deliveries;
    if (first !== undefined && deliveries.length === 1) return [await sendOne(first, context)];
    return Promise.all(deliveries.map((delivery) => sendOne(delivery, context)));
  }

  return defineAdapter({
    provider: 'apns',
    target: targetSchema,
    content: contentSchema,
    native: nativeSchema,
    limits: { batch: 1, payloadBytes: payloadLimit.others },
    policy: policyOf(settings),
    send,
    close: () => client.close(),
  });
}

function createClient(settings: Settings): ApnsClient {
  if (settings.via === 'provider') return createProviderClient(settings.provider);
  return createPoolClient(settings.connections, settings.token);
}

/** Apple asks for patience after a 5xx, so the waits are longer than the engine's own. */
function policyOf(settings: Settings): Policy {
  const places = settings.via === 'pool' ? settings.connections.sessions * settings.connections.streams : 500;
  return {
    concurrency: Math.min(places, mostInFlight),
    timeout: '10s',
    retry: { first: '1s', max: '5m' },
    ambiguous: 'retry',
  };
}
