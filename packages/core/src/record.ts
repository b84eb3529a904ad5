import type { Content, Delivery } from './adapter.ts';
import type { ChannelState } from './channel.ts';
import type { TraceStep } from './outcome.ts';
import type { Failure } from './failure.ts';
import type { Lane } from './lane.ts';
import type { MessageOptions } from './message.ts';
import type { SettledOutcome } from './settled.ts';
import type { Lease } from './store.ts';
import type { Priority } from './policy.ts';
import type { Route } from './route.ts';

/** A message as the pipeline holds it: the caller's own object, validated. */
export interface AnyMessage extends MessageOptions {
  readonly to: unknown;
  readonly content?: { readonly [channel: string]: object | undefined } | undefined;
  readonly native?: { readonly [provider: string]: unknown } | undefined;
  readonly ref?: unknown;
  readonly principal?: unknown;
}

/** A target as the caller wrote it. */
export interface AnyTarget {
  readonly channel: string;
  readonly binding?: string | undefined;
}

/** What an adapter gets where it isn't simply what the caller wrote. */
export interface Prepared {
  readonly target: unknown;
  readonly content: Content;
  readonly native: unknown;
}

/** Where outcomes of one call go. */
export interface Sink {
  settled(outcome: SettledOutcome, record: DeliveryRecord): void;
  /** Told of each before it can settle, where the sink may want to end it. */
  began?(record: DeliveryRecord): void;
  /** It found its channel full and waits outside. */
  parked?(): void;
  /** It is inside, or has settled outside. */
  unparked?(): void;
}

/** States of a record, in the order in which it passes them. */
export const entering = 0;
/** Outside a full channel. */
export const parked = 1;
/** Inside: hooks, or its time has not come. From here on it counts in the channel's admission. */
export const preparing = 2;
/** In its lane's queue. */
export const waiting = 3;
/** In its lane for a time: retry, throttle. */
export const held = 4;
/** In an attempt. */
export const active = 5;
export const settled = 6;

export const levels = ['high', 'normal', 'low'] as const satisfies readonly Priority[];

/** Times in a trace are since the engine's start; they become dates when somebody looks. */
export type Step = { readonly time: number; readonly until?: number | undefined } & Omit<TraceStep, 'at' | 'until'>;
export interface Tried {
  readonly provider: string;
  readonly startedAt: number;
  readonly duration: number;
  readonly failure: Failure;
}

/** What only few deliveries need; made when first needed. */
export class Rare {
  /** Failed attempts so far. */
  readonly tried: Tried[] = [];
  readonly steps: Step[] = [];
  /** Failures that were throttled, unsent, unauthorized: counted apart, since they use up no attempt. */
  throttles = 0;
  unsent = 0;
  refusals = 0;
  /** Adapters of the channel given up for this delivery, a bit each. */
  triedAdapters = 0;
  /** An earlier attempt may have arrived: from then on only `accepted` or `unknown` may follow. */
  ambiguous: Failure | undefined = undefined;
  /** Ends it at the next chance: by whom or why. */
  ending: Ending | undefined = undefined;
  /** Content that a hook made, in place of the message's. */
  made: Content | undefined = undefined;
  /** It was made by `encrypt`. */
  sealed = false;
  outcome: SettledOutcome | undefined = undefined;
  /** Of a message with several deliveries. */
  claim: ClaimState | undefined = undefined;
  collapse: string | undefined = undefined;
  /** The newest for the same place waits for the end of this one's attempt, and that one knows it. */
  successor: DeliveryRecord | undefined = undefined;
  ahead: DeliveryRecord | undefined = undefined;
  route: Route | undefined = undefined;
  lease: Lease | undefined = undefined;
  /** Takes the outcome before the sink does: a middleware's `next`. */
  inner: ((outcome: SettledOutcome) => void) | undefined = undefined;
  /** Earliest time, since start. */
  dueAt = 0;
  /** Id of an earlier life: entries from a queue keep theirs. */
  id: string | undefined = undefined;
  messageId: string | undefined = undefined;
}

export type Ending =
  | { readonly status: 'canceled'; readonly by: 'caller' | 'signal' | 'close' }
  | { readonly status: 'suppressed'; readonly reason: string };

/** An idempotency key held by a message; freed when none of its deliveries can have been sent. */
export interface ClaimState {
  readonly key: string;
  open: number;
  sent: boolean;
}

/** One delivery inside the engine. One shape, small integers: a million of these may wait. */
export class DeliveryRecord {
  readonly message: AnyMessage;
  readonly to: AnyTarget;
  readonly channel: ChannelState;
  sink: Sink;
  /** Of the target in its message. */
  readonly index: number;
  readonly sequence: number;
  /** Since start, ms. */
  readonly queuedAt: number;
  readonly expiresAt: number;
  readonly level: number;
  /** Of its content, in characters. */
  readonly weight: number;
  state: number = entering;
  attempts = 0;
  /** It holds its message's idempotency key, alone. */
  claimed = false;
  /** Which adapter of the channel. */
  adapter = 0;
  lane: Lane | null = null;
  prepared: Prepared | null = null;
  rare: Rare | null = null;

  constructor(
    message: AnyMessage,
    to: AnyTarget,
    channel: ChannelState,
    sink: Sink,
    index: number,
    sequence: number,
    queuedAt: number,
    expiresAt: number,
    level: number,
    weight: number,
  ) {
    this.message = message;
    this.to = to;
    this.channel = channel;
    this.sink = sink;
    this.index = index;
    this.sequence = sequence;
    this.queuedAt = queuedAt;
    this.expiresAt = expiresAt;
    this.level = level;
    this.weight = weight;
  }

  get more(): Rare {
    return (this.rare ??= new Rare());
  }

  get id(): string {
    const { engine } = this.channel;
    return this.rare?.id ?? engine.ids.text(engine.clock.stamp(this.queuedAt), this.sequence, this.index);
  }

  get messageId(): string {
    const { engine } = this.channel;
    return this.rare?.messageId ?? engine.ids.text(engine.clock.stamp(this.queuedAt), this.sequence, 0);
  }
}

/** What hooks and adapters see of a record; they can't reach or change the record itself. */
export class DeliveryView implements Delivery {
  readonly #record: DeliveryRecord;
  /** As it was when the view was made: another adapter may get something else later. */
  readonly #prepared: Prepared | null;
  readonly #adapter: number;
  readonly attempt: number;

  constructor(record: DeliveryRecord) {
    this.#record = record;
    this.#prepared = record.prepared;
    this.#adapter = record.adapter;
    this.attempt = (record.rare?.tried.length ?? 0) + 1;
  }

  get id(): string {
    return this.#record.id;
  }
  get messageId(): string {
    return this.#record.messageId;
  }
  get channel(): string {
    return this.#record.channel.name;
  }
  get target(): unknown {
    return this.#prepared === null ? this.#record.to : this.#prepared.target;
  }
  get content(): Content {
    return this.#prepared?.content ?? contentOf(this.#record);
  }
  get native(): unknown {
    if (this.#prepared !== null) return this.#prepared.native;
    const { message, channel } = this.#record;
    return message.native?.[channel.adapters[this.#adapter]!.provider];
  }
  get priority(): Priority {
    return levels[this.#record.level]!;
  }
  get expiresAt(): Date {
    return this.#record.channel.engine.clock.toDate(this.#record.expiresAt);
  }
  get collapseKey(): string | undefined {
    return this.#record.message.collapseKey;
  }
  get tenant(): string | undefined {
    return this.#record.message.tenant;
  }
}

/** What hooks see: target and content as they were written, or content as the hook before made it. What schemas make of them is the adapters'. */
export class HookView extends DeliveryView {
  readonly #record: DeliveryRecord;
  readonly #content: Content | undefined;

  /** @param content in place of what there is so far */
  constructor(record: DeliveryRecord, content: Content | undefined = record.rare?.made) {
    super(record);
    this.#record = record;
    this.#content = content;
  }

  override get target(): unknown {
    return this.#record.to;
  }
  override get content(): Content {
    return this.#content ?? contentOf(this.#record);
  }
  override get native(): unknown {
    const { message, channel, adapter } = this.#record;
    return message.native?.[channel.adapters[adapter]!.provider];
  }
}

/** The message's common fields under what it has for the channel; absent ones are there as undefined. */
export function contentOf({ message, channel }: DeliveryRecord): Content {
  // One literal: put together field by field it would cost three times as much, with every delivery.
  const { title, body, data, url, image } = message;
  const content: Content = { title, body, data, url, image };
  const own = message.content?.[channel.name];
  return own === undefined ? content : Object.assign(content, own);
}
