import { expect, test } from 'vitest';
import { createEngine, type Policy, type SendResult } from '../src/index.ts';
import { after, scriptAdapter } from '../src/testing/script-adapter.ts';
import { virtualRuntime } from '../src/testing/virtual-runtime.ts';

const unavailable: SendResult = { kind: 'unavailable', scope: 'provider', code: '503' };
const to = (token: string) => ({ channel: 'push', token }) as const;

function setUp(
  answer?: Parameters<typeof scriptAdapter>[0],
  policy: Policy = {},
  options: Parameters<typeof scriptAdapter>[1] = {},
) {
  const runtime = virtualRuntime();
  const adapter = scriptAdapter(answer ?? (() => after(runtime, 5, { kind: 'accepted' })), { ...options, policy });
  const engine = createEngine({ channels: { push: adapter }, runtime });
  return { runtime, adapter, engine };
}

test('concurrency is a hard bound', async () => {
  const { engine, runtime, adapter } = setUp(undefined, { concurrency: 7 });
  const sent = Promise.all(Array.from({ length: 100 }, (_, index) => engine.send({ to: to(`t${index}`) })));
  await runtime.run();
  expect((await sent).every(({ status }) => status === 'accepted')).toBe(true);
  expect(adapter.load.peak).toBe(7);
  // The tenth of seven slots is none: all serve everybody.
  expect(runtime.monotonic()).toBe(75);
});

test('a rate lets a burst go, then paces', async () => {
  const { engine, runtime, adapter } = setUp(() => ({ kind: 'accepted' }), {
    rate: { limit: 10, per: '1s', burst: 5 },
  });
  const sent = Promise.all(Array.from({ length: 25 }, (_, index) => engine.send({ to: to(`t${index}`) })));
  await runtime.advance(0);
  expect(adapter.sent).toHaveLength(5);
  await runtime.advance(1000);
  expect(adapter.sent).toHaveLength(15);
  await runtime.run();
  expect(runtime.monotonic()).toBeLessThanOrEqual(2010);
  expect((await sent)[24]!.trace.some((step) => step.step === 'held' && step.by === 'rate')).toBe(true);
});

test('a batch goes when it is full, or when it has waited long enough', async () => {
  const sizes: number[] = [];
  const { engine, runtime, adapter } = setUp(() => ({ kind: 'accepted' }), { batch: { wait: '50ms' } }, { batch: 10 });
  const { send } = adapter;
  const counted = createEngine({
    channels: {
      push: { ...adapter, send: (deliveries, context) => (sizes.push(deliveries.length), send(deliveries, context)) },
    },
    runtime,
  });
  void engine;
  const first = Array.from({ length: 13 }, (_, index) => counted.send({ to: to(`t${index}`) }));
  await runtime.advance(0);
  expect(sizes).toEqual([10]);
  await runtime.advance(49);
  expect(sizes).toEqual([10]);
  await runtime.advance(2);
  expect(sizes).toEqual([10, 3]);
  await Promise.all(first);
});

test('the breaker opens on an outage, lets probes go, and all recovers by itself', async () => {
  let down = true;
  const { engine, runtime, adapter } = setUp(() => (down ? unavailable : { kind: 'accepted' }), {
    concurrency: 10,
    breaker: { minimum: 10, open: '5s' },
    retry: { attempts: 50, first: '1s', max: '2s', budget: 10 },
  });
  const events: string[] = [];
  engine.on('breaker.opened', () => events.push('opened'));
  engine.on('breaker.closed', () => events.push('closed'));
  const sent = Promise.all(Array.from({ length: 100 }, (_, index) => engine.send({ to: to(`t${index}`), ttl: '10m' })));
  await runtime.advance(4000);
  const beforeProbes = adapter.sent.length;
  await runtime.advance(26_000);
  expect(events).toEqual(['opened']);
  // One probe every five seconds.
  expect(adapter.sent.length - beforeProbes).toBeLessThanOrEqual(6);
  expect(engine.health()).toMatchObject({ status: 'down' });
  down = false;
  await runtime.run();
  expect((await sent).every(({ status }) => status === 'accepted')).toBe(true);
  expect(events).toEqual(['opened', 'closed']);
  expect(engine.health()).toEqual({ status: 'up', because: [] });
});

test('a dead token does not open the breaker', async () => {
  const { engine, runtime } = setUp(() => ({ kind: 'unregistered', scope: 'target', code: 'gone' }), {
    breaker: { minimum: 1 },
  });
  await Promise.all(Array.from({ length: 500 }, (_, index) => engine.send({ to: to(`t${index}`) })));
  await runtime.advance(0);
  expect(engine.stats().push[0]!.breaker).toBe('closed');
});

test('connections refused for a while open the breaker, a refused stream does not', async () => {
  let refused = true;
  const { engine, runtime, adapter } = setUp(
    () =>
      refused ? { kind: 'unavailable', scope: 'provider', code: 'ECONNREFUSED', unsent: true } : { kind: 'accepted' },
    { breaker: { open: '5s' }, retry: { max: '1s' } },
  );
  const sent = Promise.all(Array.from({ length: 50 }, (_, index) => engine.send({ to: to(`t${index}`), ttl: '10m' })));
  await runtime.advance(0);
  expect(engine.stats().push[0]!.breaker).toBe('closed');
  await runtime.advance(5000);
  const before = adapter.sent.length;
  expect(engine.stats().push[0]!.breaker).toBe('open');
  await runtime.advance(20_000);
  expect(adapter.sent.length - before).toBeLessThanOrEqual(5);
  refused = false;
  await runtime.run();
  expect((await sent).every(({ status }) => status === 'accepted')).toBe(true);
});

test('a probe that hangs does not keep the breaker shut for ever', async () => {
  let hang = true;
  const { engine, runtime } = setUp(
    (_delivery, { signal }) =>
      hang ? after(runtimeOf(), 1e9, unavailable, signal) : Promise.resolve({ kind: 'accepted' as const }),
    { timeout: '1s', breaker: { minimum: 2, open: '2s' }, retry: { attempts: 100, budget: 10 } },
  );
  function runtimeOf() {
    return runtime;
  }
  const sent = Promise.all(Array.from({ length: 5 }, (_, index) => engine.send({ to: to(`t${index}`), ttl: '1h' })));
  await runtime.advance(20_000);
  expect(engine.stats().push[0]!.breaker).not.toBe('closed');
  hang = false;
  await runtime.run();
  expect((await sent).every(({ status }) => status === 'accepted')).toBe(true);
});

test('retries stay within the budget of fresh traffic', async () => {
  let attempts = 0;
  const { engine, runtime } = setUp(() => (attempts++, unavailable), {
    breaker: false,
    retry: { attempts: 1000, first: '10ms', max: '100ms', budget: 0.2 },
  });
  const sent = Promise.all(Array.from({ length: 1000 }, (_, index) => engine.send({ to: to(`t${index}`), ttl: '8s' })));
  await runtime.run();
  expect((await sent).every(({ status }) => status === 'expired')).toBe(true);
  // A fifth of the fresh ones, and ten a second.
  expect(attempts).toBeLessThanOrEqual(1000 + 200 + 100);
  expect(attempts).toBeGreaterThan(1250);
});

test('an outage of one service of an adapter leaves the others alone', async () => {
  const { engine, runtime } = setUp(
    ({ target }) => (target.token.startsWith('bad') ? unavailable : { kind: 'accepted' }),
    { breaker: { minimum: 5 } },
    { partition: ({ token }) => token.split('/')[0]! },
  );
  for (let index = 0; index < 20; index++) void engine.send({ to: to(`bad/${index}`), ttl: '1m' });
  await runtime.advance(3000);
  expect((await engine.send({ to: to('good/1') })).status).toBe('accepted');
  const lanes = Object.fromEntries(engine.stats().push.map(({ lane, breaker }) => [lane, breaker]));
  expect(lanes).toEqual({ 'push/bad': 'open', 'push/good': 'closed' });
});

test.each([4, 40])('lanes of one adapter share its %i slots, and none keeps them from another', async (concurrency) => {
  const { engine, runtime, adapter } = setUp(
    undefined,
    { concurrency },
    { partition: ({ token }) => token.split('/')[0]! },
  );
  const many = Array.from({ length: 100 * concurrency }, (_, index) => engine.send({ to: to(`a/${index}`) }));
  await runtime.advance(20);
  const others = ['b/1', 'c/1', 'b/2'].map((token) => engine.send({ to: to(token) }));
  let left = others.length;
  for (const other of others) void other.then(() => left--);
  await runtime.advance(30);
  expect(left).toBe(0);
  expect(adapter.load.peak).toBe(concurrency - Math.floor(concurrency / 10));
  await runtime.run();
  expect((await Promise.all(many)).every(({ status }) => status === 'accepted')).toBe(true);
});

test('high overtakes, and finds its kept slots', async () => {
  const { engine, runtime, adapter } = setUp(() => after(runtimeOf(), 100, { kind: 'accepted' }), { concurrency: 20 });
  function runtimeOf() {
    return runtime;
  }
  const bulk = Array.from({ length: 1000 }, (_, index) => engine.send({ to: to(`b${index}`), priority: 'low' }));
  await runtime.advance(50);
  expect(adapter.load.now).toBe(18);
  const code = engine.send({ to: to('code'), priority: 'high' });
  await runtime.advance(100);
  const outcome = await code;
  expect(outcome.attempts[0]!.startedAt.getTime() - outcome.trace[0]!.at.getTime()).toBeLessThanOrEqual(1);
  await runtime.run();
  await Promise.all(bulk);
});

test('low is slow and not starved by normal', async () => {
  const { engine, runtime, adapter } = setUp(undefined, { concurrency: 1 });
  const sent = [
    ...Array.from({ length: 80 }, (_, index) => engine.send({ to: to(`n${index}`) })),
    ...Array.from({ length: 8 }, (_, index) => engine.send({ to: to(`l${index}`), priority: 'low' })),
  ];
  await runtime.run();
  await Promise.all(sent);
  const places = adapter.sent.flatMap(({ priority }, place) => (priority === 'low' ? [place] : []));
  expect(places[0]).toBeLessThan(12);
  expect(places.length).toBe(8);
});

test('a backlog of one tenant delays the others by a few turns only', async () => {
  const { engine, runtime, adapter } = setUp(undefined, { concurrency: 50 });
  let bulkSettled = 0;
  const bulk = Array.from({ length: 100_000 }, (_, index) =>
    engine.send({ to: to(`b${index}`), tenant: 'bulk', ttl: '1h' }).then(() => bulkSettled++),
  );
  await runtime.advance(100);
  const before = bulkSettled;
  let left = 100;
  let whenLast = 0;
  for (let tenant = 0; tenant < 10; tenant++) {
    for (let index = 0; index < 10; index++) {
      void engine.send({ to: to(`t${tenant}-${index}`), tenant: `t${tenant}` }).then(() => {
        if (--left === 0) whenLast = bulkSettled;
      });
    }
  }
  await runtime.run({ until: () => left === 0 });
  expect(whenLast - before).toBeLessThanOrEqual(200 + 50);
  expect(whenLast).toBeGreaterThan(0);
  await runtime.run();
  await Promise.all(bulk);
  expect(adapter.sent).toHaveLength(100_100);
});

test('the same with the backlog coming from sendAll', async () => {
  const { engine, runtime } = setUp(undefined, { concurrency: 50 });
  let bulkSettled = 0;
  const bulk = (async () => {
    const messages = Array.from({ length: 30_000 }, (_, index) => ({ to: to(`b${index}`), tenant: 'bulk' }));
    for await (const _outcome of engine.sendAll(messages)) bulkSettled++;
  })();
  await runtime.advance(100);
  const before = bulkSettled;
  let left = 100;
  let whenLast = 0;
  for (let each = 0; each < 100; each++) {
    void engine.send({ to: to(`t${each}`), tenant: `t${each % 10}` }).then(() => {
      if (--left === 0) whenLast = bulkSettled;
    });
  }
  await runtime.run({ until: () => left === 0 });
  expect(whenLast - before).toBeLessThanOrEqual(250);
  await runtime.run();
  await bulk;
  expect(bulkSettled).toBe(30_000);
});

test('callers wait outside when a channel is full; high comes in all the same', async () => {
  const runtime = virtualRuntime();
  const adapter = scriptAdapter(() => after(runtime, 1000, { kind: 'accepted' }), { policy: { concurrency: 1 } });
  const engine = createEngine({ channels: { push: adapter }, runtime, memory: { deliveries: 20 } });
  const queued: string[] = [];
  engine.on('delivery.queued', ({ to: target }) => queued.push(target.token));
  const sent = Array.from({ length: 30 }, (_, index) => engine.send({ to: to(`t${index}`), ttl: '1h' }));
  const expiring = engine.send({ to: to('expiring'), ttl: '3s' });
  const high = engine.send({ to: to('high'), priority: 'high' });
  await runtime.advance(0);
  expect(queued).toHaveLength(21);
  expect(queued).toContain('high');
  expect(engine.health().because.join()).toContain('wait outside');
  await runtime.advance(4500);
  expect((await expiring).status).toBe('expired');
  await runtime.run();
  expect((await high).status).toBe('accepted');
  expect((await Promise.all(sent)).every(({ status }) => status === 'accepted')).toBe(true);
});

test('no timer is left when nothing waits', async () => {
  const { engine, runtime } = setUp();
  await Promise.all([engine.send({ to: to('a') }), runtime.advance(10)]);
  await runtime.advance(10);
  expect(runtime.scheduled).toBe(0);
});

test('retries wait for their budget, expire behind it, and move with a lane that stops', async () => {
  const { engine, runtime } = setUp(() => unavailable, {
    breaker: false,
    retry: { attempts: 100, first: '1ms', max: '2ms', budget: 0 },
  });
  const sent = Promise.all(Array.from({ length: 300 }, (_, index) => engine.send({ to: to(`t${index}`), ttl: '3s' })));
  await runtime.advance(2000);
  expect(engine.stats().push[0]!.waiting).toBeGreaterThan(0);
  await runtime.run();
  expect((await sent).every(({ status }) => status === 'expired')).toBe(true);
});
