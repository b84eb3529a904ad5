// The engine of the no-op rows must not be fast by leaving something out: each step is shown to run in it.
import type { Runtime, SendResult } from '@tidings/core';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { NoopDelivery, NoopEngine } from './noop.ts';
import { acceptAll, noopAdapter, noopEngine } from './noop.ts';
import { plainMessages } from './workload.ts';

const message = { to: { channel: 'noop', token: 'token' }, title: 'Price alert' } as const;

/** Stands still until it is told to go on. */
function manualRuntime(): Runtime & { advance(milliseconds: number): Promise<void> } {
  const timers = new Set<{ at: number; run: () => void }>();
  let now = 0;
  return {
    now: () => 1_700_000_000_000 + now,
    monotonic: () => now,
    random: () => 0.5,
    schedule(at, run) {
      const timer = { at, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(milliseconds) {
      const end = now + milliseconds;
      for (;;) {
        await nextTurn();
        const [due] = [...timers].filter(({ at }) => at <= end).toSorted((left, right) => left.at - right.at);
        if (due === undefined) break;
        timers.delete(due);
        now = Math.max(now, due.at);
        due.run();
      }
      now = end;
    },
  };
}

let engine: NoopEngine | undefined;
afterEach(async () => {
  await engine?.close({ timeout: 0 });
  engine = undefined;
});

function counting(answer: (delivery: NoopDelivery) => SendResult = () => ({ kind: 'accepted' })) {
  const calls: number[] = [];
  const adapter = noopAdapter(async (deliveries) => {
    calls.push(deliveries.length);
    return deliveries.map(answer);
  });
  return { adapter, calls };
}

describe('the engine of the no-op rows', () => {
  it('refuses an invalid target and an invalid content before the adapter sees them', async () => {
    const { adapter, calls } = counting();
    engine = noopEngine(adapter);
    const noToken = await engine.send({ ...message, to: { channel: 'noop' } as never });
    const noTitle = await engine.send({ to: message.to, body: 'ACME is below 42' });
    for (const outcome of [noToken, noTitle]) {
      expect(outcome).toMatchObject({ status: 'failed', failure: { kind: 'rejected' } });
    }
    expect(calls).toEqual([]);
  });

  it('lets a message expire that waited too long', async () => {
    const runtime = manualRuntime();
    const { promise, resolve } = Promise.withResolvers<readonly SendResult[]>();
    let calls = 0;
    const adapter = noopAdapter(() => {
      calls++;
      return promise;
    });
    engine = noopEngine(adapter, { runtime, policy: { concurrency: 1 } });
    const first = engine.send(message);
    await runtime.advance(0);
    const second = engine.send({ ...message, ttl: '1s' });
    await runtime.advance(2000);
    resolve([{ kind: 'accepted' }]);
    await runtime.advance(0);
    expect((await first).status).toBe('accepted');
    expect((await second).status).toBe('expired');
    expect(calls).toBe(1);
  });

  it('holds messages back to its rate', async () => {
    const runtime = manualRuntime();
    const { adapter, calls } = counting();
    engine = noopEngine(adapter, { runtime, policy: { rate: { limit: 10, per: '1s', burst: 1 } } });
    const outcomes = Promise.all([engine.send(message), engine.send(message), engine.send(message)]);
    await runtime.advance(0);
    expect(calls.length).toBe(1);
    await runtime.advance(150);
    expect(calls.length).toBe(2);
    await runtime.advance(100);
    expect((await outcomes).map(({ status }) => status)).toEqual(['accepted', 'accepted', 'accepted']);
  });

  it('opens its breaker when the provider fails', async () => {
    const { adapter, calls } = counting(() => ({ kind: 'unavailable', scope: 'provider', code: '503' }));
    engine = noopEngine(adapter, { policy: { retry: false } });
    const { promise: opened, resolve } = Promise.withResolvers<void>();
    engine.on('breaker.opened', () => resolve());
    // Not awaited: those that find the breaker open wait for it until the engine closes.
    const outcomes = Array.from({ length: 300 }, () => engine?.send(message));
    await opened;
    await engine.close({ timeout: 0 });
    await Promise.all(outcomes);
    expect(calls.length).toBeLessThan(300);
  });

  it('stops waiting for an answer after its timeout', async () => {
    const runtime = manualRuntime();
    engine = noopEngine(
      noopAdapter(() => new Promise(() => {})),
      { runtime, policy: { ambiguous: 'stop' } },
    );
    const outcome = engine.send(message);
    await runtime.advance(31_000);
    expect((await outcome).status).toBe('unknown');
  });

  it('keeps a trace of each delivery', async () => {
    engine = noopEngine(counting().adapter);
    const { trace, attempts } = await engine.send(message);
    expect(trace.map(({ step }) => step)).toEqual(expect.arrayContaining(['queued', 'attempted', 'settled']));
    expect(attempts.length).toBe(1);
  });

  it.each([1, 500])('tells listeners of each outcome and sends each message once, in batches of %i', async (batch) => {
    const provider = acceptAll();
    engine = noopEngine(noopAdapter(provider.send, batch));
    const heard = new Set<string>();
    engine.on('delivery.settled', ({ outcome }) => heard.add(outcome.deliveryId));
    let accepted = 0;
    for await (const { status } of engine.sendAll(plainMessages(2000))) if (status === 'accepted') accepted++;
    expect(accepted).toBe(2000);
    expect(heard.size).toBe(2000);
    expect(provider.read).toBe(2000 * (64 + 'Price alert'.length));
  });
});
