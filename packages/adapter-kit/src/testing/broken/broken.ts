// Adapters that break one rule each. Each is made of the one that keeps them all.
import type { Adapter, Delivery, SendResult } from '@tidings/core';
import { until } from '../../patience.ts';
import type { Trouble } from '../../subject.ts';
import type { TestTarget } from '../adapter.ts';
import type { TestService } from '../service.ts';

export interface Broken {
  /** The rule that has to catch it. */
  readonly rule: string;
  readonly what: string;
  readonly change: (adapter: Adapter, service: TestService) => Adapter;
  /** Rules that can't be kept either. */
  readonly also?: readonly string[];
  /** A rule has to wait for it until its patience ends. */
  readonly hangs?: true;
  /** Ends what it left open on purpose. */
  readonly cleanUp?: () => void;
}

export type Send = Adapter['send'];
export type SendContext = Parameters<Send>[1];
export type Answers = readonly SendResult[];

export const signal = new AbortController().signal;
export const never = new Promise<never>(() => undefined);
export const idOf = (deliveries: readonly Delivery[]): string => (deliveries[0] as Delivery<TestTarget>).target.id;

export const sending =
  (
    send: (
      good: Adapter,
      deliveries: readonly Delivery[],
      context: SendContext,
      service: TestService,
    ) => Promise<unknown>,
  ) =>
  (good: Adapter, service: TestService): Adapter => ({
    ...good,
    send: (deliveries, context) => send(good, deliveries, context, service) as Promise<Answers>,
  });

/** Something else is made of the answer to one trouble. */
export const at = (
  trouble: Trouble | undefined,
  change: (result: SendResult, deliveries: readonly Delivery[]) => unknown,
) =>
  sending(async (good, deliveries, context, service) => {
    const results = await good.send(deliveries, context);
    return service.troubleOf(idOf(deliveries)) === trouble
      ? results.map((result) => change(result, deliveries))
      : results;
  });

/** Tries again by itself. */
export const again = (trouble: Trouble | undefined) =>
  sending(async (good, deliveries, context, service) => {
    const results = await good.send(deliveries, context);
    const isIt = service.troubleOf(idOf(deliveries)) === trouble;
    if (!isIt || (trouble === undefined && results[0]?.kind !== 'accepted')) return results;
    const [controller, before] = [new AbortController(), service.requests];
    const second = good.send(deliveries, { signal: controller.signal });
    if (trouble === 'hang')
      await until(() => service.requests > before, 1000, 'the second request').then(() => controller.abort());
    await second;
    return results;
  });

export const ends = 'delivers in an engine, and ends there when the timeout passes';
