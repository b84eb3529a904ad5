import type { EngineContext } from './context.ts';
import type { Failure } from './failure.ts';
import { DeliveryView, entering, type DeliveryRecord } from './record.ts';
import type { Route } from './route.ts';
import { isThenable } from './schema.ts';
import { SuppressedOutcome } from './settled.ts';
import type { Problem } from './validate.ts';
import type { Watch } from './watch.ts';

const storeFailure: Failure = {
  kind: 'unavailable',
  scope: 'provider',
  code: 'tidings.store_unavailable',
  unsent: true,
};

/** Where a message's deliveries begin: checked against their adapters, authorized one by one, deduplicated together. */
export class Entrance {
  readonly #engine: EngineContext;
  readonly #watch: Watch;

  constructor(engine: EngineContext, watch: Watch) {
    this.#engine = engine;
    this.#watch = watch;
  }

  /** The deliveries of one message; of a route, its steps. */
  enter(records: readonly DeliveryRecord[], route?: Route): void {
    const [record] = records;
    if (record === undefined) return;
    if (records.length > 1 || this.#engine.hooks.authorize !== undefined) {
      void this.#enterAll(records, route);
      return;
    }
    const problem = record.channel.prepare(record);
    if (isThenable(problem)) void this.#enterAll(records, route, problem);
    else if (problem !== undefined) this.#engine.pipeline.reject(record, problem, 'tidings.invalid_message');
    else this.#claim(records, route);
  }

  async #enterAll(
    records: readonly DeliveryRecord[],
    route: Route | undefined,
    begun?: PromiseLike<Problem | undefined>,
  ): Promise<void> {
    for (const record of records) {
      if (record.state !== entering) continue;
      this.#watch.entered(record);
      await this.#check(record, begun);
      this.#watch.left(record);
    }
    const left = records.filter(({ state }) => state === entering);
    if (left.length > 0) this.#claim(left, route);
  }

  async #check(record: DeliveryRecord, begun: PromiseLike<Problem | undefined> | undefined): Promise<void> {
    const { pipeline, hooks } = this.#engine;
    try {
      const problem = await (begun ?? record.channel.prepare(record));
      if (record.state !== entering) return;
      if (problem !== undefined) pipeline.reject(record, problem, 'tidings.invalid_message');
      else if (hooks.authorize !== undefined) await this.#authorize(record);
    } catch (error) {
      pipeline.hookFailed(record, 'adapter', error, 'tidings.no_adapter');
    }
  }

  async #authorize(record: DeliveryRecord): Promise<void> {
    const { pipeline, hooks, clock } = this.#engine;
    try {
      const verdict = await hooks.authorize!(record.message.principal as never, new DeliveryView(record) as never);
      if (verdict === 'allow' || record.state !== entering) return;
      pipeline.settle(record, new SuppressedOutcome(record, clock.read(), 'denied', String(verdict?.deny ?? '')));
    } catch (error) {
      pipeline.hookFailed(record, 'authorize', error);
    }
  }

  /** Dedupe: a message's key is claimed once, for all its deliveries. */
  #claim(records: readonly DeliveryRecord[], route: Route | undefined): void {
    const [record] = records as [DeliveryRecord];
    const { message, rare } = record;
    // Of an entry from a queue the key was claimed when it was stored.
    if (message.idempotencyKey === undefined || rare?.lease !== undefined) {
      this.#goOn(records, route);
      return;
    }
    const { coordination, clock, keyWindow } = this.#engine;
    const key = `${message.tenant ?? ''}\n${message.idempotencyKey}`;
    const first = coordination.claim(key, record.messageId, clock.toEpoch(clock.read() + keyWindow));
    if (!isThenable(first)) {
      this.#claimed(records, route, key, first);
      return;
    }
    for (const each of records) this.#watch.entered(each);
    first.then(
      (found) => this.#claimed(records, route, key, found),
      () => {
        for (const each of records) this.#engine.pipeline.fail(each, storeFailure);
      },
    );
  }

  #claimed(records: readonly DeliveryRecord[], route: Route | undefined, key: string, first: string | undefined): void {
    const { pipeline, clock, coordination } = this.#engine;
    for (const record of records) this.#watch.left(record);
    const left = records.filter(({ state }) => state === entering);
    if (first !== undefined) {
      for (const record of left)
        pipeline.settle(record, new SuppressedOutcome(record, clock.read(), 'duplicate', first));
      return;
    }
    if (left.length === 0) {
      void coordination.release(key);
      return;
    }
    const claim = { key, open: left.length, sent: false };
    for (const record of left) record.more.claim = claim;
    this.#goOn(left, route);
  }

  #goOn(records: readonly DeliveryRecord[], route: Route | undefined): void {
    if (route !== undefined) route.next();
    else for (const record of records) this.#engine.pipeline.admit(record);
  }
}
