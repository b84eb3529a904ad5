import type { Adapter, Content } from './adapter.ts';
import { Admission } from './admission.ts';
import type { Route } from './channels.ts';
import type { EngineContext } from './context.ts';
import { AdapterHost } from './adapter-host.ts';
import type { Layer } from './policies.ts';
import { contentOf, type DeliveryRecord, type Prepared } from './record.ts';
import { ownVendor, type Awaitable, type Schema, type SchemaResult } from './schema.ts';
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
  /** Its one adapter takes what the caller wrote as it is: nothing to prepare. */
  readonly #plain: boolean;

  constructor({ name, engine, adapters, layers, order, deliveries, bytes }: ChannelOptions) {
    this.name = name;
    this.engine = engine;
    this.adapters = adapters;
    this.order = order;
    this.admission = new Admission(deliveries, bytes, (record) => engine.pipeline.admitted(record));
    this.hosts = adapters.map(
      (adapter, index) =>
        new AdapterHost({
          name: adapters.length === 1 ? name : `${name}/${isTenantAdapter(adapter) ? index : adapter.provider}`,
          adapter,
          layers,
          engine,
        }),
    );
    this.#plain = adapters.length === 1 && !isTenantAdapter(adapters[0]!) && adapters[0]!.content === undefined;
  }

  /** Checks a delivery against its adapters' schemas; what differs from what the caller wrote is kept in the record. */
  prepare(record: DeliveryRecord): Awaitable<Problem | undefined> {
    const { content, native } = record.message;
    if (this.#plain && content === undefined && native === undefined) {
      const adapter = this.adapters[0]!;
      if (adapter.target['~standard'].vendor === ownVendor) {
        const result = adapter.target['~standard'].validate(record.to);
        if ('then' in result) return this.#prepareAll(record);
        return result.issues === undefined ? undefined : problemOf(result.issues, 'to');
      }
    }
    const problem = this.#overrideProblem(record);
    return problem ?? this.#prepareAll(record);
  }

  /** For the adapter that the delivery is on now. */
  async prepareFor(record: DeliveryRecord): Promise<Problem | undefined> {
    const adapter = await this.adapterOf(record, record.adapter);
    if ('field' in adapter) return adapter;
    const { channel: _channel, ...to } = record.to as { readonly channel: string };
    const target = await check(adapter.target, adapter.target['~standard'].vendor === ownVendor ? record.to : to, 'to');
    if ('field' in target) return target;
    const content = await check(adapter.content, record.rare?.made ?? contentOf(record), `content.${this.name}`);
    if ('field' in content) return content;
    // What `encrypt` returned is all that the provider may see.
    const given = record.rare?.sealed ? undefined : record.message.native?.[adapter.provider];
    const native =
      given === undefined ? { value: undefined } : await check(adapter.native, given, `native.${adapter.provider}`);
    if ('field' in native) return native;
    record.prepared = {
      target: target.value,
      content: content.value as Content,
      native: native.value,
    } satisfies Prepared;
    return undefined;
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

  /** The adapter at a place; of a channel with one per tenant, that tenant's. */
  async adapterOf(record: DeliveryRecord, index: number): Promise<Adapter | Problem> {
    const adapter = this.adapters[index]!;
    if (!isTenantAdapter(adapter)) return adapter;
    const { tenant } = record.message;
    if (tenant === undefined) return { field: 'tenant', expected: 'a tenant: this channel has an adapter per tenant' };
    return (await this.hosts[index]!.forTenant(tenant)).adapter;
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

async function check(schema: Schema | undefined, value: unknown, field: string): Promise<{ value: unknown } | Problem> {
  if (schema === undefined) return { value };
  const result: SchemaResult<unknown> = await schema['~standard'].validate(value);
  return result.issues === undefined ? { value: result.value } : problemOf(result.issues, field);
}

function problemOf(
  issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[],
  field: string,
): Problem {
  const [issue] = issues;
  let path = field;
  for (const part of issue?.path ?? []) {
    const key: unknown = typeof part === 'object' && part !== null && 'key' in part ? part.key : part;
    path += typeof key === 'number' ? `[${key}]` : `.${String(key)}`;
  }
  return { field: path, expected: issue?.message ?? 'a valid value' };
}
