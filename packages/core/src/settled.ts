import { inspect } from 'node:util';
import type { Failure } from './failure.ts';
import type { Attempt, Outcome, TraceStep } from './outcome.ts';
import type { AnyTarget, DeliveryRecord } from './record.ts';
import { attemptsOf, traceOf } from './trace.ts';

/**
 * An outcome as the engine makes it: a few own fields, and the dear ones (ids as text, attempts, trace) made when they are read.
 * `to` and `ref` stay out of its JSON and of `inspect`: outcomes get logged, and a target is somebody's address.
 */
export class SettledOutcome {
  readonly #record: DeliveryRecord;
  readonly #startedAt: number;
  readonly #settledAt: number;
  readonly status: Outcome['status'];

  constructor(status: Outcome['status'], record: DeliveryRecord, startedAt: number, settledAt: number) {
    this.status = status;
    this.#record = record;
    this.#startedAt = startedAt;
    this.#settledAt = settledAt;
  }

  get deliveryId(): string {
    return this.#record.id;
  }
  get messageId(): string {
    return this.#record.messageId;
  }
  get to(): AnyTarget {
    return this.#record.to;
  }
  get ref(): unknown {
    return this.#record.message.ref;
  }
  get attempts(): readonly Attempt[] {
    return attemptsOf(this.#record, this.#accepted, this.#startedAt, this.#settledAt);
  }
  get trace(): readonly TraceStep[] {
    return traceOf(this.#record, this.#accepted, this.#startedAt, this.#settledAt);
  }

  get #accepted(): boolean {
    return this.status === 'accepted';
  }

  /** Everything but the address and the caller's own `ref`. */
  toJSON(): object {
    const { deliveryId, messageId, attempts, trace } = this;
    return { ...(this as object), deliveryId, messageId, channel: this.to.channel, attempts, trace };
  }

  [inspect.custom](): object {
    return this.toJSON();
  }
}

export class AcceptedOutcome extends SettledOutcome {
  readonly provider: string;
  readonly providerMessageId: string | undefined;
  readonly parts: number | undefined;

  constructor(
    record: DeliveryRecord,
    startedAt: number,
    settledAt: number,
    provider: string,
    providerMessageId: string | undefined,
    parts: number | undefined,
  ) {
    super('accepted', record, startedAt, settledAt);
    this.provider = provider;
    this.providerMessageId = providerMessageId;
    this.parts = parts;
  }
}

export class FailureOutcome extends SettledOutcome {
  readonly failure: Failure | undefined;

  constructor(
    status: 'failed' | 'unknown' | 'expired',
    record: DeliveryRecord,
    settledAt: number,
    failure: Failure | undefined,
  ) {
    super(status, record, settledAt, settledAt);
    this.failure = failure;
  }
}

export class SuppressedOutcome extends SettledOutcome {
  readonly reason: string;
  readonly detail: string | undefined;

  constructor(record: DeliveryRecord, settledAt: number, reason: string, detail: string | undefined) {
    super('suppressed', record, settledAt, settledAt);
    this.reason = reason;
    this.detail = detail;
  }
}

export class CanceledOutcome extends SettledOutcome {
  readonly by: 'caller' | 'signal' | 'close';

  constructor(record: DeliveryRecord, settledAt: number, by: 'caller' | 'signal' | 'close') {
    super('canceled', record, settledAt, settledAt);
    this.by = by;
  }
}
