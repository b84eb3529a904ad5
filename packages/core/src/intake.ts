import type { ChannelState } from './channel.ts';
import type { EngineContext } from './context.ts';
import { Expansion, type Shape } from './expansion.ts';
import { durationOf } from './duration.ts';
import { mostTargets } from './ids.ts';
import { DeliveryRecord, type AnyMessage, type AnyTarget, type Sink } from './record.ts';
import { Route } from './route.ts';
import { defaultTtl, weigh, type Problem } from './validate.ts';

/** `ttl: 0` is now or never: this long it may take to leave the process; ms. */
const leastTtl = 25;
/** Scheduling further ahead belongs in a queue; ms. */
const longestSchedule = 3_600_000;

export interface Taken {
  readonly records: readonly DeliveryRecord[];
  readonly shape: Shape;
  readonly begin: () => void;
}

/** Turns messages into deliveries: validates and expands targets. What is wrong becomes a delivery that fails, so that each has an outcome. */
export class Intake {
  readonly #engine: EngineContext;
  readonly channels: ReadonlyMap<string, ChannelState>;
  /** Where deliveries of no known channel end. */
  readonly nowhere: ChannelState;
  #last: ChannelState;

  constructor(engine: EngineContext, channels: ReadonlyMap<string, ChannelState>, nowhere: ChannelState) {
    this.#engine = engine;
    this.channels = channels;
    this.nowhere = nowhere;
    this.#last = [...channels.values()][0]!;
  }

  /** One message to one plain target: the hot path. False where it is anything else. */
  takeOne(message: AnyMessage, sink: Sink, now: number): boolean {
    let record: DeliveryRecord | undefined;
    try {
      record = this.#one(message, sink, now);
    } catch {
      // It can't even be read: `take` makes an outcome of that.
    }
    if (record === undefined) return false;
    this.#engine.pipeline.enterOne(record, now);
    return true;
  }

  #one(message: AnyMessage, sink: Sink, now: number): DeliveryRecord | undefined {
    const weight = weigh(message);
    if (typeof weight !== 'number') return undefined;
    const to = message.to as Partial<AnyTarget> | null | undefined;
    const channel = typeof to === 'object' && to !== null ? this.#channel(to.channel) : undefined;
    if (channel === undefined || this.lateProblem(message) !== undefined) return undefined;
    return this.record(message, to as AnyTarget, channel, sink, 0, this.#engine.ids.next(), now, weight);
  }

  /** Often the same again. */
  #channel(name: unknown): ChannelState | undefined {
    if (name === this.#last.name) return this.#last;
    const channel = typeof name === 'string' ? this.channels.get(name) : undefined;
    if (channel !== undefined) this.#last = channel;
    return channel;
  }

  /** Any message. The deliveries begin with `begin`, so that a sink can know them first. */
  async take(message: AnyMessage, sink: Sink): Promise<Taken> {
    const now = this.#engine.clock.read();
    try {
      return await this.#take(message, sink, now);
    } catch {
      const expansion = new Expansion(this.#engine, this.channels);
      return this.#allFail({ to: undefined }, expansion, 0, unreadable, sink, now);
    }
  }

  async #take(message: AnyMessage, sink: Sink, now: number): Promise<Taken> {
    const weight = weighSafely(message);
    const problem = typeof weight === 'number' ? this.lateProblem(message) : weight;
    const expansion = new Expansion(this.#engine, this.channels);
    if (problem !== undefined && (typeof message !== 'object' || message === null)) {
      return this.#allFail({ to: undefined }, expansion, 0, problem, sink, now);
    }
    const shape = await expansion.expand(message.to, 'to');
    if (expansion.targets.length > mostTargets) expansion.tooMany(mostTargets);
    if (problem !== undefined) return this.#allFail(message, expansion, shape, problem, sink, now);
    return this.#toRecords(message, expansion, shape, sink, now, weight as number);
  }

  #toRecords(message: AnyMessage, expansion: Expansion, shape: Shape, sink: Sink, now: number, weight: number): Taken {
    const { pipeline, ids } = this.#engine;
    const sequence = ids.next();
    const { targets, routeAt } = expansion;
    const records = targets.map(({ to, channel }, index) =>
      this.record(message, to, channel ?? this.nowhere, sink, index, sequence, now, weight),
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
        pipeline.enter(
          steps,
          new Route(steps, routeAt.wait, pipeline, (record) => pipeline.admit(record, this.#engine.clock.read())),
        );
    };
    return { records, shape, begin };
  }

  #allFail(message: AnyMessage, expansion: Expansion, shape: Shape, problem: Problem, sink: Sink, now: number): Taken {
    const { pipeline, ids } = this.#engine;
    const sequence = ids.next();
    const targets = expansion.targets.length > 0 ? expansion.targets : [{ to: { channel: '' }, channel: undefined }];
    const records = targets.map(({ to, channel }, index) => {
      const safe = { ...plainOptions, to: message.to, ref: message.ref };
      return this.record(safe, to, channel ?? this.nowhere, sink, index, sequence, now, 0);
    });
    const begin = (): void => {
      for (const record of records) pipeline.reject(record, problem, 'tidings.invalid_message');
    };
    return { records, shape, begin };
  }

  /** A delivery of a message. */
  record(
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
  lateProblem({ notBefore, principal }: AnyMessage): Problem | undefined {
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

/** A message can be made to throw when it is read (a getter, a proxy). */
export const unreadable: Problem = { field: 'message', expected: 'a plain object that can be read' };

export function weighSafely(message: AnyMessage): number | Problem {
  try {
    return weigh(message);
  } catch {
    return unreadable;
  }
}
