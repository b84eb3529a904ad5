import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFaultPlan } from './faults.ts';
import type { Fault, FaultKind } from './types.ts';

const hang: Fault = { kind: 'hang' };
const reset: Fault = { kind: 'reset' };

function drawKinds(plan: ReturnType<typeof createFaultPlan>, count: number): (FaultKind | undefined)[] {
  return Array.from({ length: count }, () => plan.draw('a')?.kind);
}

test('scripted faults come in order, each as often as it was asked for, and before random ones', () => {
  const plan = createFaultPlan();
  plan.random({ rate: 1, seed: 1, faults: [{ kind: 'html' }] });
  plan.next(hang, { times: 2 });
  plan.next(reset);
  expect(drawKinds(plan, 5)).toEqual(['hang', 'hang', 'reset', 'html', 'html']);
  expect(plan.applied).toEqual({ hang: 2, reset: 1, html: 2 });
});

test('a fault for a token waits for that token and lets others pass', () => {
  const plan = createFaultPlan();
  plan.next(hang, { token: 'b' });
  plan.next(reset);
  expect(plan.draw('a')).toEqual(reset);
  expect(plan.draw('a')).toBeUndefined();
  expect(plan.draw('b')).toEqual(hang);
  expect(plan.draw('b')).toBeUndefined();
});

test('the same seed gives the same faults', () => {
  fc.assert(
    fc.property(fc.integer(), fc.double({ min: 0, max: 1, noNaN: true }), (seed, rate) => {
      const draw = () => {
        const plan = createFaultPlan();
        plan.random({ rate, seed, faults: [hang, { ...reset, weight: 3 }] });
        return drawKinds(plan, 50);
      };
      expect(draw()).toEqual(draw());
    }),
    { numRuns: 50 },
  );
});

test('random faults keep to the rate and the weights', () => {
  const plan = createFaultPlan();
  plan.random({ rate: 0.2, seed: 7, faults: [hang, { ...reset, weight: 3 }, { kind: 'html', weight: 0 }] });
  drawKinds(plan, 20_000);
  const { hang: hangs = 0, reset: resets = 0, html } = plan.applied;
  expect((hangs + resets) / 20_000).toBeCloseTo(0.2, 1);
  expect(resets / (hangs + resets)).toBeCloseTo(0.75, 1);
  expect(html).toBeUndefined();
});

test('a later call of random replaces the earlier one, and clear ends all', () => {
  const plan = createFaultPlan();
  plan.random({ rate: 1, seed: 1, faults: [hang] });
  plan.random({ rate: 1, seed: 1, faults: [reset] });
  expect(plan.draw('a')).toEqual(reset);
  plan.next(hang);
  plan.clear();
  expect(plan.draw('a')).toBeUndefined();
  expect(plan.applied).toEqual({ reset: 1 });
});

test('a fault changed by its owner after next stays as it was', () => {
  const plan = createFaultPlan();
  const fault = { kind: 'slow' as const, delay: 5 };
  plan.next(fault);
  fault.delay = 9;
  expect(plan.draw('a')).toEqual({ kind: 'slow', delay: 5 });
});

test.each<[string, unknown]>([
  ['fault', null],
  ['fault', []],
  ['fault.kind', {}],
  ['fault.kind', { kind: 'toString' }],
  ['fault.status', { kind: 'status' }],
  ['fault.status', { kind: 'status', status: 200 }],
  ['fault.status', { kind: 'status', status: '503' }],
  ['fault.reason', { kind: 'status', status: 503, reason: '' }],
  ['fault.retryAfter', { kind: 'status', status: 503, retryAfter: 1.5 }],
  ['fault.retryAfter', { kind: 'status', status: 503, retryAfter: 'a\r\nb: c' }],
  ['fault.delay', { kind: 'slow' }],
  ['fault.delay', { kind: 'slow', delay: -1 }],
  ['fault.error', { kind: 'goaway', error: 1 }],
  ['fault.error', { kind: 'reset', error: true }],
])('next refuses a wrong fault and names %s', (field, fault) => {
  const plan = createFaultPlan();
  expect(() => plan.next(fault as Fault)).toThrow(expect.objectContaining({ field, code: 'tidings.invalid_options' }));
  expect(plan.draw('a')).toBeUndefined();
});

test.each<[string, object]>([
  ['rate', { rate: 1.1 }],
  ['rate', { rate: Number.NaN }],
  ['seed', { seed: 0.5 }],
  ['faults', { faults: [] }],
  ['faults', { faults: [{ kind: 'hang', weight: 0 }] }],
  ['faults.1.weight', { faults: [hang, { kind: 'hang', weight: -1 }] }],
  ['faults.0.kind', { faults: [{ kind: 'none' }] }],
  ['faults.0', { faults: [null] }],
  ['faults', { faults: { 0: hang, length: 1 } }],
])('random refuses wrong options and names %s', (field, change) => {
  const plan = createFaultPlan();
  const options = { rate: 1, seed: 1, faults: [hang], ...change };
  expect(() => plan.random(options)).toThrow(expect.objectContaining({ field }));
  expect(plan.draw('a')).toBeUndefined();
});

test.each([0, -1, 1.5, Number.NaN])('next refuses to be applied %s times', (times) => {
  expect(() => createFaultPlan().next(hang, { times })).toThrow(expect.objectContaining({ field: 'times' }));
});
