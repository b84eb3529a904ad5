import type { Content } from './adapter.ts';
import type { Channels, Derived } from './channels.ts';
import type { Outcome } from './outcome.ts';
import type { Duration, MessagePolicy, Priority } from './policy.ts';

/** What every message may carry, whatever its channels. */
export interface MessageOptions extends Content {
  /** The one deadline: bounds waiting, retries and the provider's own lifetime. Default 1 day, at most 30 days; 0 = now or never. */
  readonly ttl?: Duration | undefined;
  /** Earliest time to send; `ttl` counts from here. At most 1 hour ahead in memory, further with `enqueue` on a durable store. */
  readonly notBefore?: Date | undefined;
  /** `high` overtakes the others. Default `normal`. */
  readonly priority?: Priority | undefined;
  /** Replaces an older one on the device, and in the lane: the older ends `superseded`. */
  readonly collapseKey?: string | undefined;
  /** A second message with this key is suppressed as `duplicate`, for 24 h by default. */
  readonly idempotencyKey?: string | undefined;
  /** Shares lanes fairly with other tenants. */
  readonly tenant?: string | undefined;
  readonly policy?: MessagePolicy | undefined;
}

/** A plain object that survives a queue; what belongs to one call (`signal`, `tx`) is that call's second argument. Leave it unchanged until it has settled. */
export type Message<C extends Channels, Given = Derived<C>['to'], Ref = unknown, Principal = never> = MessageOptions & {
  readonly to: Given;
  /** Per channel, laid over the common fields, field by field. */
  readonly content?: Derived<C>['content'] | undefined;
  /** Per provider, raw; always wins over the mapping and reaches no other provider. */
  readonly native?: Derived<C>['native'] | undefined;
  /** Yours: comes back as `outcome.ref`. In a durable queue: Json. */
  readonly ref?: Ref;
} & ([Principal] extends [never]
    ? { readonly principal?: unknown }
    : {
        /** Who asks; required once `authorize` is set. Never stored. */
        readonly principal: Principal;
      });

/** Keys a callback's result may not have: TypeScript itself does not look for excess keys there. */
export type Strict<M, Known> = M & { readonly [Key in Exclude<keyof M, Known>]: never };
export type RefOf<M> = M extends { readonly ref: infer Ref } ? Ref : undefined;

/** One target, one outcome; an array, an array in the same order; `firstOf`, one per step; a recipient, as many as it has targets. */
export type OutcomeFor<C extends Channels, Given, Ref> = Given extends readonly unknown[]
  ? { -readonly [Index in keyof Given]: OutcomeFor<C, Given[Index], Ref> }
  : Given extends { readonly firstOf: infer Steps extends readonly unknown[] }
    ? { -readonly [Index in keyof Steps]: OutcomeFor<C, Steps[Index], Ref> }
    : Given extends { readonly channel: infer Name }
      ? Outcome<Extract<Derived<C>['target'], { readonly channel: Name }>, Ref>
      : Outcome<Derived<C>['target'], Ref>[];
