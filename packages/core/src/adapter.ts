import type { Failure } from './failure.ts';
import type { Policy, Priority } from './policy.ts';
import type { Runtime } from './runtime.ts';
import type { Awaitable, InputOf, Json, OutputOf, Schema } from './schema.ts';

/** One vocabulary on every channel: title is the mail's subject, body its text; SMS sends body, or title where body is missing. */
export interface Content {
  readonly title?: string | undefined;
  readonly body?: string | undefined;
  /** The application's own fields, handed to the app on the device. */
  readonly data?: { readonly [key: string]: Json | undefined } | undefined;
  /** Opened when the notification is tapped. */
  readonly url?: string | undefined;
  readonly image?: string | undefined;
}

export type Nothing = Record<never, never>;

/** What hooks and adapters see: one message for one target. For an adapter `target`, `content` and `native` are its schemas' outputs. */
export interface Delivery<Target = unknown, Own = Nothing, Native = unknown> {
  /** Lower-case UUID; the same on every attempt. Serves as first `apns-id`, Message-ID and receipt id. */
  readonly id: string;
  readonly messageId: string;
  readonly channel: string;
  readonly target: Target;
  /** The message's common fields under `message.content[channel]`, checked by the adapter's schema. */
  readonly content: Omit<Content, keyof Own> & Own;
  /** What the message has for this provider under `native`; always wins over the mapping. */
  readonly native?: Native | undefined;
  readonly priority: Priority;
  /** The one deadline: also bounds the lifetime given to the provider. */
  readonly expiresAt: Date;
  readonly collapseKey?: string | undefined;
  readonly tenant?: string | undefined;
  /** 1 for the first. */
  readonly attempt: number;
}

/** What became of one attempt of one delivery. */
export type SendResult =
  | { readonly kind: 'accepted'; readonly messageId?: string | undefined; readonly parts?: number | undefined }
  | Failure;

export interface Limits {
  /** Deliveries in one `send`. Default 1. */
  readonly batch?: number | undefined;
  /** Documented size limit of the provider's payload. */
  readonly payloadBytes?: number | undefined;
}

/** What a provider or device tells later. A set, not a state: any order, any repeats. */
export interface Receipt {
  readonly provider: string;
  readonly providerMessageId: string;
  readonly kind:
    | 'delivered'
    | 'deferred'
    | 'displayed'
    | 'opened'
    | 'bounced'
    | 'complained'
    | 'unsubscribed'
    | 'replied'
    | 'expired'
    | 'failed';
  readonly at: Date;
  readonly failure?: Failure | undefined;
}

/** What an adapter with a standing connection gets when the engine starts it. */
export interface AdapterContext {
  receipt(receipt: Receipt): void;
  readonly runtime: Runtime;
  /** Aborts when the engine closes. */
  readonly signal: AbortSignal;
}

/** What belongs to one call of `send`. */
export interface SendContext {
  /** Aborts at the attempt's timeout and when the caller gives up. Reading it costs a little: take it only to hand it on. */
  readonly signal: AbortSignal;
}

/** `Target`, `Own` and `Native` are what a user writes (schema inputs); `send` is erased since the engine validates first. */
export interface Adapter<Provider extends string = string, Target = unknown, Own = unknown, Native = unknown> {
  /** Of this contract. */
  readonly version: 1;
  readonly provider: Provider;
  readonly target: Schema<Target, unknown>;
  readonly content: Schema<Own, unknown> | undefined;
  readonly native: Schema<Native, unknown> | undefined;
  readonly limits: Limits;
  readonly policy: Policy;
  /** One result per delivery, in order. A throw is `unavailable` if nothing was written yet (refused, no such host), else `ambiguous`, as is a wrong count. */
  send(deliveries: readonly Delivery[], context: SendContext): Promise<readonly SendResult[]>;
  /** Where one adapter speaks to several services (push services by origin): breaker, pause and rate are kept per answer. */
  partition?(target: unknown): string;
  open?(context: AdapterContext): Awaitable<void>;
  close(): Promise<void>;
}

/** What `defineAdapter` takes: the same with types inferred from the schemas. */
export interface AdapterDefinition<
  Provider extends string,
  Target extends Schema,
  Own extends Schema,
  Native extends Schema,
> {
  /** Names the adapter in outcomes and its key under `message.native`. */
  readonly provider: Provider;
  readonly target: Target;
  /** Fields beyond Content, or stricter ones (`title` required). Applied to the merged content. */
  readonly content?: Own;
  readonly native?: Native;
  readonly limits?: Limits;
  readonly policy?: Policy;
  send(
    deliveries: readonly Delivery<OutputOf<Target>, OutputOf<Own>, OutputOf<Native>>[],
    context: SendContext,
  ): Promise<readonly SendResult[]>;
  partition?(target: OutputOf<Target>): string;
  open?(context: AdapterContext): Awaitable<void>;
  close?(): Promise<void>;
}

/** Makes an adapter; infers what users of its channel may write. */
export function defineAdapter<
  const Provider extends string,
  Target extends Schema,
  Own extends Schema = Schema<Nothing>,
  Native extends Schema = Schema<never>,
>(
  definition: AdapterDefinition<Provider, Target, Own, Native>,
): Adapter<Provider, InputOf<Target>, InputOf<Own>, InputOf<Native>> {
  const { provider, target, content, native, limits = {}, policy = {}, partition } = definition;
  return {
    version: 1,
    provider,
    target: target as Schema<InputOf<Target>, unknown>,
    content: content as Schema<InputOf<Own>, unknown> | undefined,
    native: native as Schema<InputOf<Native>, unknown> | undefined,
    limits,
    policy,
    send: (deliveries, context) => definition.send(deliveries as never, context),
    ...(partition && { partition: (each: unknown) => partition.call(definition, each as OutputOf<Target>) }),
    ...(definition.open && { open: (context: AdapterContext) => definition.open?.(context) }),
    close: async () => definition.close?.(),
  };
}
