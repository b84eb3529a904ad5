import { expect, test } from 'vitest';
import { createEngine, perTenant, route, withPolicy, type SendResult } from '../src/index.ts';
import { after, scriptAdapter } from '../src/testing/script-adapter.ts';
import { virtualRuntime } from '../src/testing/virtual-runtime.ts';

const unavailable: SendResult = { kind: 'unavailable', scope: 'provider', code: '503' };
const down: SendResult = { kind: 'unavailable', scope: 'provider', code: 'ECONNREFUSED', unsent: true };
const sms = (token: string) => ({ channel: 'sms', token }) as const;

test('a refused message goes by the next adapter of its channel', async () => {
  const runtime = virtualRuntime();
  const one = scriptAdapter(() => ({ kind: 'rejected', scope: 'message', code: 'no' }), { provider: 'one' });
  const two = scriptAdapter(() => ({ kind: 'accepted' }), { provider: 'two' });
  const engine = createEngine({ channels: { sms: [one, two] }, runtime });
  const outcome = await engine.send({ to: sms('a'), native: { two: { own: true } } });
  expect(outcome).toMatchObject({ status: 'accepted', provider: 'two' });
  expect(outcome.trace.map(({ step }) => step)).toEqual(['queued', 'attempted', 'failedOver', 'attempted', 'settled']);
  expect(one.sent[0]!.native).toBeUndefined();
  expect(two.sent[0]!.native).toEqual({ own: true });
});

test('an opted-out recipient is not tried elsewhere', async () => {
  const one = scriptAdapter(() => ({ kind: 'blocked', scope: 'target', code: '21610' }), { provider: 'one' });
  const two = scriptAdapter(undefined, { provider: 'two' });
  const engine = createEngine({ channels: { sms: [one, two] }, runtime: virtualRuntime() });
  expect(await engine.send({ to: sms('a') })).toMatchObject({ status: 'failed', failure: { kind: 'blocked' } });
  expect(two.sent).toHaveLength(0);
});

test('while the first provider is down all go by the second; when it is back, they return', async () => {
  for (const failure of [unavailable, down]) {
    const runtime = virtualRuntime();
    let broken = true;
    const one = scriptAdapter(() => (broken ? failure : { kind: 'accepted' }), { provider: 'one' });
    const two = scriptAdapter(undefined, { provider: 'two' });
    const tuned = withPolicy([one, two], { breaker: { minimum: 5, open: '5s' } });
    const engine = createEngine({ channels: { sms: tuned }, runtime });
    const wave = async (count: number): Promise<string[]> => {
      const sent: string[] = [];
      for (let index = 0; index < count; index++) {
        const outcome = engine.send({ to: sms(`t${index}`) });
        await runtime.advance(100);
        const settled = await outcome;
        if (settled.status === 'accepted') sent.push(settled.provider);
      }
      return sent;
    };
    expect(new Set(await wave(60))).toEqual(new Set(['two']));
    // Only the first few found the first provider; then a probe now and then.
    expect(one.sent.length).toBeLessThan(25);
    broken = false;
    await runtime.advance(6000);
    expect((await wave(20)).filter((provider) => provider === 'one').length).toBeGreaterThanOrEqual(19);
  }
});

test('what waits in a lane that stops goes by another', async () => {
  const runtime = virtualRuntime();
  const one = scriptAdapter(() => after(runtime, 100, unavailable), {
    provider: 'one',
    policy: { concurrency: 2, breaker: { minimum: 2, open: '1h' } },
  });
  const two = scriptAdapter(undefined, { provider: 'two' });
  const engine = createEngine({ channels: { sms: [one, two] }, runtime });
  const sent = Promise.all(Array.from({ length: 50 }, (_, index) => engine.send({ to: sms(`t${index}`) })));
  await runtime.advance(1000);
  expect((await sent).map((outcome) => (outcome.status === 'accepted' ? outcome.provider : outcome.status))).toEqual(
    Array(50).fill('two'),
  );
  expect(one.sent.length).toBeLessThanOrEqual(4);
  expect(two.sent).toHaveLength(50);
});

test('a lost answer is not given to another provider where a repeat is not allowed', async () => {
  const one = scriptAdapter(() => ({ kind: 'ambiguous', scope: 'provider', code: 'reset' }), {
    provider: 'one',
    policy: { ambiguous: 'stop' },
  });
  const two = scriptAdapter(undefined, { provider: 'two' });
  const engine = createEngine({ channels: { sms: [one, two] }, runtime: virtualRuntime() });
  expect((await engine.send({ to: sms('a') })).status).toBe('unknown');
  expect(two.sent).toHaveLength(0);
});

test('all adapters failing ends within the attempts', async () => {
  const runtime = virtualRuntime();
  const one = scriptAdapter(() => unavailable, { provider: 'one' });
  const two = scriptAdapter(() => unavailable, { provider: 'two' });
  const engine = createEngine({ channels: { sms: [one, two] }, runtime, policy: { retry: { attempts: 4 } } });
  const sent = engine.send({ to: sms('a') });
  await runtime.run();
  expect((await sent).status).toBe('failed');
  expect(one.sent.length + two.sent.length).toBeLessThanOrEqual(5);
});

test('a routing function orders the adapters for each delivery', async () => {
  const one = scriptAdapter(undefined, { provider: 'one' });
  const two = scriptAdapter(undefined, { provider: 'two' });
  const byCountry = route([one, two], ({ target }) =>
    (target as { token: string }).token.startsWith('+44') ? ['two', 'one'] : ['one'],
  );
  const engine = createEngine({ channels: { sms: byCountry }, runtime: virtualRuntime() });
  const outcomes = await engine.send({ to: [sms('+441'), sms('+11')] });
  expect(outcomes.map((outcome) => (outcome.status === 'accepted' ? outcome.provider : ''))).toEqual(['two', 'one']);
});

test('a routing function that leaves nothing or throws fails that delivery alone', async () => {
  const one = scriptAdapter(undefined, { provider: 'one' });
  const two = scriptAdapter(undefined, { provider: 'two' });
  for (const order of [
    () => [],
    () => {
      throw new Error('x');
    },
  ]) {
    const engine = createEngine({ channels: { sms: route([one, two], order) }, runtime: virtualRuntime() });
    expect(await engine.send({ to: sms('a') })).toMatchObject({ status: 'failed', failure: { kind: 'rejected' } });
  }
});

test('an adapter per tenant is made once, and a message without a tenant is refused', async () => {
  const made: string[] = [];
  const adapters = new Map<string, ReturnType<typeof scriptAdapter>>();
  const channel = perTenant(async (tenant: string) => {
    if (tenant === 'broken') throw new Error('no credential');
    made.push(tenant);
    const adapter = scriptAdapter(undefined, { provider: 'own' });
    adapters.set(tenant, adapter);
    return adapter;
  });
  const engine = createEngine({ channels: { sms: channel }, runtime: virtualRuntime() });
  const outcomes = await Promise.all(['a', 'b', 'a'].map((tenant) => engine.send({ to: sms('x'), tenant })));
  expect(outcomes.map(({ status }) => status)).toEqual(['accepted', 'accepted', 'accepted']);
  expect(made.toSorted()).toEqual(['a', 'b']);
  expect(adapters.get('a')!.sent).toHaveLength(2);
  expect(await engine.send({ to: sms('x') })).toMatchObject({ status: 'failed', failure: { field: 'tenant' } });
  expect(await engine.send({ to: sms('x'), tenant: 'broken' })).toMatchObject({
    status: 'failed',
    failure: { code: 'tidings.no_adapter' },
  });
  expect(await engine.send({ to: { channel: 'sms' } as never, tenant: 'a' })).toMatchObject({
    failure: { field: 'to.token' },
  });
  await engine.close();
});

function pushThenSms(push: () => SendResult) {
  const runtime = virtualRuntime();
  const app = scriptAdapter(push, { provider: 'app' });
  const text = scriptAdapter(() => ({ kind: 'accepted', messageId: 'sms1' }), { provider: 'text' });
  const engine = createEngine({ channels: { app, sms: text }, runtime });
  const to = {
    firstOf: [
      { channel: 'app', token: 'a' },
      { channel: 'sms', token: '+1' },
    ],
  } as const;
  return { runtime, app, text, engine, to };
}

test('firstOf: the first that is accepted is enough', async () => {
  const { engine, to, text } = pushThenSms(() => ({ kind: 'accepted' }));
  const [first, second] = await engine.send({ to });
  expect(first.status).toBe('accepted');
  expect(second).toMatchObject({ status: 'suppressed', reason: 'notNeeded' });
  expect(text.sent).toHaveLength(0);
});

test('firstOf: when the first fails the next goes', async () => {
  const { engine, to } = pushThenSms(() => ({ kind: 'unregistered', scope: 'target', code: 'gone' }));
  const [first, second] = await engine.send({ to });
  expect([first.status, second.status]).toEqual(['failed', 'accepted']);
});

test('firstOf with a wait: the next goes when nothing is heard in time', async () => {
  const { engine, runtime, to, text } = pushThenSms(() => ({ kind: 'accepted', messageId: 'p1' }));
  const sent = engine.send({ to: { ...to, wait: '30s' } });
  await runtime.advance(29_000);
  expect(text.sent).toHaveLength(0);
  await runtime.advance(2000);
  const [first, second] = await sent;
  expect([first.status, second.status]).toEqual(['accepted', 'accepted']);
  expect(runtime.scheduled).toBe(0);
});

test('firstOf with a wait: a receipt in time ends it, one that tells of failure hurries it', async () => {
  for (const [kind, statuses] of [
    ['displayed', ['accepted', 'suppressed']],
    ['failed', ['accepted', 'accepted']],
  ] as const) {
    const { engine, runtime, to } = pushThenSms(() => ({ kind: 'accepted', messageId: 'p1' }));
    const heard: (string | undefined)[] = [];
    engine.on('receipt.arrived', ({ deliveryId }) => heard.push(deliveryId));
    const sent = engine.send({ to: { ...to, wait: '30s' } });
    await runtime.advance(1000);
    engine.receipt({ provider: 'app', providerMessageId: 'other', kind, at: new Date() });
    engine.receipt({ provider: 'app', providerMessageId: 'p1', kind, at: new Date() });
    await runtime.advance(1000);
    const outcomes = await sent;
    expect(outcomes.map(({ status }) => status)).toEqual(statuses);
    expect(heard).toEqual([undefined, outcomes[0].deliveryId]);
  }
});

test('firstOf: an abort ends all steps, an idempotency key counts once for all', async () => {
  const { engine, to, app, text } = pushThenSms(() => ({ kind: 'accepted' }));
  const ended = await engine.send({ to }, { signal: AbortSignal.abort() });
  expect(ended.map(({ status }) => status)).toEqual(['canceled', 'canceled']);
  await engine.send({ to, idempotencyKey: 'k' });
  const again = await engine.send({ to, idempotencyKey: 'k' });
  expect(again.map(({ status }) => status)).toEqual(['suppressed', 'suppressed']);
  expect(app.sent).toHaveLength(1);
  expect(text.sent).toHaveLength(0);
});

test('firstOf: wrong forms name their field', async () => {
  const { engine } = pushThenSms(() => ({ kind: 'accepted' }));
  const send = (to: object) => engine.send({ to: to as never });
  expect(await send({ firstOf: [] })).toMatchObject([{ failure: { field: 'to.firstOf' } }]);
  expect(await send({ firstOf: [{ channel: 'app', token: 'a' }], wait: 'soon' })).toMatchObject([
    { failure: { field: 'to.wait' } },
  ]);
  expect(await send({ firstOf: [{ channel: 'app', token: 'a' }, { channel: 'x' }] })).toMatchObject([
    { status: 'accepted' },
    { status: 'failed', failure: { field: 'to.firstOf[1].channel' } },
  ]);
});

test('firstOf: when all steps fail each has its failure, and a first step that is wrong is passed over', async () => {
  const { engine, runtime } = pushThenSms(() => ({ kind: 'unregistered', scope: 'target', code: 'gone' }));
  const to = {
    firstOf: [
      { channel: 'app', token: '' },
      { channel: 'app', token: 'a' },
      { channel: 'app', token: 'b' },
    ],
  } as const;
  const sent = engine.send({ to });
  await runtime.run();
  expect((await sent).map((outcome) => outcome.status === 'failed' && outcome.failure.kind)).toEqual([
    'rejected',
    'unregistered',
    'unregistered',
  ]);
});

test('firstOf: an abort in the middle of a step ends the ones after it', async () => {
  const runtime = virtualRuntime();
  const app = scriptAdapter((_delivery, { signal }) => after(runtime, 1e6, { kind: 'accepted' } as const, signal), {
    provider: 'app',
    policy: { concurrency: 1, timeout: '1h' },
  });
  const engine = createEngine({ channels: { app }, runtime });
  void engine.send({ to: { channel: 'app', token: 'in the way' } });
  await runtime.advance(1);
  const controller = new AbortController();
  const firstOf = ['a', 'b', 'c'].map((token) => ({ channel: 'app', token }) as const);
  const sent = engine.send({ to: { firstOf } }, { signal: controller.signal });
  await runtime.advance(1);
  controller.abort();
  await runtime.advance(1);
  expect((await sent).map(({ status }) => status)).toEqual(['canceled', 'canceled', 'canceled']);
});

test('firstOf with a wait: an accepted step without an id of its provider waits its time all the same', async () => {
  const { engine, runtime, to } = pushThenSms(() => ({ kind: 'accepted' }));
  const sent = engine.send({ to: { ...to, wait: '5s' } });
  await runtime.advance(6000);
  expect((await sent).map(({ status }) => status)).toEqual(['accepted', 'accepted']);
});

test('a target that a schema of another library refuses in a second adapter is named', async () => {
  const one = scriptAdapter(undefined, { provider: 'one' });
  const two = scriptAdapter(undefined, { provider: 'two' });
  const strict = {
    '~standard': {
      version: 1 as const,
      vendor: 'other',
      validate: () => Promise.resolve({ issues: [{ message: 'a number', path: [{ key: 'token' }, 0] }] }),
    },
  };
  const engine = createEngine({ channels: { sms: [one, { ...two, target: strict }] }, runtime: virtualRuntime() });
  const outcome = await engine.send({ to: sms('a') as never });
  expect(outcome).toMatchObject({ status: 'failed', failure: { kind: 'rejected', field: 'to.token[0]' } });
});

test('a partition that throws fails its delivery, and the engine goes on', async () => {
  const adapter = scriptAdapter(undefined, {
    partition: ({ token }) => {
      if (token === 'bad') throw new Error('no partition');
      return token;
    },
  });
  const engine = createEngine({ channels: { sms: adapter }, runtime: virtualRuntime() });
  expect(await engine.send({ to: sms('bad') })).toMatchObject({ failure: { code: 'tidings.adapter_threw' } });
  expect((await engine.send({ to: sms('good') })).status).toBe('accepted');
});

test('services beyond the most are forgotten when idle, and work again when they come back', async () => {
  const adapter = scriptAdapter(undefined, { partition: ({ token }) => token });
  const engine = createEngine({ channels: { sms: adapter }, runtime: virtualRuntime() });
  for (let each = 0; each < 300; each++) await engine.send({ to: sms(`service ${each}`) });
  expect(engine.stats().sms.length).toBeLessThanOrEqual(256);
  expect((await engine.send({ to: sms('service 0') })).status).toBe('accepted');
});
