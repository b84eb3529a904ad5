import type { Adapter, AdapterContext, Content, Delivery } from './adapter.ts';
import type { ChannelState } from './channel.ts';
import type { Clock } from './clock.ts';
import type { Emitter } from './emitter.ts';
import type { IdSource } from './ids.ts';
import type { Outcome } from './outcome.ts';
import type { Pipeline } from './pipeline.ts';
import type { Awaitable } from './schema.ts';
import type { Coordination, Lease, Held } from './store.ts';
import type { AnyTarget } from './record.ts';

/** Pino-compatible. */
export type Logger = {
  readonly [Level in 'debug' | 'info' | 'warn' | 'error']: (fields: object, text: string) => void;
};

/** A step of the user's own around the rest of the pipeline; `next` sends, and resolves to the outcome. */
export type Middleware<Target> = (
  delivery: Delivery<Target>,
  next: (delivery: Delivery<Target>) => Promise<Outcome<Target>>,
) => Promise<Outcome<Target>>;

/** The user's hooks, without their types. */
export interface Hooks {
  readonly authorize?: ((principal: never, delivery: never) => Awaitable<'allow' | { deny: string }>) | undefined;
  readonly render?: ((delivery: never) => Awaitable<Content>) | undefined;
  readonly encrypt?: ((delivery: never) => Awaitable<Content>) | undefined;
  readonly use: readonly Middleware<never>[];
  /** The audience's word right before each attempt. */
  readonly check?: ((delivery: never) => Awaitable<'send' | { suppress: string }>) | undefined;
  /** Turns a recipient of the application's into targets. */
  readonly resolve?:
    | ((
        recipient: never,
        context: { readonly signal: AbortSignal },
      ) => Awaitable<readonly AnyTarget[]> | AsyncIterable<readonly AnyTarget[]>)
    | undefined;
}

/** What the parts of one engine share. */
export interface EngineContext {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly emitter: Emitter;
  readonly coordination: Coordination;
  readonly hooks: Hooks;
  readonly logger: Logger | undefined;
  readonly pipeline: Pipeline;
  readonly channels: readonly ChannelState[];
  readonly adapterContext: AdapterContext;
  /** Adapters that were told to open, and to close: each once, in however many channels it is. */
  readonly opened: WeakSet<Adapter>;
  readonly closed: WeakSet<Adapter>;
  /** Nothing waits in any lane. */
  lanesAreDry(): boolean;
  /** Aborts when the engine closes. */
  readonly closing: AbortSignal;
  /** How long an idempotency key is kept; ms. */
  readonly keyWindow: number;
  /** Marks leased deliveries as being sent, where the queue is durable and a repeat is not allowed. */
  markSending: ((leases: readonly Lease[]) => Promise<Held>) | undefined;
}

/** A text for the log that can hold nothing secret: the kind of error, not its words. */
export function errorName(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^[A-Za-z0-9_.]{1,64}$/.test(code) ? `${error.name} ${code}` : error.name;
}
