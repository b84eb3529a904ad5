import type { Receipt } from './adapter.ts';
import { AcceptedOutcome, CanceledOutcome, type SettledOutcome } from './settled.ts';
import { entering, settled, type DeliveryRecord } from './record.ts';
import type { Pipeline } from './pipeline.ts';

/** Receipts by which a message has arrived. */
export const arrivals = new Set<Receipt['kind']>(['delivered', 'displayed', 'opened', 'replied']);
/** Receipts by which it surely hasn't. */
export const losses = new Set<Receipt['kind']>(['bounced', 'expired', 'failed']);

/** Receipts of several engines' adapters never meet, but message ids of two providers may be alike. */
export const receiptKey = (provider: string, id: string): string => `${provider}\n${id}`;

/** Routes that wait for a receipt, by the accepted message's id. Bounded by what is admitted, since each is an unfinished message. */
export type Awaited = Map<string, { readonly deliveryId: string; heard(receipt: Receipt): void }>;

/**
 * Channels one after the other for one message (`firstOf`): a step goes when the one before has ended without acceptance, or,
 * where a receipt is waited for, when nothing was heard of it in time. One delivery and one outcome per step.
 */
export class Route {
  readonly #steps: readonly DeliveryRecord[];
  readonly #wait: number | undefined;
  readonly #pipeline: Pipeline;
  readonly #begin: (record: DeliveryRecord) => void;
  readonly #keys: string[] = [];
  #current = -1;
  #cancelTimer: (() => void) | undefined;
  #done = false;

  /** @param begin starts one step @param wait ms, for a receipt after acceptance */
  constructor(
    steps: readonly DeliveryRecord[],
    wait: number | undefined,
    pipeline: Pipeline,
    begin: (record: DeliveryRecord) => void,
  ) {
    this.#steps = steps;
    this.#wait = wait;
    this.#pipeline = pipeline;
    this.#begin = begin;
    for (const step of steps) step.more.route = this;
  }

  /** Starts the next step, if there is one. */
  next(): void {
    this.#disarm();
    const record = this.#steps[++this.#current];
    if (record === undefined) {
      this.#finish();
      return;
    }
    if (record.state !== entering) {
      this.next();
      return;
    }
    const { clock } = record.channel.engine;
    if (this.#wait !== undefined && this.#current < this.#steps.length - 1) {
      this.#cancelTimer = clock.schedule(clock.read() + this.#wait, () => this.next());
      this.#pipeline.ongoing.add(this);
    }
    this.#begin(record);
  }

  /** One of its steps has its outcome. */
  settled(record: DeliveryRecord, outcome: SettledOutcome): void {
    if (this.#done) return;
    if (outcome instanceof CanceledOutcome) {
      this.#finish();
      for (const rest of this.#rest()) this.#pipeline.cancel(rest, { status: 'canceled', by: outcome.by });
      return;
    }
    if (outcome instanceof AcceptedOutcome) {
      if (this.#wait === undefined) this.#arrived();
      else if (outcome.providerMessageId !== undefined) {
        const key = receiptKey(outcome.provider, outcome.providerMessageId);
        this.#keys.push(key);
        this.#pipeline.awaited.set(key, { deliveryId: record.id, heard: (receipt) => this.heard(receipt) });
        if (this.#steps[this.#current] === record && this.#current === this.#steps.length - 1) this.#finish();
      }
      return;
    }
    if (this.#steps[this.#current] === record) this.next();
  }

  /** Something was heard of one of its steps. */
  heard(receipt: Receipt): void {
    if (arrivals.has(receipt.kind)) this.#arrived();
    else if (losses.has(receipt.kind)) this.next();
  }

  /** The engine closes: what has not begun will not. A step in an attempt may end. */
  close(): void {
    this.#finish();
    for (const rest of this.#rest()) {
      if (rest.state === entering) this.#pipeline.cancel(rest, { status: 'canceled', by: 'close' });
    }
  }

  #arrived(): void {
    if (this.#done) return;
    this.#finish();
    for (const rest of this.#rest()) this.#pipeline.cancel(rest, { status: 'suppressed', reason: 'notNeeded' });
  }

  #rest(): DeliveryRecord[] {
    return this.#steps.filter(({ state }) => state !== settled);
  }

  #finish(): void {
    this.#done = true;
    this.#disarm();
    for (const key of this.#keys) this.#pipeline.awaited.delete(key);
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#pipeline.ongoing.delete(this);
  }
}

/** Tells the route that waits for this receipt; answers the id of the delivery, where it is known. */
export function hear(awaited: Awaited, receipt: Receipt): string | undefined {
  const found = awaited.get(receiptKey(receipt.provider, receipt.providerMessageId));
  found?.heard(receipt);
  return found?.deliveryId;
}
