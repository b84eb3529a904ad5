/**
 * Why an attempt did not succeed. The kind decides retry, breaker and failover; the scope what must react.
 * Classifying rightly is an adapter's one hard duty.
 */
export type Failure = Unregistered | Blocked | Rejected | Throttled | Unavailable | Ambiguous | Unauthorized;

interface FailureBase<Kind extends string, Scope extends string> {
  readonly kind: Kind;
  /** What must react: the target waits or goes, the lane slows, a person is told. Wrong pairs do not compile. */
  readonly scope: Scope;
  /** The provider's word: `'BadDeviceToken'`, `'5.1.1'`, `'21610'`; the engine's own start with `tidings.` (`tidings.invalid_target`). */
  readonly code: string;
  /** Safe to log: holds no target, content or credential. */
  readonly message?: string | undefined;
  /** Milliseconds, from the provider's hint. */
  readonly retryAfter?: number | undefined;
}

/** The target is gone (410, UNREGISTERED, 550 5.1.1): never retried; event `target.gone`, so that the token is deleted. */
export interface Unregistered extends FailureBase<'unregistered', 'target'> {
  /** When the provider saw it go: delete only what was registered before. */
  readonly since?: Date | undefined;
}
/** The recipient opted out (STOP, unsubscribed, spam report): never retried, no failover. */
export interface Blocked extends FailureBase<'blocked', 'target'> {}
/** This message is refused (size, payload, sender): not retried here, failed over to the next adapter, dead letter. */
export interface Rejected extends FailureBase<'rejected', 'message' | 'target'> {
  /** Path of the offending field: `'native.apns.aps'`. */
  readonly field?: string | undefined;
}
/** 429, TooManyRequests, RTHROTTLED: waits out `retryAfter` without using up an attempt while the ttl lasts. */
export interface Throttled extends FailureBase<'throttled', 'target' | 'credential' | 'provider'> {}
/** 5xx, refused or reset before the request was written, GOAWAY for an unprocessed stream: retried, counts for the breaker. */
export interface Unavailable extends FailureBase<'unavailable', 'target' | 'provider'> {
  /** Surely never reached the provider (refused stream, no connection): costs no attempt, no budget, no breaker count. */
  readonly unsent?: true | undefined;
}
/** Sent, answer unknown (timeout, reset after the write): repeated only where the policy allows it. */
export interface Ambiguous extends FailureBase<'ambiguous', 'target' | 'provider'> {}
/** The adapter's own credentials were refused: the lane stops until they are refreshed or a person acts. A refused value that came from the message is `rejected` instead. */
export interface Unauthorized extends FailureBase<'unauthorized', 'credential'> {}
