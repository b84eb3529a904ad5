import type { Adapter } from './adapter.ts';
import type { Channel, Route, Tuned } from './channels.ts';
import type { Policy } from './policy.ts';

const tuned = Symbol('tidings.policy');

/**
 * A policy for one adapter, or for a failover list as a whole (the channel). The nearest wins, field by field.
 * A function, so that a misspelled field is a compile error.
 */
export function withPolicy<const Via extends Adapter | readonly Adapter[]>(
  via: Via,
  policy: Policy,
): Via extends readonly (infer A extends Adapter)[] ? Tuned<A> : Via {
  if (isList(via)) return { via, policy } satisfies Tuned as never;
  const adapter: Adapter = via;
  const layers = [...tunedPolicies(adapter), policy];
  const { partition, open } = adapter;
  // A copy: the adapter itself may serve another channel too. Its functions keep their own `this`, and what a class inherits is named.
  const copy: Adapter = {
    ...adapter,
    version: adapter.version,
    provider: adapter.provider,
    target: adapter.target,
    content: adapter.content,
    native: adapter.native,
    limits: adapter.limits,
    policy: adapter.policy,
    send: (deliveries, context) => adapter.send(deliveries, context),
    ...(partition && { partition: (each) => partition.call(adapter, each) }),
    ...(open && { open: (context) => open.call(adapter, context) }),
    close: () => adapter.close(),
  };
  return Object.defineProperty(copy, tuned, { value: layers }) as never;
}

/**
 * Adapters of a channel, ordered anew for each delivery: by country, by price. What `order` leaves out is not used for it;
 * unknown names are passed over.
 */
export function route<const A extends Adapter>(via: readonly A[], order: Route): Tuned<A> {
  return { via, policy: {}, order };
}

/** What `withPolicy` put on this adapter, the nearest last. */
export function tunedPolicies(adapter: Adapter): readonly Policy[] {
  return (adapter as { readonly [tuned]?: readonly Policy[] })[tuned] ?? [];
}

/** A channel's adapters, its own policy and order. */
export function channelParts(channel: Channel): {
  readonly adapters: readonly Adapter[];
  readonly policy: Policy | undefined;
  readonly order: Route | undefined;
} {
  if (isList(channel)) return { adapters: channel, policy: undefined, order: undefined };
  if ('via' in channel) return { adapters: channel.via, policy: channel.policy, order: channel.order };
  return { adapters: [channel], policy: undefined, order: undefined };
}

const isList = (value: unknown): value is readonly Adapter[] => Array.isArray(value);
