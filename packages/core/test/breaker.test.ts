import { expect, test } from 'vitest';
import { createEngine, type SendResult } from '../src/index.ts';
import { after, scriptAdapter } from '../src/testing/script-adapter.ts';
import { virtualRuntime } from '../src/testing/virtual-runtime.ts';

const unavailable: SendResult = { kind: 'unavailable', scope: 'provider', code: '503' };
const to = (token: string) => ({ channel: 'push', token }) as const;
const once = { retry: false } as const;

test('a few faults at the head of a big batch do not open the breaker', async () => {
  const runtime = virtualRuntime();
  const adapter = scriptAdapter(({ target }) => (Number(target.token) < 30 ? unavailable : { kind: 'accepted' }), {
    batch: 500,
  });
  const engine = createEngine({ channels: { push: adapter }, runtime });
  const opened: string[] = [];
  engine.on('breaker.opened', ({ lane }) => opened.push(lane));
  const sent = Array.from({ length: 500 }, (_, index) => engine.send({ to: to(String(index)), policy: once }));
  await runtime.advance(10);
  expect((await Promise.all(sent)).filter(({ status }) => status === 'failed')).toHaveLength(30);
  expect(adapter.load.peak).toBe(1);
  expect(opened).toEqual([]);
  await engine.close();
});

test('an answer from before the outage neither closes the breaker nor opens it again', async () => {
  const runtime = virtualRuntime();
  const adapter = scriptAdapter(
    ({ target }): SendResult | Promise<SendResult> => {
      if (target.token === 'slow and well') return after(runtime, 10_500, { kind: 'accepted' });
      if (target.token === 'slow and lost') return after(runtime, 20_000, unavailable);
      if (target.token === 'probe') return after(runtime, 2000, { kind: 'accepted' });
      return target.token === 'fails' ? unavailable : { kind: 'accepted' };
    },
    { policy: { breaker: { minimum: 1 } } },
  );
  const engine = createEngine({ channels: { push: adapter }, runtime });
  const changes: string[] = [];
  engine.on('breaker.opened', () => changes.push(`opened at ${runtime.monotonic()}`));
  engine.on('breaker.closed', () => changes.push(`closed at ${runtime.monotonic()}`));
  const sent = ['slow and well', ...Array.from({ length: 8 }, () => 'slow and lost'), 'fails'].map((token) =>
    engine.send({ to: to(token), policy: once }),
  );
  await runtime.advance(1);
  const probe = engine.send({ to: to('probe') });
  await runtime.advance(11_000);
  expect(changes).toEqual(['opened at 0']);
  await runtime.advance(19_000);
  expect((await probe).status).toBe('accepted');
  expect(changes).toEqual(['opened at 0', 'closed at 12000']);
  await Promise.all(sent);
  await engine.close();
});

test('a probe that is not wanted any more leaves its turn to the next delivery', async () => {
  const runtime = virtualRuntime();
  const adapter = scriptAdapter(({ target }) => (target.token === 'fails' ? unavailable : { kind: 'accepted' }), {
    policy: { breaker: { minimum: 1 } },
  });
  const engine = createEngine({
    channels: { push: adapter },
    runtime,
    audience: {
      resolve: () => [],
      check: ({ target }) => (target.token === 'unwanted' ? { suppress: 'rebound' } : 'send'),
    },
  });
  const failed = engine.send({ to: to('fails'), policy: once });
  await runtime.advance(1);
  expect((await failed).status).toBe('failed');
  const outcomes = ['unwanted', 'next'].map((token) => engine.send({ to: to(token) }));
  await runtime.advance(10_001);
  expect(await Promise.all(outcomes)).toMatchObject([
    { status: 'suppressed', reason: 'rebound' },
    { status: 'accepted' },
  ]);
  expect(runtime.monotonic()).toBeLessThan(10_100);
  await engine.close();
});
