import { randomUUID } from 'node:crypto';
import type { SendContext } from '@tidings/core';
import type { ApnsDelivery } from '../payload.ts';

/** A delivery as the engine would hand it over. */
export function makeDelivery(fields: Partial<ApnsDelivery> = {}): ApnsDelivery {
  const id = randomUUID();
  return {
    id,
    messageId: id,
    channel: 'ios',
    target: { token: 'ab'.repeat(32) },
    content: { title: 'Price alert', body: 'ACME is below 42' },
    priority: 'normal',
    expiresAt: new Date(Date.now() + 600_000),
    attempt: 1,
    ...fields,
  };
}

export function makeContext(signal: AbortSignal = new AbortController().signal): SendContext {
  return { signal };
}
