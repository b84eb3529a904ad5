// What the socket tests share: deliveries as the engine makes them, and waiting for a condition.
import { randomUUID } from 'node:crypto';
import type { Adapter, Delivery, SendResult } from '@tidings/core';
import type { FcmContent, FcmNative, FcmTarget } from '../schemas.ts';

export interface Given {
  readonly target: FcmTarget;
  readonly content?: Delivery<FcmTarget, FcmContent>['content'];
  readonly native?: FcmNative;
  readonly signal?: AbortSignal;
}

export function deliveryTo({ target, content = { title: 'Hi', body: 'there' }, native }: Given): Delivery {
  const id = randomUUID();
  return {
    id,
    messageId: id,
    channel: 'android',
    target,
    content: content,
    native,
    priority: 'normal',
    expiresAt: new Date(Date.now() + 600_000),
    attempt: 1,
  };
}

const never = new AbortController().signal;

/** One delivery, one attempt. */
export async function deliver(adapter: Adapter, given: Given): Promise<SendResult> {
  const [result, ...more] = await adapter.send([deliveryTo(given)], { signal: given.signal ?? never });
  if (result === undefined || more.length > 0) throw new Error('expected one result for one delivery');
  return result;
}

/** Resolves when the condition holds; the test's own time limit ends it otherwise. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}
