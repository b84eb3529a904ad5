import { describe, expect, it } from 'vitest';
import { MemoryDeadLetters } from './memory-dead.ts';
import { memoryQueue } from './memory-queue.ts';
import type { DeadEntry, Lease, Queue, QueueEntry } from './store.ts';
import { queueSuite } from './testing/queue-suite.ts';
import { virtualRuntime } from './testing/virtual-runtime.ts';

queueSuite('memory queue', {
  make: async (runtime) => ({ queue: memoryQueue(runtime), close: async () => {} }),
  time() {
    const runtime = virtualRuntime();
    return { runtime, pass: (ms) => runtime.advance(ms), lease: 1000, slack: 0 };
  },
});

const start = virtualRuntime().now();

function entry(id: string, fields: Partial<QueueEntry> = {}): QueueEntry {
  return {
    id,
    messageId: id,
    stream: 'ios',
    priority: 'normal',
    attempts: 0,
    notBefore: start,
    expiresAt: start + 3_600_000,
    recipientHash: 'hash',
    body: new Uint8Array([1]),
    ...fields,
  };
}

const ids = (leases: readonly Lease[]): string[] => leases.map(({ entry: { id } }) => id);

function setUp() {
  const runtime = virtualRuntime();
  const queue = memoryQueue(runtime);
  const put = (...entries: QueueEntry[]): ReturnType<Queue['put']> => queue.put({ entries }, {});
  const take = (limit: number, streams = ['ios'], signal = new AbortController().signal): Promise<readonly Lease[]> =>
    queue.take({ streams, limit, lease: 1000, signal });
  return { runtime, queue, put, take };
}

describe('the memory queue', () => {
  it('gives tenants and streams one each in turn', async () => {
    const { put, take } = setUp();
    await put(...['a1', 'a2', 'a3', 'b1'].map((id) => entry(id, { tenant: id[0] })));
    expect(ids(await take(9))).toStrictEqual(['a1', 'b1', 'a2', 'a3']);
    await put(...['i1', 'i2', 'i3'].map((id) => entry(id)), entry('s1', { stream: 'sms' }));
    expect(ids(await take(9, ['ios', 'sms'])).toSorted()).toStrictEqual(['i1', 'i2', 'i3', 's1']);
  });

  it('begins with another stream each time, where fewer are asked for than there are streams', async () => {
    const { put, take } = setUp();
    const streams = ['a', 'b', 'c'];
    for (const stream of streams) await put(...[1, 2, 3].map((each) => entry(`${stream}${each}`, { stream })));
    const taken: string[] = [];
    for (let turn = 0; turn < 3; turn++) taken.push(...ids(await take(1, streams)));
    expect(new Set(taken.map((id) => id[0]))).toStrictEqual(new Set(streams));
  });

  it('serves those that wait in the order in which they came', async () => {
    const { put, take, runtime } = setUp();
    const takes = [take(2), take(2, ['sms']), take(2)];
    await put(entry('a'), entry('b'), entry('c'));
    await put(entry('s', { stream: 'sms' }));
    await runtime.advance(0);
    expect((await Promise.all(takes)).map(ids)).toStrictEqual([['a', 'b'], ['s'], ['c']]);
  });

  it('keeps an id once: a second entry under it could never be settled', async () => {
    const { put, take, queue } = setUp();
    await put(entry('a'), entry('a', { attempts: 9 }));
    const [lease, ...rest] = await take(9);
    expect(rest).toStrictEqual([]);
    expect(lease?.entry.attempts).toBe(0);
    await put(entry('a', { attempts: 9 }));
    expect([...(await queue.settle([{ lease: lease!, as: 'done' }]))]).toStrictEqual(['a']);
    expect(await queue.status('a')).toBeUndefined();
  });

  it('has a timer only while somebody waits for something', async () => {
    const { put, take, runtime } = setUp();
    await put(entry('late', { notBefore: start + 5000 }));
    expect(runtime.scheduled).toBe(0);
    const controller = new AbortController();
    const taken = take(1, ['ios'], controller.signal);
    expect(runtime.scheduled).toBe(1);
    controller.abort();
    await taken;
    expect(runtime.scheduled).toBe(0);
    const idle = new AbortController();
    const nothing = memoryQueue(runtime).take({ streams: ['ios'], limit: 1, lease: 1, signal: idle.signal });
    expect(runtime.scheduled).toBe(0);
    idle.abort();
    await nothing;
  });

  it('goes on when the wall clock is set back while somebody waits', async () => {
    const { put, take, runtime } = setUp();
    await put(entry('late', { notBefore: start + 5000 }));
    const taken = take(1);
    runtime.step(-2000);
    await runtime.advance(7000);
    expect(ids(await taken)).toStrictEqual(['late']);
  });

  it('keeps no content of what was canceled or erased', async () => {
    const { put, queue, runtime, take } = setUp();
    const controller = new AbortController();
    await put(entry('delayed', { notBefore: start + 5000, body: new Uint8Array(1000) }));
    await queue.erase('hash');
    const taken = take(1, ['ios'], controller.signal);
    await runtime.advance(6000);
    controller.abort();
    expect(await taken).toStrictEqual([]);
    expect(await queue.depth()).toStrictEqual(new Map());
  });

  it('gives each of thousands once, while leases run out and holders settle late', async () => {
    const { put, take, queue, runtime } = setUp();
    const all = Array.from({ length: 3000 }, (_, index) => `m${index}`);
    await put(...all.map((id, index) => entry(id, { tenant: String(index % 7) })));
    const settled: string[] = [];
    const settle = async (leases: readonly Lease[]): Promise<number> => {
      const held = await queue.settle(leases.map((lease) => ({ lease, as: 'done' })));
      settled.push(...held);
      return held.size;
    };
    const slow: (readonly Lease[])[] = [];
    let refused = 0;
    for (let round = 0; settled.length < all.length && round < 100; round++) {
      const controller = new AbortController();
      const taken = take(500, ['ios'], controller.signal);
      await runtime.advance(600);
      controller.abort();
      const leases = await taken;
      slow.push(leases.filter((_, index) => (index + round) % 3 === 0));
      expect(await settle(leases.filter((_, index) => (index + round) % 3 > 0))).toBe(
        leases.length - slow.at(-1)!.length,
      );
      const late = slow.length > 2 ? slow.shift()! : [];
      refused += late.length - (await settle(late));
    }
    expect(refused).toBeGreaterThan(100);
    expect(settled.toSorted()).toStrictEqual(all.toSorted());
  });
});

describe('MemoryDeadLetters', () => {
  const dead = (id: string, fields: Partial<QueueEntry> = {}): DeadEntry => ({
    entry: entry(id, fields),
    record: new Uint8Array(),
  });
  const list = (letters: MemoryDeadLetters, filter: { after?: string } = {}): string[] =>
    letters.list({ limit: 100, ...filter }).map(({ entry: { id } }) => id);

  it('throws the oldest away beyond its bound', () => {
    const letters = new MemoryDeadLetters(3);
    for (const id of ['a', 'b', 'c', 'd']) letters.add(dead(id));
    expect(list(letters)).toStrictEqual(['b', 'c', 'd']);
    expect(letters.get('a')).toBeUndefined();
    expect(list(letters, { after: 'a' })).toStrictEqual(['b', 'c', 'd']);
  });

  it('puts one that dies again behind the others', () => {
    const letters = new MemoryDeadLetters(3);
    for (const id of ['a', 'b', 'a']) letters.add(dead(id));
    expect(list(letters)).toStrictEqual(['b', 'a']);
    expect(list(letters, { after: 'b' })).toStrictEqual(['a']);
    letters.bury(['b']);
    letters.add(dead('b'));
    expect(list(letters, { after: 'a' })).toStrictEqual(['b']);
  });

  it('remembers places as long as letters, then begins anew', () => {
    const letters = new MemoryDeadLetters(2);
    for (const id of ['a', 'b', 'c', 'd']) {
      letters.add(dead(id));
      letters.bury([id]);
    }
    letters.add(dead('e'));
    expect(list(letters, { after: 'd' })).toStrictEqual(['e']);
    expect(list(letters, { after: 'a' })).toStrictEqual(['e']);
    expect(list(letters, { after: 'never there' })).toStrictEqual(['e']);
  });
});
