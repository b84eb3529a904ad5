/** Milliseconds, or a number with a unit: `500`, `'250ms'`, `'10s'`, `'10m'`, `'2h'`, `'7d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** `'500/s'`, or spelled out; `burst` defaults to `limit`. */
export type Rate =
  | `${number}/${'s' | 'm' | 'h' | 'd'}`
  | { readonly limit: number; readonly per: Duration; readonly burst?: number | undefined };

export type Priority = 'high' | 'normal' | 'low';

/** Set for the engine, a channel, an adapter or (`MessagePolicy`) a message; the nearest wins, field by field; below all lie the adapter's own. */
export interface Policy {
  /** Attempts per time towards the provider, as a token bucket; `false` is no limit (default). */
  readonly rate?: Rate | false | undefined;
  /** Calls in flight towards the provider; a hard bound. Default 64. */
  readonly concurrency?: number | undefined;
  /** Of one attempt. Default 30 s. */
  readonly timeout?: Duration | undefined;
  /** Full jitter between 0 and `first * 2^n`, at most `max`. Defaults: 5 attempts, 500 ms, 60 s; `budget` 0.2 of fresh traffic. `false`: one attempt. */
  readonly retry?: RetryPolicy | false | undefined;
  readonly breaker?: BreakerPolicy | false | undefined;
  /** How many deliveries go into one `adapter.send`, and how long a part-filled batch waits for more. Defaults: the adapter's `limits.batch`, 0 ms. */
  readonly batch?: { readonly size?: number | undefined; readonly wait?: Duration | undefined } | false | undefined;
  /** After a lost answer: `'retry'` (default) may double, `'stop'` ends as `unknown`. */
  readonly ambiguous?: 'retry' | 'stop' | undefined;
}

export interface RetryPolicy {
  /** Attempts in all, the first included. Default 5. */
  readonly attempts?: number | undefined;
  /** Upper end of the first wait. Default 500 ms. */
  readonly first?: Duration | undefined;
  /** No wait is longer, provider hints aside. Default 60 s. */
  readonly max?: Duration | undefined;
  /** Retries per fresh delivery; beyond it retries wait, they are never given up for it. Default 0.2. */
  readonly budget?: number | undefined;
}

export interface BreakerPolicy {
  /** Opens above this share of attempts that failed by the provider's fault, 0 to 1. Default 0.5. */
  readonly threshold?: number | undefined;
  /** Attempts in the window (10 s) below which it stays closed. Default 20. */
  readonly minimum?: number | undefined;
  /** How long it stays open before a probe goes out. Default 10 s. */
  readonly open?: Duration | undefined;
}

export type MessagePolicy = Pick<Policy, 'timeout' | 'retry' | 'ambiguous'>;
