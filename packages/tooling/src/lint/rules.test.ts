import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { start } from '../run.ts';
import { scratch } from '../workspace.ts';

/** Each on a line of its own. */
const refused = [
  `import { randomUUID } from 'node:crypto';`,
  `import * as everything from 'node:crypto';`,
  `import nodeCrypto from 'node:crypto';`,
  `import { webcrypto } from 'crypto';`,
  `import { setTimeout as wait } from 'node:timers/promises';`,
  `import { setImmediate as soon } from 'node:timers';`,
  `import { performance as clock } from 'node:perf_hooks';`,
  `import { hrtime } from 'node:process';`,
  `export const a1 = Date.now();`,
  `export const a2 = Date['now']();`,
  `export const a3 = new Date();`,
  `export const a4 = Date();`,
  `export const a5 = Date;`,
  `export const { now } = Date;`,
  `export const a6 = globalThis.Date.now();`,
  `export const a7 = new globalThis.Date();`,
  `export const a8 = Date as DateConstructor;`,
  `export const b1 = Math.random();`,
  `export const { random } = Math;`,
  `export const b2 = crypto.randomUUID();`,
  `export const c1 = setTimeout(String, 1);`,
  `export const c2 = globalThis.setTimeout(String, 1);`,
  `export const c3 = setInterval(String, 1);`,
  `export const c4 = setImmediate(String);`,
  `export const c5 = AbortSignal.timeout(1);`,
  `export const d1 = performance.now();`,
  `export const d2 = process.hrtime.bigint();`,
  `export const d3 = process.uptime();`,
  `export const e1 = (x: any): unknown => x;`,
  `Promise.resolve();`,
];

const allowed = [
  `import { createHash } from 'node:crypto';`,
  `export const hash = createHash('sha256');`,
  `export const a = new Date(0);`,
  `export const b = Date.parse('2026-01-15');`,
  `export const c = Date.UTC(2026);`,
  `export const d = (value: unknown): value is Date => value instanceof Date;`,
  `export const e = new Map<string, Date>();`,
  `export type F = Readonly<Date>;`,
  `queueMicrotask(String);`,
  `export const g = Math.max(1, 2);`,
  `clearTimeout(undefined);`,
];

describe('the lint rules for core', () => {
  let folder: string;
  beforeAll(async () => {
    await mkdir(scratch, { recursive: true });
    folder = await mkdtemp(join(scratch, 'lint-'));
    await mkdir(join(folder, 'core/src'), { recursive: true });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Numbers of the lines that have an error. */
  async function lint(name: string, lines: readonly string[]): Promise<ReadonlySet<number>> {
    const file = join(folder, 'core/src', name);
    await writeFile(file, `${lines.join('\n')}\n`);
    const { output } = await start('oxlint', ['--format', 'unix', file]);
    return new Set([...output.matchAll(/\.ts:(\d+):\d+: /g)].map(([, line]) => Number(line)));
  }

  it('refuse every way to a clock, a timer or chance', async () => {
    const found = await lint('refused.ts', refused);
    expect(refused.filter((_, index) => !found.has(index + 1))).toStrictEqual([]);
  });

  it('leave alone what reads none of them', async () => {
    const found = await lint('allowed.ts', allowed);
    expect(allowed.filter((_, index) => found.has(index + 1))).toStrictEqual([]);
  });

  it('exempt the runtime and tests', async () => {
    const clocks = [`export const a = Date.now();`, `export const b = setTimeout(String, 1);`];
    expect(await lint('runtime.ts', clocks)).toStrictEqual(new Set());
    expect(await lint('engine.test.ts', clocks)).toStrictEqual(new Set());
  });
});

describe('the sources', () => {
  it('switch no check off', async () => {
    const switches = [
      'oxlint-disable',
      'eslint-disable',
      '@ts-ignore',
      '@ts-nocheck',
      'oxfmt-ignore',
      'prettier-ignore',
    ];
    const others = ['v8 ignore', 'istanbul ignore', 'Stryker disable', '@knipignore'];
    const pattern = [...switches, ...others].join('|');
    const { output } = await start('git', [
      'grep',
      '-nE',
      pattern,
      '--',
      '*.ts',
      '*.js',
      ':!packages/tooling/src/lint',
    ]);
    expect(output).toBe('');
  });
});
