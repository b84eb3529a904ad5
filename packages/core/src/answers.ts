import type { Choice } from './choice.ts';
import type { EngineContext } from './context.ts';
import type { Failure } from './failure.ts';
import type { Lane } from './lane.ts';
import { overlay } from './policies.ts';
import { preparing, type DeliveryRecord, type Step } from './record.ts';
import { decide, type Decision } from './retry.ts';

/** Waits of a leased delivery that are this long are the queue's to keep; ms. */
const longestHold = 5000;
/** A lane waits this long where the provider does not say; ms. */
const defaultPause = 1000;

/** What follows an attempt that failed: it is noted, others are told who must react, and the delivery ends, waits or fails over. */
export class Answers {
  readonly #engine: EngineContext;
  readonly #choice: Choice;

  constructor(engine: EngineContext, choice: Choice) {
    this.#engine = engine;
    this.#choice = choice;
  }

  note(record: DeliveryRecord, lane: Lane, failure: Failure, startedAt: number, now: number): void {
    const rare = record.more;
    const { provider } = lane.adapter;
    const step = rare.ambiguous === undefined ? 'attempted' : 'repeated';
    rare.steps.push({ step, time: startedAt, provider } as Step);
    rare.tried.push({ provider, startedAt, duration: now - startedAt, failure });
    if (failure.kind === 'throttled') rare.throttles++;
    else if (failure.kind === 'unauthorized') rare.refusals++;
    else if (failure.kind === 'unavailable' && failure.unsent) rare.unsent++;
    else if (failure.kind === 'ambiguous') rare.ambiguous = failure;
    // Those use up no attempt: the count that began with this attempt is taken back.
    if (
      failure.kind === 'throttled' ||
      failure.kind === 'unauthorized' ||
      (failure.kind === 'unavailable' && failure.unsent)
    ) {
      record.attempts--;
    }
    this.#tell(record, failure, now);
    this.#react(record, lane, failure, now);
  }

  /** Settles, holds or moves the delivery. */
  follow(record: DeliveryRecord, lane: Lane, failure: Failure, now: number): void {
    const { pipeline } = this.#engine;
    const decision = this.#decide(record, lane, failure, now);
    switch (decision.act) {
      case 'settle':
        pipeline.fail(record, failure);
        return;
      case 'expire':
        pipeline.expired(record, now);
        return;
      case 'failOver':
        this.failOver(record, this.#choice.untried(record, lane, now)!, now);
        return;
      case 'wait':
        this.#hold(record, lane, decision, now);
    }
  }

  /** To another adapter of its channel. */
  failOver(record: DeliveryRecord, index: number, now: number): void {
    const rare = record.more;
    rare.triedAdapters |= 1 << record.adapter;
    record.state = preparing;
    const { provider } = record.channel.adapters[index]!;
    rare.steps.push({ step: 'failedOver', time: now, provider } as Step);
    this.#engine.pipeline.toLane(record, this.#choice.moveTo(record, index));
  }

  #decide(record: DeliveryRecord, lane: Lane, failure: Failure, now: number): Decision {
    const { attempts, expiresAt, message } = record;
    const { throttles, unsent, refusals, ambiguous } = record.more;
    const state = {
      attempts,
      throttles,
      unsent,
      refusals,
      ambiguous: ambiguous !== undefined,
      left: expiresAt - now,
      alternative: this.#choice.untried(record, lane, now) !== undefined,
    };
    return decide(failure, state, overlay(lane.policy, message.policy), this.#engine.clock.runtime.random());
  }

  #hold(record: DeliveryRecord, lane: Lane, decision: Extract<Decision, { act: 'wait' }>, now: number): void {
    const { emitter, clock, pipeline } = this.#engine;
    const at = now + Math.max(0, Math.round(decision.wait));
    record.more.steps.push({ step: 'held', time: now, by: decision.by, until: at } as Step);
    if (emitter.wants('retry.scheduled')) {
      emitter.emit({ type: 'retry.scheduled', deliveryId: record.id, at: clock.toDate(at) });
    }
    if (at - now >= longestHold && pipeline.handBack(record, at)) return;
    lane.holdUntil(record, at, decision.budgeted);
  }

  #tell(record: DeliveryRecord, failure: Failure, now: number): void {
    const { emitter, clock } = this.#engine;
    if (emitter.wants('attempt.failed')) {
      const { provider, startedAt } = record.more.tried.at(-1)!;
      const attempt = { provider, startedAt: clock.toDate(startedAt), duration: now - startedAt, failure };
      emitter.emit({ type: 'attempt.failed', deliveryId: record.id, attempt, failure });
    }
    if (failure.kind === 'unregistered' && emitter.wants('target.gone')) {
      emitter.emit({ type: 'target.gone', to: record.to, failure });
    }
  }

  /** What it means for others than this delivery. */
  #react(record: DeliveryRecord, lane: Lane, failure: Failure, now: number): void {
    const { emitter, logger } = this.#engine;
    if (failure.kind === 'throttled' && failure.scope !== 'target') {
      lane.pause(now + Math.min(failure.retryAfter ?? defaultPause, record.expiresAt - now), now);
    }
    if (failure.kind === 'unauthorized' && record.more.refusals > 1) {
      logger?.error({ lane: lane.name, code: failure.code }, 'credential refused');
      if (emitter.wants('credential.refused')) emitter.emit({ type: 'credential.refused', lane: lane.name, failure });
      lane.trip(now);
    }
  }
}
