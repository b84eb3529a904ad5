import { createEngine, defineAdapter, schema } from '@tidings/core';
import type { Failure } from '@tidings/core';

const anything = schema((value): value is object => typeof value === 'object', 'a target');

/** What an engine makes of an adapter's throw: asked of an engine, so that there is one answer. */
export async function readThrown(error: unknown): Promise<Failure> {
  const thrower = defineAdapter({
    provider: 'thrower',
    target: anything,
    policy: { retry: false, ambiguous: 'stop' },
    send: () => Promise.reject(error),
  });
  const engine = createEngine({ channels: { thrower } });
  try {
    return await new Promise<Failure>((resolve) => {
      engine.on('attempt.failed', ({ failure }) => resolve(failure));
      void engine.send({ to: { channel: 'thrower' }, body: '' });
    });
  } finally {
    await engine.close({ timeout: 0 });
  }
}
