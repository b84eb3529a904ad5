import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Waiter } from './waiting-list.ts';
import { WaitingList } from './waiting-list.ts';

interface Item extends Waiter<Item> {
  readonly id: number;
}

test('any mix of joining and leaving behaves like an array', () => {
  const step = fc.oneof(
    fc.constant({ kind: 'push' as const }),
    fc.constant({ kind: 'unshift' as const }),
    fc.constant({ kind: 'shift' as const }),
    fc.nat().map((at) => ({ kind: 'remove' as const, at })),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const list = new WaitingList<Item>();
      const model: Item[] = [];
      let id = 0;
      for (const each of steps) {
        if (each.kind === 'shift') expect(list.shift()).toBe(model.shift());
        else if (each.kind === 'remove') {
          const [gone] = model.splice(each.at % (model.length || 1), 1);
          if (gone !== undefined) list.remove(gone);
        } else {
          const item: Item = { id: id++, ahead: undefined, behind: undefined };
          list[each.kind](item);
          model[each.kind](item);
        }
        expect(list.size).toBe(model.length);
      }
      while (model.length > 0) expect(list.shift()).toBe(model.shift());
      expect(list.shift()).toBeUndefined();
    }),
  );
});
