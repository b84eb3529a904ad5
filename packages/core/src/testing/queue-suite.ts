import { describe, expect, it } from 'vitest';
import type { Runtime } from '../runtime.ts';
import type { DeadEntry, Lease, Queue, QueueEntry, Settlement, TakeOptions } from '../store.ts';

/** How time passes for the queue under test. */
export interface SuiteTime {
  readonly runtime: Runtime;
  /** Lets so many ms pass. */
  pass(ms: number): Promise<void>;
  /** Shortest lease that the queue keeps to; ms. */
  readonly lease: number;
  /** How late the queue may notice something; 0 where time is virtual. */
  readonly slack: number;
}

export interface QueueSuiteOptions {
  /** A queue with nothing in it. */
  make(runtime: Runtime): Promise<{ readonly queue: Queue<unknown>; close(): Promise<void> }>;
  time(): SuiteTime;
}

/** One queue, and what a test does with it. */
class Bench {
  readonly queue: Queue<unknown>;
  readonly time: SuiteTime;
  #made = 0;

  constructor(queue: Queue<unknown>, time: SuiteTime) {
    this.queue = queue;
    this.time = time;
  }

  get now(): number {
    return this.time.runtime.now();
  }

  id(): string {
    return `019b76da-a800-7000-8000-${String(++this.#made).padStart(12, '0')}`;
  }

  entry(fields: Partial<QueueEntry> = {}): QueueEntry {
    const id = fields.id ?? this.id();
    return {
      id,
      messageId: id,
      stream: 'ios',
      priority: 'normal',
      attempts: 0,
      notBefore: this.now,
      expiresAt: this.now + 3_600_000,
      recipientHash: `hash of ${id}`,
      body: new TextEncoder().encode(`body of ${id}`),
      ...fields,
    };
  }

  async put(...entries: QueueEntry[]): Promise<void> {
    expect(await this.queue.put({ entries }, {})).not.toHaveProperty('duplicateOf', expect.any(String));
  }

  /** Puts `count` like this one; answers their ids. */
  async putMany(count: number, fields: Partial<QueueEntry> = {}): Promise<string[]> {
    const entries = Array.from({ length: count }, () => this.entry(fields));
    await this.put(...entries);
    return entries.map(({ id }) => id);
  }

  options(options: Partial<TakeOptions> = {}): TakeOptions {
    const { signal } = new AbortController();
    return { streams: ['ios'], limit: 100, lease: this.time.lease, signal, ...options };
  }

  /** What can be had now. */
  async take(options: Partial<TakeOptions> = {}): Promise<readonly Lease[]> {
    const controller = new AbortController();
    const taken = this.queue.take(this.options({ ...options, signal: controller.signal }));
    const over = this.time.pass(this.time.slack).then(() => controller.abort());
    await Promise.race([taken, over]);
    return taken;
  }

  async takeOne(options: Partial<TakeOptions> = {}): Promise<Lease> {
    const [lease, ...rest] = await this.take(options);
    expect(rest).toStrictEqual([]);
    expect(lease).toBeDefined();
    return lease!;
  }

  async takeIds(options: Partial<TakeOptions> = {}): Promise<string[]> {
    return (await this.take(options)).map(({ entry }) => entry.id);
  }

  /** Ids of the settlements that were still held. */
  async settle(...settlements: Settlement[]): Promise<string[]> {
    return [...(await this.queue.settle(settlements))];
  }

  async bury(ids: readonly string[]): Promise<string[]> {
    return idsOf(await this.queue.bury(ids));
  }

  /** Puts one, takes it, and makes a dead letter of it. */
  async kill(fields: Partial<QueueEntry> = {}): Promise<QueueEntry> {
    const entry = this.entry(fields);
    await this.put(entry);
    const lease = await this.takeOne({ streams: [entry.stream] });
    expect(await this.settle({ lease, as: 'dead', record: bytes('letter') })).toStrictEqual([entry.id]);
    return entry;
  }

  /** Until leases of now have run out. */
  loseLeases(): Promise<void> {
    return this.time.pass(this.time.lease + this.time.slack + 1);
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const idsOf = (dead: readonly DeadEntry[]): string[] => dead.map(({ entry }) => entry.id);
/** A store may give back `undefined` where a field was left out. */
const plain = (entry: QueueEntry): QueueEntry => ({ ...entry, body: new Uint8Array(entry.body) });

/** What every Queue must do, whatever it is made of: one suite for memory, Postgres, Redis and those of others. */
export function queueSuite(name: string, { make, time }: QueueSuiteOptions): void {
  const test = (what: string, run: (bench: Bench) => Promise<void>): void => {
    it(what, async () => {
      const times = time();
      const { queue, close } = await make(times.runtime);
      try {
        await run(new Bench(queue, times));
      } finally {
        await close();
      }
    });
  };

  describe(`${name}: put and take`, () => {
    test('gives what was put, under a lease', async (bench) => {
      const entry = bench.entry({ tenant: 't', priority: 'high', attempts: 3, body: new Uint8Array([0, 255, 1]) });
      await bench.put(entry);
      const lease = await bench.takeOne();
      expect(plain(lease.entry)).toEqual(entry);
      expect(lease).toMatchObject({ sending: false, canceled: false, deaths: 0, fence: expect.any(String) });
      expect(lease.shared).toBeUndefined();
    });

    test('gives each once while its lease lasts', async (bench) => {
      const [id] = await bench.putMany(1);
      expect(await bench.takeIds()).toStrictEqual([id]);
      expect(await bench.takeIds()).toStrictEqual([]);
    });

    test('gives as many as asked for, and the others later', async (bench) => {
      const ids = await bench.putMany(5);
      const first = await bench.takeIds({ limit: 3 });
      expect(first).toHaveLength(3);
      const second = await bench.takeIds({ limit: 3 });
      expect([...first, ...second].toSorted()).toStrictEqual(ids.toSorted());
    });

    test('gives only of the streams asked for', async (bench) => {
      const [ios] = await bench.putMany(1);
      const [sms] = await bench.putMany(1, { stream: 'sms' });
      await bench.putMany(1, { stream: 'email' });
      expect(await bench.takeIds({ streams: ['android'] })).toStrictEqual([]);
      expect(new Set(await bench.takeIds({ streams: ['ios', 'sms'] }))).toStrictEqual(new Set([ios, sms]));
    });

    test('gives high before normal before low, each in order of arrival', async (bench) => {
      const low = await bench.putMany(2, { priority: 'low' });
      const normal = await bench.putMany(2, { priority: 'normal' });
      const high = await bench.putMany(2, { priority: 'high' });
      const order = [...high, ...normal, ...low];
      const taken: string[] = [];
      while (taken.length < 6) taken.push(...(await bench.takeIds({ limit: 1 })));
      expect(taken).toStrictEqual(order);
    });

    test('gives none below the priority asked for', async (bench) => {
      const [low] = await bench.putMany(1, { priority: 'low' });
      const [normal] = await bench.putMany(1);
      const [high] = await bench.putMany(1, { priority: 'high' });
      expect(await bench.takeIds({ minPriority: 'high' })).toStrictEqual([high]);
      expect(await bench.takeIds({ minPriority: 'normal' })).toStrictEqual([normal]);
      expect(await bench.takeIds({ minPriority: 'low' })).toStrictEqual([low]);
    });

    test('lets no tenant keep another outside', async (bench) => {
      await bench.putMany(20, { tenant: 'many' });
      const few = await bench.putMany(2, { tenant: 'few' });
      expect(await bench.takeIds({ limit: 10 })).toEqual(expect.arrayContaining(few));
    });

    test('lets no stream keep another outside', async (bench) => {
      await bench.putMany(20);
      const few = await bench.putMany(2, { stream: 'android' });
      expect(await bench.takeIds({ streams: ['ios', 'android'], limit: 10 })).toEqual(expect.arrayContaining(few));
    });

    test('gives nothing before its time, then by itself', async (bench) => {
      const wait = 10 * bench.time.slack + 1000;
      const entry = bench.entry({ notBefore: bench.now + wait });
      await bench.put(entry);
      expect(await bench.takeIds()).toStrictEqual([]);
      const taken = bench.queue.take(bench.options());
      await bench.time.pass(wait + bench.time.slack);
      expect((await taken).map(({ entry: each }) => each.id)).toStrictEqual([entry.id]);
    });

    test('is woken by a put', async (bench) => {
      const taken = bench.queue.take(bench.options());
      await bench.time.pass(bench.time.slack);
      const [id] = await bench.putMany(1);
      await bench.time.pass(bench.time.slack);
      expect((await taken).map(({ entry }) => entry.id)).toStrictEqual([id]);
    });

    test('answers nothing when aborted, and keeps nothing back', async (bench) => {
      expect(await bench.queue.take(bench.options({ signal: AbortSignal.abort() }))).toStrictEqual([]);
      const controller = new AbortController();
      const taken = bench.queue.take(bench.options({ signal: controller.signal }));
      await bench.time.pass(bench.time.slack);
      controller.abort();
      expect(await taken).toStrictEqual([]);
      const [id] = await bench.putMany(1);
      expect(await bench.takeIds()).toStrictEqual([id]);
    });

    test('gives no entry to two that ask at once', async (bench) => {
      const ids = await bench.putMany(30);
      const taken: string[] = [];
      for (let round = 0; round < 10 && taken.length < 30; round++) {
        const found = await Promise.all([1, 2, 3].map(() => bench.takeIds({ limit: 5 })));
        taken.push(...found.flat());
      }
      expect(taken.toSorted()).toStrictEqual(ids.toSorted());
    });

    test('gives shared content with each entry that names it', async (bench) => {
      const shared = new Map([['content', bytes('once for many')]]);
      const entries = [bench.entry({ shared: 'content' }), bench.entry({ shared: 'content' }), bench.entry()];
      await bench.queue.put({ entries, shared }, {});
      const leases = await bench.take();
      const found = leases.map((lease) => [lease.entry.id, lease.shared && new Uint8Array(lease.shared)]);
      expect(new Map(found as [string, Uint8Array | undefined][])).toEqual(
        new Map(entries.map(({ id, shared: named }) => [id, named && bytes('once for many')])),
      );
    });
  });

  describe(`${name}: claims`, () => {
    test('store nothing of a duplicate, and tell the first', async (bench) => {
      const claim = { key: 'order-1', until: bench.now + 60_000 };
      const first = bench.entry();
      expect((await bench.queue.put({ entries: [first], claim }, {})).duplicateOf).toBeUndefined();
      const second = await bench.queue.put({ entries: [bench.entry(), bench.entry()], claim }, {});
      expect(second.duplicateOf).toBe(first.messageId);
      const other = bench.entry();
      await bench.queue.put({ entries: [other], claim: { ...claim, key: 'order-2' } }, {});
      expect((await bench.takeIds()).toSorted()).toStrictEqual([first.id, other.id].toSorted());
    });

    test('hold after the message has settled, until their window ends', async (bench) => {
      const wait = 10 * bench.time.slack + 1000;
      const claim = { key: 'order-1', until: bench.now + wait };
      const first = bench.entry();
      await bench.queue.put({ entries: [first], claim }, {});
      await bench.settle({ lease: await bench.takeOne(), as: 'done' });
      expect((await bench.queue.put({ entries: [bench.entry()], claim }, {})).duplicateOf).toBe(first.messageId);
      await bench.time.pass(wait + bench.time.slack);
      const again = { key: 'order-1', until: bench.now + wait };
      expect((await bench.queue.put({ entries: [bench.entry()], claim: again }, {})).duplicateOf).toBeUndefined();
    });
  });

  describe(`${name}: settle`, () => {
    test('done is done: it is not given again, and nothing is kept of it', async (bench) => {
      const [id] = await bench.putMany(1);
      expect(await bench.settle({ lease: await bench.takeOne(), as: 'done' })).toStrictEqual([id]);
      await bench.loseLeases();
      expect(await bench.takeIds()).toStrictEqual([]);
      expect(await bench.queue.status(id!)).toBeUndefined();
    });

    test('keeps an outcome as long as told', async (bench) => {
      const wait = 10 * bench.time.slack + 1000;
      const [id] = await bench.putMany(1);
      const lease = await bench.takeOne();
      await bench.settle({ lease, as: 'done', record: bytes('outcome'), keepUntil: bench.now + wait });
      const status = await bench.queue.status(id!);
      expect(status).toMatchObject({ state: 'settled' });
      expect(new Uint8Array(status!.record!)).toStrictEqual(bytes('outcome'));
      await bench.time.pass(wait + bench.time.slack);
      expect(await bench.queue.status(id!)).toBeUndefined();
    });

    test('again gives it again as it is then, under a new lease', async (bench) => {
      await bench.putMany(1);
      const lease = await bench.takeOne();
      const changed = { ...lease.entry, attempts: 2, body: bytes('changed') };
      expect(await bench.settle({ lease, as: 'again', entries: [changed] })).toStrictEqual([changed.id]);
      const second = await bench.takeOne();
      expect(plain(second.entry)).toEqual(plain(changed));
      expect(second.fence).not.toBe(lease.fence);
      expect(await bench.settle({ lease, as: 'done' })).toStrictEqual([]);
      expect(await bench.settle({ lease: second, as: 'done' })).toStrictEqual([changed.id]);
    });

    test('again may wait for its time', async (bench) => {
      const wait = 10 * bench.time.slack + 1000;
      await bench.putMany(1);
      const lease = await bench.takeOne();
      await bench.settle({ lease, as: 'again', entries: [{ ...lease.entry, notBefore: bench.now + wait }] });
      expect(await bench.takeIds()).toStrictEqual([]);
      await bench.time.pass(wait + bench.time.slack);
      expect(await bench.takeIds()).toStrictEqual([lease.entry.id]);
    });

    test('again may move to another stream, or split', async (bench) => {
      const shared = new Map([['content', bytes('shared')]]);
      await bench.queue.put({ entries: [bench.entry({ shared: 'content' })], shared }, {});
      const lease = await bench.takeOne();
      const parts = [
        { ...lease.entry, id: bench.id(), stream: 'sms' },
        { ...lease.entry, id: bench.id(), stream: 'sms' },
      ];
      expect(await bench.settle({ lease, as: 'again', entries: parts })).toStrictEqual([lease.entry.id]);
      const moved = await bench.take({ streams: ['sms'] });
      expect(moved.map(({ entry }) => entry.id).toSorted()).toStrictEqual(parts.map(({ id }) => id).toSorted());
      expect(moved.map((each) => new Uint8Array(each.shared!))).toStrictEqual([bytes('shared'), bytes('shared')]);
      expect(await bench.takeIds()).toStrictEqual([]);
      expect(await bench.queue.status(lease.entry.id)).toBeUndefined();
    });

    test('tells which of many it still held', async (bench) => {
      const ids = await bench.putMany(3);
      const leases = await bench.take();
      const [first] = leases;
      await bench.settle({ lease: first!, as: 'done' });
      const held = await bench.settle(...leases.map((lease): Settlement => ({ lease, as: 'done' })));
      expect(held.toSorted()).toStrictEqual(ids.filter((id) => id !== first!.entry.id).toSorted());
      expect(await bench.settle()).toStrictEqual([]);
    });
  });

  describe(`${name}: leases`, () => {
    test('that run out are given again, and the first holder is refused', async (bench) => {
      const [id] = await bench.putMany(1);
      const lost = await bench.takeOne();
      await bench.loseLeases();
      const found = await bench.takeOne();
      expect(found.entry.id).toBe(id);
      expect(found.fence).not.toBe(lost.fence);
      expect(found).toMatchObject({ sending: false, deaths: 0, canceled: false });
      expect([...(await bench.queue.extend([lost], bench.time.lease))]).toStrictEqual([]);
      expect([...(await bench.queue.markSending([lost]))]).toStrictEqual([]);
      expect(await bench.settle({ lease: lost, as: 'dead', record: bytes('late') })).toStrictEqual([]);
      expect((await bench.queue.status(id!))?.state).toBe('active');
      expect(await bench.settle({ lease: found, as: 'done' })).toStrictEqual([id]);
    });

    test('wake those that wait, when they run out', async (bench) => {
      const [id] = await bench.putMany(1);
      await bench.takeOne();
      const taken = bench.queue.take(bench.options());
      await bench.loseLeases();
      expect((await taken).map(({ entry }) => entry.id)).toStrictEqual([id]);
    });

    test('that are extended last longer', async (bench) => {
      const ids = await bench.putMany(2);
      const [kept, lost] = (await bench.take()) as [Lease, Lease];
      await bench.time.pass(bench.time.lease / 2);
      expect([...(await bench.queue.extend([kept], bench.time.lease))]).toStrictEqual([kept.entry.id]);
      await bench.time.pass(bench.time.lease / 2 + bench.time.slack + 1);
      expect(await bench.takeIds()).toStrictEqual([lost.entry.id]);
      expect(await bench.settle({ lease: kept, as: 'done' })).toStrictEqual([kept.entry.id]);
      expect(ids).toContain(kept.entry.id);
    });

    test('tell the next holder that it was being sent, and count such deaths', async (bench) => {
      const [id] = await bench.putMany(1);
      for (const deaths of [0, 1, 2]) {
        const lease = await bench.takeOne();
        expect(lease).toMatchObject({ sending: deaths > 0, deaths });
        expect([...(await bench.queue.markSending([lease]))]).toStrictEqual([id]);
        await bench.loseLeases();
      }
      // This one dies before it sends anything.
      await bench.takeOne();
      await bench.loseLeases();
      expect(await bench.takeOne()).toMatchObject({ sending: true, deaths: 3 });
    });

    test('of a holder that gave it back leave no mark', async (bench) => {
      await bench.putMany(1);
      const lease = await bench.takeOne();
      await bench.queue.markSending([lease]);
      await bench.settle({ lease, as: 'again', entries: [lease.entry] });
      expect(await bench.takeOne()).toMatchObject({ sending: false, deaths: 0 });
    });
  });

  describe(`${name}: cancel`, () => {
    test('takes out what waits, with proof, also what has to wait for its time', async (bench) => {
      const messageId = bench.id();
      const entries = [
        bench.entry({ messageId }),
        bench.entry({ messageId, stream: 'sms' }),
        bench.entry({ messageId, notBefore: bench.now + 60_000 }),
      ];
      const other = bench.entry();
      await bench.put(...entries, other);
      const { removed, active } = await bench.queue.cancel(messageId);
      expect(removed.map(({ id }) => id).toSorted()).toStrictEqual(entries.map(({ id }) => id).toSorted());
      expect(new Uint8Array(removed[0]!.body)).toStrictEqual(entries.find(({ id }) => id === removed[0]!.id)!.body);
      expect(active).toStrictEqual([]);
      expect(await bench.takeIds({ streams: ['ios', 'sms'] })).toStrictEqual([other.id]);
      expect(await bench.queue.cancel(messageId)).toStrictEqual({ removed: [], active: [] });
      expect(await bench.queue.status(entries[0]!.id)).toBeUndefined();
    });

    test('only tells of what is held, and what its holder settles stands', async (bench) => {
      const messageId = bench.id();
      const entries = [bench.entry({ messageId }), bench.entry({ messageId })];
      await bench.put(...entries);
      const lease = await bench.takeOne({ limit: 1 });
      const { removed, active } = await bench.queue.cancel(messageId);
      expect(active).toStrictEqual([lease.entry.id]);
      expect(removed.map(({ id }) => id)).toStrictEqual(
        entries.map(({ id }) => id).filter((id) => id !== lease.entry.id),
      );
      expect(await bench.settle({ lease, as: 'done' })).toStrictEqual([lease.entry.id]);
    });

    test('is told to the next holder, where the first one died', async (bench) => {
      const [id] = await bench.putMany(1);
      const lost = await bench.takeOne();
      await bench.queue.cancel(lost.entry.messageId);
      await bench.loseLeases();
      expect(await bench.takeOne()).toMatchObject({ canceled: true, entry: { id } });
    });

    test('gives no proof of what a dead holder may have sent', async (bench) => {
      const [id] = await bench.putMany(1);
      const lost = await bench.takeOne();
      await bench.loseLeases();
      // Somebody looks and finds that the lease is over.
      await bench.queue.depth();
      expect(await bench.queue.cancel(lost.entry.messageId)).toStrictEqual({ removed: [], active: [id] });
      expect(await bench.takeOne()).toMatchObject({ canceled: true });
    });

    test('holds also for what its holder puts back', async (bench) => {
      await bench.putMany(1);
      const lease = await bench.takeOne();
      await bench.queue.cancel(lease.entry.messageId);
      await bench.settle({ lease, as: 'again', entries: [lease.entry] });
      const leases = await bench.take();
      expect(leases.filter(({ canceled }) => !canceled)).toStrictEqual([]);
    });

    test('of nothing is nothing', async (bench) => {
      expect(await bench.queue.cancel(bench.id())).toStrictEqual({ removed: [], active: [] });
    });
  });

  describe(`${name}: sweep`, () => {
    test('leases what is past its deadline, whatever it waits for, and nothing else', async (bench) => {
      const late = { expiresAt: bench.now + 1000 };
      const entries = [
        bench.entry(late),
        bench.entry({ ...late, stream: 'nobody takes this', notBefore: bench.now + 900 }),
      ];
      const fresh = bench.entry({ expiresAt: bench.now + 100_000 });
      await bench.put(...entries, fresh);
      expect(await bench.queue.sweep(bench.now, 100)).toStrictEqual([]);
      const leases = await bench.queue.sweep(late.expiresAt, 100);
      expect(leases.map(({ entry }) => entry.id).toSorted()).toStrictEqual(entries.map(({ id }) => id).toSorted());
      expect(await bench.queue.sweep(late.expiresAt, 100)).toStrictEqual([]);
      expect(await bench.takeIds({ streams: ['ios', 'nobody takes this'] })).toStrictEqual([fresh.id]);
      const held = await bench.settle(...leases.map((lease): Settlement => ({ lease, as: 'done' })));
      expect(held.toSorted()).toStrictEqual(entries.map(({ id }) => id).toSorted());
    });

    test('takes as many as asked for, and none that is held', async (bench) => {
      await bench.putMany(4, { expiresAt: bench.now + 1000 });
      const held = await bench.takeOne({ limit: 1 });
      const first = await bench.queue.sweep(bench.now + 1000, 2);
      const second = await bench.queue.sweep(bench.now + 1000, 2);
      expect([first.length, second.length]).toStrictEqual([2, 1]);
      expect([...first, ...second].map(({ entry }) => entry.id)).not.toContain(held.entry.id);
    });

    test('finds what a dead holder left', async (bench) => {
      const [id] = await bench.putMany(1, { expiresAt: bench.now + bench.time.lease });
      await bench.takeOne();
      await bench.loseLeases();
      expect((await bench.queue.sweep(bench.now, 10)).map(({ entry }) => entry.id)).toStrictEqual([id]);
    });
  });

  describe(`${name}: dead letters`, () => {
    test('can be read with all they had, and are not given again', async (bench) => {
      const shared = new Map([['content', bytes('shared')]]);
      const entry = bench.entry({ tenant: 't', shared: 'content' });
      await bench.queue.put({ entries: [entry], shared }, {});
      await bench.settle({ lease: await bench.takeOne(), as: 'dead', record: bytes('letter') });
      await bench.loseLeases();
      expect(await bench.takeIds()).toStrictEqual([]);
      const [dead, ...rest] = await bench.queue.dead({ limit: 10 });
      expect(rest).toStrictEqual([]);
      expect(plain(dead!.entry)).toEqual(entry);
      expect(new Uint8Array(dead!.record)).toStrictEqual(bytes('letter'));
      expect(new Uint8Array(dead!.shared!)).toStrictEqual(bytes('shared'));
      const status = await bench.queue.status(entry.id);
      expect(status?.state).toBe('dead');
      expect(new Uint8Array(status!.record!)).toStrictEqual(bytes('letter'));
    });

    test('come oldest first, by stream and tenant, page by page', async (bench) => {
      const first = await bench.kill();
      const second = await bench.kill({ stream: 'sms' });
      const third = await bench.kill({ tenant: 't' });
      const dead = async (filter: object): Promise<string[]> => idsOf(await bench.queue.dead({ limit: 10, ...filter }));
      expect(await dead({})).toStrictEqual([first.id, second.id, third.id]);
      expect(await dead({ limit: 2 })).toStrictEqual([first.id, second.id]);
      expect(await dead({ after: second.id })).toStrictEqual([third.id]);
      expect(await dead({ after: third.id })).toStrictEqual([]);
      expect(await dead({ stream: 'sms' })).toStrictEqual([second.id]);
      expect(await dead({ tenant: 't' })).toStrictEqual([third.id]);
      expect(await dead({ stream: 'ios', limit: 1, after: first.id })).toStrictEqual([third.id]);
      expect(await dead({ stream: 'sms', tenant: 't' })).toStrictEqual([]);
    });

    test('are buried once, and pages go on behind those that were', async (bench) => {
      const ids: string[] = [];
      while (ids.length < 4) ids.push((await bench.kill()).id);
      expect(await bench.bury([ids[0]!, ids[1]!, bench.id()])).toStrictEqual([ids[0], ids[1]]);
      expect(await bench.bury([ids[0]!])).toStrictEqual([]);
      expect(await bench.queue.status(ids[0]!)).toBeUndefined();
      expect(idsOf(await bench.queue.dead({ limit: 1, after: ids[1]! }))).toStrictEqual([ids[2]]);
      await bench.bury([ids[2]!]);
      expect(idsOf(await bench.queue.dead({ limit: 1, after: ids[2]! }))).toStrictEqual([ids[3]]);
    });

    test('can be put again under their id before they are buried', async (bench) => {
      const entry = await bench.kill();
      await bench.put({ ...entry, attempts: 0 });
      expect(await bench.bury([entry.id])).toStrictEqual([entry.id]);
      expect((await bench.queue.status(entry.id))?.state).toBe('waiting');
      const lease = await bench.takeOne();
      expect(await bench.settle({ lease, as: 'done' })).toStrictEqual([entry.id]);
    });
  });

  describe(`${name}: erase`, () => {
    test('forgets everything of one recipient, and nothing of others', async (bench) => {
      const recipientHash = 'somebody';
      const dead = await bench.kill({ recipientHash });
      const otherDead = await bench.kill();
      const kept = bench.entry({ recipientHash });
      await bench.put(kept);
      const keepUntil = bench.now + 60_000;
      await bench.settle({ lease: await bench.takeOne(), as: 'done', record: bytes('outcome'), keepUntil });
      const held = bench.entry({ recipientHash });
      await bench.put(held);
      const lease = await bench.takeOne();
      const delayed = bench.entry({ recipientHash, notBefore: bench.now + 60_000 });
      const waiting = bench.entry({ recipientHash });
      const other = bench.entry();
      await bench.put(delayed, waiting, other);
      expect(await bench.queue.erase(recipientHash)).toBe(5);
      for (const { id } of [dead, kept, held, delayed, waiting]) expect(await bench.queue.status(id)).toBeUndefined();
      expect(idsOf(await bench.queue.dead({ limit: 10 }))).toStrictEqual([otherDead.id]);
      expect(await bench.takeIds()).toStrictEqual([other.id]);
      expect(await bench.settle({ lease, as: 'dead', record: bytes('letter') })).toStrictEqual([]);
      expect(await bench.queue.erase(recipientHash)).toBe(0);
    });
  });

  describe(`${name}: status and depth`, () => {
    test('tell what waits, what is held, and what is not there', async (bench) => {
      const [id] = await bench.putMany(1);
      expect(await bench.queue.status(id!)).toMatchObject({ state: 'waiting' });
      await bench.takeOne();
      expect(await bench.queue.status(id!)).toMatchObject({ state: 'active' });
      expect(await bench.queue.status(bench.id())).toBeUndefined();
    });

    test('tell how many wait in each stream, and since when the oldest could go', async (bench) => {
      expect((await bench.queue.depth()).get('ios')?.waiting ?? 0).toBe(0);
      const begun = bench.now;
      await bench.putMany(2);
      await bench.time.pass(1000);
      await bench.putMany(1);
      await bench.putMany(1, { stream: 'sms', notBefore: bench.now + 60_000 });
      const depth = await bench.queue.depth();
      expect(depth.get('ios')?.waiting).toBe(3);
      expect(depth.get('ios')?.oldest).toBeGreaterThanOrEqual(1000 - bench.time.slack);
      expect(depth.get('ios')?.oldest).toBeLessThanOrEqual(bench.now - begun + bench.time.slack);
      expect(depth.get('sms')).toStrictEqual({ waiting: 1, oldest: 0 });
      await bench.take({ limit: 2 });
      expect((await bench.queue.depth()).get('ios')?.waiting).toBe(1);
      await bench.loseLeases();
      expect((await bench.queue.depth()).get('ios')?.waiting).toBe(3);
    });
  });
}
