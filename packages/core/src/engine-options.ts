import type { Content, Delivery } from './adapter.ts';
import type { Channels, Derived } from './channels.ts';
import type { Logger, Middleware } from './context.ts';
import type { Duration, Policy } from './policy.ts';
import type { Runtime } from './runtime.ts';
import type { Awaitable } from './schema.ts';
import type { Codec, Store } from './store.ts';

/** Turns the application's own recipients into targets: `to: { user: 'u1' }`, in pages where there are many. A device registry is one of these. */
export interface Audience<Recipient, Target> {
  resolve(
    recipient: Recipient,
    context: { readonly signal: AbortSignal },
  ):
    | Awaitable<readonly (Target & { readonly binding?: string })[]>
    | AsyncIterable<readonly (Target & { readonly binding?: string })[]>;
  /** Right before each attempt: still this user's, still unread? When it throws, the delivery is suppressed, `unchecked`. */
  check?(delivery: Delivery<Target>): Awaitable<'send' | { suppress: string }>;
}

export interface EngineOptions<C extends Channels, Tx, Principal, Recipient> {
  /** Under the names that the application chooses. */
  channels: C;
  /** For all channels; a channel's, an adapter's and a message's are nearer. */
  policy?: Policy | undefined;
  /** Pino-compatible; silent by default. Gets no target, content or credential. */
  logger?: Logger | undefined;
  /** Queue, idempotency, shared rates, dead letters; in memory by default. */
  store?: Store<Tx> | undefined;
  /** How long outcomes of enqueued deliveries can be asked for by id; off by default. */
  keepOutcomes?: Duration | undefined;
  /** How long an idempotency key is known. Default 24 h. */
  idempotencyWindow?: Duration | undefined;
  /** Real by default. */
  runtime?: Runtime | undefined;
  /** Admission in memory, per channel; beyond it callers wait. Defaults 10,000 deliveries and 64 Mi characters. */
  memory?: { readonly deliveries?: number | undefined; readonly bytes?: number | undefined } | undefined;
  audience?: Audience<Recipient, Derived<C>['target']> | undefined;
  /** What lies in the queue goes through it. */
  codec?: Codec | undefined;
  /** Runs before anything is stored or sent. Annotate `principal`; from then on every message must carry one of that type. When it throws, the delivery fails, `tidings.hook_failed`. */
  authorize?(principal: Principal, delivery: Delivery<Derived<C>['target']>): Awaitable<'allow' | { deny: string }>;
  /** Content for one delivery, in place of the message's. */
  render?(delivery: Delivery<Derived<C>['target']>): Awaitable<Content>;
  /** Per device, after render; what it returns is all the provider sees: `native` parts are left out. */
  encrypt?(delivery: Delivery<Derived<C>['target']>): Awaitable<Content>;
  /** Around the rest of the pipeline, the first outermost. */
  use?: readonly Middleware<Derived<C>['target']>[] | undefined;
}
