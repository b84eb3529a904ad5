import type { ChannelState } from './channel.ts';
import { errorName, type EngineContext } from './context.ts';
import { durationOf } from './duration.ts';
import { mostTargets } from './ids.ts';
import { DeliveryRecord, levels, type AnyMessage, type AnyTarget, type Sink } from './record.ts';
import { Route } from './route.ts';
import { stepId } from './conclusion.ts';
import type { Lease, QueueEntry } from './store.ts';
import type { StoredDelivery } from './stored.ts';
import { defaultTtl, weigh, type Problem } from './validate.ts';

/** `ttl: 0` is now or never: this long it may take to leave the process; ms. */
const leastTtl = 25;
/** Scheduling further ahead belongs in a queue; ms. */
const longestSchedule = 3_600_000;

/** Which outcome stands where in what `send` resolves to: a number is the place among all deliveries of the message. */
export type Shape = number | readonly Shape[];

export interface Taken {
  readonly records: readonly DeliveryRecord[];
  readonly shape: Shape;
  readonly begin: () => void;
}

/** Turns messages into deliveries: validates and expands targets. What is wrong becomes a delivery that fails, so that each has an outcome. */
export class Intake {
  readonly #engine: EngineContext;
  readonly #channels: ReadonlyMap<string, ChannelState>;
  /** Where deliveries of no known channel end. */
  readonly #nowhere: ChannelState;
  #last: ChannelState;

  constructor(engine: EngineContext, channels: ReadonlyMap<string, ChannelState>, nowhere: ChannelState) {
    this.#engine = engine;
    this.#channels = channels;
    this.#nowhere = nowhere;
    this.#last = [...channels.values()][0]!;
  }

  /** One message to one plain target: the hot path. False where it is anything else. */
  takeOne(message: AnyMessage, sink: Sink, now: number): boolean {
    const weight = weighSafely(message);
    if (typeof weight !== 'number') return false;
    const to = message.to as Partial<AnyTarget> | null | undefined;
    const channel = typeof to === 'object' && to !== null ? this.#channel(to.channel) : undefined;
    if (channel === undefined || this.#lateProblem(message) !== undefined) return false;
    const { pipeline, ids } = this.#engine;
    pipeline.enterOne(this.#record(message, to as AnyTarget, channel, sink, 0, ids.next(), now, weight), now);
    return true;
  }

  /** Often the same again. */
  #channel(name: unknown): ChannelState | undefined {
    if (name === this.#last.name) return this.#last;
    const channel = typeof name === 'string' ? this.#channels.get(name) : undefined;
    if (channel !== undefined) this.#last = channel;
    return channel;
  }

  /** Any message. The deliveries begin with `begin`, so that a sink can know them first. */
  async take(message: AnyMessage, sink: Sink): Promise<Taken> {
    const now = this.#engine.clock.read();
    const weight = weighSafely(message);
    const problem = typeof weight === 'number' ? this.#lateProblem(message) : weight;
    const expansion = new Expansion(this.#engine, this.#channels);
    if (problem !== undefined && (typeof message !== 'object' || message === null)) {
      return this.#allFail({ to: undefined }, expansion, 0, problem, sink, now);
    }
    const shape = await expansion.expand(message.to, 'to');
    if (expansion.targets.length > mostTargets) expansion.tooMany();
    if (problem !== undefined) return this.#allFail(message, expansion, shape, problem, sink, now);
    return this.#toRecords(message, expansion, shape, sink, now, weight as number);
  }

  /** The deliveries of a message for a queue, or the first thing wrong with it. */
  async forQueue(
    message: AnyMessage,
    durable: boolean,
  ): Promise<{ records: readonly DeliveryRecord[]; route: Expansion['routeAt']; problem: Problem | undefined }> {
    const weight = weighSafely(message);
    if (typeof weight !== 'number') return { records: [], route: undefined, problem: weight };
    const late = this.#lateProblem(message);
    const problem = late === undefined || (durable && late.field === 'notBefore') ? undefined : late;
    const expansion = new Expansion(this.#engine, this.#channels);
    await expansion.expand(message.to, 'to');
    if (expansion.targets.length > mostTargets) expansion.tooMany();
    const now = this.#engine.clock.read();
    const sequence = this.#engine.ids.next();
    const records = expansion.targets.map(({ to, channel }, index) =>
      this.#record(message, to, channel ?? this.#nowhere, ignored, index, sequence, now, weight),
    );
    const wrong = problem ?? expansion.targets.find((target) => target.problem !== undefined)?.problem;
    return { records, route: expansion.routeAt, problem: wrong };
  }

  /** A delivery that lay in a queue. */
  takeLease(lease: Lease, { to, message, ambiguous }: StoredDelivery, sink: Sink): DeliveryRecord {
    const { entry } = lease;
    const { clock } = this.#engine;
    const now = clock.read();
    const record = new DeliveryRecord(
      message,
      to,
      this.#channels.get(entry.stream) ?? this.#nowhere,
      sink,
      0,
      0,
      now,
      clock.fromEpoch(entry.expiresAt),
      levels.indexOf(entry.priority),
      (message.title?.length ?? 0) + (message.body?.length ?? 0),
    );
    record.attempts = entry.attempts;
    Object.assign(record.more, { lease, id: entry.id, messageId: entry.messageId, ambiguous });
    return record;
  }

  /** Tells the outcomes of a stored route's further steps: the one before was enough. */
  notNeeded(entry: QueueEntry, { message, route }: StoredDelivery): void {
    let { id } = entry;
    for (const to of route?.steps ?? []) {
      id = stepId(id);
      const stored = { ...entry, id, stream: to.channel };
      const record = this.takeLease(
        { entry: stored, fence: '', sending: false, canceled: false, deaths: 0 },
        { to, message },
        ignored,
      );
      this.#engine.pipeline.cancel(record, { status: 'suppressed', reason: 'notNeeded' });
    }
  }

  #toRecords(message: AnyMessage, expansion: Expansion, shape: Shape, sink: Sink, now: number, weight: number): Taken {
    const { pipeline, ids } = this.#engine;
    const sequence = ids.next();
    const { targets, routeAt } = expansion;
    const records = targets.map(({ to, channel }, index) =>
      this.#record(message, to, channel ?? this.#nowhere, sink, index, sequence, now, weight),
    );
    const begin = (): void => {
      for (const [index, { problem }] of targets.entries()) {
        if (problem !== undefined) pipeline.reject(records[index]!, problem, 'tidings.invalid_target');
      }
      const plain = records.filter((_record, index) => targets[index]!.problem === undefined && routeAt === undefined);
      if (plain.length > 0) pipeline.enter(plain);
      if (routeAt === undefined) return;
      const steps = records.filter((_record, index) => targets[index]!.problem === undefined);
      if (steps.length > 0)
        pipeline.enter(steps, new Route(steps, routeAt.wait, pipeline, (record) =>
            pipeline.admit(record, this.#engine.clock.read()),
          ));
    };
    return { records, shape, begin };
  }

  #allFail(message: AnyMessage, expansion: Expansion, shape: Shape, problem: Problem, sink: Sink, now: number): Taken {
    const { pipeline, ids } = this.#engine;
    const sequence = ids.next();
    const targets = expansion.targets.length > 0 ? expansion.targets : [{ to: { channel: '' }, channel: undefined }];
    const records = targets.map(({ to, channel }, index) => {
      const safe = { ...plainOptions, to: message.to, ref: message.ref };
      return this.#record(safe, to, channel ?? this.#nowhere, sink, index, sequence, now, 0);
    });
    const begin = (): void => {
      for (const record of records) pipeline.reject(record, problem, 'tidings.invalid_message');
    };
    return { records, shape, begin };
  }

  #record(
    message: AnyMessage,
    to: AnyTarget,
    channel: ChannelState,
    sink: Sink,
    index: number,
    sequence: number,
    now: number,
    weight: number,
  ): DeliveryRecord {
    const { ttl: given, notBefore, priority } = message;
    const ttl = given === undefined ? defaultTtl : (durationOf(given) ?? defaultTtl);
    const level = priority === undefined || priority === 'normal' ? 1 : priority === 'high' ? 0 : 2;
    const due = notBefore === undefined ? now : Math.max(now, this.#engine.clock.fromEpoch(notBefore.getTime()));
    const expiresAt = due + Math.ceil(ttl === 0 ? leastTtl : ttl);
    const record = new DeliveryRecord(message, to, channel, sink, index, sequence, now, expiresAt, level, weight);
    if (due > now) record.more.dueAt = due;
    sink.began?.(record);
    return record;
  }

  /** What can be wrong only here, not in a queue. */
  #lateProblem({ notBefore, principal }: AnyMessage): Problem | undefined {
    if (principal === undefined && this.#engine.hooks.authorize !== undefined) {
      return { field: 'principal', expected: 'who asks: this engine has an authorize hook' };
    }
    if (notBefore === undefined) return undefined;
    const ahead = notBefore.getTime() - this.#engine.clock.runtime.now();
    return ahead > longestSchedule
      ? { field: 'notBefore', expected: 'at most 1 hour ahead; use enqueue with a durable store beyond' }
      : undefined;
  }
}

const plainOptions = {};
const ignored: Sink = { settled() {} };

interface ExpandedTarget {
  readonly to: AnyTarget;
  readonly channel: ChannelState | undefined;
  problem?: Problem | undefined;
}

/** Lays `to` out flat: arrays, routes, and recipients of the application's own by way of its audience. */
class Expansion {
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
    if ('firstOf' in to && field === 'to') return this.#route(to as { firstOf: unknown; wait?: unknown });
    const { channel: name } = to as { readonly channel?: unknown };
    if (name === undefined && this.#engine.hooks.resolve !== undefined) return this.#resolve(to, field);
    const channel = typeof name === 'string' ? this.#channels.get(name) : undefined;
    if (channel !== undefined) return this.targets.push({ to: to as AnyTarget, channel }) - 1;
    return this.#add(to, { field: `${field}.channel`, expected: `one of ${[...this.#channels.keys()].join(', ')}` });
  }

  tooMany(): void {
    const problem = { field: 'to', expected: `at most ${mostTargets} targets in one message` };
    this.targets = this.targets.slice(0, mostTargets).map((target) => ({ ...target, problem }));
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
      else await add(pages as readonly AnyTarget[]);
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

/** A message can be made to throw when it is read (a getter, a proxy). */
function weighSafely(message: AnyMessage): number | Problem {
  try {
    return weigh(message);
  } catch {
    return { field: 'message', expected: 'a plain object that can be read' };
  }
}
