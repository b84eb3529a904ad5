import { describe, expect, it, vi } from 'vitest';
import { memoryCoordination } from './memory-coordination.ts';
import { virtualRuntime } from './testing/virtual-runtime.ts';

function setUp() {
  const runtime = virtualRuntime();
  return { runtime, coordination: memoryCoordination(runtime) };
}

describe('reserve', () => {
  it('shares one bucket per key, in monotonic time', async () => {
    const { coordination, runtime } = setUp();
    expect(coordination.reserve('a', '10/s', 8)).toStrictEqual({ granted: 8, wait: 0 });
    expect(coordination.reserve('a', '10/s', 8)).toStrictEqual({ granted: 2, wait: 100 });
    expect(coordination.reserve('b', '10/s', 8)).toStrictEqual({ granted: 8, wait: 0 });
    runtime.step(3_600_000);
    expect(coordination.reserve('a', '10/s', 1)).toMatchObject({ granted: 0 });
    await runtime.advance(100);
    expect(coordination.reserve('a', '10/s', 1)).toStrictEqual({ granted: 1, wait: 0 });
  });

  it('gives out again what was given back', () => {
    const { coordination } = setUp();
    coordination.reserve('a', '10/s', 10);
    coordination.giveBack('a', 4);
    coordination.giveBack('nobody', 4);
    expect(coordination.reserve('a', '10/s', 10)).toMatchObject({ granted: 4 });
  });

  it('names a wrong rate', () => {
    const { coordination } = setUp();
    expect(() => coordination.reserve('a', '10/x' as never, 1)).toThrow(
      expect.objectContaining({ code: 'tidings.invalid_options', field: 'rate' }),
    );
  });

  it('keeps the rates that are used, however many others come and go', () => {
    const { coordination } = setUp();
    coordination.reserve('used', '1/d', 1);
    for (let other = 0; other < 30_000; other++) {
      coordination.reserve(`other ${other}`, '1/d', 1);
      if (other % 1000 === 0) expect(coordination.reserve('used', '1/d', 1)).toMatchObject({ granted: 0 });
    }
    // What nobody used meanwhile was forgotten: that is the bound.
    expect(coordination.reserve('other 0', '1/d', 1)).toMatchObject({ granted: 1 });
    expect(coordination.reserve('other 29999', '1/d', 1)).toMatchObject({ granted: 0 });
  });
});

describe('claim', () => {
  it('is undefined for the first, and what it stored for others, until then by the wall clock', async () => {
    const { coordination, runtime } = setUp();
    const until = runtime.now() + 1000;
    expect(coordination.claim('k', 'first', until)).toBeUndefined();
    await runtime.advance(999);
    expect(coordination.claim('k', 'second', until)).toBe('first');
    await runtime.advance(1);
    expect(coordination.claim('k', 'third', runtime.now() + 1)).toBeUndefined();
  });

  it('is free again once released', () => {
    const { coordination, runtime } = setUp();
    coordination.claim('k', 'first', runtime.now() + 1000);
    coordination.release('k');
    expect(coordination.claim('k', 'second', runtime.now() + 1000)).toBeUndefined();
  });
});

it('has nobody to tell: one process has heard of it already', () => {
  const { coordination } = setUp();
  const listener = vi.fn<() => void>();
  const off = coordination.hear(listener);
  coordination.tell('lane', { open: true });
  coordination.pause('lane', 1);
  off();
  expect(listener).not.toHaveBeenCalled();
});
