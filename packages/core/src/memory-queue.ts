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
import { TenantTurns } from './tenant-turns.ts';

/** Outcomes and idempotency keys kept at most. */
const mostRecords = 100_000;
const mostKeys = 1_000_000;
/** Dead letters kept at most; the oldest go. */
const mostDead = 100_000;

type Level = 0 | 1 | 2;

/** One entry in the queue, in one of its places. */
interface Item {
  entry: QueueEntry;
  readonly shared: Uint8Array | undefined;
  place: 'delayed' | 'ready' | 'leased' | 'gone';
  fence: number;
  leasedUntil: number;
  sending: boolean;
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
  readonly #dead = new Map<string, DeadEntry>();
  #waiters: Waiter[] = [];
  #fence = 0;
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
    for (const entry of entries)
      this.#add(entry, entry.shared === undefined ? undefined : shared?.get(entry.shared), now);
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
    return this.#forHeld(leases, (item) => (item.leasedUntil = until));
  }

  markSending(leases: readonly Lease[]): Promise<Held> {
    return this.#forHeld(leases, (item) => (item.sending = true));
  }

  settle(settlements: readonly Settlement[]): Promise<Held> {
    const held = new Set<string>();
    const now = this.#runtime.now();
    for (const settlement of settlements) {
      const item = this.#heldItem(settlement.lease);
      if (item === undefined) continue;
      held.add(item.entry.id);
      this.#remove(item);
      if (settlement.as === 'again') for (const entry of settlement.entries) this.#add(entry, item.shared, now);
      else this.#keep(item, settlement);
    }
    this.#serve();
    return Promise.resolve(held);
  }

  cancel(messageId: string): Promise<{ removed: readonly QueueEntry[]; active: readonly string[] }> {
    const removed: QueueEntry[] = [];
    const active: string[] = [];
    for (const item of this.#byMessage.get(messageId) ?? []) {
      if (item.place === 'leased') {
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

  dead({ stream, tenant, after, limit }: Parameters<Queue['dead']>[0]): Promise<readonly DeadEntry[]> {
    const found: DeadEntry[] = [];
    let from = after === undefined;
    for (const [id, dead] of this.#dead) {
      if (found.length === limit) break;
      const fits =
        (stream === undefined || dead.entry.stream === stream) &&
        (tenant === undefined || dead.entry.tenant === tenant);
      if (from && fits) found.push(dead);
      if (id === after) from = true;
    }
    return Promise.resolve(found);
  }

  bury(ids: readonly string[]): Promise<readonly DeadEntry[]> {
    const buried: DeadEntry[] = [];
    for (const id of ids) {
      const dead = this.#dead.get(id);
      if (dead !== undefined) buried.push(dead);
      this.#dead.delete(id);
    }
    return Promise.resolve(buried);
  }

  erase(recipientHash: string): Promise<number> {
    let erased = 0;
    for (const item of [...this.#items.values()]) {
      if (item.entry.recipientHash !== recipientHash) continue;
      this.#remove(item);
      erased++;
    }
    for (const [id, { entry }] of this.#dead)
      if (entry.recipientHash === recipientHash && this.#dead.delete(id)) erased++;
    for (const [id, kept] of this.#records)
      if (kept.recipientHash === recipientHash && this.#records.delete(id)) erased++;
    return Promise.resolve(erased);
  }

  depth(): Promise<ReadonlyMap<string, QueueDepth>> {
    const depth = new Map<string, { waiting: number; oldest: number }>();
    const now = this.#runtime.now();
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

  #add(entry: QueueEntry, shared: Uint8Array | undefined, now: number): void {
    const item: Item = {
      entry,
      shared,
      place: 'ready',
      fence: 0,
      leasedUntil: 0,
      sending: false,
      canceled: false,
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
      this.#dead.set(id, { entry: item.entry, shared: item.shared, record: record ?? new Uint8Array() });
      dropOldest(this.#dead, mostDead);
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
    for (let level = 0; level <= lowest; level++) {
      for (const stream of streams) {
        const turns = this.#ready.get(stream)?.[level as Level];
        while (turns !== undefined && leases.length < limit) {
          const item = turns.shift();
          if (item === undefined) break;
          if (item.place === 'ready') leases.push(this.#leaseItem(item, now + lease));
        }
      }
    }
    return leases;
  }

  #leaseItem(item: Item, until: number): Lease {
    item.place = 'leased';
    this.#leased.add(item);
    item.leasedUntil = until;
    item.fence = ++this.#fence;
    const { entry, shared, sending, canceled, deaths } = item;
    return { entry, shared, fence: String(item.fence), sending, canceled, deaths };
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
    for (const item of this.#leased) {
      if (item.leasedUntil > now) continue;
      if (item.sending) item.deaths++;
      this.#makeReady(item);
    }
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
    let at = this.#delayed.peek()?.entry.notBefore ?? Infinity;
    for (const { leasedUntil } of this.#leased) at = Math.min(at, leasedUntil);
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
