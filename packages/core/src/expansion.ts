import type { ChannelState } from './channel.ts';
import { errorName, type EngineContext } from './context.ts';
import { durationOf } from './duration.ts';
import type { AnyTarget } from './record.ts';
import type { Problem } from './validate.ts';

/** Which outcome stands where in what `send` resolves to: a number is the place among all deliveries of the message. */
export type Shape = number | readonly Shape[];

export interface ExpandedTarget {
  readonly to: AnyTarget;
  readonly channel: ChannelState | undefined;
  problem?: Problem | undefined;
}

/** Lays `to` out flat: arrays, routes, and recipients of the application's own by way of its audience. */
export class Expansion {
  readonly #engine: EngineContext;
  readonly #channels: ReadonlyMap<string, ChannelState>;
  targets: ExpandedTarget[] = [];
  routeAt: { readonly wait: number | undefined } | undefined;

  constructor(engine: EngineContext, channels: ReadonlyMap<string, ChannelState>) {
    this.#engine = engine;
    this.#channels = channels;
  }

  async expand(to: unknown, field: string): Promise<Shape> {
    if (Array.isArray(to)) return this.#each(to, field);
    if (typeof to !== 'object' || to === null)
      return this.#add(to, { field, expected: 'a target: an object with a channel' });
    if ('firstOf' in to && field === 'to') return this.#route(to);
    const { channel: name } = to as { readonly channel?: unknown };
    if (name === undefined && this.#engine.hooks.resolve !== undefined) return this.#resolve(to, field);
    const channel = typeof name === 'string' ? this.#channels.get(name) : undefined;
    if (channel !== undefined) return this.targets.push({ to: to as AnyTarget, channel }) - 1;
    return this.#add(to, { field: `${field}.channel`, expected: `one of ${[...this.#channels.keys()].join(', ')}` });
  }

  /** All of them fail: cutting some off would lose outcomes. */
  tooMany(most: number): void {
    const problem = { field: 'to', expected: `at most ${most} targets in one message` };
    this.targets = this.targets.map((target) => ({ ...target, problem }));
  }

  async #each(list: readonly unknown[], field: string): Promise<Shape> {
    const shapes: Shape[] = [];
    for (const [index, each] of list.entries()) {
      const nested = Array.isArray(each) || (typeof each === 'object' && each !== null && 'firstOf' in each);
      const path = `${field}[${index}]`;
      shapes.push(
        nested
          ? this.#add(each, { field: path, expected: 'a target, not a list of them' })
          : await this.expand(each, path),
      );
    }
    return shapes;
  }

  async #route({ firstOf, wait }: { readonly firstOf: unknown; readonly wait?: unknown }): Promise<Shape> {
    const duration = wait === undefined ? undefined : durationOf(wait);
    if (!Array.isArray(firstOf) || firstOf.length === 0) {
      return [this.#add(undefined, { field: 'to.firstOf', expected: 'an array of targets' })];
    }
    if (wait !== undefined && duration === undefined) {
      return [this.#add(undefined, { field: 'to.wait', expected: "a duration: milliseconds, or '30s'" })];
    }
    this.routeAt = { wait: duration };
    return this.#each(firstOf, 'to.firstOf');
  }

  async #resolve(recipient: object, field: string): Promise<Shape> {
    const shapes: Shape[] = [];
    try {
      const pages = await this.#engine.hooks.resolve!(recipient as never, { signal: this.#engine.closing });
      const add = async (page: readonly AnyTarget[]): Promise<void> => {
        for (const target of page) shapes.push(await this.#resolved(target, field));
      };
      if (Symbol.asyncIterator in pages) for await (const page of pages) await add(page);
      else await add(pages);
    } catch (error) {
      this.#engine.logger?.error({ hook: 'audience', error: errorName(error) }, 'hook failed');
      shapes.push(this.#add(recipient, { field, expected: 'a recipient that the audience can resolve' }));
    }
    return shapes;
  }

  async #resolved(target: AnyTarget, field: string): Promise<Shape> {
    const channel = this.#channels.get(target.channel);
    return (
      this.targets.push({
        to: target,
        channel,
        problem: channel === undefined ? { field, expected: 'targets on channels of this engine' } : undefined,
      }) - 1
    );
  }

  #add(to: unknown, problem: Problem): number {
    const safe = typeof to === 'object' && to !== null ? (to as AnyTarget) : { channel: '' };
    return this.targets.push({ to: safe, channel: undefined, problem }) - 1;
  }
}
