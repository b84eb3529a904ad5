import { afterEach, describe, expect, it, vi } from 'vitest';
import { realRuntime, wallClock } from './runtime.ts';

const longestTimer = 2 ** 31 - 1;

describe('realRuntime', () => {
  afterEach(() => void vi.useRealTimers());

  it("reads the machine's clock", () => {
    vi.useFakeTimers({ now: 1_000_000 });
    expect(realRuntime().now()).toBe(1_000_000);
    expect(wallClock()).toBe(1_000_000);
  });

  it('counts its monotonic time from its own start, whatever the wall clock does', () => {
    vi.useFakeTimers({ now: 1_000_000 });
    const runtime = realRuntime();
    vi.advanceTimersByTime(250);
    vi.setSystemTime(0);
    expect(runtime.monotonic()).toBe(250);
  });

  it('gives chances from 0 up to 1', () => {
    const { random } = realRuntime();
    for (let round = 0; round < 100; round++) {
      const chance = random();
      expect(chance).toBeGreaterThanOrEqual(0);
      expect(chance).toBeLessThan(1);
    }
  });

  it('runs at its time, not before', () => {
    vi.useFakeTimers();
    const runtime = realRuntime();
    const run = vi.fn<() => void>();
    runtime.schedule(100, run);
    vi.advanceTimersByTime(99);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledOnce();
  });

  it('runs at the next turn, never at once, when its time has come already', async () => {
    const runtime = realRuntime();
    const order: string[] = [];
    const ran = new Promise<void>((resolve) => {
      runtime.schedule(runtime.monotonic() - 1, () => {
        order.push('run');
        resolve();
      });
    });
    order.push('scheduled');
    await ran;
    expect(order).toStrictEqual(['scheduled', 'run']);
  });

  it.each([
    ['due', 0],
    ['waiting', 100],
    ['far away', longestTimer + 100],
  ])('calls off what is %s', (_what, at) => {
    vi.useFakeTimers();
    const run = vi.fn<() => void>();
    const callOff = realRuntime().schedule(at, run);
    callOff();
    expect(vi.getTimerCount()).toBe(0);
    vi.runAllTimers();
    expect(run).not.toHaveBeenCalled();
  });

  it('waits longer than a Node timer can', () => {
    vi.useFakeTimers();
    const run = vi.fn<() => void>();
    const callOff = realRuntime().schedule(longestTimer * 2 + 5, run);
    vi.advanceTimersByTime(longestTimer);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(longestTimer);
    expect(run).not.toHaveBeenCalled();
    vi.advanceTimersByTime(5);
    expect(run).toHaveBeenCalledOnce();
    callOff();
  });
});
