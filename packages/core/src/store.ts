// The ports behind the engine: a memory implementation lies beside them, the postgres and redis packages have theirs.
import type { Priority, Rate } from './policy.ts';
import type { Awaitable } from './schema.ts';

/** One delivery in a queue. All times are epoch ms. */
export interface QueueEntry {
  /** The delivery's id. */
  readonly id: string;
  readonly messageId: string;
  /** The channel; the worker picks the adapter. */
  readonly stream: string;
  readonly tenant?: string | undefined;
  readonly priority: Priority;
  /** Attempts made so far. */
  readonly attempts: number;
  readonly notBefore: number;
  readonly expiresAt: number;
  /** Keyed hash of the target, for erasure by recipient. */
  readonly recipientHash: string;
  /** Names content stored once for many entries. */
  readonly shared?: string | undefined;
  /** A format byte, then the codec's bytes. */
  readonly body: Uint8Array;
}

/** A worker's right to an entry for a while. */
export interface Lease {
  readonly entry: QueueEntry;
  readonly shared?: Uint8Array | undefined;
  /** Proves this claim: a settle with an older one is refused. */
  readonly fence: string;
  /** An earlier holder marked it as being sent and never settled. */
  readonly sending: boolean;
  readonly canceled: boolean;
  /** Holders lost in the middle of an attempt. */
  readonly deaths: number;
}

/** `again` may also split or move to another stream. `record`: the encoded outcome, kept where `keepOutcomes` is on; for `dead`, always. */
export type Settlement = { readonly lease: Lease } & (
  | { readonly as: 'done' | 'dead'; readonly record?: Uint8Array | undefined; readonly keepUntil?: number | undefined }
  | { readonly as: 'again'; readonly entries: readonly QueueEntry[] }
);

/** Delivery ids still ours; for the others nothing is sent and no outcome is told. */
export type Held = ReadonlySet<string>;

export interface PutBatch {
  readonly entries: readonly QueueEntry[];
  readonly shared?: ReadonlyMap<string, Uint8Array> | undefined;
  readonly claim?: { readonly key: string; readonly until: number } | undefined;
}

export interface TakeOptions {
  readonly streams: readonly string[];
  readonly limit: number;
  readonly minPriority?: Priority | undefined;
  /** Milliseconds. */
  readonly lease: number;
  readonly signal: AbortSignal;
}

export interface DeadFilter {
  readonly stream?: string | undefined;
  readonly tenant?: string | undefined;
  /** Delivery id of the last one seen. */
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface QueueDepth {
  readonly waiting: number;
  /** Age of the oldest that could go now, ms. */
  readonly oldest: number;
}

export interface QueueStatus {
  readonly state: 'waiting' | 'active' | 'settled' | 'dead';
  readonly record?: Uint8Array | undefined;
}

export interface Queue<Tx = never> {
  /** One transaction: entries, shared content and the idempotency claim (a duplicate gets the first message's id and stores nothing). */
  put(
    batch: PutBatch,
    options: { readonly tx?: Tx | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<{ readonly duplicateOf?: string | undefined }>;
  /** Waits for at least one, or until the signal aborts (then empty); what is not settled when the lease ends is taken again. */
  take(options: TakeOptions): Promise<readonly Lease[]>;
  extend(leases: readonly Lease[], lease: number): Promise<Held>;
  /** Durable before the send, where a repeat is not allowed. */
  markSending(leases: readonly Lease[]): Promise<Held>;
  settle(settlements: readonly Settlement[]): Promise<Held>;
  /** `removed` is proof that it was never sent; `active` ones are told and decided before the send. */
  cancel(messageId: string): Promise<{ readonly removed: readonly QueueEntry[]; readonly active: readonly string[] }>;
  /** Leases what is past its deadline, so that its outcome is told. */
  sweep(now: number, limit: number): Promise<readonly Lease[]>;
  status(id: string): Promise<QueueStatus | undefined>;
  /** Dead letters, leased for nobody: read only. Oldest first. */
  dead(filter: DeadFilter): Promise<readonly DeadEntry[]>;
  /** Takes dead letters out of the store; answers those that were there. */
  bury(ids: readonly string[]): Promise<readonly DeadEntry[]>;
  /** Forgets everything of one recipient: entries, dead letters, records. */
  erase(recipientHash: string): Promise<number>;
  depth(): Promise<ReadonlyMap<string, QueueDepth>>;
}

export interface DeadEntry {
  readonly entry: QueueEntry;
  readonly shared?: Uint8Array | undefined;
  /** The encoded dead letter: failure, time, attempts. */
  readonly record: Uint8Array;
}

export interface BreakerHint {
  readonly open?: boolean | undefined;
  readonly retries?: number | undefined;
  readonly fresh?: number | undefined;
}

/** What workers share. Permits come in blocks, so that no message pays a round trip. */
export interface Coordination {
  /** `wait`: milliseconds until more may be granted, when fewer than asked were. */
  reserve(key: string, rate: Rate, count: number): Awaitable<{ readonly granted: number; readonly wait: number }>;
  giveBack(key: string, count: number): Awaitable<void>;
  /** Epoch ms. */
  pause(key: string, until: number): Awaitable<void>;
  /** Breaker hints and the retry budget. */
  tell(lane: string, hint: BreakerHint): void;
  hear(listener: (lane: string, hint: BreakerHint & { readonly pausedUntil?: number | undefined }) => void): () => void;
  /** For `send`, which has no queue row: undefined for the first, or what the first stored. */
  claim(key: string, value: string, until: number): Awaitable<string | undefined>;
  /** Frees a key when surely nothing was sent. */
  release(key: string): Awaitable<void>;
}

/** One option, so that a team that outgrows a process changes one line. `durable: false` (memory) ends with the process. */
export interface Store<Tx = never> {
  readonly durable: boolean;
  readonly queue: Queue<Tx>;
  readonly coordination: Coordination;
  close(): Promise<void>;
}

/** At rest in the queue: encrypt, compress. `key` names the delivery, for key choice and additional data. */
export interface Codec {
  encode(plain: Uint8Array, key: string): Awaitable<Uint8Array>;
  decode(stored: Uint8Array, key: string): Awaitable<Uint8Array>;
}
