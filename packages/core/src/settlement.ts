import { freeKey, keyOf } from './entrance.ts';
import type { EngineContext } from './context.ts';
import type { Outcome } from './outcome.ts';
import { active, held, parked, preparing, settled, waiting, type ClaimState, type DeliveryRecord } from './record.ts';
import { AcceptedOutcome, CanceledOutcome, FailureOutcome, type SettledOutcome } from './settled.ts';

/** The end of a delivery: it leaves every place that holds it, exactly once, and its outcome is told. */
export class Settlement {
  readonly #engine: EngineContext;
  readonly #latest: Map<string, DeliveryRecord>;

  constructor(engine: EngineContext, latest: Map<string, DeliveryRecord>) {
    this.#engine = engine;
    this.#latest = latest;
  }

  settle(record: DeliveryRecord, outcome: SettledOutcome): void {
    const { state, rare } = record;
    if (state === settled) return;
    if (rare === null && state === active && !record.claimed) {
      // Most end here: in an attempt, with nothing to let go of.
      record.state = settled;
      record.channel.admission.leave(record);
      this.finish(record, outcome);
      return;
    }
    this.leave(record);
    if (record.claimed && surelyNothingSent(record, outcome)) {
      freeKey(this.#engine, keyOf(record.message));
    }
    if (rare === null) {
      this.finish(record, outcome);
      return;
    }
    rare.outcome = outcome;
    if (rare.claim !== undefined) this.#releaseClaim(rare.claim, record, outcome);
    // A middleware around it has the first word; then it finishes.
    if (rare.inner !== undefined) rare.inner(outcome);
    else this.finish(record, outcome);
  }

  /** Out of every place that holds it. */
  leave(record: DeliveryRecord): void {
    const { state, channel, rare } = record;
    if (state === waiting || state === held) record.lane?.settledWhileWaiting(record);
    record.state = settled;
    if (state === parked) {
      channel.admission.settledOutside();
      record.sink.unparked?.();
    } else if (state >= preparing) channel.admission.leave(record);
    if (rare?.collapse !== undefined && this.#latest.get(rare.collapse) === record) {
      // What it waited for is the newest again: the next one has to wait for it too.
      if (rare.ahead?.state === active) this.#latest.set(rare.collapse, rare.ahead);
      else this.#latest.delete(rare.collapse);
    }
    if (rare?.successor !== undefined) this.#engine.pipeline.succeed(rare.successor);
  }

  /** Tells what has settled inside a middleware that does not end. */
  finishWithout(record: DeliveryRecord): void {
    const { inner, outcome } = record.more;
    record.more.inner = undefined;
    if (inner !== undefined && outcome !== undefined) this.finish(record, outcome);
  }

  /** Tells whoever asked. */
  finish(record: DeliveryRecord, outcome: SettledOutcome): void {
    // Handed back to its queue: another worker tells the outcome.
    if (outcome instanceof CanceledOutcome && outcome.by === 'close' && record.rare?.lease !== undefined) {
      record.sink.settled(outcome, record);
      return;
    }
    const { emitter, logger } = this.#engine;
    if (emitter.wantsSettled) {
      emitter.emit({ type: 'delivery.settled', outcome: outcome as unknown as Outcome });
    }
    logger?.debug({ deliveryId: record.id, channel: record.channel.name, status: outcome.status }, 'delivery settled');
    record.sink.settled(outcome, record);
    record.rare?.route?.settled(record, outcome);
  }

  /** An idempotency key is free again when none of its deliveries can have reached a provider: the caller may try again. */
  #releaseClaim(claim: ClaimState, record: DeliveryRecord, outcome: SettledOutcome): void {
    claim.open--;
    if (!surelyNothingSent(record, outcome)) claim.sent = true;
    if (claim.open === 0 && !claim.sent) freeKey(this.#engine, claim.key);
  }
}

function surelyNothingSent(record: DeliveryRecord, outcome: SettledOutcome): boolean {
  if (outcome instanceof AcceptedOutcome) return false;
  if (outcome instanceof FailureOutcome && outcome.status === 'unknown') return false;
  return record.rare?.ambiguous === undefined;
}
