import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createEngine, perTenant, type EngineOptions, type Outcome, type SendResult } from '../src/index.ts';
import { memoryStore } from '../src/testing/index.ts';
import { after, scriptAdapter, type ScriptAdapter } from '../src/testing/script-adapter.ts';
import { virtualRuntime, type VirtualRuntime } from '../src/testing/virtual-runtime.ts';

const to = (token: string) => ({ channel: 'push', token }) as const;
const never = (): Promise<never> => new Promise(() => {});
const unavailable: SendResult = { kind: 'unavailable', scope: 'provider', code: '503' };
const closed = { code: 'tidings.closed' };
const byClose = { status: 'canceled', by: 'close' };

type Options = Partial<EngineOptions<{ push: ScriptAdapter }, never, never, never>>;

function setUp(
  answer?: (runtime: VirtualRuntime, ...rest: Parameters<Parameters<typeof scriptAdapter>[0] & object>) => unknown,
  options: Options = {},
) {
  const runtime = virtualRuntime();
  const adapter = scriptAdapter(answer && ((...rest) => answer(runtime, ...rest) as SendResult));
  let closes = 0;
  const { close } = adapter;
  Object.assign(adapter, { close: () => (closes++, close()) });
  const engine = createEngine({ channels: { push: adapter }, runtime, ...options });
  const told: Outcome[] = [];
  engine.on('delivery.settled', ({ outcome }) => told.push(outcome));
  return { runtime, adapter, engine, told, closes: () => closes };
}

/** Lets time pass until the engine has closed. */
async function closeOf(
  { engine, runtime }: Pick<ReturnType<typeof setUp>, 'engine' | 'runtime'>,
  timeout?: number,
): Promise<void> {
  let done = false;
  const closing = engine.close({ timeout }).then(() => (done = true));
  await runtime.run({ until: () => done });
  expect(done).toBe(true);
  await closing;
}

test('what waits in its lane, and what waits for a retry, is canceled by close', async () => {
  const parts = setUp((runtime, { target }) => (target.token === 'a' ? unavailable : after(runtime, 50, unavailable)), {
    policy: { concurrency: 1, retry: { first: '1h', max: '1h' } },
  });
  const { engine, runtime, adapter, told } = parts;
  const sent = [engine.send({ to: to('a') })];
  await runtime.advance(0);
  sent.push(...['b', 'c', 'd'].map((token) => engine.send({ to: to(token) })));
  await runtime.advance(1);
  await closeOf(parts);
  expect(await Promise.all(sent)).toMatchObject([byClose, byClose, byClose, byClose]);
  expect(adapter.sent.map(({ target }) => target.token)).toEqual(['a', 'b']);
  expect(told).toHaveLength(4);
  expect(runtime.scheduled).toBe(0);
});

test('what waits outside a full channel is canceled by close', async () => {
  const parts = setUp((runtime) => after(runtime, 50, { kind: 'accepted' }), {
    memory: { deliveries: 2 },
    policy: { concurrency: 1 },
  });
  const sent = Array.from({ length: 6 }, (_, index) => parts.engine.send({ to: to(`t${index}`) }));
  await parts.runtime.advance(1);
  await closeOf(parts);
  const outcomes = await Promise.all(sent);
  expect(outcomes[0]!.status).toBe('accepted');
  expect(outcomes.slice(1)).toMatchObject(Array.from({ length: 5 }, () => byClose));
  expect(parts.told).toHaveLength(6);
  expect(parts.runtime.scheduled).toBe(0);
});

test('what is scheduled is canceled by close', async () => {
  const parts = setUp();
  const sent = parts.engine.send({ to: to('a'), notBefore: new Date(parts.runtime.now() + 60_000) });
  await parts.runtime.advance(1);
  await closeOf(parts);
  expect(await sent).toMatchObject(byClose);
  expect([parts.adapter.sent.length, parts.runtime.scheduled]).toEqual([0, 0]);
});

test.each(['authorize', 'render', 'encrypt', 'use'] as const)('what hangs in %s is canceled by close', async (hook) => {
  const parts = setUp(undefined, { [hook]: hook === 'use' ? [never] : never });
  const one = parts.engine.send({ to: to('a'), principal: 'me' });
  const two = parts.engine.send({ to: [to('b'), to('c')], principal: 'me' });
  await parts.runtime.advance(1);
  await closeOf(parts);
  expect([await one, ...(await two)]).toMatchObject([byClose, byClose, byClose]);
  expect([parts.adapter.sent.length, parts.told.length, parts.runtime.scheduled]).toEqual([0, 3, 0]);
});

test('a middleware that hangs after the sending keeps neither close nor the outcome', async () => {
  const parts = setUp(undefined, {
    use: [
      async (delivery, next) => {
        await next(delivery);
        return never();
      },
    ],
  });
  const sent = parts.engine.send({ to: to('a') });
  await parts.runtime.advance(1);
  await closeOf(parts, 1000);
  expect((await sent).status).toBe('accepted');
  expect(parts.told).toHaveLength(1);
  expect(parts.runtime.scheduled).toBe(0);
});

test('a route that waits for a receipt ends with close', async () => {
  const parts = setUp(() => ({ kind: 'accepted', messageId: 'p1' }));
  const sent = parts.engine.send({ to: { firstOf: [to('a'), to('b')], wait: '10m' } });
  await parts.runtime.advance(1);
  await closeOf(parts);
  expect(parts.runtime.scheduled).toBe(0);
  expect(parts.told).toMatchObject([{ status: 'accepted' }, byClose]);
  expect(await sent).toMatchObject([{ status: 'accepted' }, byClose]);
});

test('what is in flight may finish, and tells what it became', async () => {
  const parts = setUp((runtime, { target }) =>
    after<SendResult>(
      runtime,
      5000,
      target.token === 'gone' ? { kind: 'unregistered', scope: 'target', code: '410' } : { kind: 'accepted' },
    ),
  );
  const sent = [parts.engine.send({ to: to('a') }), parts.engine.send({ to: to('gone') })];
  await parts.runtime.advance(1);
  await closeOf(parts, 10_000);
  expect((await Promise.all(sent)).map(({ status }) => status)).toEqual(['accepted', 'failed']);
  expect(parts.runtime.monotonic()).toBeLessThan(6000);
  expect(parts.runtime.scheduled).toBe(0);
});

test('what fails while closing is not tried again', async () => {
  const parts = setUp((runtime) => after(runtime, 100, unavailable));
  const sent = parts.engine.send({ to: to('a') });
  await parts.runtime.advance(1);
  await closeOf(parts);
  expect(await sent).toMatchObject(byClose);
  expect(parts.adapter.sent).toHaveLength(1);
});

test('what hangs beyond the timeout ends unknown, is aborted, and its late answer changes nothing', async () => {
  let aborted = false;
  let answer!: (result: SendResult) => void;
  const parts = setUp((_runtime, _delivery, { signal }) => {
    signal.addEventListener('abort', () => (aborted = true));
    return new Promise((resolve) => (answer = resolve));
  });
  const sent = parts.engine.send({ to: to('a') });
  await parts.runtime.advance(1);
  await closeOf(parts, 2000);
  expect(await sent).toMatchObject({ status: 'unknown', failure: { kind: 'ambiguous', code: 'tidings.closed' } });
  expect(aborted).toBe(true);
  expect(parts.runtime.monotonic()).toBeLessThan(2100);
  answer({ kind: 'accepted' });
  await parts.runtime.advance(1000);
  expect(parts.told).toHaveLength(1);
  expect(parts.runtime.scheduled).toBe(0);
});

async function statusesOf(outcomes: AsyncIterable<{ readonly status: string }>): Promise<string[]> {
  const statuses: string[] = [];
  for await (const { status } of outcomes) statuses.push(status);
  return statuses;
}

test('a sendAll stream ends: what has begun is told, the source is read no further and ended', async () => {
  const parts = setUp((runtime) => after(runtime, 50, { kind: 'accepted' }), {
    policy: { concurrency: 2 },
    memory: { deliveries: 10 },
  });
  let read = 0;
  let ended = false;
  function* source() {
    try {
      for (; read < 100_000; read++) yield { to: to(`t${read}`) };
    } finally {
      ended = true;
    }
  }
  const all = statusesOf(parts.engine.sendAll(source()));
  await parts.runtime.advance(120);
  await closeOf(parts);
  const statuses = await all;
  expect(statuses.filter((status) => status === 'accepted')).toHaveLength(6);
  expect(new Set(statuses)).toEqual(new Set(['accepted', 'canceled']));
  expect(read).toBeLessThan(50);
  expect(ended).toBe(true);
  expect(statuses).toHaveLength(parts.told.length);
});

async function* hanging() {
  yield { to: to('a') };
  await never();
}

test('a sendAll stream whose source hangs ends too', async () => {
  const parts = setUp();
  let statuses: string[] | undefined;
  void statusesOf(parts.engine.sendAll(hanging())).then((all) => (statuses = all));
  await parts.runtime.advance(1);
  await closeOf(parts);
  await parts.runtime.advance(1);
  expect(statuses).toEqual(['accepted']);
});

test('events streams end', async () => {
  const parts = setUp();
  const events: string[] = [];
  const loop = (async () => {
    for await (const { type } of parts.engine.events('delivery.settled')) events.push(type);
  })();
  await parts.engine.send({ to: to('a') });
  await closeOf(parts);
  await loop;
  expect(events).toEqual(['delivery.settled']);
});

test('what was enqueued and not tried goes back to its queue untold, and another engine sends it', async () => {
  const runtime = virtualRuntime();
  const store = memoryStore({ runtime });
  const first = scriptAdapter(() => after(runtime, 50, { kind: 'accepted' }));
  const one = createEngine({ channels: { push: first }, runtime, store, policy: { concurrency: 1 } });
  const told: Outcome[] = [];
  one.on('delivery.settled', ({ outcome }) => told.push(outcome));
  await one.enqueue({ to: ['a', 'b', 'c'].map(to), title: 'Hi' });
  await one.enqueue({ to: to('later'), notBefore: new Date(runtime.now() + 1000) });
  await runtime.advance(1);
  await closeOf({ engine: one, runtime });
  expect(told.map(({ status }) => status)).toEqual(['accepted']);
  expect((await store.queue.depth()).get('push')?.waiting).toBe(3);
  expect(runtime.scheduled).toBe(0);
  const second = scriptAdapter();
  const other = createEngine({ channels: { push: second }, runtime, store });
  await other.start();
  await runtime.advance(2000);
  expect(second.sent.map(({ target }) => target.token).toSorted()).toEqual(['b', 'c', 'later']);
  await closeOf({ engine: other, runtime });
});

test('an outcome that is still being encoded reaches the queue before close ends', async () => {
  const runtime = virtualRuntime();
  const store = memoryStore({ runtime });
  const engine = createEngine({
    channels: { push: scriptAdapter(() => after(runtime, 50, { kind: 'accepted' })) },
    runtime,
    store,
    keepOutcomes: '1h',
    codec: { encode: (plain) => after(runtime, 100, plain), decode: (stored) => stored },
  });
  let messageId = '';
  void engine.enqueue({ to: to('a') }).then((enqueued) => ({ messageId } = enqueued));
  await runtime.advance(120);
  await closeOf({ engine, runtime });
  expect((await store.queue.status(messageId))?.state).toBe('settled');
});

test('closing twice is closing once; each adapter is closed once', async () => {
  const parts = setUp();
  await parts.engine.send({ to: to('a') });
  const first = parts.engine.close();
  expect(parts.engine.close()).toBe(first);
  await closeOf(parts);
  await parts.engine.close();
  expect(parts.closes()).toBe(1);
});

test('an adapter is closed though nothing was sent, per tenant each, and where one throws the others too', async () => {
  const runtime = virtualRuntime();
  const closes: string[] = [];
  const named = (name: string): ScriptAdapter =>
    Object.assign(scriptAdapter(undefined, { provider: name }), {
      close: async () => {
        closes.push(name);
        if (name === 'throws') throw new Error('x');
      },
    });
  const engine = createEngine({
    channels: {
      broken: named('throws'),
      plain: named('plain'),
      own: perTenant((tenant) => named(tenant)),
    },
    runtime,
  });
  await engine.send({ to: { channel: 'own', token: 'a' }, tenant: 't1' });
  await engine.send({ to: { channel: 'own', token: 'a' }, tenant: 't2' });
  await engine.close();
  expect(closes.toSorted()).toEqual(['plain', 't1', 't2', 'throws']);
});

test('an adapter that serves two channels is closed once', async () => {
  const adapter = scriptAdapter();
  let closes = 0;
  Object.assign(adapter, { close: async () => void closes++ });
  const engine = createEngine({ channels: { one: adapter, two: adapter }, runtime: virtualRuntime() });
  await engine.send({
    to: [
      { channel: 'one', token: 'a' },
      { channel: 'two', token: 'a' },
    ],
  });
  await engine.close();
  expect(closes).toBe(1);
});

test('an adapter whose close hangs keeps the engine open for a while only', async () => {
  const adapter = { ...scriptAdapter(), close: () => new Promise<void>(() => {}) };
  const runtime = virtualRuntime();
  const engine = createEngine({ channels: { one: adapter }, runtime });
  let ended = false;
  void engine.close().then(() => (ended = true));
  await runtime.advance(9000);
  expect(ended).toBe(false);
  await runtime.advance(2000);
  expect(ended).toBe(true);
});

test('calls after close tell that it is closed', async () => {
  const parts = setUp();
  await parts.engine.close();
  const { engine } = parts;
  await expect(engine.send({ to: to('a') })).rejects.toMatchObject(closed);
  expect(() => engine.sendAll([{ to: to('a') }])).toThrow(expect.objectContaining(closed));
  await expect(engine.enqueue({ to: to('a') })).rejects.toMatchObject(closed);
  await expect(engine.start()).rejects.toMatchObject(closed);
  await expect(engine.cancel('x')).rejects.toMatchObject(closed);
  await expect(engine.status('x')).rejects.toMatchObject(closed);
  await expect(engine.depth()).rejects.toMatchObject(closed);
  await expect(engine.deadLetters.inspect('x')).rejects.toMatchObject(closed);
  // What only looks, and a receipt that comes late, do no harm.
  engine.receipt({ provider: 'script', providerMessageId: 'p', kind: 'delivered', at: new Date(0) });
  expect([engine.health(), engine.stats()]).toHaveLength(2);
  expect(parts.runtime.scheduled).toBe(0);
});

test('a wrong timeout is told by its field, and the engine can still be closed', async () => {
  const parts = setUp();
  expect(() => parts.engine.close({ timeout: 'soon' as never })).toThrow(
    expect.objectContaining({ code: 'tidings.invalid_options', field: 'timeout' }),
  );
  await closeOf(parts);
  expect(parts.closes()).toBe(1);
});

test('an engine in use by `await using` is closed when its scope ends', async () => {
  const parts = setUp();
  {
    await using engine = parts.engine;
    expect((await engine.send({ to: to('a') })).status).toBe('accepted');
  }
  expect(parts.closes()).toBe(1);
  await expect(parts.engine.send({ to: to('a') })).rejects.toMatchObject(closed);
});

test('after 100,000 sends and close nothing keeps a real process alive', async () => {
  const program = `
    const { createEngine, defineAdapter, checked } = await import(${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)});
    const adapter = defineAdapter({
      provider: 'noop',
      target: checked(() => undefined),
      limits: { batch: 100 },
      send: async (deliveries) => deliveries.map(() => ({ kind: 'accepted' })),
    });
    const engine = createEngine({ channels: { push: adapter } });
    let accepted = 0;
    const rows = function* () { for (let id = 0; id < 99_000; id++) yield { to: { channel: 'push', id } }; };
    for await (const { status } of engine.sendAll(rows())) if (status === 'accepted') accepted++;
    const sent = Array.from({ length: 999 }, (_, id) => engine.send({ to: { channel: 'push', id }, idempotencyKey: 'k' + id }));
    for (const { status } of await Promise.all(sent)) if (status === 'accepted') accepted++;
    const settled = new Promise((resolve) => engine.on('delivery.settled', ({ outcome }) => resolve(outcome)));
    await engine.enqueue({ to: { channel: 'push', id: 0 } });
    if ((await settled).status === 'accepted') accepted++;
    await engine.close();
    const left = process.getActiveResourcesInfo();
    process.on('exit', () => console.log(JSON.stringify({ accepted, left })));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
    timeout: 25_000,
  });
  const { accepted, left } = JSON.parse(stdout) as { accepted: number; left: string[] };
  expect(accepted).toBe(100_000);
  expect(left.filter((resource) => !/^(Pipe|TTY)Wrap$/.test(resource))).toEqual([]);
});
