import type { Content } from './adapter.ts';
import type { EngineContext } from './context.ts';
import { runMiddleware } from './middleware.ts';
import { DeliveryView, preparing, settled, type DeliveryRecord } from './record.ts';
import type { SettledOutcome } from './settled.ts';
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
    const rare = record.more;
    this.#watch.entered(record);
    const tell = (outcome: SettledOutcome): void => {
      if (rare.inner === undefined) return;
      rare.inner = undefined;
      pipeline.finish(record, outcome);
    };
    const outcome = await runMiddleware(this.#engine, record, (changed) => {
      this.#watch.left(record);
      if (changed !== undefined) rare.made = changed;
      return new Promise((resolve) => {
        if (record.state === settled) {
          resolve(rare.outcome!);
          return;
        }
        rare.inner = (inner) => {
          // It may change what is told, but not keep it for ever.
          this.#watch.untold(record, () => tell(inner));
          resolve(inner);
        };
        void this.#make(record);
      });
    });
    this.#watch.left(record);
    // Settled inside: the middleware has the last word. Settled without it (canceled, expired): that was told already.
    if (record.state === settled) {
      tell(outcome ?? rare.outcome!);
      return;
    }
    rare.inner = undefined;
    if (outcome !== undefined) pipeline.settle(record, outcome);
    else pipeline.fail(record, { kind: 'rejected', scope: 'message', code: 'tidings.middleware_failed' });
  }

  async #make(record: DeliveryRecord): Promise<void> {
    const { hooks, pipeline, clock } = this.#engine;
    this.#watch.entered(record);
    try {
      if (hooks.render !== undefined) await this.#makeBy(record, hooks.render, 'rendered');
      if (hooks.encrypt !== undefined) await this.#makeBy(record, hooks.encrypt, 'encrypted');
      record.more.sealed = hooks.encrypt !== undefined;
      if (record.state !== preparing) return;
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
    const problem = record.more.made === undefined ? undefined : await record.channel.prepareFor(record);
    if (record.state !== preparing) return;
    if (problem !== undefined) {
      this.#engine.pipeline.reject(record, problem, 'tidings.invalid_content');
      return;
    }
    const made: unknown = await hook(new DeliveryView(record) as never);
    // Else the message's own content would go, which the hook was to replace or to hide.
    if (typeof made !== 'object' || made === null) throw new TypeError('a hook returned no content');
    record.more.made = made;
    record.more.steps.push({ step, time: this.#engine.clock.read() });
  }
}
