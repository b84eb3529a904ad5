import type { Content } from './adapter.ts';
import type { EngineContext } from './context.ts';
import { runMiddleware } from './middleware.ts';
import { DeliveryView, preparing, settled, type DeliveryRecord } from './record.ts';
import type { Awaitable } from './schema.ts';
import type { Watch } from './watch.ts';

/** The user's hooks right before sending: middleware around it all, then content rendered for this delivery, then sealed for its device. */
export class Making {
  readonly #engine: EngineContext;
  readonly #watch: Watch;

  constructor(engine: EngineContext, watch: Watch) {
    this.#engine = engine;
    this.#watch = watch;
  }

  /** False where there is no hook to run: the delivery goes on as it is. */
  begin(record: DeliveryRecord): boolean {
    const { use, render, encrypt } = this.#engine.hooks;
    if (use.length > 0) void this.#throughMiddleware(record);
    else if (render !== undefined || encrypt !== undefined) void this.#make(record);
    else return false;
    return true;
  }

  async #throughMiddleware(record: DeliveryRecord): Promise<void> {
    const { pipeline } = this.#engine;
    this.#watch.entered(record);
    const outcome = await runMiddleware(this.#engine, record, (changed) => {
      this.#watch.left(record);
      if (changed !== undefined) record.more.made = changed;
      return new Promise((resolve) => {
        if (record.state === settled) {
          resolve(record.more.outcome!);
          return;
        }
        record.more.inner = resolve;
        void this.#make(record);
      });
    });
    this.#watch.left(record);
    const inner = record.more.inner !== undefined;
    record.more.inner = undefined;
    // Settled inside: the middleware has the last word. Settled without it (canceled, expired): that was told already.
    if (record.state === settled) {
      if (inner) pipeline.finish(record, outcome ?? record.more.outcome!);
    } else if (outcome !== undefined) pipeline.settle(record, outcome);
    else pipeline.fail(record, { kind: 'rejected', scope: 'message', code: 'tidings.middleware_failed' });
  }

  async #make(record: DeliveryRecord): Promise<void> {
    const { hooks, pipeline, clock } = this.#engine;
    this.#watch.entered(record);
    try {
      if (hooks.render !== undefined) await this.#makeBy(record, hooks.render, 'rendered');
      if (hooks.encrypt !== undefined) await this.#makeBy(record, hooks.encrypt, 'encrypted');
      record.more.sealed = hooks.encrypt !== undefined;
      const problem = record.more.made === undefined ? undefined : await record.channel.prepareFor(record);
      if (record.state !== preparing) return;
      if (problem !== undefined) pipeline.reject(record, problem, 'tidings.invalid_content');
      else pipeline.choose(record, clock.read());
    } catch (error) {
      pipeline.hookFailed(record, 'render or encrypt', error);
    } finally {
      this.#watch.left(record);
    }
  }

  async #makeBy(
    record: DeliveryRecord,
    hook: (delivery: never) => Awaitable<Content>,
    step: 'rendered' | 'encrypted',
  ): Promise<void> {
    // What the hook before made is what this one sees.
    if (record.more.made !== undefined) await record.channel.prepareFor(record);
    record.more.made = await hook(new DeliveryView(record) as never);
    record.more.steps.push({ step, time: this.#engine.clock.read() });
  }
}
