import type { Adapter } from './adapter.ts';
import { parseDuration } from './duration.ts';
import type { Duration } from './policy.ts';
import type { Awaitable } from './schema.ts';
import { checked } from './schema.ts';

const source = Symbol('tidings.perTenant');

/** Where a channel's adapters per tenant come from; times in ms. */
export interface TenantSource {
  readonly make: (tenant: string) => Awaitable<Adapter>;
  readonly max: number;
  readonly idle: number;
}

/**
 * One credential is one adapter: this makes a channel whose adapter depends on `message.tenant`, made when a tenant's first message comes.
 * A message without a tenant is refused. Each tenant has lanes, limits and a breaker of its own.
 * @param make rejecting or throwing fails that message as `rejected`, `tidings.no_adapter`
 * @param options `max`: adapters kept open, beyond it the one unused longest is closed, default 100; `idle`: closed after this time without use, default 10 min
 */
export function perTenant<A extends Adapter>(
  make: (tenant: string) => Awaitable<A>,
  options: { readonly max?: number | undefined; readonly idle?: Duration | undefined } = {},
): A {
  const { max = 100, idle = '10m' } = options;
  const made: TenantSource = { make, max, idle: parseDuration(idle, 'perTenant.idle') };
  const adapter: Adapter = {
    version: 1,
    provider: 'perTenant',
    target: checked(() => undefined),
    content: undefined,
    native: undefined,
    limits: {},
    policy: {},
    send: () => Promise.reject(new Error('an adapter per tenant sends through the one it makes')),
    close: () => Promise.resolve(),
  };
  return Object.assign(adapter, { [source]: made }) as unknown as A;
}

export function isTenantAdapter(adapter: Adapter): boolean {
  return source in adapter;
}

export function tenantSource(adapter: Adapter): TenantSource | undefined {
  return (adapter as { readonly [source]?: TenantSource })[source];
}
