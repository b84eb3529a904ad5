// Time from `send` to the outcome for `high` messages, one every 5 ms, while `--bulk` low ones wait. The provider takes 5 ms.
import type { SendResult } from '@tidings/core';
import { finish, quantile, readArguments } from '../measure.ts';
import { noopAdapter, noopEngine } from '../noop.ts';
import type { BenchMessage } from '../workload.ts';

const given = readArguments({ bulk: 0, probes: 1000, warmup: 200 });
const results: readonly SendResult[] = [{ kind: 'accepted' }];
const adapter = noopAdapter(() => new Promise((resolve) => setTimeout(resolve, 5, results)));
// Room for all: what is measured is the wait for a slot, not for admission.
const engine = noopEngine(adapter, {
  policy: { concurrency: 100 },
  memory: { deliveries: given.bulk + 10_000, bytes: 2 ** 40 },
});

const message = (priority: 'high' | 'low'): BenchMessage => ({
  to: { channel: 'noop', token: 'token' },
  title: 'Price alert',
  body: 'ACME is below 42',
  data: { symbol: 'ACME' },
  ttl: '10m',
  priority,
});

/** Each bulk message is followed by another one: as many wait at the end as at the start. */
async function bulk(): Promise<never> {
  for (;;) await engine.send(message('low'));
}
for (let index = 0; index < given.bulk; index++) void bulk();

const latencies: number[] = [];
async function probe(): Promise<void> {
  const start = performance.now();
  const { status } = await engine.send(message('high'));
  if (status !== 'accepted') throw new Error(`a message came out as ${status}`);
  latencies.push(performance.now() - start);
}

const timer = setInterval(async () => {
  await probe();
  if (latencies.length < given.warmup + given.probes) return;
  clearInterval(timer);
  const measured = latencies.slice(given.warmup);
  finish({ p50: quantile(measured, 0.5), p99: quantile(measured, 0.99) });
}, 5);
