import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { createEngine, type Outcome, type SendResult } from '../src/index.ts';
import { after, scriptAdapter } from '../src/testing/script-adapter.ts';
import { virtualRuntime } from '../src/testing/virtual-runtime.ts';

const unavailable: SendResult = { kind: 'unavailable', scope: 'provider', code: '503' };
const ambiguous: SendResult = { kind: 'ambiguous', scope: 'provider', code: 'reset' };
const to = (token: string) => ({ channel: 'push', token }) as const;

function setUp(answer?: Parameters<typeof scriptAdapter>[0], options?: Parameters<typeof scriptAdapter>[1]) {
  const runtime = virtualRuntime();
  const adapter = scriptAdapter(answer, options);
  const engine = createEngine({ channels: { push: adapter }, runtime });
  return { runtime, adapter, engine };
}

const steps = (outcome: Outcome): string[] =>
  outcome.trace.map((step) => ('by' in step ? `${step.step} ${step.by}` : step.step));

test('an accepted delivery has the provider, its message id, one attempt and a trace', async () => {
  const { engine, adapter } = setUp(() => ({ kind: 'accepted', messageId: 'p1', parts: 2 }));
  const outcome = await engine.send({ to: to('a'), title: 'Hi', ref: 7 });
  expect(outcome).toMatchObject({ status: 'accepted', provider: 'script', providerMessageId: 'p1', parts: 2, ref: 7 });
  expect(outcome.to).toEqual({ channel: 'push', token: 'a' });
  expect(outcome.attempts).toHaveLength(1);
  expect(steps(outcome)).toEqual(['queued', 'attempted', 'settled']);
  expect(adapter.sent[0]).toMatchObject({
    id: outcome.deliveryId,
    messageId: outcome.messageId,
    channel: 'push',
    attempt: 1,
  });
  expect(adapter.sent[0]!.content).toEqual({ title: 'Hi' });
});

test('an array of targets gives an array of outcomes in the same order, with ids that differ in the low bits', async () => {
  const { engine } = setUp(({ target }) =>
    target.token === 'b' ? { kind: 'blocked', scope: 'target', code: 'stop' } : { kind: 'accepted' },
  );
  const outcomes = await engine.send({ to: ['a', 'b', 'c'].map(to), title: 'Hi' });
  expect(outcomes.map(({ status }) => status)).toEqual(['accepted', 'failed', 'accepted']);
  expect(outcomes.map((outcome) => outcome.to.token)).toEqual(['a', 'b', 'c']);
  expect(outcomes.map(({ deliveryId }) => deliveryId.slice(-4))).toEqual(['0000', '0001', '0002']);
  expect(new Set(outcomes.map(({ messageId }) => messageId)).size).toBe(1);
});

test('no targets give no outcomes', async () => {
  const { engine } = setUp();
  expect(await engine.send({ to: [], title: 'Hi' })).toEqual([]);
});

test('one wrong target fails alone, naming its field', async () => {
  const { engine } = setUp();
  const outcomes = await engine.send({ to: [to('a'), { channel: 'nope' }, { channel: 'push' }] as never, title: 'Hi' });
  expect(outcomes).toMatchObject([
    { status: 'accepted' },
    { status: 'failed', failure: { kind: 'rejected', scope: 'message', field: 'to[1].channel' } },
    { status: 'failed', failure: { kind: 'rejected', field: 'to[2].token' } },
  ]);
});

test('content of a channel is laid over the common fields; native reaches its provider alone', async () => {
  const { engine, adapter } = setUp();
  await engine.send({
    to: to('a'),
    title: 'Hi',
    body: 'common',
    content: { push: { body: 'own' } },
    native: { script: { raw: 1 } },
  });
  expect(adapter.sent[0]!.content).toEqual({ title: 'Hi', body: 'own' });
  expect(adapter.sent[0]!.native).toEqual({ raw: 1 });
});

test('a failure of the provider is retried until it is accepted', async () => {
  const { engine, runtime } = setUp((delivery) => (delivery.attempt < 3 ? unavailable : { kind: 'accepted' }));
  const sent = engine.send({ to: to('a') });
  await runtime.run();
  const outcome = await sent;
  expect(outcome.status).toBe('accepted');
  expect(outcome.attempts.map(({ failure }) => failure?.code)).toEqual(['503', '503', undefined]);
  expect(steps(outcome)).toEqual([
    'queued',
    'attempted',
    'held retry',
    'attempted',
    'held retry',
    'attempted',
    'settled',
  ]);
});

test('attempts are bounded by the policy', async () => {
  const { engine, runtime, adapter } = setUp(() => unavailable);
  const sent = engine.send({ to: to('a'), policy: { retry: { attempts: 3 } } });
  await runtime.run();
  expect(await sent).toMatchObject({ status: 'failed', failure: { code: '503' } });
  expect(adapter.sent).toHaveLength(3);
});

test('a message that may not be retried is tried once', async () => {
  const { engine, adapter } = setUp(() => unavailable);
  expect(await engine.send({ to: to('a'), policy: { retry: false } })).toMatchObject({ status: 'failed' });
  expect(adapter.sent).toHaveLength(1);
});

test('a lost answer is repeated under the same id and marked so', async () => {
  const { engine, runtime, adapter } = setUp((delivery) => (delivery.attempt === 1 ? ambiguous : { kind: 'accepted' }));
  const sent = engine.send({ to: to('a') });
  await runtime.run();
  const outcome = await sent;
  expect(steps(outcome)).toEqual(['queued', 'attempted', 'held retry', 'repeated', 'settled']);
  expect(new Set(adapter.sent.map(({ id }) => id)).size).toBe(1);
});

test('a lost answer that may not be repeated ends unknown', async () => {
  const { engine, adapter } = setUp(() => ambiguous, { policy: { ambiguous: 'stop' } });
  expect(await engine.send({ to: to('a') })).toMatchObject({
    status: 'unknown',
    failure: { kind: 'ambiguous', code: 'reset' },
  });
  expect(adapter.sent).toHaveLength(1);
});

test('after a lost answer a delivery ends accepted or unknown, whatever follows', async () => {
  const follow: SendResult[] = [
    { kind: 'rejected', scope: 'message', code: 'bad' },
    { kind: 'unregistered', scope: 'target', code: 'gone' },
    unavailable,
    { kind: 'throttled', scope: 'target', code: '429', retryAfter: 1e12 },
  ];
  for (const result of follow) {
    const { engine, runtime } = setUp((delivery) => (delivery.attempt === 1 ? ambiguous : result));
    const sent = engine.send({ to: to('a'), ttl: '1h' });
    await runtime.run();
    expect((await sent).status).toBe('unknown');
  }
});

test('a throttled target waits alone and uses up no attempt', async () => {
  const { engine, runtime, adapter } = setUp(({ target, attempt }) =>
    target.token === 'slow' && attempt < 10
      ? { kind: 'throttled', scope: 'target', code: '429', retryAfter: 1000 }
      : { kind: 'accepted' },
  );
  const slow = engine.send({ to: to('slow'), policy: { retry: { attempts: 2 } } });
  expect((await engine.send({ to: to('fast') })).status).toBe('accepted');
  await runtime.run();
  expect((await slow).status).toBe('accepted');
  expect(adapter.sent.filter(({ target }) => target.token === 'slow')).toHaveLength(10);
});

test('a throttled provider slows the whole lane', async () => {
  let calls = 0;
  const { engine, runtime, adapter } = setUp(() =>
    ++calls === 1 ? { kind: 'throttled', scope: 'provider', code: '429', retryAfter: 5000 } : { kind: 'accepted' },
  );
  const throttled: Date[] = [];
  engine.on('lane.throttled', ({ until }) => throttled.push(until));
  const first = engine.send({ to: to('a') });
  await runtime.advance(0);
  const second = engine.send({ to: to('b') });
  await runtime.advance(4900);
  expect(adapter.sent).toHaveLength(1);
  await runtime.run();
  expect([(await first).status, (await second).status]).toEqual(['accepted', 'accepted']);
  expect(throttled).toHaveLength(1);
  expect(steps(await second)).toContain('held throttle');
});

test('a Retry-After beyond the ttl ends as expired at once', async () => {
  const { engine, runtime } = setUp(() => ({
    kind: 'throttled',
    scope: 'target',
    code: '429',
    retryAfter: 31_536_000_000,
  }));
  const sent = engine.send({ to: to('a'), ttl: '10m' });
  await runtime.advance(10);
  expect(await sent).toMatchObject({ status: 'expired', failure: { kind: 'throttled' } });
});

test('a delivery past its deadline is not sent any more', async () => {
  const { engine, runtime, adapter } = setUp(() => unavailable, { policy: { retry: { first: '1h', max: '1h' } } });
  const sent = engine.send({ to: to('a'), ttl: '1s' });
  await runtime.run();
  expect((await sent).status).toBe('expired');
  expect(adapter.sent.length).toBeLessThanOrEqual(5);
  expect(runtime.monotonic()).toBeLessThan(1200);
});

test('a delivery that waits behind a full lane expires on time', async () => {
  const { engine, runtime } = setUp(() => new Promise(() => {}), { policy: { concurrency: 1, timeout: '1h' } });
  void engine.send({ to: to('first') });
  const sent = engine.send({ to: to('second'), ttl: '2s' });
  await runtime.advance(2200);
  expect((await sent).status).toBe('expired');
});

test('ttl 0 is now or never: sent when it can be, expired when the lane is stopped', async () => {
  const { engine, runtime } = setUp(({ target }) =>
    target.token === 'stop'
      ? { kind: 'throttled', scope: 'provider', code: '429', retryAfter: 60_000 }
      : { kind: 'accepted' },
  );
  expect((await engine.send({ to: to('a'), ttl: 0 })).status).toBe('accepted');
  void engine.send({ to: to('stop') });
  await runtime.advance(1);
  const late = engine.send({ to: to('b'), ttl: 0 });
  await runtime.advance(500);
  expect((await late).status).toBe('expired');
});

test('an attempt that takes too long is aborted, and its lost answer counts', async () => {
  const { engine, runtime } = setUp(
    (_delivery, { signal }) => after(virtualRuntime(), 1e9, { kind: 'accepted' } as const, signal),
    {
      policy: { timeout: '1s', ambiguous: 'stop' },
    },
  );
  const sent = engine.send({ to: to('a') });
  await runtime.run();
  expect(await sent).toMatchObject({ status: 'unknown', failure: { code: 'tidings.timeout' } });
});

test('an adapter can tell an attempt that took too long from a caller that gave up', async () => {
  const reasons: string[] = [];
  const { engine, runtime } = setUp(
    (_delivery, { signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          reasons.push((signal.reason as Error).name);
          resolve({ kind: 'ambiguous', scope: 'provider', code: 'lost' });
        });
      }),
    { policy: { timeout: '1s', ambiguous: 'stop' } },
  );
  const controller = new AbortController();
  const sent = [engine.send({ to: to('a') }), engine.send({ to: to('b') }, { signal: controller.signal })];
  await runtime.advance(1);
  controller.abort();
  await runtime.run();
  await Promise.all(sent);
  expect(reasons).toEqual(['AbortError', 'TimeoutError']);
});

test('an adapter that ignores its signal keeps its slot, and the delivery ends all the same', async () => {
  let letGo: (() => void) | undefined;
  const { engine, runtime, adapter } = setUp(
    ({ target }) =>
      target.token === 'hang'
        ? new Promise((resolve) => (letGo = () => resolve({ kind: 'accepted' })))
        : { kind: 'accepted' },
    { policy: { concurrency: 1, timeout: '1s', ambiguous: 'stop' } },
  );
  const hanging = engine.send({ to: to('hang') });
  const next = engine.send({ to: to('next') });
  await runtime.advance(5000);
  expect((await hanging).status).toBe('unknown');
  expect(adapter.sent).toHaveLength(1);
  letGo!();
  expect((await next).status).toBe('accepted');
  expect(adapter.load.peak).toBe(1);
});

test('exceptions, missing and wrong results of an adapter become outcomes', async () => {
  const results: [() => never, string][] = [
    [
      () => {
        throw Object.assign(new Error('x'), { code: 'ECONNREFUSED' });
      },
      'expired',
    ],
    [
      () => {
        throw new Error('boom');
      },
      'unknown',
    ],
    [(() => undefined) as never, 'unknown'],
    [(() => ({ kind: 'nonsense' })) as never, 'unknown'],
  ];
  for (const [answer, status] of results) {
    const { engine, runtime } = setUp(answer);
    const sent = engine.send({ to: to('a'), ttl: '1m' });
    await runtime.run();
    expect((await sent).status).toBe(status);
  }
});

test('a wrong count of results counts as a lost answer for all of the batch', async () => {
  const runtime = virtualRuntime();
  const adapter = scriptAdapter(undefined, { batch: 10, policy: { ambiguous: 'stop' } });
  const engine = createEngine({
    channels: { push: { ...adapter, send: () => Promise.resolve([{ kind: 'accepted' as const }]) } },
    runtime,
  });
  const outcomes = await engine.send({ to: ['a', 'b'].map(to) });
  expect(outcomes.map(({ status }) => status)).toEqual(['unknown', 'unknown']);
});

test("a hole in an adapter's results is a lost answer of that one, and the lane goes on", async () => {
  const runtime = virtualRuntime();
  const adapter = scriptAdapter(undefined, { batch: 10, policy: { ambiguous: 'stop' } });
  const holey: SendResult[] = [];
  holey.length = 2;
  holey[1] = { kind: 'accepted' };
  const engine = createEngine({ channels: { push: { ...adapter, send: () => Promise.resolve(holey) } }, runtime });
  for (let round = 0; round < 2; round++) {
    const outcomes = await engine.send({ to: ['a', 'b'].map(to) });
    expect(outcomes.map(({ status }) => status)).toEqual(['unknown', 'accepted']);
  }
});

test('what never reached the provider uses up no attempt and no breaker count', async () => {
  const { engine, runtime, adapter } = setUp((delivery) =>
    delivery.attempt < 8
      ? { kind: 'unavailable', scope: 'provider', code: 'GOAWAY', unsent: true }
      : { kind: 'accepted' },
  );
  const sent = engine.send({ to: to('a'), policy: { retry: { attempts: 1 } } });
  await runtime.run();
  expect((await sent).status).toBe('accepted');
  expect(adapter.sent).toHaveLength(8);
});

test('a refused credential is asked for once more, then the lane stops and a person is told', async () => {
  const refused: SendResult = { kind: 'unauthorized', scope: 'credential', code: 'InvalidProviderToken' };
  const { engine, runtime, adapter } = setUp(() => refused);
  const events: string[] = [];
  engine.on('credential.refused', () => events.push('credential.refused'));
  engine.on('breaker.opened', () => events.push('breaker.opened'));
  const sent = engine.send({ to: to('a') });
  await runtime.advance(100);
  expect(await sent).toMatchObject({ status: 'failed', failure: { kind: 'unauthorized' } });
  expect(adapter.sent).toHaveLength(2);
  expect(events.toSorted()).toEqual(['breaker.opened', 'credential.refused']);
  expect(engine.stats().push[0]!.breaker).toBe('open');
});

test('a dead target is told with the time that the provider saw it go', async () => {
  const since = new Date('2026-01-01T00:00:00Z');
  const { engine } = setUp(() => ({ kind: 'unregistered', scope: 'target', code: 'Unregistered', since }));
  const gone: unknown[] = [];
  engine.on('target.gone', ({ to: target, failure }) => gone.push([target, failure.since]));
  expect(await engine.send({ to: to('dead') })).toMatchObject({ status: 'failed', failure: { kind: 'unregistered' } });
  expect(gone).toEqual([[{ channel: 'push', token: 'dead' }, since]]);
});

test('a second message with the same idempotency key is suppressed, and names the first', async () => {
  const { engine, adapter, runtime } = setUp();
  const first = await engine.send({ to: to('a'), idempotencyKey: 'k' });
  const second = await engine.send({ to: to('a'), idempotencyKey: 'k' });
  expect(second).toMatchObject({ status: 'suppressed', reason: 'duplicate', detail: first.messageId });
  expect((await engine.send({ to: to('a'), idempotencyKey: 'k', tenant: 't' })).status).toBe('accepted');
  expect(adapter.sent).toHaveLength(2);
  await runtime.advance(25 * 3_600_000);
  expect((await engine.send({ to: to('a'), idempotencyKey: 'k' })).status).toBe('accepted');
});

test('a key is free again when surely nothing was sent', async () => {
  const { engine } = setUp(({ content }) =>
    content.title === 'bad' ? { kind: 'rejected', scope: 'message', code: 'x' } : { kind: 'accepted' },
  );
  expect((await engine.send({ to: to('a'), title: 'bad', idempotencyKey: 'k' })).status).toBe('failed');
  expect((await engine.send({ to: to('a'), title: 'good', idempotencyKey: 'k' })).status).toBe('accepted');
  expect((await engine.send({ to: to('a'), title: 'good', idempotencyKey: 'k' })).status).toBe('suppressed');
});

test('a key of several deliveries stays taken when one of them was sent', async () => {
  const { engine } = setUp(({ target }) =>
    target.token === 'a' ? { kind: 'accepted' } : { kind: 'rejected', scope: 'message', code: 'x' },
  );
  await engine.send({ to: [to('a'), to('b')], idempotencyKey: 'k' });
  const again = await engine.send({ to: [to('a'), to('b')], idempotencyKey: 'k' });
  expect(again.map(({ status }) => status)).toEqual(['suppressed', 'suppressed']);
});

test('an older message for the same place is superseded while it waits', async () => {
  const { engine, runtime, adapter } = setUp(() => after(runtimeOf(), 10, { kind: 'accepted' } as const), {
    policy: { concurrency: 1 },
  });
  function runtimeOf() {
    return runtime;
  }
  const blocker = engine.send({ to: to('x') });
  const older = engine.send({ to: to('a'), title: '1', collapseKey: 'score' });
  const other = engine.send({ to: to('b'), title: '1', collapseKey: 'score' });
  const newer = engine.send({ to: to('a'), title: '2', collapseKey: 'score' });
  await runtime.run();
  expect(await older).toMatchObject({ status: 'suppressed', reason: 'superseded' });
  expect([(await blocker).status, (await other).status, (await newer).status]).toEqual([
    'accepted',
    'accepted',
    'accepted',
  ]);
  expect(adapter.sent.map(({ content }) => content.title)).toEqual([undefined, '1', '2']);
});

test('an older message is not retried after a newer has come', async () => {
  const { engine, runtime, adapter } = setUp(
    ({ content }) => (content.title === '1' ? unavailable : { kind: 'accepted' }),
    {
      policy: { retry: { first: '10s' } },
    },
  );
  const older = engine.send({ to: to('a'), title: '1', collapseKey: 'score' });
  await runtime.advance(0);
  const newer = engine.send({ to: to('a'), title: '2', collapseKey: 'score' });
  await runtime.run();
  expect(await older).toMatchObject({ status: 'suppressed', reason: 'superseded' });
  expect((await newer).status).toBe('accepted');
  expect(adapter.sent).toHaveLength(2);
});

test('a newer message waits for the end of an older one that is being sent, the newest in place of those between', async () => {
  const events: string[] = [];
  const runtime = virtualRuntime();
  const adapter = scriptAdapter(async ({ content }) => {
    events.push(`begin ${content.title}`);
    await after(runtime, content.title === '1' ? 50 : 5, undefined);
    events.push(`end ${content.title}`);
    return { kind: 'accepted' };
  });
  const engine = createEngine({ channels: { push: adapter }, runtime });
  const send = (title: string) => engine.send({ to: to('a'), title, collapseKey: 'score', ttl: '1m' });
  const sent = [send('1')];
  for (const title of ['2', '3', '4']) {
    await runtime.advance(10);
    sent.push(send(title));
  }
  await runtime.run();
  expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([
    'accepted',
    'suppressed',
    'suppressed',
    'accepted',
  ]);
  expect(events).toEqual(['begin 1', 'end 1', 'begin 4', 'end 4']);
});

test('one that waits for an older one expires on time, and is canceled by its signal', async () => {
  const { engine, runtime, adapter } = setUp(() => new Promise(() => {}), { policy: { timeout: '1h' } });
  void engine.send({ to: to('a'), collapseKey: 'k' });
  await runtime.advance(10);
  const controller = new AbortController();
  const canceled = engine.send({ to: to('a'), collapseKey: 'k' }, { signal: controller.signal });
  await runtime.advance(10);
  controller.abort();
  expect((await canceled).status).toBe('canceled');
  const late = engine.send({ to: to('a'), collapseKey: 'k', ttl: '2s' });
  await runtime.advance(4000);
  expect((await late).status).toBe('expired');
  expect(adapter.sent).toHaveLength(1);
});

test('notBefore holds a message until its time; ttl counts from there', async () => {
  const { engine, runtime, adapter } = setUp();
  const start = runtime.now();
  const sent = engine.send({ to: to('a'), notBefore: new Date(start + 60_000), ttl: '10s' });
  await runtime.advance(59_000);
  expect(adapter.sent).toHaveLength(0);
  await runtime.advance(1_001);
  const outcome = await sent;
  expect(outcome.status).toBe('accepted');
  expect(steps(outcome)).toEqual(['queued', 'held schedule', 'attempted', 'settled']);
});

test('notBefore beyond an hour is refused in memory, with its field', async () => {
  const { engine, runtime } = setUp();
  const outcome = await engine.send({ to: to('a'), notBefore: new Date(runtime.now() + 3_700_000) });
  expect(outcome).toMatchObject({ status: 'failed', failure: { kind: 'rejected', field: 'notBefore' } });
});

test('an abort ends what waits, and what is in an attempt', async () => {
  const { engine, runtime } = setUp(
    (_delivery, { signal }) => after(runtime0, 1e6, { kind: 'accepted' } as const, signal),
    {
      policy: { concurrency: 1, ambiguous: 'stop' },
    },
  );
  const runtime0 = runtime;
  const controller = new AbortController();
  const active = engine.send({ to: to('a') }, { signal: controller.signal });
  const waiting = engine.send({ to: [to('b'), to('c')] }, { signal: controller.signal });
  await runtime.advance(10);
  controller.abort();
  await runtime.advance(10);
  expect((await active).status).toBe('unknown');
  expect(await waiting).toMatchObject([
    { status: 'canceled', by: 'signal' },
    { status: 'canceled', by: 'signal' },
  ]);
  const late = await engine.send({ to: to('d') }, { signal: controller.signal });
  expect(late).toMatchObject({ status: 'canceled', by: 'signal' });
});

test('an outcome keeps addresses out of logs', async () => {
  const { engine } = setUp();
  const outcome = await engine.send({ to: to('secret-token'), title: 'secret title', ref: 'secret ref' });
  for (const text of [JSON.stringify(outcome), inspect(outcome, { depth: Infinity, showHidden: true })]) {
    expect(text).not.toContain('secret');
    expect(text).toContain(outcome.deliveryId);
  }
});

test('a listener that throws harms no delivery', async () => {
  const errors: object[] = [];
  const logger = { debug() {}, info() {}, warn() {}, error: (fields: object) => void errors.push(fields) };
  const engine = createEngine({ channels: { push: scriptAdapter() }, runtime: virtualRuntime(), logger });
  engine.on('delivery.settled', () => {
    throw new Error('listener');
  });
  expect((await engine.send({ to: to('a') })).status).toBe('accepted');
  expect(errors).toHaveLength(1);
});

test('the signal of one message leaves its listeners behind on none', async () => {
  const { engine } = setUp();
  const controller = new AbortController();
  let listeners = 0;
  const { signal } = controller;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
  signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args));
  for (let index = 0; index < 5; index++) await engine.send({ to: to('a') }, { signal });
  expect(listeners).toBe(0);
});
