import { expect, test } from 'vitest';
import { createEngine, perTenant } from '../src/index.ts';
import { after, scriptAdapter, type ScriptAdapter } from '../src/testing/script-adapter.ts';
import { virtualRuntime } from '../src/testing/virtual-runtime.ts';

const to = { channel: 'push', token: 'a' } as const;

function setUp(options: Parameters<typeof perTenant>[1], answerAfter = 0) {
  const runtime = virtualRuntime();
  const made: string[] = [];
  const closed: string[] = [];
  const channel = perTenant(async (tenant: string): Promise<ScriptAdapter> => {
    made.push(tenant);
    const adapter = scriptAdapter(() => after(runtime, answerAfter, { kind: 'accepted' }), { provider: 'own' });
    return { ...adapter, close: () => Promise.resolve(void closed.push(tenant)) };
  }, options);
  return { runtime, made, closed, engine: createEngine({ channels: { push: channel }, runtime }) };
}

test('beyond the most, the tenant unused longest is closed and made again when it comes back', async () => {
  const { engine, runtime, made, closed } = setUp({ max: 2 });
  for (const tenant of ['a', 'b', 'a', 'c', 'b']) {
    const sent = engine.send({ to, tenant });
    await runtime.advance(1);
    expect((await sent).status).toBe('accepted');
  }
  expect(made).toEqual(['a', 'b', 'c', 'b']);
  expect(closed).toEqual(['b', 'a']);
  await engine.close();
  expect(closed.toSorted()).toEqual(['a', 'b', 'b', 'c']);
});

test('a tenant with work is never closed for another', async () => {
  const { engine, runtime, closed } = setUp({ max: 1 }, 1000);
  const busy = engine.send({ to, tenant: 'busy' });
  await runtime.advance(10);
  const other = engine.send({ to, tenant: 'other' });
  await runtime.advance(10);
  expect(closed).toEqual([]);
  await runtime.run();
  expect([(await busy).status, (await other).status]).toEqual(['accepted', 'accepted']);
});

test('a tenant that has been idle for long is closed when another comes', async () => {
  const { engine, runtime, closed } = setUp({ idle: '1m' });
  void engine.send({ to, tenant: 'a' });
  await runtime.advance(120_000);
  void engine.send({ to, tenant: 'b' });
  await runtime.advance(10);
  expect(closed).toEqual(['a']);
});

test('many messages of a new tenant wait for one adapter', async () => {
  const { engine, runtime, made } = setUp({});
  const sent = Promise.all(Array.from({ length: 50 }, () => engine.send({ to, tenant: 'a' })));
  await runtime.run();
  expect((await sent).every(({ status }) => status === 'accepted')).toBe(true);
  expect(made).toEqual(['a']);
});

test('an idle time that is no duration is refused at once', () => {
  expect(() => perTenant(() => scriptAdapter(), { idle: 'soon' as never })).toThrow('perTenant.idle');
});

test('an adapter per tenant fails over to one for all', async () => {
  const runtime = virtualRuntime();
  const own = perTenant(() =>
    Promise.resolve(scriptAdapter(() => ({ kind: 'rejected', scope: 'message', code: 'no' }), { provider: 'own' })),
  );
  const all = scriptAdapter(undefined, { provider: 'all' });
  const engine = createEngine({ channels: { push: [own, all] }, runtime });
  const sent = engine.send({ to, tenant: 'a' });
  await runtime.run();
  expect(await sent).toMatchObject({ status: 'accepted', provider: 'all' });
  expect(engine.stats().push.map(({ lane }) => lane)).toEqual(['push/0/a', 'push/all']);
});
