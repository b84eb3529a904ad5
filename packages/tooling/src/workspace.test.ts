import { describe, expect, it } from 'vitest';
import { publishedFace } from './workspace.ts';

describe('publishedFace', () => {
  it('points every entry point at what is built from it, types first', () => {
    const exports = { '.': './src/index.ts', './testing': './src/testing/index.ts' };
    const face = publishedFace({ name: '@tidings/x', exports });
    expect(face).toStrictEqual({
      exports: {
        '.': { types: './dist/index.d.ts', default: './dist/index.js' },
        './testing': { types: './dist/testing/index.d.ts', default: './dist/testing/index.js' },
      },
    });
    expect(Object.keys(face.exports?.['.'] ?? {})).toStrictEqual(['types', 'default']);
  });

  it('has commands where the package has some', () => {
    const face = publishedFace({ name: '@tidings/x', bin: { 'tidings-x': './src/cli.ts' } });
    expect(face).toStrictEqual({ exports: {}, bin: { 'tidings-x': './dist/cli.js' } });
  });
});
