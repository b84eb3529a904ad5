import { expect, test } from 'vitest';
import { createEngine } from '../src/index.ts';
import { after, scriptAdapter } from '../src/testing/script-adapter.ts';
import { virtualRuntime } from '../src/testing/virtual-runtime.ts';

const to = <const Name extends string>(channel: Name, token: string) => ({ channel, token }) as const;

test('stats tell what waits, how long, what is in flight and how fast it went', async () => {
  const runtime = virtualRuntime();
  const one = scriptAdapter(() => after(runtime, 100, { kind: 'accepted' }), { policy: { concurrency: 2 } });
  const engine = createEngine({ channels: { one }, runtime });
  const sent = Array.from({ length: 5 }, (_, index) => engine.send({ to: to('one', `t${index}`) }));
  await runtime.advance(50);
  expect(engine.stats().one).toMatchObject([
    { lane: 'one', provider: 'script', waiting: 3, oldest: 50, inFlight: 2, rate: 0, breaker: 'closed' },
  ]);
  await runtime.run();
  await Promise.all(sent);
  await runtime.advance(1000);
  expect(engine.stats().one).toMatchObject([{ waiting: 0, oldest: 0, inFlight: 0, rate: 0.5 }]);
});

test('health is degraded where one channel stands, and says why without an address', async () => {
  const runtime = virtualRuntime();
  const one = scriptAdapter(() => ({ kind: 'unavailable', scope: 'provider', code: '503' }), {
    policy: { breaker: { minimum: 1, open: '1h' } },
  });
  const two = scriptAdapter(undefined, { provider: 'other' });
  const engine = createEngine({ channels: { one, two }, runtime });
  void engine.send({ to: to('one', 'secret') });
  expect((await engine.send({ to: to('two', 'b') })).status).toBe('accepted');
  await runtime.advance(100);
  expect(engine.health()).toEqual({ status: 'degraded', because: ['one is not sending: 503'] });
});
