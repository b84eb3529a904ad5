import { describe, expect, test } from 'vitest';
import { createEngine, isTidingsError, withPolicy, type Policy } from '../src/index.ts';
import { scriptAdapter } from '../src/testing/script-adapter.ts';
import { virtualRuntime } from '../src/testing/virtual-runtime.ts';

/** The field that is named when an engine is made with these options. */
function wrongField(options: unknown): string | undefined {
  try {
    createEngine(options as never);
  } catch (error) {
    if (!isTidingsError(error)) throw error;
    expect(error.code).toBe('tidings.invalid_options');
    expect(error.message).toContain('expected');
    return error.field;
  }
  return undefined;
}

const push = scriptAdapter();

test.each([
  [undefined, 'options'],
  [{}, 'channels'],
  [{ channels: {} }, 'channels'],
  [{ channels: null }, 'channels'],
  [{ channels: { push: undefined } }, 'channels.push'],
  [{ channels: { push: [] } }, 'channels.push'],
  [{ channels: { push: {} } }, 'channels.push'],
  [{ channels: { push: { ...push, version: 2 } } }, 'channels.push'],
  [{ channels: { push: [push, push] } }, 'channels.push'],
  [{ channels: { 'a b': push } }, 'channels.a b'],
  [
    { channels: { push: Array.from({ length: 31 }, (_, each) => scriptAdapter(undefined, { provider: `p${each}` })) } },
    'channels.push',
  ],
  [{ channels: { push }, chanels: {} }, 'chanels'],
  [{ channels: { push }, keepOutcomes: 'a week' }, 'keepOutcomes'],
  [{ channels: { push }, idempotencyWindow: -1 }, 'idempotencyWindow'],
  [{ channels: { push }, memory: { deliveries: 0 } }, 'memory.deliveries'],
  [{ channels: { push }, memory: { bytes: Number.NaN } }, 'memory.bytes'],
  [{ channels: { push }, use: () => {} }, 'use'],
])('options %# name the field that is wrong', (options, field) => {
  expect(wrongField(options)).toBe(field);
});

const wrongPolicies: [Policy, string][] = [
  [{ concurrency: 0 }, 'concurrency'],
  [{ concurrency: 1.5 }, 'concurrency'],
  [{ timeout: 'soon' as never }, 'timeout'],
  [{ retry: { attempts: 0 } }, 'retry.attempts'],
  [{ breaker: { threshold: 2 } }, 'breaker.threshold'],
  [{ batch: { size: 0 } }, 'batch.size'],
  [{ ambiguous: 'maybe' as never }, 'ambiguous'],
  [{ rat: '1/s' } as never, 'rat'],
  [{ rate: '1/fortnight' as never }, 'rate'],
];

describe.each(wrongPolicies)('a wrong policy %j', (policy, field) => {
  test('is named for the engine', () => {
    expect(wrongField({ channels: { push }, policy })).toBe(`policy.${field}`);
  });
  test('is named for a channel', () => {
    expect(wrongField({ channels: { push: withPolicy([push], policy) } })).toBe(`channels.push.policy.${field}`);
  });
  test('is named for an adapter', () => {
    expect(wrongField({ channels: { push: withPolicy(push, policy) } })).toBe(`channels.push.policy.${field}`);
  });
  test('is named for a message', async () => {
    const engine = createEngine({ channels: { push: scriptAdapter() }, runtime: virtualRuntime() });
    const outcome = await engine.send({ to: { channel: 'push', token: 'a' }, policy: policy });
    expect(outcome).toMatchObject({ status: 'failed', failure: { kind: 'rejected', field: `policy.${field}` } });
  });
});

test('the nearest policy wins, field by field', async () => {
  const runtime = virtualRuntime();
  const adapter = scriptAdapter(() => ({ kind: 'unavailable', scope: 'provider', code: '503' }), {
    policy: { retry: { attempts: 9, first: '1s' } },
  });
  const engine = createEngine({
    channels: { push: withPolicy([withPolicy(adapter, { retry: { attempts: 3 } })], { retry: { attempts: 5 } }) },
    policy: { retry: { attempts: 7 } },
    runtime,
  });
  const sent = engine.send({ to: { channel: 'push', token: 'a' } });
  await runtime.run();
  expect((await sent).attempts).toHaveLength(3);
});
