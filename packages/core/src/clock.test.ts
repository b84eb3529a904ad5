import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Clock } from './clock.ts';
import { virtualRuntime } from './testing/virtual-runtime.ts';

const start = Date.UTC(2026, 0, 1);

describe('Clock', () => {
  it('reads whole milliseconds since it was made', async () => {
    const runtime = virtualRuntime();
    await runtime.advance(1234.75);
    const clock = new Clock(runtime);
    expect(clock.read()).toBe(0);
    await runtime.advance(10.5);
    expect(clock.read()).toBe(11);
    await runtime.advance(0.5);
    expect(clock.read()).toBe(11);
  });

  it('tells the time of day of a time since start, by the wall clock as it is now', async () => {
    const runtime = virtualRuntime({ now: start });
    const clock = new Clock(runtime);
    await runtime.advance(500);
    expect(clock.toEpoch(500)).toBe(start + 500);
    expect(clock.toEpoch(2000)).toBe(start + 2000);
    runtime.step(3_600_000);
    expect(clock.toEpoch(500)).toBe(start + 3_600_500);
    expect(clock.toDate(500)).toStrictEqual(new Date(start + 3_600_500));
    expect(clock.fromEpoch(start + 3_600_500)).toBe(500);
  });

  it('keeps the stamps of ids as they were when the wall clock is set', async () => {
    const runtime = virtualRuntime({ now: start + 0.5 });
    const clock = new Clock(runtime);
    await runtime.advance(500);
    runtime.step(-3_600_000);
    expect(clock.stamp(500)).toBe(start + 500);
  });

  it('never puts a time of day too early, and less than two milliseconds too late', () => {
    const fraction = fc.double({ min: 0, max: 100_000, noNaN: true });
    fc.assert(
      fc.property(fraction, fraction, fc.nat(10_000_000), (madeAt, now, ahead) => {
        const runtime = { ...virtualRuntime(), time: madeAt, monotonic: () => runtime.time, now: () => start + ahead };
        const clock = new Clock(runtime);
        runtime.time += now;
        const epoch = start + ahead + 1000;
        const at = clock.fromEpoch(epoch);
        expect(at).toBe(Math.floor(at));
        // What is left until then, by the runtime's own clocks.
        const left = at + Math.floor(madeAt) - runtime.time;
        expect(left).toBeGreaterThanOrEqual(1000 - 1e-6);
        expect(left).toBeLessThan(1002);
      }),
    );
  });

  it('is back where it was, or a millisecond later, by way of the time of day', () => {
    const fraction = fc.double({ min: 0, max: 100_000, noNaN: true });
    fc.assert(
      fc.property(fraction, fc.nat(86_400_000), (elapsed, time) => {
        const runtime = { ...virtualRuntime(), monotonic: () => elapsed };
        const clock = new Clock(runtime);
        const back = clock.fromEpoch(clock.toEpoch(time));
        expect(back - time).toBeGreaterThanOrEqual(0);
        expect(back - time).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('runs what is scheduled when it reads that time, and calls it off', async () => {
    const runtime = virtualRuntime();
    await runtime.advance(999.5);
    const clock = new Clock(runtime);
    const ran: number[] = [];
    clock.schedule(100, () => ran.push(clock.read()));
    const callOff = clock.schedule(50, () => ran.push(-1));
    callOff();
    await runtime.advance(99);
    expect(ran).toStrictEqual([]);
    await runtime.advance(1);
    expect(ran).toStrictEqual([100]);
    expect(runtime.scheduled).toBe(0);
  });
});
