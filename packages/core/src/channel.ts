import type { Adapter } from './adapter.ts';
import { Admission } from './admission.ts';
import type { Route } from './channels.ts';
import type { EngineContext } from './context.ts';
import { AdapterHost } from './adapter-host.ts';
import type { Layer } from './policies.ts';
import { fit } from './fitting.ts';
import type { DeliveryRecord } from './record.ts';
import type { Awaitable } from './schema.ts';
import type { Lane } from './lane.ts';
import { isTenantAdapter } from './tenants.ts';
import type { Problem } from './validate.ts';

export interface ChannelOptions {
  readonly name: string;
  readonly engine: EngineContext;
  readonly adapters: readonly Adapter[];
  /** Below each adapter's own `withPolicy`. */
  readonly layers: readonly Layer[];
  readonly order: Route | undefined;
  readonly deliveries: number;
  readonly bytes: number;
}

/** One way to reach somebody, under the application's name for it: its adapters in order of failover, and what it holds in memory. */
export class ChannelState {
  readonly name: string;
  readonly engine: EngineContext;
  readonly adapters: readonly Adapter[];
  readonly admission: Admission;
  readonly order: Route | undefined;
  /** Traffic of the adapters at the same places; one made per tenant has a host per tenant. */
  readonly hosts: readonly AdapterHost[];

  constructor({ name, engine, adapters, layers, order, deliveries, bytes }: ChannelOptions) {
    this.name = name;
    this.engine = engine;
    this.adapters = adapters;
    this.order = order;
    this.admission = new Admission(deliveries, bytes, (record) =>
      engine.pipeline.admitted(record, engine.clock.read()),
    );
    this.hosts = adapters.map(
      (adapter, index) =>
        new AdapterHost({
          name: adapters.length === 1 ? name : `${name}/${isTenantAdapter(adapter) ? index : adapter.provider}`,
          adapter,
          layers,
          engine,
        }),
    );
  }

  /** Checks a delivery against all its adapters' schemas; what the first one makes of it is kept in the record. */
  prepare(record: DeliveryRecord): Awaitable<Problem | undefined> {
    const { content, native } = record.message;
    const problem = content === undefined && native === undefined ? undefined : this.#overrideProblem(record);
    if (problem !== undefined) return problem;
    return this.adapters.length === 1 ? this.prepareFor(record) : this.#prepareAll(record);
  }

  /** Checks it against the adapter that it is on now. */
  prepareFor(record: DeliveryRecord): Awaitable<Problem | undefined> {
    const adapter = this.adapters[record.adapter];
    if (adapter === undefined) return { field: 'to.channel', expected: 'a channel of this engine' };
    return isTenantAdapter(adapter) ? this.#prepareForTenant(record) : fit(record, adapter);
  }

  async #prepareForTenant(record: DeliveryRecord): Promise<Problem | undefined> {
    const { tenant } = record.message;
    if (tenant === undefined) return { field: 'tenant', expected: 'a tenant: this channel has an adapter per tenant' };
    const host = await this.hosts[record.adapter]!.forTenant(tenant);
    return fit(record, host.adapter);
  }

  /** The lane of one of its adapters for a delivery. */
  laneOf(record: DeliveryRecord, index: number): Awaitable<Lane> {
    const host = this.hosts[index]!;
    const { adapter } = host;
    if (!isTenantAdapter(adapter)) return host.laneFor(record.prepared?.target ?? record.to);
    const found = host.forTenant(record.message.tenant ?? '');
    const laneFor = (each: AdapterHost): Lane => each.laneFor(record.prepared?.target ?? record.to);
    return found instanceof AdapterHost ? laneFor(found) : found.then(laneFor);
  }

  *lanes(): Generator<Lane> {
    for (const host of this.hosts) yield* host.lanes();
  }

  async #prepareAll(record: DeliveryRecord): Promise<Problem | undefined> {
    // The last one prepared is the first adapter, which is tried first.
    for (let index = this.adapters.length - 1; index >= 0; index--) {
      record.adapter = index;
      const problem = await this.prepareFor(record);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  /** Overrides for a channel or a provider that isn't there are mistakes, not data. */
  #overrideProblem({ message }: DeliveryRecord): Problem | undefined {
    const { channels, providers } = this.engine.pipeline.names;
    for (const name in message.content) {
      if (!channels.has(name)) return { field: `content.${name}`, expected: 'the name of a channel of this engine' };
    }
    for (const name in message.native) {
      if (providers !== undefined && !providers.has(name)) {
        return { field: `native.${name}`, expected: 'the name of a provider of this engine' };
      }
    }
    return undefined;
  }
}
