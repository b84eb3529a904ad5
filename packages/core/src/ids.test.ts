import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdSource, mostTargets } from './ids.ts';
import { virtualRuntime } from './testing/virtual-runtime.ts';

const uuid7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const epoch = Date.UTC(2026, 0, 1);
const epochs = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const sequences = fc.integer({ min: 0, max: 2 ** 28 - 1 });
const indexes = fc.integer({ min: 0, max: mostTargets - 1 });
const withChance = (chance: number): IdSource => new IdSource({ ...virtualRuntime(), random: () => chance });

describe('IdSource', () => {
  it('writes lower-case UUIDs of version 7, whatever it is given', () => {
    fc.assert(
      fc.property(fc.nat(), epochs, sequences, indexes, (seed, time, sequence, index) => {
        expect(new IdSource(virtualRuntime({ seed })).text(time, sequence, index)).toMatch(uuid7);
      }),
    );
  });

  it('holds the time first, so that ids sort by it, and the target last', () => {
    const id = new IdSource(virtualRuntime()).text(epoch, 0, 0xbeef);
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(epoch);
    expect(id.slice(-4)).toBe('beef');
  });

  it('is the message id in all but the low bits, and the same for the first target', () => {
    const ids = new IdSource(virtualRuntime());
    const message = ids.text(epoch, 12_345, 0);
    expect(message.slice(-4)).toBe('0000');
    expect(ids.text(epoch, 12_345, 7)).toBe(`${message.slice(0, -4)}0007`);
  });

  it('is another one for any other time, number, target or engine', () => {
    const given = fc.tuple(fc.nat(3), epochs, sequences, indexes);
    const engines = [0, 1, 2, 3].map((seed) => new IdSource(virtualRuntime({ seed })));
    const textOf = ([engine, ...rest]: [number, number, number, number]): string => engines[engine]!.text(...rest);
    fc.assert(
      fc.property(given, given, (one, other) => {
        expect(textOf(one) === textOf(other)).toBe(one.join() === other.join());
      }),
    );
  });

  it('uses all bits of number and node', () => {
    expect(withChance(0).text(0, 0, 0)).toBe('00000000-0000-7000-8000-000000000000');
    const most = withChance(1 - 2 ** -53);
    expect(most.text(2 ** 48 - 1, 2 ** 28 - 1, mostTargets - 1)).toBe('ffffffff-ffff-7fff-bfff-ffffffffffff');
  });

  it('counts on from where chance put it, and round', () => {
    const first = withChance(0);
    expect([first.next(), first.next(), first.next()]).toStrictEqual([1, 2, 3]);
    const last = withChance(1 - 2 ** -53);
    expect([last.next(), last.next()]).toStrictEqual([0, 1]);
  });
});
