import type { Receipt } from './adapter.ts';
import type { Failure, Unauthorized, Unregistered } from './failure.ts';
import type { Attempt, Outcome } from './outcome.ts';

/** Event name to its fields; every event also carries `type`. */
export interface Events<Target> {
  'delivery.queued': { readonly deliveryId: string; readonly messageId: string; readonly to: Target };
  'delivery.settled': { readonly outcome: Outcome<Target> };
  'attempt.failed': { readonly deliveryId: string; readonly attempt: Attempt; readonly failure: Failure };
  'retry.scheduled': { readonly deliveryId: string; readonly at: Date };
  /** Delete the token or address, if it was registered before `failure.since`. */
  'target.gone': { readonly to: Target; readonly failure: Unregistered };
  'receipt.arrived': { readonly receipt: Receipt; readonly deliveryId?: string | undefined };
  'lane.throttled': { readonly lane: string; readonly until: Date };
  'breaker.opened': { readonly lane: string };
  'breaker.closed': { readonly lane: string };
  /** A person must act: the lane stands still until the credential is accepted. */
  'credential.refused': { readonly lane: string; readonly failure: Unauthorized };
}
export type EventName = keyof Events<unknown>;
export type EventOf<Target, Name extends EventName> = {
  [Each in Name]: { readonly type: Each } & Events<Target>[Each];
}[Name];
