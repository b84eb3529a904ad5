import TinyQueue from 'tinyqueue';
import type { Runtime } from './runtime.ts';
import { levels } from './record.ts';
import type {
  DeadEntry,
  Held,
  Lease,
  PutBatch,
  Queue,
  QueueDepth,
  QueueEntry,
  QueueStatus,
  Settlement,
  TakeOptions,
} from './store.ts';
import { KeyWindow } from './dedupe.ts';
import { MemoryDeadLetters } from './memory-dead.ts';
import { TenantTurns } from './tenant-turns.ts';

/** Outcomes and idempotency keys kept at most. */
const mostRecords = 100_000;
const mostKeys = 1_000_000;
/** Dead letters kept at most; the oldest go. */
const mostDead = 100_000;

const nothing = new Uint8Array();

type Level = 0 | 1 | 2;

/** One entry in the queue, in one of its places. */
interface Item {
  entry: QueueEntry;
  readonly shared: Uint8Array | undefined;
  place: 'delayed' | 'ready' | 'leased' | 'gone';
  fence: number;
  leasedUntil: number;
  /** Its holder marked it as being sent. */
  marked: boolean;
  /** An earlier holder did, and never settled. */
  sending: boolean;
  /** A holder lost it: whether it was sent, nobody knows. */
  lost: boolean;
  canceled: boolean;
  deaths: number;
}

interface Waiter {
  readonly options: TakeOptions;
  readonly resolve: (leases: readonly Lease[]) => void;
  readonly onAbort: () => void;
}

/** The Queue port in memory: for one process, and ending with it. */
export function memoryQueue(runtime: Runtime): Queue {
  return new MemoryQueue(runtime);
}

class MemoryQueue implements Queue {
  readonly #runtime: Runtime;
  readonly #items = new Map<string, Item>();
  readonly #leased = new Set<Item>();
  readonly #byMessage = new Map<string, Set<Item>>();
  readonly #ready = new Map<string, readonly [TenantTurns<Item>, TenantTurns<Item>, TenantTurns<Item>]>();
  readonly #delayed = new TinyQueue<Item>([], (one, other) => one.entry.notBefore - other.entry.notBefore);
  readonly #keys: KeyWindow;
  readonly #records = new Map<string, { record: Uint8Array | undefined; until: number; recipientHash: string }>();
  readonly #dead = new MemoryDeadLetters(mostDead);
  #waiters: Waiter[] = [];
  #fence = 0;
  /** Which stream has the first turn at the next take. */
  #turn = 0;
  /** No lease ends before. */
  #leaseEnd = Infinity;
  #cancelTimer: (() => void) | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#keys = new KeyWindow(mostKeys, runtime.random());
  }

  put({ entries, shared, claim }: PutBatch): Promise<{ duplicateOf?: string | undefined }> {
    const now = this.#runtime.now();
    const messageId = entries[0]?.messageId ?? '';
    if (claim !== undefined) {
      const first = this.#keys.claim(claim.key, messageId, claim.until, () => now);
      if (first !== undefined) return Promise.resolve({ duplicateOf: first });
    }
    for (const entry of entries) {
      const content = entry.shared === undefined ? undefined : shared?.get(entry.shared);
      this.#add(entry, content, false, now);
    }
    this.#serve();
    return Promise.resolve({});
  }

  take(options: TakeOptions): Promise<readonly Lease[]> {
    if (options.signal.aborted) return Promise.resolve([]);
    const leases = this.#lease(options);
    if (leases.length > 0) return Promise.resolve(leases);
    return new Promise((resolve) => {
      const onAbort = (): void => {
        this.#waiters = this.#waiters.filter((each) => each !== waiter);
        this.#arm();
        resolve([]);
      };
      const waiter: Waiter = { options, resolve, onAbort };
      options.signal.addEventListener('abort', onAbort, { once: true });
      this.#waiters.push(waiter);
      this.#arm();
    });
  }

  extend(leases: readonly Lease[], lease: number): Promise<Held> {
    const until = this.#runtime.now() + lease;
    return this.#forHeld(leases, (item) => this.#leaseUntil(item, until));
  }

  markSending(leases: readonly Lease[]): Promise<Held> {
    return this.#forHeld(leases, (item) => (item.marked = true));
  }

  settle(settlements: readonly Settlement[]): Promise<Held> {
    const held = new Set<string>();
    const now = this.#runtime.now();
    for (const settlement of settlements) {
      const item = this.#heldItem(settlement.lease);
      if (item === undefined) continue;
      held.add(item.entry.id);
      this.#remove(item);
      if (settlement.as !== 'again') this.#keep(item, settlement);
      // A cancel that came meanwhile holds for what follows too.
      else for (const entry of settlement.entries) this.#add(entry, item.shared, item.canceled, now);
    }
    this.#serve();
    return Promise.resolve(held);
  }

  cancel(messageId: string): Promise<{ removed: readonly QueueEntry[]; active: readonly string[] }> {
    const removed: QueueEntry[] = [];
    const active: string[] = [];
    for (const item of this.#byMessage.get(messageId) ?? []) {
      // What a holder has lost is no proof: it is canceled when the next one takes it.
      if (item.place === 'leased' || item.lost) {
        item.canceled = true;
        active.push(item.entry.id);
      } else {
        removed.push(item.entry);
        this.#remove(item);
      }
    }
    return Promise.resolve({ removed, active });
  }

  sweep(now: number, limit: number): Promise<readonly Lease[]> {
    this.#ripen(this.#runtime.now());
    const leases: Lease[] = [];
    for (const item of this.#items.values()) {
      if (leases.length === limit) break;
      if (item.place !== 'leased' && item.entry.expiresAt <= now) leases.push(this.#leaseItem(item, now + 30_000));
    }
    return Promise.resolve(leases);
  }

  status(id: string): Promise<QueueStatus | undefined> {
    const item = this.#items.get(id);
    if (item !== undefined) return Promise.resolve({ state: item.place === 'leased' ? 'active' : 'waiting' });
    const dead = this.#dead.get(id);
    if (dead !== undefined) return Promise.resolve({ state: 'dead', record: dead.record });
    const kept = this.#records.get(id);
    if (kept === undefined || kept.until <= this.#runtime.now()) return Promise.resolve(undefined);
    return Promise.resolve({ state: 'settled', record: kept.record });
  }

  dead(filter: Parameters<Queue['dead']>[0]): Promise<readonly DeadEntry[]> {
    return Promise.resolve(this.#dead.list(filter));
  }

  bury(ids: readonly string[]): Promise<readonly DeadEntry[]> {
    return Promise.resolve(this.#dead.bury(ids));
  }

  erase(recipientHash: string): Promise<number> {
    let erased = this.#dead.erase(recipientHash);
    for (const item of [...this.#items.values()]) {
      if (item.entry.recipientHash !== recipientHash) continue;
      this.#remove(item);
      erased++;
    }
    for (const [id, kept] of this.#records)
      if (kept.recipientHash === recipientHash && this.#records.delete(id)) erased++;
    return Promise.resolve(erased);
  }

  depth(): Promise<ReadonlyMap<string, QueueDepth>> {
    const depth = new Map<string, { waiting: number; oldest: number }>();
    const now = this.#runtime.now();
    this.#ripen(now);
    for (const { entry, place } of this.#items.values()) {
      if (place === 'leased') continue;
      const stream = depth.get(entry.stream) ?? { waiting: 0, oldest: 0 };
      stream.waiting++;
      stream.oldest = Math.max(stream.oldest, now - entry.notBefore);
      depth.set(entry.stream, stream);
    }
    return Promise.resolve(depth);
  }

  // ---- places

  #add(entry: QueueEntry, shared: Uint8Array | undefined, canceled: boolean, now: number): void {
    // Under an id there is one: a second one could never be settled.
    if (this.#items.has(entry.id)) return;
    const item: Item = {
      entry,
      shared,
      place: 'ready',
      fence: 0,
      leasedUntil: 0,
      marked: false,
      sending: false,
      lost: false,
      canceled,
      deaths: 0,
    };
    this.#items.set(entry.id, item);
    const siblings = this.#byMessage.get(entry.messageId);
    if (siblings === undefined) this.#byMessage.set(entry.messageId, new Set([item]));
    else siblings.add(item);
    if (entry.notBefore > now) {
      item.place = 'delayed';
      this.#delayed.push(item);
    } else this.#makeReady(item);
  }

  #makeReady(item: Item): void {
    item.place = 'ready';
    this.#leased.delete(item);
    const { stream, tenant = '', priority } = item.entry;
    let turns = this.#ready.get(stream);
    if (turns === undefined)
      this.#ready.set(stream, (turns = [new TenantTurns(), new TenantTurns(), new TenantTurns()]));
    turns[levels.indexOf(priority) as Level].push(tenant, item);
  }

  #remove(item: Item): void {
    // It stays in its line until it is passed over; its content does not.
    if (item.place !== 'leased') item.entry = { ...item.entry, body: nothing };
    item.place = 'gone';
    this.#leased.delete(item);
    this.#items.delete(item.entry.id);
    const siblings = this.#byMessage.get(item.entry.messageId);
    siblings?.delete(item);
    if (siblings?.size === 0) this.#byMessage.delete(item.entry.messageId);
  }

  #keep(item: Item, settlement: Extract<Settlement, { as: 'done' | 'dead' }>): void {
    const { id, recipientHash } = item.entry;
    const { record, keepUntil } = settlement;
    if (settlement.as === 'dead') {
      this.#dead.add({ entry: item.entry, shared: item.shared, record: record ?? nothing });
    } else if (keepUntil !== undefined) {
      this.#records.set(id, { record, until: keepUntil, recipientHash });
      dropOldest(this.#records, mostRecords);
    }
  }

  // ---- leases

  #lease({ streams, limit, minPriority, lease }: TakeOptions): Lease[] {
    const now = this.#runtime.now();
    this.#ripen(now);
    const leases: Lease[] = [];
    const lowest = minPriority === undefined ? 2 : levels.indexOf(minPriority);
    const first = this.#turn++;
    for (let level = 0; level <= lowest; level++) {
      // One of each stream in turn, so that the backlog of one keeps no other outside.
      let left = streams.flatMap((stream) => this.#ready.get(stream)?.[level as Level] ?? []);
      for (let turn = first; left.length > 0 && leases.length < limit; turn++) {
        const turns = left[turn % left.length]!;
        const item = this.#nextReady(turns);
        if (item === undefined) left = left.filter((each) => each !== turns);
        else leases.push(this.#leaseItem(item, now + lease));
      }
    }
    return leases;
  }

  #nextReady(turns: TenantTurns<Item>): Item | undefined {
    for (let item = turns.shift(); item !== undefined; item = turns.shift()) if (item.place === 'ready') return item;
    return undefined;
  }

  #leaseItem(item: Item, until: number): Lease {
    item.place = 'leased';
    this.#leased.add(item);
    this.#leaseUntil(item, until);
    item.fence = ++this.#fence;
    item.marked = false;
    const { entry, shared, sending, canceled, deaths } = item;
    return { entry, shared, fence: String(item.fence), sending, canceled, deaths };
  }

  #leaseUntil(item: Item, until: number): void {
    item.leasedUntil = until;
    if (until < this.#leaseEnd) this.#leaseEnd = until;
  }

  /** What has come of age, and what a holder has lost. */
  #ripen(now: number): void {
    for (
      let next = this.#delayed.peek();
      next !== undefined && next.entry.notBefore <= now;
      next = this.#delayed.peek()
    ) {
      this.#delayed.pop();
      if (next.place === 'delayed') this.#makeReady(next);
    }
    if (this.#leaseEnd > now) return;
    this.#leaseEnd = Infinity;
    for (const item of this.#leased) {
      if (item.leasedUntil > now) this.#leaseUntil(item, item.leasedUntil);
      else this.#lose(item);
    }
  }

  #lose(item: Item): void {
    item.lost = true;
    if (item.marked) {
      item.sending = true;
      item.deaths++;
    }
    this.#makeReady(item);
  }

  #heldItem({ entry, fence }: Lease): Item | undefined {
    const item = this.#items.get(entry.id);
    return item?.place === 'leased' && String(item.fence) === fence ? item : undefined;
  }

  #forHeld(leases: readonly Lease[], act: (item: Item) => void): Promise<Held> {
    const held = new Set<string>();
    for (const lease of leases) {
      const item = this.#heldItem(lease);
      if (item === undefined) continue;
      act(item);
      held.add(item.entry.id);
    }
    return Promise.resolve(held);
  }

  // ---- those that wait

  #serve(): void {
    if (this.#waiters.length === 0) return;
    const left: Waiter[] = [];
    for (const waiter of this.#waiters) {
      const leases = this.#lease(waiter.options);
      if (leases.length === 0) left.push(waiter);
      else {
        waiter.options.signal.removeEventListener('abort', waiter.onAbort);
        waiter.resolve(leases);
      }
    }
    this.#waiters = left;
    this.#arm();
  }

  /** A timer only while somebody waits for what is delayed or leased. */
  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#waiters.length === 0) return;
    const at = Math.min(this.#delayed.peek()?.entry.notBefore ?? Infinity, this.#leaseEnd);
    if (at === Infinity) return;
    const wait = Math.max(1, at - this.#runtime.now());
    this.#cancelTimer = this.#runtime.schedule(this.#runtime.monotonic() + wait, () => this.#serve());
  }
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  if (map.size <= most) return;
  const [oldest] = map.keys();
  map.delete(oldest!);
}
