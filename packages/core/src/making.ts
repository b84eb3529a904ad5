import type { Content } from './adapter.ts';
import type { EngineContext } from './context.ts';
import { isContent, runMiddleware } from './middleware.ts';
import { HookView, preparing, settled, type DeliveryRecord } from './record.ts';
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
    // Made now, so that an outcome in between is kept there for a late `next`.
    const rare = record.more;
    this.#watch.entered(record);
    const outcome = await runMiddleware(this.#engine, record, (changed) => {
      this.#watch.left(record);
      if (changed !== undefined) rare.made = changed;
      if (record.state === settled) return Promise.resolve(rare.outcome!);
      return new Promise((resolve) => {
        rare.inner = (settledAs) => {
          // What the middleware still does may hang: at the deadline the outcome is told without it.
          this.#watch.entered(record);
          resolve(settledAs);
        };
        void this.#make(record);
      });
    });
    this.#watch.left(record);
    const settledInside = rare.inner !== undefined;
    rare.inner = undefined;
    // Settled inside: what was sent stays sent, whatever the middleware made of it. Settled without it (canceled, expired): that was told already.
    if (settledInside) pipeline.finish(record, rare.outcome!);
    else if (record.state === settled) return;
    else if (outcome !== undefined) pipeline.settle(record, outcome);
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
      this.#watch.left(record);
      if (problem !== undefined) pipeline.reject(record, problem, 'tidings.invalid_content');
      else pipeline.choose(record, clock.read());
    } catch (error) {
      pipeline.hookFailed(record, 'render or encrypt', error);
    }
  }

  async #makeBy(
    record: DeliveryRecord,
    hook: (delivery: never) => Awaitable<Content>,
    step: 'rendered' | 'encrypted',
  ): Promise<void> {
    if (record.state !== preparing) return;
    const made: unknown = await hook(new HookView(record) as never);
    // What it had before must not go out in place of what was not made.
    if (!isContent(made)) throw new TypeError('a hook returned no content');
    record.more.made = made;
    record.more.steps.push({ step, time: this.#engine.clock.read() });
  }
}
