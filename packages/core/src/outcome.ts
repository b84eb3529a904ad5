import type { Ambiguous, Failure } from './failure.ts';

/** One try of one delivery through one adapter. */
export interface Attempt {
  readonly provider: string;
  readonly startedAt: Date;
  /** Milliseconds. */
  readonly duration: number;
  /** Missing when it was accepted. */
  readonly failure?: Failure | undefined;
}

/** Why a delivery was held, sent there, tried again or dropped. */
export type TraceStep = { readonly at: Date } & (
  | { readonly step: 'queued' | 'rendered' | 'encrypted' | 'settled' }
  | {
      readonly step: 'held';
      readonly by: 'schedule' | 'lane' | 'rate' | 'breaker' | 'retry' | 'throttle';
      readonly until?: Date | undefined;
    }
  | {
      /** `repeated`: an earlier attempt may have arrived. */
      readonly step: 'attempted' | 'failedOver' | 'repeated';
      readonly provider: string;
    }
);

interface Settled<Status extends string, Target, Ref> {
  readonly status: Status;
  readonly deliveryId: string;
  readonly messageId: string;
  /** As the caller wrote it, so that a dead token can be deleted. */
  readonly to: Target;
  readonly ref: Ref;
  readonly attempts: readonly Attempt[];
  readonly trace: readonly TraceStep[];
}
/** The provider took it: not yet "shown". On SMS every part was taken. On an FCM topic or condition the request was taken. */
export interface Accepted<Target, Ref> extends Settled<'accepted', Target, Ref> {
  readonly provider: string;
  readonly providerMessageId?: string | undefined;
  /** SMS segments. */
  readonly parts?: number | undefined;
}
export interface Failed<Target, Ref> extends Settled<'failed', Target, Ref> {
  readonly failure: Failure;
}
/** Sent, answer lost, not repeated. */
export interface Unknown<Target, Ref> extends Settled<'unknown', Target, Ref> {
  readonly failure: Ambiguous;
}
export interface Expired<Target, Ref> extends Settled<'expired', Target, Ref> {
  /** Of the last attempt, if there was one. */
  readonly failure?: Failure | undefined;
}
export interface Suppressed<Target, Ref> extends Settled<'suppressed', Target, Ref> {
  readonly reason:
    | 'denied'
    | 'duplicate'
    | 'superseded'
    | 'notNeeded'
    | 'read'
    | 'rebound'
    | (string & Record<never, never>);
  readonly detail?: string | undefined;
}
export interface Canceled<Target, Ref> extends Settled<'canceled', Target, Ref> {
  readonly by: 'caller' | 'signal' | 'close';
}

/** What finally became of a delivery. Exactly one per delivery; `switch (outcome.status)` is checked for completeness. */
export type Outcome<Target = { readonly channel: string }, Ref = unknown> =
  | Accepted<Target, Ref>
  | Failed<Target, Ref>
  | Unknown<Target, Ref>
  | Expired<Target, Ref>
  | Suppressed<Target, Ref>
  | Canceled<Target, Ref>;
