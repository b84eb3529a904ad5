import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { rows } from './rows.ts';

it('gives each row a name of its own and a goal at least as hard as its floor', () => {
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  for (const { name, floor, goal, comparison } of rows) {
    expect(comparison === 'speedup' ? goal >= floor : goal <= floor, name).toBe(true);
  }
});

it('has a file for each subject', () => {
  const files = new Set(rows.flatMap(({ subject, versus }) => [subject.file, versus?.file ?? subject.file]));
  for (const file of files) expect(existsSync(new URL(`subjects/${file}.ts`, import.meta.url)), file).toBe(true);
});

it('measures at least 200,000 messages where it measures cost', () => {
  const cost = rows.filter(({ figure }) => figure === 'cpu');
  expect(cost.length).toBeGreaterThan(5);
  for (const { subject, versus } of cost) {
    expect(subject.arguments['messages']).toBeGreaterThanOrEqual(200_000);
    expect(versus?.arguments['messages']).toBe(subject.arguments['messages']);
  }
});
