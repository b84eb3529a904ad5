import { expect, test } from 'vitest';
import { createEngine, type Lease, type Outcome, type Queue, type SendResult, type Store } from '../src/index.ts';
import { after, scriptAdapter } from '../src/testing/script-adapter.ts';
import { memoryStore, virtualRuntime } from '../src/testing/index.ts';

const to = (token: string) => ({ channel: 'push', token }) as const;
const accepted: SendResult = { kind: 'accepted' };

/** An engine on a store that counts as durable, its queue as the test bends it. */
function setUp(
  bend: (queue: Queue) => Partial<Queue> = () => ({}),
  answer: Parameters<typeof scriptAdapter>[0] = () => accepted,
  options: Parameters<typeof scriptAdapter>[1] = {},
) {
  const runtime = virtualRuntime();
  const memory = memoryStore({ runtime });
  const { queue } = memory;
  const bent = new Proxy(queue, {
    get(given, name) {
      const own = (bend(queue) as Record<PropertyKey, unknown>)[name];
      const value = own ?? Reflect.get(given, name);
      return typeof value === 'function' ? value.bind(given) : value;
    },
  });
  const store: Store = { ...memory, durable: true, queue: bent };
  const push = scriptAdapter(answer, options);
  const errors: string[] = [];
  const logger = { debug() {}, info() {}, warn() {}, error: (_fields: object, text: string) => void errors.push(text) };
  const engine = createEngine({ channels: { push }, store, runtime, logger });
  const told: Outcome[] = [];
  engine.on('delivery.settled', ({ outcome }) => told.push(outcome));
  return { runtime, queue, push, engine, told, errors };
}

test('a durable queue is not served before start, and start twice serves it once', async () => {
  const { engine, runtime, push } = setUp();
  await engine.enqueue({ to: to('a') });
  await runtime.advance(1000);
  expect(push.sent).toHaveLength(0);
  await engine.start();
  await engine.start();
  await runtime.advance(10);
  expect(push.sent).toHaveLength(1);
  await expect(engine.start({ concurrency: 0 })).rejects.toMatchObject({ field: 'concurrency' });
});

test('a store that does not take a message says so', async () => {
  const { engine } = setUp(() => ({ put: () => Promise.reject(new Error('away')) }));
  await expect(engine.enqueue({ to: to('a') })).rejects.toMatchObject({ code: 'tidings.store_unavailable' });
});

test('a queue that can not be read or written for a while loses and doubles nothing', async () => {
  let broken = true;
  const away = (): Promise<never> => Promise.reject(new Error('away'));
  const { engine, runtime, push, told, errors } = setUp((queue) => ({
    take: (options) => (broken ? away() : queue.take(options)),
    settle: (settlements) => (broken ? away() : queue.settle(settlements)),
    extend: (leases, lease) => (broken ? away() : queue.extend(leases, lease)),
  }));
  await engine.enqueue({ to: ['a', 'b'].map(to) });
  await engine.start();
  await runtime.advance(3000);
  expect(push.sent).toHaveLength(0);
  broken = false;
  await runtime.advance(1100);
  broken = true;
  await engine.enqueue({ to: to('c') });
  await runtime.advance(5000);
  broken = false;
  await runtime.advance(120_000);
  expect(push.sent).toHaveLength(3);
  expect(told.map(({ status }) => status)).toEqual(['accepted', 'accepted', 'accepted']);
  expect(errors).toContain('queue can not be read');
});

test('before a send that must not be repeated, the mark is written; what is not ours any more is not sent', async () => {
  const marked: string[] = [];
  const { engine, runtime, push, told } = setUp(
    (queue) => ({
      markSending: async (leases) => {
        marked.push(...leases.map(({ entry }) => entry.id));
        const held = await queue.markSending(leases);
        return new Set([...held].filter((id) => id !== marked[0]));
      },
    }),
    undefined,
    { batch: 10 },
  );
  await engine.enqueue({ to: ['a', 'b', 'c'].map(to) });
  await engine.start();
  await runtime.advance(100);
  expect(marked).toHaveLength(3);
  expect(push.sent).toHaveLength(2);
  expect(told).toHaveLength(2);
});

const lease = (queue: Queue, changes: Partial<Lease>): Partial<Queue> => ({
  take: async (options) => (await queue.take(options)).map((each) => ({ ...each, ...changes })),
});

test('what a dead holder may have sent ends unknown where a repeat is not allowed, and goes again where it is', async () => {
  const forbidden = setUp((queue) => lease(queue, { sending: true }), undefined, { policy: { ambiguous: 'stop' } });
  await forbidden.engine.enqueue({ to: to('a') });
  await forbidden.engine.start();
  await forbidden.runtime.advance(100);
  expect(forbidden.told).toMatchObject([{ status: 'unknown', failure: { code: 'tidings.worker_lost' } }]);
  expect(forbidden.push.sent).toHaveLength(0);
  const allowed = setUp((queue) => lease(queue, { sending: true }));
  await allowed.engine.enqueue({ to: to('a') });
  await allowed.engine.start();
  await allowed.runtime.advance(100);
  expect(allowed.told).toMatchObject([{ status: 'accepted' }]);
});

test('a delivery that killed three holders is a dead letter', async () => {
  const { engine, runtime, told } = setUp((queue) => lease(queue, { deaths: 3 }));
  await engine.enqueue({ to: to('a') });
  await engine.start();
  await runtime.advance(100);
  expect(told).toMatchObject([{ status: 'failed', failure: { code: 'tidings.poison' } }]);
  const letters: unknown[] = [];
  for await (const letter of engine.deadLetters.list({ kind: 'rejected', before: new Date(runtime.now() + 1) }))
    letters.push(letter);
  expect(letters).toHaveLength(1);
});

test('one that is canceled while it is taken is not sent', async () => {
  const { engine, runtime, push, told } = setUp((queue) => lease(queue, { canceled: true }));
  await engine.enqueue({ to: to('a') });
  await engine.start();
  await runtime.advance(100);
  expect(told).toMatchObject([{ status: 'canceled', by: 'caller' }]);
  expect(push.sent).toHaveLength(0);
});

test('what can not be read waits for another worker', async () => {
  const { engine, runtime, push, errors } = setUp((queue) => ({
    take: async (options) =>
      (await queue.take(options)).map((each) => ({ ...each, entry: { ...each.entry, body: new Uint8Array([9, 0]) } })),
  }));
  await engine.enqueue({ to: to('a') });
  await engine.start();
  await runtime.advance(1000);
  expect(push.sent).toHaveLength(0);
  expect(errors).toContain('a queue entry can not be read');
  expect((await engine.depth()).get('push')?.waiting).toBe(1);
});

test('a worker takes no more than its window, and goes on as it empties', async () => {
  const { engine, runtime, told, queue } = setUp(undefined, ({ target }) =>
    after(runtimeOf(), target.token === 'x' ? 1 : 50, accepted),
  );
  function runtimeOf() {
    return runtime;
  }
  await engine.enqueue({ to: Array.from({ length: 30 }, (_, index) => to(`t${index}`)) });
  await engine.start({ concurrency: 5 });
  await runtime.advance(10);
  expect((await queue.depth()).get('push')?.waiting).toBe(25);
  await runtime.advance(1000);
  expect(told).toHaveLength(30);
});
