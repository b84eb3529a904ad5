import { expect, test } from 'vitest';
import { createEngine, type Adapter, type SendResult, type Store } from '../src/index.ts';
import { memoryStore } from '../src/memory-store.ts';
import { scriptAdapter } from '../src/testing/script-adapter.ts';
import { virtualRuntime } from '../src/testing/virtual-runtime.ts';

const to = (token: string) => ({ channel: 'push', token }) as const;

test('results that were left out of the list are lost answers, each its own', async () => {
  const runtime = virtualRuntime();
  const adapter = scriptAdapter(undefined, { batch: 3, policy: { ambiguous: 'stop' } });
  const send: Adapter['send'] = async (deliveries) => {
    const results: SendResult[] = [];
    results.length = deliveries.length;
    results[1] = { kind: 'accepted' };
    return results;
  };
  const engine = createEngine({ channels: { push: { ...adapter, send } }, runtime });
  const outcomes = Promise.all(['a', 'b', 'c'].map((token) => engine.send({ to: to(token) })));
  await runtime.advance(1);
  const lost = { status: 'unknown', failure: { kind: 'ambiguous', code: 'tidings.wrong_result' } };
  expect(await outcomes).toMatchObject([lost, { status: 'accepted' }, lost]);
  await engine.close();
});

test('nothing is sent, and nothing counts as sent, while the store can not take the mark', async () => {
  const runtime = virtualRuntime();
  const adapter = scriptAdapter(undefined, { policy: { ambiguous: 'stop', retry: { attempts: 1 } } });
  const memory = memoryStore({ runtime });
  let marks = 0;
  const markSending: Store['queue']['markSending'] = (leases) =>
    ++marks < 3 ? Promise.reject(new Error('store down')) : memory.queue.markSending(leases);
  const queue = new Proxy(memory.queue, {
    get: (target, name) =>
      name === 'markSending' ? markSending : (Reflect.get(target, name) as () => unknown).bind(target),
  });
  const engine = createEngine({ channels: { push: adapter }, runtime, store: { ...memory, durable: true, queue } });
  const statuses: string[] = [];
  engine.on('delivery.settled', ({ outcome }) => statuses.push(outcome.status));
  await engine.start();
  await engine.enqueue({ to: to('a') });
  await runtime.advance(5000);
  expect(marks).toBe(3);
  expect(adapter.sent).toHaveLength(1);
  expect(statuses).toEqual(['accepted']);
  await Promise.all([engine.close(), runtime.advance(1000)]);
});
