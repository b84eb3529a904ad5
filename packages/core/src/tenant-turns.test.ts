import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TenantTurns } from './tenant-turns.ts';

function drain<Item>(turns: TenantTurns<Item>): Item[] {
  const drained: Item[] = [];
  for (let next = turns.shift(); next !== undefined; next = turns.shift()) drained.push(next);
  return drained;
}

describe('TenantTurns', () => {
  it('gives nothing where nothing waits', () => {
    expect(new TenantTurns().shift()).toBeUndefined();
  });

  it('gives one of each in turn, each tenant its own in order of arrival', () => {
    const turns = new TenantTurns<string>();
    for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']) turns.push(item[0]!, item);
    expect(drain(turns)).toStrictEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
  });

  it('lets one that comes take its turn after those that wait', () => {
    const turns = new TenantTurns<string>();
    for (const item of ['a1', 'a2', 'b1', 'b2']) turns.push(item[0]!, item);
    expect(turns.shift()).toBe('a1');
    turns.push('c', 'c1');
    expect(drain(turns)).toStrictEqual(['b1', 'a2', 'c1', 'b2']);
  });

  it('keeps the order of a long line while it is filled and emptied', () => {
    const turns = new TenantTurns<number>();
    const seen: number[] = [];
    for (let item = 0; item < 10_000; item++) {
      turns.push('', item);
      if (item % 3 === 0) seen.push(turns.shift()!);
    }
    seen.push(...drain(turns));
    expect(seen).toStrictEqual(Array.from({ length: 10_000 }, (_, item) => item));
  });

  it('gives each item once, in the order of its tenant, and none twice while another tenant waits', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c', 'shift')), (steps) => {
        const turns = new TenantTurns<{ tenant: string; place: number }>();
        const lines = new Map<string, number[]>();
        const passed = new Map<string, number>();
        for (const [place, step] of steps.entries()) {
          if (step !== 'shift') {
            turns.push(step, { tenant: step, place });
            lines.set(step, [...(lines.get(step) ?? []), place]);
            if (!passed.has(step)) passed.set(step, 0);
            continue;
          }
          const item = turns.shift();
          if (item === undefined) {
            expect([...lines.values()].flat()).toStrictEqual([]);
            continue;
          }
          const line = lines.get(item.tenant)!;
          expect(line.shift()).toBe(item.place);
          for (const [tenant, waiting] of lines) {
            // Those passed over since they last went: at most once each by every other tenant.
            if (tenant === item.tenant || waiting.length === 0) passed.set(tenant, 0);
            else passed.set(tenant, passed.get(tenant)! + 1);
            expect(passed.get(tenant)).toBeLessThanOrEqual(2);
          }
        }
      }),
    );
  });
});
