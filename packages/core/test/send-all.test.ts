import { expect, test } from 'vitest';
import { createEngine } from '../src/index.ts';
import { after, scriptAdapter } from '../src/testing/script-adapter.ts';
import { virtualRuntime } from '../src/testing/virtual-runtime.ts';

const to = (token: string) => ({ channel: 'push', token }) as const;

function setUp(memory?: { deliveries: number }, delay = 5) {
  const runtime = virtualRuntime();
  const adapter = scriptAdapter(() => after(runtime, delay, { kind: 'accepted' }), { policy: { concurrency: 10 } });
  const engine = createEngine({ channels: { push: adapter }, runtime, memory });
  return { runtime, adapter, engine };
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of source) all.push(each);
  return all;
}

test('rows and a function: every row has its outcome, with its ref', async () => {
  const { engine, runtime } = setUp();
  const rows = Array.from({ length: 500 }, (_, id) => ({ id }));
  const all = collect(engine.sendAll(rows, (row) => ({ to: to(`t${row.id}`), title: 'Hi', ref: row.id })));
  await runtime.run();
  expect((await all).map(({ ref }) => ref).toSorted((a, b) => a - b)).toEqual(rows.map(({ id }) => id));
});

test('an async iterable is read no faster than deliveries settle', async () => {
  const { engine, runtime } = setUp({ deliveries: 40 });
  let read = 0;
  let settled = 0;
  let ahead = 0;
  async function* source() {
    for (let index = 0; index < 1000; index++) {
      read++;
      ahead = Math.max(ahead, read - settled);
      yield { to: to(`t${index}`) };
    }
  }
  engine.on('delivery.settled', () => settled++);
  const all = collect(engine.sendAll(source()));
  await runtime.run();
  expect(await all).toHaveLength(1000);
  expect(ahead).toBeLessThanOrEqual(42);
});

test('nothing more is read while outcomes are not taken', async () => {
  const { engine, runtime } = setUp({ deliveries: 40 });
  let read = 0;
  function* source() {
    for (; read < 1000; read++) yield { to: to(`t${read}`) };
  }
  const outcomes = engine.sendAll(source())[Symbol.asyncIterator]();
  const first = outcomes.next();
  await runtime.run();
  await first;
  expect(read).toBeLessThanOrEqual(45);
});

test('leaving the loop stops the intake and ends the source', async () => {
  const { engine, runtime, adapter } = setUp({ deliveries: 50 });
  let ended = false;
  function* source() {
    try {
      for (let index = 0; ; index++) yield { to: to(`t${index}`) };
    } finally {
      ended = true;
    }
  }
  const loop = (async () => {
    for await (const _outcome of engine.sendAll(source())) break;
  })();
  await runtime.run();
  await loop;
  expect(ended).toBe(true);
  expect(adapter.sent.length).toBeLessThan(120);
});

function* brokenSource() {
  yield { to: to('a') };
  yield { to: to('b') };
  throw new Error('source broke');
}

test('a source that throws: what has begun is told first, then the error', async () => {
  const { engine, runtime } = setUp();
  const outcomes: string[] = [];
  const loop = (async () => {
    for await (const { status } of engine.sendAll(brokenSource())) outcomes.push(status);
  })();
  const caught = loop.catch((error: Error) => error.message);
  await runtime.run();
  expect(await caught).toBe('source broke');
  expect(outcomes).toEqual(['accepted', 'accepted']);
});

test('a function that throws for a row ends like a source that throws', async () => {
  const { engine, runtime } = setUp();
  const caught = collect(
    engine.sendAll([1, 2], (row) => {
      if (row === 2) throw new Error('no message for 2');
      return { to: to('a') };
    }),
  ).catch((error: Error) => error.message);
  await runtime.run();
  expect(await caught).toBe('no message for 2');
});

test('messages of several targets, wrong ones and empty ones in between', async () => {
  const { engine, runtime } = setUp();
  const all = collect(
    engine.sendAll([{ to: [to('a'), to('b')] }, { to: [] }, { to: { channel: 'nope' } as never }, { to: to('c') }]),
  );
  await runtime.run();
  expect((await all).map(({ status }) => status).toSorted()).toEqual(['accepted', 'accepted', 'accepted', 'failed']);
});

test('an empty source ends at once', async () => {
  const { engine } = setUp();
  expect(await collect(engine.sendAll([]))).toEqual([]);
});

test('an abort ends what has not been sent; each still has its outcome', async () => {
  const { engine, runtime } = setUp(undefined, 1000);
  const controller = new AbortController();
  const all = collect(
    engine.sendAll(
      Array.from({ length: 100 }, (_, id) => id),
      (id) => ({ to: to(`t${id}`) }),
      { signal: controller.signal },
    ),
  );
  await runtime.advance(10);
  controller.abort();
  await runtime.run();
  const counts = Object.groupBy(await all, ({ status }) => status);
  expect(counts.canceled).toHaveLength(91);
  expect(counts.accepted).toHaveLength(9);
});

test('a stream outlives a channel that is full of others', async () => {
  const { engine, runtime } = setUp({ deliveries: 20 });
  const others = Array.from({ length: 200 }, (_, index) => engine.send({ to: to(`o${index}`), tenant: 'others' }));
  const all = collect(engine.sendAll(Array.from({ length: 200 }, (_, id) => ({ to: to(`t${id}`), tenant: 'stream' }))));
  await runtime.run();
  expect(await all).toHaveLength(200);
  expect(await Promise.all(others)).toHaveLength(200);
});
