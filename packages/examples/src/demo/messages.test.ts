import { expect, test } from 'vitest';
import { kinds, makeRows } from './messages.ts';

const options = { channel: 'ios', first: 300, count: 1000, seed: 5, devices: 40 } as const;

test('the same seed makes the same messages, another one others', () => {
  const rows = [...makeRows(options)];
  expect([...makeRows(options)]).toEqual(rows);
  expect([...makeRows({ ...options, seed: 6 })]).not.toEqual(rows);
});

test('each message carries its own serial, from the first on', () => {
  const serials = [...makeRows(options)].map(({ content }) => content.data.serial);
  expect(serials).toEqual(Array.from({ length: 1000 }, (_each, index) => 300 + index));
});

test('all kinds come, to all devices', () => {
  const rows = [...makeRows(options)];
  const seen = new Set(rows.map(({ content }) => content.data.kind));
  expect(seen).toEqual(new Set([...Object.keys(kinds), 'score']));
  expect(new Set(rows.map(({ device }) => device)).size).toBe(40);
});

test('only what is outdated shares its collapse key, with the newer one right behind it on the same device', () => {
  const rows = [...makeRows(options)];
  const keys = rows.flatMap(({ content }) => content.collapseKey ?? []);
  const outdated = rows.filter((row) => row.outdated);
  expect(outdated).toHaveLength(10);
  expect(new Set(keys).size).toBe(keys.length - outdated.length);
  for (const { serial, device, content } of outdated) {
    const newer = rows[serial - 299]!;
    expect(newer).toMatchObject({ device, outdated: false });
    expect(newer.content.collapseKey).toBe(content.collapseKey);
  }
});

test('an outdated one is never the last', () => {
  for (let count = 0; count < 210; count++) {
    const rows = [...makeRows({ ...options, count })];
    expect(rows).toHaveLength(count);
    expect(rows.at(-1)?.outdated ?? false).toBe(false);
  }
});
