import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { start } from './run.ts';
import { root, scratch } from './workspace.ts';

export interface Diagnostic {
  /** From 1. */
  readonly line: number;
  readonly code: `TS${number}`;
  /** The whole explanation, one step per line. */
  readonly message: string;
}

export interface Compilation {
  readonly diagnostics: readonly Diagnostic[];
  /** How many times the compiler filled in a generic type: what a type costs, the same on every machine. */
  readonly instantiations: number;
}

/**
 * Compiles a snippet under the repository's own settings, as if it lay in this package: it imports `@tidings/*` by name.
 * For tests of error texts and of what types cost; for plain yes or no, `@ts-expect-error` in a `*.test-d.ts` is enough.
 * @throws when the compiler itself fails
 */
export async function compile(snippet: string): Promise<Compilation> {
  await mkdir(scratch, { recursive: true });
  const folder = await mkdtemp(join(scratch, 'compile-'));
  try {
    await writeFile(join(folder, 'snippet.ts'), snippet);
    const config = {
      extends: join(root, 'tsconfig.json'),
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
      include: [],
      files: ['snippet.ts'],
    };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
    // One checker, since several would each count what they share.
    const flags = ['--pretty', 'false', '--singleThreaded', '--extendedDiagnostics'];
    const { output } = await start('tsc', ['--project', folder, ...flags], folder);
    return readOutput(output);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const head = /^snippet\.ts\((?<line>\d+),\d+\): error (?<code>TS\d+): (?<message>.*)$/;

/** Diagnostics come first, explanations indented below them; then the table of figures. */
export function readOutput(output: string): Compilation {
  const [, figure] = /^Instantiations:\s+(\d+)$/m.exec(output) ?? [];
  if (figure === undefined) throw new Error(`tsc printed no figures:\n${output}`);
  const diagnostics: Diagnostic[] = [];
  for (const text of output.slice(0, output.search(/^Files:/m)).split('\n')) {
    const { line, code, message } = head.exec(text)?.groups ?? {};
    const last = diagnostics.at(-1);
    if (line !== undefined && code !== undefined && message !== undefined) {
      diagnostics.push({ line: Number(line), code: code as `TS${number}`, message });
    } else if (last !== undefined && text.startsWith(' ')) {
      diagnostics.splice(-1, 1, { ...last, message: `${last.message}\n${text.trim()}` });
    } else if (text !== '') {
      throw new Error(`tsc failed outside the snippet: ${text}`);
    }
  }
  return { diagnostics, instantiations: Number(figure) };
}
