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
export type { AdapterOf, Channel, Channels, Derived, FirstOf, Route, To, Tuned } from './channels.ts';
export type { Logger, Middleware } from './context.ts';
export type { DeadLetter, DeadLetterFilter, DeadLetters } from './dead-letters.ts';
export type { EventStream } from './emitter.ts';
export type { CallOptions, DeliveryStatus, Engine, Enqueued, MessageOf, Source, TargetOf } from './engine.ts';
export { createEngine } from './engine.ts';
export type { Audience, EngineOptions } from './engine-options.ts';
export type { EventName, EventOf, Events } from './events.ts';
export type { Health, LaneStats } from './health.ts';
export type { Message, MessageOptions, OutcomeFor, RefOf, Strict } from './message.ts';
export type {
  BreakerHint,
  Codec,
  Coordination,
  DeadEntry,
  DeadFilter,
  Held,
  Lease,
  PutBatch,
  Queue,
  QueueDepth,
  QueueEntry,
  QueueStatus,
  Settlement,
  Store,
  TakeOptions,
} from './store.ts';
export { perTenant } from './tenants.ts';
export { route, withPolicy } from './with-policy.ts';
