export type {
  Adapter,
  AdapterContext,
  AdapterDefinition,
  Content,
  Delivery,
  Limits,
  Nothing,
  Receipt,
  SendContext,
  SendResult,
} from './adapter.ts';
export { defineAdapter } from './adapter.ts';
export type { TidingsError } from './errors.ts';
export { isTidingsError, tidingsError } from './errors.ts';
export type {
  Ambiguous,
  Blocked,
  Failure,
  Rejected,
  Throttled,
  Unauthorized,
  Unavailable,
  Unregistered,
} from './failure.ts';
export { classifyHttp, parseRetryAfter } from './http.ts';
export type { Attempt, Outcome, TraceStep } from './outcome.ts';
export type { BreakerPolicy, Duration, MessagePolicy, Policy, Priority, Rate, RetryPolicy } from './policy.ts';
export type { Runtime } from './runtime.ts';
export { realRuntime } from './runtime.ts';
export type { Awaitable, InputOf, Issue, Json, OutputOf, Schema } from './schema.ts';
export { checked, schema } from './schema.ts';
