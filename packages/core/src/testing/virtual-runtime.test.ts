import { describe, expect, it } from 'vitest';
import { virtualRuntime } from './virtual-runtime.ts';

describe('virtualRuntime', () => {
  it('stands still until told', async () => {
    const runtime = virtualRuntime({ now: 1000 });
    const ran: number[] = [];
    runtime.schedule(0, () => ran.push(0));
    await new Promise((resolve) => setImmediate(resolve));
    expect([runtime.now(), runtime.monotonic(), ran]).toStrictEqual([1000, 0, []]);
    expect(runtime.scheduled).toBe(1);
    await runtime.advance(0);
    expect([ran, runtime.scheduled]).toStrictEqual([[0], 0]);
  });

  it('runs steps in the order of their time, those of one time as they came, each at its time', async () => {
    const runtime = virtualRuntime();
    const ran: string[] = [];
    const schedule = (at: number, name: string): void =>
      void runtime.schedule(at, () => ran.push(`${name} at ${runtime.monotonic()}`));
    schedule(20, 'b');
    schedule(10, 'a');
    schedule(20, 'c');
    schedule(-5, 'late');
    schedule(31, 'never');
    await runtime.advance(30);
    expect(ran).toStrictEqual(['late at 0', 'a at 10', 'b at 20', 'c at 20']);
    expect([runtime.monotonic(), runtime.scheduled]).toStrictEqual([30, 1]);
  });

  it('lets all that follows from a step happen before the next one', async () => {
    const runtime = virtualRuntime();
    const ran: string[] = [];
    const follow = async (depth: number): Promise<void> => {
      for (let each = 0; each < depth; each++) await Promise.resolve();
      ran.push('followed');
      runtime.schedule(runtime.monotonic() + 5, () => ran.push('its own step'));
    };
    runtime.schedule(10, () => void follow(200));
    runtime.schedule(12, () => ran.push('next'));
    runtime.schedule(20, () => ran.push('last'));
    await runtime.advance(20);
    expect(ran).toStrictEqual(['followed', 'next', 'its own step', 'last']);
  });

  it('calls off a step, once, and not one that has run', async () => {
    const runtime = virtualRuntime();
    const ran: string[] = [];
    const callOff = runtime.schedule(10, () => ran.push('called off'));
    const late = runtime.schedule(5, () => ran.push('ran'));
    callOff();
    callOff();
    expect(runtime.scheduled).toBe(1);
    await runtime.advance(20);
    late();
    expect([ran, runtime.scheduled]).toStrictEqual([['ran'], 0]);
  });

  it('runs until nothing is scheduled, no longer than told, or until something is so', async () => {
    const runtime = virtualRuntime();
    let ticks = 0;
    const tick = (): void => {
      ticks++;
      if (ticks < 100) runtime.schedule(runtime.monotonic() + 10, tick);
    };
    runtime.schedule(10, tick);
    await runtime.run({ until: () => ticks === 5 });
    expect([ticks, runtime.monotonic()]).toStrictEqual([5, 50]);
    await runtime.run({ most: 50 });
    expect([ticks, runtime.monotonic()]).toStrictEqual([10, 100]);
    await runtime.run();
    expect([ticks, runtime.monotonic(), runtime.scheduled]).toStrictEqual([100, 1000, 0]);
  });

  it('runs a day at most where it is not told', async () => {
    const runtime = virtualRuntime();
    const ran: string[] = [];
    runtime.schedule(86_400_000, () => ran.push('a day'));
    runtime.schedule(86_400_001, () => ran.push('more'));
    await runtime.run();
    expect(ran).toStrictEqual(['a day']);
  });

  it('moves the wall clock with its time, and by itself only when told', async () => {
    const runtime = virtualRuntime({ now: 1000 });
    await runtime.advance(500);
    runtime.step(-2000);
    expect([runtime.now(), runtime.monotonic()]).toStrictEqual([-500, 500]);
    runtime.schedule(510, () => {});
    await runtime.run();
    expect([runtime.now(), runtime.monotonic()]).toStrictEqual([-490, 510]);
    expect(virtualRuntime().now()).toBe(Date.UTC(2026, 0, 1));
  });

  it('gives the same chances for the same seed, others for another, evenly from 0 up to 1', () => {
    const chances = (seed?: number): number[] => {
      const { random } = virtualRuntime(seed === undefined ? {} : { seed });
      return Array.from({ length: 1000 }, random);
    };
    expect(chances(7)).toStrictEqual(chances(7));
    expect(chances()).toStrictEqual(chances(1));
    expect(chances(7)).not.toStrictEqual(chances(8));
    const [low, middle, high] = [0, 1 / 3, 2 / 3].map(
      (from) => chances(7).filter((chance) => chance >= from && chance < from + 1 / 3).length,
    );
    for (const third of [low, middle, high]) expect(Math.abs(third! - 333)).toBeLessThan(60);
    expect(chances(7).every((chance) => chance >= 0 && chance < 1)).toBe(true);
  });

  it('tells who advances it what a step throws', async () => {
    const runtime = virtualRuntime();
    runtime.schedule(10, () => {
      throw new Error('broken step');
    });
    await expect(runtime.advance(10)).rejects.toThrow('broken step');
    expect(runtime.scheduled).toBe(0);
  });
});
