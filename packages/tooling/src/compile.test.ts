import { describe, expect, it } from 'vitest';
import { compile, readOutput } from './compile.ts';

const options = `
  interface Options { readonly topic: string; readonly nested?: { readonly size: number } }
  declare function configure(options: Options): void;
`;

describe('compile', () => {
  it('has nothing to say of a snippet that is right', async () => {
    const { diagnostics } = await compile(
      `import { tidingsError } from '@tidings/core'; tidingsError('tidings.x', 'y');`,
    );
    expect(diagnostics).toStrictEqual([]);
  });

  it('gives the line, code and whole text of each error', async () => {
    const { diagnostics } = await compile(`${options}
      configure({ topic: 'a', nested: { size: '1' } });
      configure({ topik: 'a' });
    `);
    expect(diagnostics).toMatchObject([
      { line: 5, code: 'TS2322', message: expect.stringContaining(`'number'`) },
      { line: 6, code: 'TS2561', message: expect.stringContaining(`'topic'`) },
    ]);
  });

  it('joins the steps of an explanation', async () => {
    const { diagnostics } = await compile(`${options}
      const given: { topic: string; nested: { size: string } } = { topic: 'a', nested: { size: '1' } };
      configure(given);
    `);
    expect(diagnostics).toHaveLength(1);
    expect(diagnostics[0]?.message.split('\n').at(-1)).toBe(`Type 'string' is not assignable to type 'number'.`);
  });

  it('counts more instantiations for a type that costs more, and the same for the same', async () => {
    const generic = (depth: number): string => `
      type Deep<N extends number, Made extends unknown[] = []> = Made['length'] extends N ? Made : Deep<N, [...Made, N]>;
      export type Result = Deep<${depth}>;
    `;
    const [small, large, again] = await Promise.all([compile(generic(5)), compile(generic(50)), compile(generic(50))]);
    expect(large.instantiations).toBeGreaterThan(small.instantiations);
    expect(again.instantiations).toBe(large.instantiations);
  });
});

describe('readOutput', () => {
  it('refuses an output without figures', () => {
    expect(() => readOutput('Unknown compiler option')).toThrow('no figures');
  });

  it('refuses an error outside the snippet', () => {
    const output = `../../src/x.ts(1,1): error TS1005: ';' expected.\nFiles:  1\nInstantiations:  0\n`;
    expect(() => readOutput(output)).toThrow('outside the snippet');
  });
});
