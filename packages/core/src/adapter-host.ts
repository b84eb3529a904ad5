import type { Adapter } from './adapter.ts';
import type { EngineContext } from './context.ts';
import { Lane } from './lane.ts';
import { resolvePolicy, type Layer, type LanePolicy } from './policies.ts';
import { Slots } from './slots.ts';
import type { Awaitable } from './schema.ts';
import { isTenantAdapter, tenantSource } from './tenants.ts';
import { tunedPolicies } from './with-policy.ts';

/** Services of one adapter kept apart at most; beyond it the one idle longest is forgotten. */
const mostPartitions = 256;

export interface HostOptions {
  readonly name: string;
  readonly adapter: Adapter;
  readonly layers: readonly Layer[];
  readonly engine: EngineContext;
}

/** An adapter in the engine: its policy, its concurrency, and a lane per service that it speaks to. */
export class AdapterHost {
  readonly name: string;
  readonly adapter: Adapter;
  readonly #options: HostOptions;
  readonly #lanes = new Map<string, Lane>();
  /** By tenant, least recently used first. */
  readonly #tenants = new Map<string, AdapterHost>();
  readonly #making = new Map<string, Promise<AdapterHost>>();
  #usedAt = 0;
  #policy: LanePolicy | undefined;
  #slots: Slots | undefined;
  /** The lane of an adapter that speaks to one service. */
  #only: Lane | undefined;
  #opened = false;

  constructor(options: HostOptions) {
    this.name = options.name;
    this.adapter = options.adapter;
    this.#options = options;
    // Wrong options are told when the engine is made, not with the first message.
    if (!isTenantAdapter(options.adapter)) void this.policy;
  }

  get policy(): LanePolicy {
    const { adapter, layers, name } = this.#options;
    return (this.#policy ??= resolvePolicy(
      [
        { policy: adapter.policy, field: `${name}.policy` },
        ...layers,
        ...tunedPolicies(adapter).map((policy) => ({ policy, field: `channels.${name}.policy` })),
      ],
      adapter.limits,
    ));
  }

  laneFor(target: unknown): Lane {
    return this.#only ?? this.#partitionLane(target);
  }

  #partitionLane(target: unknown): Lane {
    const partition = this.adapter.partition?.(target) ?? '';
    let lane = this.#lanes.get(partition);
    if (lane === undefined) {
      this.open();
      this.#makeRoom();
      this.#slots ??= new Slots(this.policy.concurrency);
      const name = partition === '' ? this.name : `${this.name}/${partition}`;
      lane = new Lane({
        name,
        adapter: this.adapter,
        policy: this.policy,
        slots: this.#slots,
        engine: this.#options.engine,
      });
      this.#lanes.set(partition, lane);
      if (this.adapter.partition === undefined) this.#only = lane;
    } else if (partition !== '') {
      // The map's order is the order of last use.
      this.#lanes.delete(partition);
      this.#lanes.set(partition, lane);
    }
    return lane;
  }

  /** The host of a tenant's own adapter, which is made when first asked for; rejects when it can't be made. */
  forTenant(tenant: string): Awaitable<AdapterHost> {
    const host = this.#tenants.get(tenant);
    if (host === undefined) return this.#making.get(tenant) ?? this.#make(tenant);
    this.#tenants.delete(tenant);
    this.#tenants.set(tenant, host);
    host.#usedAt = this.#options.engine.clock.read();
    return host;
  }

  async #make(tenant: string): Promise<AdapterHost> {
    const { make } = tenantSource(this.adapter)!;
    const making = (async () => {
      const adapter = await make(tenant);
      const host = new AdapterHost({ ...this.#options, name: `${this.name}/${tenant}`, adapter });
      this.#closeIdleTenants();
      this.#tenants.set(tenant, host);
      host.#usedAt = this.#options.engine.clock.read();
      return host;
    })();
    this.#making.set(tenant, making);
    try {
      return await making;
    } finally {
      this.#making.delete(tenant);
    }
  }

  /** Lets an adapter with a standing connection begin; once. */
  open(): void {
    if (this.#opened) return;
    this.#opened = true;
    const { engine, name, adapter } = this.#options;
    // It may serve another channel too.
    if (adapter.open === undefined || engine.opened.has(adapter)) return;
    engine.opened.add(adapter);
    // Sends find out by themselves when it fails; the log says why.
    Promise.resolve(adapter.open(engine.adapterContext)).catch(() =>
      engine.logger?.error({ adapter: name }, 'adapter could not open'),
    );
  }

  *lanes(): Generator<Lane> {
    yield* this.#lanes.values();
    for (const host of this.#tenants.values()) yield* host.lanes();
  }

  /** Stops the lanes, then closes the adapters. */
  async close(): Promise<void> {
    for (const lane of this.#lanes.values()) lane.close();
    await Promise.allSettled(this.#making.values());
    await Promise.allSettled([this.#closeAdapter(), ...[...this.#tenants.values()].map((host) => host.close())]);
  }

  /** Once, also where it serves several channels. */
  async #closeAdapter(): Promise<void> {
    const { closed } = this.#options.engine;
    if (isTenantAdapter(this.adapter) || closed.has(this.adapter)) return;
    closed.add(this.adapter);
    await this.adapter.close();
  }

  get #empty(): boolean {
    for (const lane of this.#lanes.values()) if (!lane.empty) return false;
    return true;
  }

  #makeRoom(): void {
    if (this.#lanes.size < mostPartitions) return;
    for (const [partition, lane] of this.#lanes) {
      if (!lane.empty) continue;
      lane.close();
      this.#lanes.delete(partition);
      return;
    }
  }

  /** Closes tenants' adapters that have been idle for long, and beyond `max` the ones idle longest; never one with work. */
  #closeIdleTenants(): void {
    const { max, idle } = tenantSource(this.adapter)!;
    const now = this.#options.engine.clock.read();
    for (const [tenant, host] of this.#tenants) {
      if (this.#tenants.size < max && now - host.#usedAt < idle) return;
      if (!host.#empty) continue;
      this.#tenants.delete(tenant);
      void host.close();
    }
  }
}
