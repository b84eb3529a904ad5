import type { Adapter, Awaitable, Content, Failure } from '@tidings/core';

/** What a service can be made to do with the next request. Whatever your provider can't show is left out, and its tests are skipped. */
export type Trouble =
  /** Answers that it has had too many requests. */
  | 'throttled'
  /** The same, and says to come back after the given number of seconds. */
  | 'retryAfter'
  /** Answers that it is overloaded or down for a while: HTTP 503. */
  | 'unavailable'
  /** Answers that something broke inside: HTTP 500. */
  | 'serverError'
  /** Answers that this target is gone for good. */
  | 'unregistered'
  /** Answers that this recipient has opted out. */
  | 'blocked'
  /** Answers that it refuses this message. */
  | 'rejected'
  /** Answers that it refuses the adapter's credential. */
  | 'unauthorized'
  /** Says on the protocol's level that it surely did not take the request: HTTP/2 REFUSED_STREAM. */
  | 'refused'
  /** Answers with a code or status that is in no documentation. */
  | 'unknown'
  /** Takes the request and never answers. */
  | 'hang'
  /** Takes the request, begins a good answer and never ends it. */
  | 'stall'
  /** Takes the request and drops the connection (or the stream). */
  | 'reset'
  /** Takes the request, sends half of a good answer and drops the connection. */
  | 'half'
  /** A good status with bytes that are no answer. */
  | 'garbage'
  /** What a proxy in between would say: a page of HTML. */
  | 'html'
  /** An answer of many megabytes. */
  | 'huge';

/** What the adapter has to make of it, beyond what the trouble's name says: fields that the failure must have. */
export interface Expectation {
  readonly kind?: Failure['kind'] | 'accepted';
  readonly scope?: Failure['scope'];
  readonly code?: string;
  /** Milliseconds. */
  readonly retryAfter?: number;
}

/**
 * Makes the service show a trouble to the next request, which will be to this target.
 * @param seconds what the service has to name as the wait; of use for `retryAfter` only
 */
export type Provoke<Target> = (target: Target, seconds: number) => Awaitable<Expectation | void>;

/** One way to provoke a trouble, or several that are tested one after the other. */
export type Provocations<Target> = {
  readonly [Each in Trouble]?: Provoke<Target> | readonly Provoke<Target>[];
};

/** Path of a field to a value that is wrong there: `{ 'keys.auth': { endpoint, keys: { p256dh, auth: 'short' } } }`. */
export interface IllFormed {
  readonly [field: string]: unknown;
}

export type TargetOf<A> = A extends Adapter<string, infer Target, infer _Own, infer _Native> ? Target : never;
type OwnOf<A> = A extends Adapter<string, infer _Target, infer Own, infer _Native> ? Own : never;
type ContentOf<A> = Omit<Content, keyof OwnOf<A>> & OwnOf<A>;

/** An adapter and the local service that it speaks to: all that the suite knows of it. */
export interface AdapterSubject<A extends Adapter = Adapter> {
  /** A new adapter pointed at the service; the suite closes it. */
  make(): Awaitable<A>;
  /** A target that the service knows, another one each time. */
  target(): Awaitable<TargetOf<A>>;
  /** Content that the service takes. Texts of 12 and more characters in it are looked for where they must not be. */
  readonly content: ContentOf<A>;
  /** Content beyond the provider's size limit. Left out where there is none. */
  readonly oversized?: ContentOf<A> | undefined;
  /** What the schemas must refuse, by the field that they have to name. */
  readonly illFormed: {
    readonly target: IllFormed;
    readonly content?: IllFormed | undefined;
    readonly native?: IllFormed | undefined;
  };
  /** The adapter's credentials, as far as they are texts. The target's own texts are known. */
  readonly secrets?: readonly string[] | undefined;
  /** Requests for deliveries that the service has seen so far; what only fetches an access token doesn't count. */
  requests(): number;
  readonly provoke: Provocations<TargetOf<A>>;
  /** The adapter, pointed at this port of localhost where nothing listens; and a target there, where the address is the target's. */
  unreachable?(port: number): Awaitable<{ readonly adapter: A; readonly target?: TargetOf<A> | undefined }>;
  /** Ends all provoked troubles that no request has met. Called after each test. */
  reset?(): Awaitable<void>;
  /** Ends the service, after the last test. */
  close?(): Awaitable<void>;
  /** Milliseconds after which something that doesn't end counts as hanging; nothing that works waits for it. Default 5,000. */
  readonly patience?: number | undefined;
}
