import { expect, test } from 'vitest';
import {
  createEngine,
  isTidingsError,
  type Codec,
  type DeadLetter,
  type EngineOptions,
  type Outcome,
  type Receipt,
  type SendResult,
} from '../src/index.ts';

import { memoryStore } from '../src/testing/index.ts';
import { after, scriptAdapter, type ScriptAdapter } from '../src/testing/script-adapter.ts';
import { virtualRuntime } from '../src/testing/virtual-runtime.ts';

const to = (token: string) => ({ channel: 'push', token }) as const;
const sms = (token: string) => ({ channel: 'sms', token }) as const;
const unavailable: SendResult = { kind: 'unavailable', scope: 'provider', code: '503' };
const refused: SendResult = { kind: 'rejected', scope: 'message', code: 'bad' };

type Channels = { push: ScriptAdapter; sms: ScriptAdapter };

/** An engine with two channels on one store in memory; every outcome that its event told is in `told`. */
function setUp(
  answer?: Parameters<typeof scriptAdapter>[0],
  options: Partial<EngineOptions<Channels, never, never, never>> = {},
) {
  const runtime = virtualRuntime();
  const push = scriptAdapter(answer);
  const text = scriptAdapter(undefined, { provider: 'text' });
  const store = memoryStore({ runtime });
  const engine = createEngine({ channels: { push, sms: text }, runtime, store, ...options });
  const told: Outcome[] = [];
  engine.on('delivery.settled', ({ outcome }) => told.push(outcome));
  return { runtime, push, text, engine, told, store };
}

const statuses = (told: readonly Outcome[]): string[] => told.map(({ status }) => status);
const summary = (told: readonly Outcome[]): string[] =>
  told.map((outcome) => `${outcome.to.channel} ${outcome.status === 'suppressed' ? outcome.reason : outcome.status}`);

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    return isTidingsError(error) ? [error.code, error.field] : error;
  }
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of source) all.push(each);
  return all;
}

// ---- in and out

test('what is enqueued in memory is sent without start, under the ids that were answered', async () => {
  const { engine, runtime, push, told } = setUp();
  const { messageId } = await engine.enqueue({ to: [to('a'), to('b')], title: 'Hi', ref: { order: 7 } });
  await runtime.advance(0);
  expect(push.sent.map(({ target, content }) => [target.token, content.title])).toEqual([
    ['a', 'Hi'],
    ['b', 'Hi'],
  ]);
  expect(told.map((outcome) => [outcome.status, outcome.messageId, outcome.ref])).toEqual([
    ['accepted', messageId, { order: 7 }],
    ['accepted', messageId, { order: 7 }],
  ]);
  expect(new Set(told.map(({ deliveryId }) => deliveryId)).size).toBe(2);
});

test('what can not be queued is refused with code and field, and nothing of it is sent', async () => {
  const { engine, runtime, push, told } = setUp();
  const invalid = async (message: object): Promise<unknown> => errorOf(engine.enqueue(message as never));
  expect(await invalid({ to: { channel: 'nope' } })).toEqual(['tidings.invalid_message', 'to.channel']);
  expect(await invalid({ to: [to('a'), { channel: 'push' }] })).toEqual(['tidings.invalid_message', 'to[1].token']);
  expect(await invalid({ to: to('a'), ttl: 'soon' })).toEqual(['tidings.invalid_message', 'ttl']);
  expect(await invalid({ to: to('a'), titel: 'x' })).toEqual(['tidings.invalid_message', 'titel']);
  expect(await invalid({ to: to('a'), ref: 1n })).toEqual(['tidings.invalid_message', 'ref']);
  expect(await invalid({ to: to('a'), ref: 'x'.repeat(300_000) })).toEqual(['tidings.invalid_message', 'message']);
  expect(await invalid({ to: { firstOf: [] } })).toEqual(['tidings.invalid_message', 'to.firstOf']);
  expect(await errorOf(engine.enqueue(null as never))).toEqual(['tidings.invalid_message', 'message']);
  await runtime.advance(1000);
  expect([push.sent, told]).toEqual([[], []]);
});

test('a store that does not take it, and an abort before it does, reject', async () => {
  const { engine, store, runtime, push } = setUp();
  const { put } = store.queue;
  store.queue.put = () => Promise.reject(new Error('connection refused: secret'));
  expect(await errorOf(engine.enqueue({ to: to('a') }))).toEqual(['tidings.store_unavailable', undefined]);
  store.queue.put = put;
  const aborted = engine.enqueue({ to: to('a') }, { signal: AbortSignal.abort() });
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  await runtime.advance(1000);
  expect(push.sent).toEqual([]);
});

test('a duplicate answers the id of the first and is not sent; another tenant has keys of its own', async () => {
  const { engine, runtime, push } = setUp();
  const first = await engine.enqueue({ to: to('a'), idempotencyKey: 'k' });
  expect(first).not.toHaveProperty('duplicate');
  expect(await engine.enqueue({ to: to('b'), idempotencyKey: 'k' })).toEqual({ ...first, duplicate: true });
  expect(await engine.enqueue({ to: to('c'), idempotencyKey: 'k', tenant: 't' })).not.toHaveProperty('duplicate');
  await runtime.advance(0);
  expect(push.sent.map(({ target }) => target.token)).toEqual(['a', 'c']);
});

test('notBefore: it waits until then, and its ttl counts from there', async () => {
  const { engine, runtime, push, told } = setUp(() => unavailable, { policy: { retry: { attempts: 1000 } } });
  await engine.enqueue({ to: to('a'), notBefore: new Date(runtime.now() + 60_000), ttl: '30s' });
  await runtime.advance(59_000);
  expect(push.sent).toEqual([]);
  await runtime.advance(2000);
  expect(push.sent.length).toBeGreaterThan(0);
  await runtime.advance(27_000);
  expect(told).toEqual([]);
  await runtime.advance(5000);
  expect(statuses(told)).toEqual(['expired']);
});

test('a long wait is handed back to the queue with its attempts', async () => {
  const { engine, runtime, push, told } = setUp(
    ({ attempt: _attempt }) =>
      push.sent.length < 3 ? { ...unavailable, retryAfter: 60_000 } : { kind: 'accepted' as const },
    { policy: { retry: { attempts: 3 } } },
  );
  const { messageId } = await engine.enqueue({ to: to('a') });
  await runtime.advance(1);
  expect(push.sent).toHaveLength(1);
  expect((await engine.depth()).get('push')).toMatchObject({ waiting: 1 });
  await runtime.run({ until: () => told.length > 0 });
  expect(statuses(told)).toEqual(['accepted']);
  expect(new Set(push.sent.map(({ id }) => id)).size).toBe(1);
  expect(told[0]!.messageId).toBe(messageId);
});

test('attempts before a wait in the queue count towards the bound', async () => {
  const { engine, runtime, push, told } = setUp(() => ({ ...unavailable, retryAfter: 60_000 }), {
    policy: { retry: { attempts: 3 } },
  });
  await engine.enqueue({ to: to('a') });
  await runtime.run({ until: () => told.length > 0 });
  expect(push.sent).toHaveLength(3);
  expect(statuses(told)).toEqual(['failed']);
});

test('a lost answer is remembered through a wait in the queue', async () => {
  const { engine, runtime, push, told } = setUp(() =>
    push.sent.length === 1
      ? { kind: 'ambiguous', scope: 'provider', code: 'reset', retryAfter: 60_000 }
      : { kind: 'unregistered', scope: 'target', code: '410' },
  );
  await engine.enqueue({ to: to('a') });
  await runtime.advance(1);
  expect((await engine.depth()).get('push')).toMatchObject({ waiting: 1 });
  await runtime.run({ until: () => told.length > 0 });
  expect(push.sent).toHaveLength(2);
  expect(statuses(told)).toEqual(['unknown']);
});

// ---- cancel

test('cancel of what is scheduled: nothing is sent, its outcome is told once', async () => {
  const { engine, runtime, push, told } = setUp();
  const notBefore = new Date(runtime.now() + 60_000);
  const { messageId } = await engine.enqueue({ to: [to('a'), to('b')], notBefore, ref: 5 });
  expect(await engine.cancel(messageId)).toEqual({ canceled: 2 });
  expect(await engine.cancel(messageId)).toEqual({ canceled: 0 });
  expect(told).toMatchObject([
    { status: 'canceled', by: 'caller', messageId, ref: 5 },
    { status: 'canceled', by: 'caller', messageId, ref: 5 },
  ]);
  await runtime.advance(120_000);
  expect(push.sent).toEqual([]);
  expect(told).toHaveLength(2);
});

test('cancel of what waits in its lane ends that; what is in an attempt ends as its attempt does', async () => {
  const runtime = virtualRuntime();
  const { engine, push, told } = setUp(() => after(runtime, 1000, { kind: 'accepted' }), {
    runtime,
    store: memoryStore({ runtime }),
    policy: { concurrency: 1 },
  });
  const { messageId } = await engine.enqueue({ to: ['a', 'b', 'c'].map(to) });
  await runtime.advance(1);
  expect(await engine.cancel(messageId)).toEqual({ canceled: 2 });
  expect(statuses(told)).toEqual(['canceled', 'canceled']);
  await runtime.advance(5000);
  expect(statuses(told)).toEqual(['canceled', 'canceled', 'accepted']);
  expect(push.sent).toHaveLength(1);
});

test('cancel of what is in an attempt keeps it from a retry', async () => {
  const runtime = virtualRuntime();
  const { engine, push, told } = setUp(() => after(runtime, 1000, unavailable), {
    runtime,
    store: memoryStore({ runtime }),
  });
  const { messageId } = await engine.enqueue({ to: to('a') });
  await runtime.advance(1);
  await engine.cancel(messageId);
  await runtime.advance(100_000);
  expect(told).toMatchObject([{ status: 'canceled', by: 'caller' }]);
  expect(push.sent).toHaveLength(1);
});

test('cancel of an unknown message cancels nothing', async () => {
  const { engine } = setUp();
  expect(await engine.cancel('0198f5a0-0000-7000-8000-000000000000')).toEqual({ canceled: 0 });
});

// ---- status

test('status follows an enqueued delivery; its outcome is there for as long as it is kept', async () => {
  const runtime = virtualRuntime();
  const { engine, told } = setUp(() => after(runtime, 1000, { kind: 'accepted', messageId: 'p1' }), {
    runtime,
    store: memoryStore({ runtime }),
    keepOutcomes: '1h',
  });
  const ids: string[] = [];
  engine.on('delivery.queued', ({ deliveryId }) => ids.push(deliveryId));
  const { messageId } = await engine.enqueue({ to: to('a'), notBefore: new Date(runtime.now() + 5000), ref: 9 });
  expect(await engine.status(messageId)).toEqual({ state: 'waiting' });
  await runtime.advance(5500);
  expect(ids).toEqual([messageId]);
  expect(await engine.status(messageId)).toEqual({ state: 'active' });
  await runtime.advance(2000);
  const kept = await engine.status(messageId);
  expect(kept).toMatchObject({
    state: 'settled',
    outcome: { status: 'accepted', provider: 'script', providerMessageId: 'p1', to: to('a'), ref: 9, messageId },
  });
  expect(kept!.outcome!.attempts).toEqual(told[0]!.attempts);
  expect(kept!.outcome!.trace).toEqual(told[0]!.trace);
  await runtime.advance(3_600_000);
  expect(await engine.status(messageId)).toBeUndefined();
});

test('without keepOutcomes nothing is known once it has settled', async () => {
  const { engine, runtime, told } = setUp();
  const { messageId } = await engine.enqueue({ to: to('a') });
  await runtime.advance(0);
  expect(statuses(told)).toEqual(['accepted']);
  expect(await engine.status(messageId)).toBeUndefined();
});

// ---- dead letters

test('which endings become dead letters', async () => {
  const cases: [SendResult, boolean][] = [
    [refused, true],
    [unavailable, true],
    [{ kind: 'unauthorized', scope: 'credential', code: '403' }, true],
    [{ kind: 'unregistered', scope: 'target', code: '410' }, false],
    [{ kind: 'blocked', scope: 'target', code: 'stop' }, false],
    [{ kind: 'ambiguous', scope: 'provider', code: 'reset' }, false],
    [{ kind: 'throttled', scope: 'target', code: '429', retryAfter: 1e12 }, false],
    [{ kind: 'accepted' }, false],
  ];
  for (const [result, dead] of cases) {
    const { engine, runtime, told } = setUp(() => result, { policy: { retry: { attempts: 1 } } });
    const { messageId } = await engine.enqueue({ to: to('a') });
    await runtime.run({ until: () => told.length > 0 });
    await runtime.advance(0);
    expect([result.kind, told.length]).toEqual([result.kind, 1]);
    const letters = await collect(engine.deadLetters.list());
    expect([result.kind, letters.map(({ failure }) => failure.kind)]).toEqual([result.kind, dead ? [result.kind] : []]);
    expect((await engine.status(messageId))?.state).toBe(dead ? 'dead' : undefined);
  }
});

test('what only sent, and did not enqueue, leaves no dead letter', async () => {
  const { engine } = setUp(() => refused);
  expect((await engine.send({ to: to('a') })).status).toBe('failed');
  expect(await collect(engine.deadLetters.list())).toEqual([]);
});

/** Dead letters of two tenants, 10 minutes apart, the second by exhaustion. */
async function withDeadLetters() {
  let broken = true;
  const parts = setUp(
    ({ target }) => {
      if (!broken) return { kind: 'accepted' };
      return target.token === 'second' ? unavailable : refused;
    },
    { policy: { retry: { attempts: 2 } } },
  );
  const { engine, runtime, told } = parts;
  const ids: string[] = [];
  for (const [token, tenant] of [
    ['first', 'one'],
    ['second', 'two'],
    ['third', 'two'],
  ] as const) {
    ids.push((await engine.enqueue({ to: to(token), title: token, tenant, ttl: '1h' })).messageId);
    await runtime.advance(600_000);
  }
  expect(statuses(told)).toEqual(['failed', 'failed', 'failed']);
  told.length = 0;
  parts.push.sent.length = 0;
  return { ...parts, ids, mend: () => (broken = false) };
}

test('dead letters are listed oldest first and by what is asked for, without their content', async () => {
  const { engine, ids } = await withDeadLetters();
  const list = async (filter?: Parameters<typeof engine.deadLetters.list>[0]): Promise<string[]> =>
    (await collect(engine.deadLetters.list(filter))).map(({ deliveryId }) => deliveryId);
  expect(await list()).toEqual(ids);
  expect(await list({ tenant: 'two' })).toEqual(ids.slice(1));
  expect(await list({ kind: 'unavailable' })).toEqual([ids[1]]);
  expect(await list({ channel: 'sms' })).toEqual([]);
  const letters: DeadLetter[] = await collect(engine.deadLetters.list());
  expect(await list({ before: letters[1]!.failedAt })).toEqual([ids[0]]);
  expect(letters[1]).toMatchObject({ messageId: ids[1], channel: 'push', tenant: 'two', attempts: 2 });
  expect(JSON.stringify(letters)).not.toContain('second');
});

test('more dead letters than a page holds are all listed, once each', async () => {
  const { engine, runtime, told } = setUp(() => refused);
  await engine.enqueue({ to: Array.from({ length: 250 }, (_, index) => to(`t${index}`)) });
  await runtime.run({ until: () => told.length === 250 });
  expect(told).toHaveLength(250);
  const letters = await collect(engine.deadLetters.list());
  expect(new Set(letters.map(({ deliveryId }) => deliveryId)).size).toBe(250);
  expect(letters).toHaveLength(250);
});

test('inspect shows one with its message', async () => {
  const { engine, ids } = await withDeadLetters();
  expect(await engine.deadLetters.inspect(ids[0]!)).toMatchObject({
    deliveryId: ids[0],
    failure: refused,
    to: to('first'),
    message: { title: 'first', tenant: 'one' },
  });
  expect(await engine.deadLetters.inspect('0198f5a0-0000-7000-8000-000000000000')).toBeUndefined();
});

test('replay by id sends that one again, with fresh attempts and the ttl it had', async () => {
  const { engine, runtime, push, told, ids, mend } = await withDeadLetters();
  await runtime.advance(7_200_000);
  mend();
  expect(await engine.deadLetters.replay({ id: ids[1]! })).toEqual({ count: 1 });
  await runtime.advance(0);
  expect(push.sent.map(({ content, expiresAt }) => [content.title, expiresAt.getTime() - runtime.now()])).toEqual([
    ['second', 3_600_000],
  ]);
  expect(told).toMatchObject([{ status: 'accepted', deliveryId: ids[1] }]);
  expect(await collect(engine.deadLetters.list())).toHaveLength(2);
});

test('what fails again after a replay is a dead letter again', async () => {
  const { engine, runtime, told, ids } = await withDeadLetters();
  await engine.deadLetters.replay({ id: ids[0]! });
  await runtime.run({ until: () => told.length > 0 });
  await runtime.advance(0);
  expect(statuses(told)).toEqual(['failed']);
  expect((await collect(engine.deadLetters.list())).map(({ deliveryId }) => deliveryId).toSorted()).toEqual(
    ids.toSorted(),
  );
});

test('replay by a filter; a dry run only counts, and a rate spreads', async () => {
  const { engine, runtime, push, mend } = await withDeadLetters();
  mend();
  expect(await engine.deadLetters.replay({ tenant: 'two' }, { dryRun: true })).toEqual({ count: 2 });
  await runtime.advance(1000);
  expect(push.sent).toHaveLength(0);
  expect(await engine.deadLetters.replay({}, { rate: 'often' as never }).catch(() => 'bad rate')).toBe('bad rate');
  expect(await engine.deadLetters.replay({}, { rate: { limit: 1, per: '1m' } })).toEqual({ count: 3 });
  const sent: number[] = [];
  for (let minute = 0; minute < 3; minute++) {
    await runtime.advance(30_000);
    sent.push(push.sent.length);
    await runtime.advance(30_000);
  }
  expect(sent).toEqual([1, 2, 3]);
  expect(await collect(engine.deadLetters.list())).toEqual([]);
});

test('what is discarded is gone and is not sent', async () => {
  const { engine, runtime, push, ids, told } = await withDeadLetters();
  expect(await engine.deadLetters.discard({ id: ids[0]! })).toEqual({ count: 1 });
  expect(await engine.deadLetters.discard({ id: ids[0]! })).toEqual({ count: 0 });
  expect(await engine.deadLetters.discard({ tenant: 'two' })).toEqual({ count: 2 });
  await runtime.advance(100_000);
  expect([await collect(engine.deadLetters.list()), push.sent, told]).toEqual([[], [], []]);
});

// ---- routes

const receipt = (runtime: { now(): number }, kind: Receipt['kind'], providerMessageId = 'p1'): Receipt => ({
  provider: 'script',
  providerMessageId,
  kind,
  at: new Date(runtime.now()),
});

test('firstOf by enqueue: the next step goes when the one before failed', async () => {
  const { engine, runtime, told, text } = setUp(() => refused);
  const { messageId } = await engine.enqueue({ to: { firstOf: [to('a'), sms('b')] }, title: 'Hi' });
  await runtime.run({ until: () => told.length === 2 });
  expect(summary(told)).toEqual(['push failed', 'sms accepted']);
  expect(text.sent[0]!.content.title).toBe('Hi');
  expect(told.map(({ deliveryId }) => deliveryId.slice(0, -4))).toEqual(Array(2).fill(messageId.slice(0, -4)));
});

test('firstOf by enqueue: after acceptance the other steps are not needed', async () => {
  const { engine, runtime, told, text } = setUp();
  await engine.enqueue({ to: { firstOf: [to('a'), sms('b'), sms('c')] } });
  await runtime.advance(100_000);
  expect(summary(told)).toEqual(['push accepted', 'sms notNeeded', 'sms notNeeded']);
  expect(new Set(told.map(({ deliveryId }) => deliveryId)).size).toBe(3);
  expect(text.sent).toEqual([]);
});

test('firstOf with a wait by enqueue: a receipt in time, and the rest is not needed', async () => {
  const { engine, runtime, told, text } = setUp(() => ({ kind: 'accepted', messageId: 'p1' }));
  await engine.enqueue({ to: { firstOf: [to('a'), sms('b')], wait: '1m' } });
  await runtime.advance(30_000);
  engine.receipt(receipt(runtime, 'delivered'));
  await runtime.advance(120_000);
  expect(summary(told)).toEqual(['push accepted', 'sms notNeeded']);
  expect(text.sent).toEqual([]);
});

test('firstOf with a wait by enqueue: without a receipt the next step goes', async () => {
  const { engine, runtime, told, text } = setUp(() => ({ kind: 'accepted', messageId: 'p1' }));
  await engine.enqueue({ to: { firstOf: [to('a'), sms('b')], wait: '1m' } });
  await runtime.advance(59_000);
  expect(text.sent).toEqual([]);
  await runtime.advance(2000);
  expect(text.sent).toHaveLength(1);
  expect(summary(told)).toEqual(['push accepted', 'sms accepted']);
  // Too late: it changes nothing any more.
  engine.receipt(receipt(runtime, 'delivered'));
  await runtime.advance(100_000);
  expect(told).toHaveLength(2);
});

test('firstOf by enqueue: cancel ends the step that waits', async () => {
  const { engine, runtime, told, text } = setUp(() => ({ kind: 'accepted', messageId: 'p1' }));
  const { messageId } = await engine.enqueue({ to: { firstOf: [to('a'), sms('b')], wait: '1m' } });
  await runtime.advance(1000);
  expect(await engine.cancel(messageId)).toEqual({ canceled: 1 });
  await runtime.advance(100_000);
  expect(summary(told)).toEqual(['push accepted', 'sms canceled']);
  expect(text.sent).toEqual([]);
});

test('firstOf with a wait by enqueue: a receipt in time, and of three steps each has its outcome', async () => {
  const { engine, runtime, told, text } = setUp(() => ({ kind: 'accepted', messageId: 'p1' }));
  await engine.enqueue({ to: { firstOf: [to('a'), sms('b'), sms('c')], wait: '1m' } });
  await runtime.advance(30_000);
  engine.receipt(receipt(runtime, 'delivered'));
  await runtime.advance(200_000);
  expect(text.sent).toEqual([]);
  expect(summary(told)).toEqual(['push accepted', 'sms notNeeded', 'sms notNeeded']);
});

test('firstOf with a wait by enqueue: a receipt of failure lets the next step go at once', async () => {
  const { engine, runtime, told } = setUp(() => ({ kind: 'accepted', messageId: 'p1' }));
  await engine.enqueue({ to: { firstOf: [to('a'), sms('b')], wait: '10m' } });
  await runtime.advance(1000);
  engine.receipt(receipt(runtime, 'bounced'));
  await runtime.advance(1000);
  expect(summary(told)).toEqual(['push accepted', 'sms accepted']);
});

test('firstOf by enqueue: cancel before the first step ends every step', async () => {
  const { engine, runtime, told } = setUp();
  const notBefore = new Date(runtime.now() + 60_000);
  const { messageId } = await engine.enqueue({ to: { firstOf: [to('a'), sms('b')] }, notBefore });
  await engine.cancel(messageId);
  await runtime.advance(100_000);
  expect(summary(told)).toEqual(['push canceled', 'sms canceled']);
});

test('firstOf by enqueue: what expires in its first step has an outcome for every step', async () => {
  const { engine, runtime, told } = setUp(() => new Promise(() => {}), {
    policy: { concurrency: 1, timeout: '1h', ambiguous: 'stop' },
  });
  await engine.enqueue({ to: to('in the way') });
  await runtime.advance(1);
  await engine.enqueue({ to: { firstOf: [to('a'), sms('b')] }, ttl: '2s' });
  await runtime.advance(10_000);
  expect(summary(told)).toEqual(['push expired', 'sms expired']);
});

// ---- the end in the queue

test('each delivery is sent once, also long after its lease would have ended', async () => {
  for (const count of [1, 2, 10, 100, 250, 600]) {
    const { engine, runtime, push, told } = setUp();
    await engine.enqueue({ to: Array.from({ length: count }, (_, index) => to(`t${index}`)) });
    await runtime.advance(200_000);
    expect([push.sent.length, told.length]).toEqual([count, count]);
  }
});

test('cancel of what has been taken and is being decoded keeps it from being sent', async () => {
  let goOn!: () => void;
  const { engine, runtime, push, told } = setUp(undefined, {
    codec: {
      encode: (plain) => plain,
      decode: async (stored) => {
        await new Promise<void>((resolve) => (goOn = resolve));
        return stored;
      },
    },
  });
  const { messageId } = await engine.enqueue({ to: to('a') });
  await runtime.advance(1);
  const canceled = engine.cancel(messageId);
  await runtime.advance(1);
  goOn();
  await runtime.advance(1);
  expect(await canceled).toEqual({ canceled: 1 });
  expect(push.sent).toEqual([]);
  expect(statuses(told)).toEqual(['canceled']);
});

// ---- codec

/** Inverts every byte, and notes for which delivery. */
function inverting(): Codec & { readonly keys: { readonly encoded: string[]; readonly decoded: string[] } } {
  const keys = { encoded: [] as string[], decoded: [] as string[] };
  const invert = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 0xff);
  return {
    keys,
    encode: async (plain, key) => {
      keys.encoded.push(key);
      return invert(plain);
    },
    decode: async (stored, key) => {
      keys.decoded.push(key);
      return invert(stored);
    },
  };
}

test('what lies in the queue has gone through the codec, both ways', async () => {
  const codec = inverting();
  const { engine, runtime, store, push } = setUp(() => refused, { codec });
  const bodies: string[] = [];
  const { put } = store.queue;
  store.queue.put = (batch, options) => {
    for (const { body } of batch.entries) bodies.push(new TextDecoder().decode(body));
    return put.call(store.queue, batch, options);
  };
  const { messageId } = await engine.enqueue({ to: to('secret-token'), title: 'secret title' });
  await runtime.advance(0);
  expect(push.sent).toMatchObject([{ target: { token: 'secret-token' }, content: { title: 'secret title' } }]);
  expect(bodies).toHaveLength(1);
  expect(bodies.join()).not.toMatch(/secret/);
  expect(await engine.deadLetters.inspect(messageId)).toMatchObject({ message: { title: 'secret title' } });
  expect(new Set([...codec.keys.encoded, ...codec.keys.decoded])).toEqual(new Set([messageId]));
});

test('what can not be decoded here is put back with a delay, not lost', async () => {
  const codec = inverting();
  const { decode } = codec;
  let readable = false;
  const { engine, runtime, push, told } = setUp(undefined, {
    codec: {
      ...codec,
      decode: (stored, key) => (readable ? decode(stored, key) : Promise.reject(new Error('no key'))),
    },
  });
  await engine.enqueue({ to: to('a') });
  await runtime.advance(1000);
  expect([push.sent, told]).toEqual([[], []]);
  expect((await engine.depth()).get('push')).toMatchObject({ waiting: 1 });
  readable = true;
  await runtime.run({ until: () => told.length > 0, most: 600_000 });
  expect(statuses(told)).toEqual(['accepted']);
});
