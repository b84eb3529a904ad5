import type { EngineContext } from './context.ts';
import type { Failure } from './failure.ts';
import { quietly } from './quietly.ts';
import { entering, HookView, type AnyMessage, type DeliveryRecord } from './record.ts';
import type { Route } from './route.ts';
import { isThenable, type Awaitable } from './schema.ts';
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
    if (records.length > 1 || route !== undefined) void this.#enterAll(records, route);
    else this.enterOne(record, this.#engine.clock.read());
  }

  /** The one delivery of a message, at a time just read: no array and no promise where nothing asks for one. */
  enterOne(record: DeliveryRecord, now: number): void {
    const { hooks, pipeline } = this.#engine;
    // Of one from a queue that was asked when it was stored; the principal is not kept.
    if (hooks.authorize !== undefined && record.rare?.lease === undefined) {
      void this.#enterAll([record], undefined);
      return;
    }
    if (record.state !== entering) return;
    let problem: Awaitable<Problem | undefined>;
    try {
      problem = record.channel.prepare(record);
    } catch (error) {
      pipeline.hookFailed(record, 'schema', error, 'tidings.adapter_threw');
      return;
    }
    if (problem === undefined) {
      if (record.message.idempotencyKey === undefined) pipeline.admit(record, now);
      else this.#claimOne(record, now);
    } else if (isThenable(problem)) void this.#enterAll([record], undefined, problem);
    else pipeline.reject(record, problem, 'tidings.invalid_message');
  }

  async #enterAll(
    records: readonly DeliveryRecord[],
    route: Route | undefined,
    begun?: PromiseLike<Problem | undefined>,
  ): Promise<void> {
    // All of them: while the first hangs in a hook the others must end in time too.
    for (const record of records) this.#watch.entered(record);
    for (const record of records) {
      if (record.state === entering) await this.#check(record, begun);
    }
    for (const record of records) this.#watch.left(record);
    const left = records.filter(({ state }) => state === entering);
    if (left.length > 0) this.#claim(left, route);
  }

  async #check(record: DeliveryRecord, begun: PromiseLike<Problem | undefined> | undefined): Promise<void> {
    const { pipeline, hooks } = this.#engine;
    try {
      const problem = await (begun ?? record.channel.prepare(record));
      if (record.state !== entering) return;
      if (problem !== undefined) pipeline.reject(record, problem, 'tidings.invalid_message');
      else if (hooks.authorize !== undefined && record.rare?.lease === undefined) await this.#authorize(record);
    } catch (error) {
      pipeline.hookFailed(record, 'adapter', error, 'tidings.no_adapter');
    }
  }

  async #authorize(record: DeliveryRecord): Promise<void> {
    const { pipeline, hooks, clock } = this.#engine;
    try {
      const verdict = await hooks.authorize!(record.message.principal as never, new HookView(record) as never);
      if (verdict === 'allow' || record.state !== entering) return;
      pipeline.settle(record, new SuppressedOutcome(record, clock.read(), 'denied', denialOf(verdict)));
    } catch (error) {
      pipeline.hookFailed(record, 'authorize', error);
    }
  }

  /** Dedupe, for a message with one delivery. */
  #claimOne(record: DeliveryRecord, now: number): void {
    const { pipeline } = this.#engine;
    // Of an entry from a queue the key was claimed when it was stored.
    if (record.rare?.lease !== undefined) {
      pipeline.admit(record, now);
      return;
    }
    const first = this.#claimKey(record);
    if (first === undefined) {
      record.claimed = true;
      pipeline.admit(record, now);
    } else if (isThenable(first)) this.#whenClaimed([record], undefined, first);
    else pipeline.settle(record, new SuppressedOutcome(record, now, 'duplicate', first));
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
    const first = this.#claimKey(record);
    if (isThenable(first)) this.#whenClaimed(records, route, first);
    else this.#claimed(records, route, first);
  }

  #claimKey(record: DeliveryRecord): Awaitable<string | undefined> {
    const { coordination, clock, keyWindow } = this.#engine;
    try {
      return coordination.claim(keyOf(record.message), record.messageId, clock.runtime.now() + keyWindow);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #whenClaimed(
    records: readonly DeliveryRecord[],
    route: Route | undefined,
    first: PromiseLike<string | undefined>,
  ): void {
    for (const each of records) this.#watch.entered(each);
    first.then(
      (found) => this.#claimed(records, route, found),
      () => {
        for (const each of records) {
          this.#watch.left(each);
          this.#engine.pipeline.fail(each, storeFailure);
        }
      },
    );
  }

  #claimed(records: readonly DeliveryRecord[], route: Route | undefined, first: string | undefined): void {
    const { pipeline, clock } = this.#engine;
    for (const record of records) this.#watch.left(record);
    const left = records.filter(({ state }) => state === entering);
    if (first !== undefined) {
      for (const record of left)
        pipeline.settle(record, new SuppressedOutcome(record, clock.read(), 'duplicate', first));
      return;
    }
    if (left.length === 0) {
      freeKey(this.#engine, keyOf(records[0]!.message));
      return;
    }
    const claim = { key: keyOf(left[0]!.message), open: left.length, sent: false };
    for (const record of left) record.more.claim = claim;
    this.#goOn(left, route);
  }

  #goOn(records: readonly DeliveryRecord[], route: Route | undefined): void {
    if (route !== undefined) route.next();
    else {
      const now = this.#engine.clock.read();
      for (const record of records) this.#engine.pipeline.admit(record, now);
    }
  }
}

/** Idempotency keys of tenants never meet. */
export function keyOf({ tenant = '', idempotencyKey }: AnyMessage): string {
  return `${tenant}\n${idempotencyKey}`;
}

/** Why it was refused; a hook without types may answer anything, and whatever is not 'allow' refuses. */
export function denialOf(verdict: unknown): string {
  const { deny } = (verdict ?? {}) as { readonly deny?: unknown };
  return typeof deny === 'string' ? deny : '';
}

/** Nothing was sent under it: the caller may try again. */
export function freeKey({ coordination, logger }: EngineContext, key: string): void {
  quietly(logger, () => coordination.release(key));
}
