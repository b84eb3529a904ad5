import { errorName, type EngineContext } from './context.ts';
import type { Lane } from './lane.ts';
import type { DeliveryRecord } from './record.ts';
import { isThenable, type Awaitable } from './schema.ts';
import type { Problem } from './validate.ts';

/** Chooses among a channel's adapters, in the channel's order: which one takes a delivery, and whether another could. */
export class Choice {
  readonly #engine: EngineContext;

  constructor(engine: EngineContext) {
    this.#engine = engine;
  }

  /** The lane of the first adapter that would send now, else of the first at all; or what the message lacks for it. Rejects or throws where there is none. */
  laneFor(record: DeliveryRecord, now: number): Awaitable<Lane | Problem> {
    if (record.channel.adapters.length === 1) return record.channel.laneOf(record, 0);
    return this.#firstUsable(record, this.#untried(record), now);
  }

  async #firstUsable(record: DeliveryRecord, order: readonly number[], now: number): Promise<Lane | Problem> {
    let [chosen] = order;
    for (const index of order) {
      const lane = record.channel.laneOf(record, index);
      // An adapter of a tenant's that can't be made is passed over here; where there is no other, it fails below.
      const found = isThenable(lane) ? await lane.then(undefined, () => undefined) : lane;
      if (!found?.usable(now)) continue;
      chosen = index;
      break;
    }
    if (chosen === undefined) return { field: 'to', expected: 'a target that the channel has a route for' };
    return this.moveTo(record, chosen);
  }

  /** The lane of one adapter, once target and content are as that one wants them. */
  async moveTo(record: DeliveryRecord, index: number): Promise<Lane | Problem> {
    if (record.adapter !== index) {
      record.adapter = index;
      const problem = await record.channel.prepareFor(record);
      if (problem !== undefined) return problem;
    }
    return record.channel.laneOf(record, index);
  }

  /** The next adapter that has not been tried for this delivery and would send now. */
  untried(record: DeliveryRecord, lane: Lane, now: number): number | undefined {
    return this.#usable(record, this.#untried(record), lane, now);
  }

  /** Any other adapter that would send now. */
  other(record: DeliveryRecord, lane: Lane, now: number): number | undefined {
    return this.#usable(record, this.#order(record), lane, now);
  }

  #usable(record: DeliveryRecord, order: readonly number[], lane: Lane, now: number): number | undefined {
    if (record.channel.adapters.length === 1) return undefined;
    return order.find((index) => {
      if (index === record.adapter) return false;
      const other = record.channel.laneOf(record, index);
      // A tenant's adapter that is not made yet is as good as one that is.
      return isThenable(other) || (other !== lane && other.usable(now));
    });
  }

  #untried(record: DeliveryRecord): number[] {
    const tried = record.rare?.triedAdapters ?? 0;
    return this.#order(record).filter((index) => (tried & (1 << index)) === 0);
  }

  #order(record: DeliveryRecord): number[] {
    const { adapters, order } = record.channel;
    if (order === undefined) return adapters.map((_adapter, index) => index);
    try {
      const providers = order({ target: record.to, tenant: record.message.tenant });
      return providers
        .map((provider) => adapters.findIndex((adapter) => adapter.provider === provider))
        .filter((index) => index >= 0);
    } catch (error) {
      this.#engine.logger?.error({ hook: 'route', error: errorName(error) }, 'hook failed');
      return [];
    }
  }
}
