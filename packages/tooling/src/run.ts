import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { root } from './workspace.ts';

export interface Finished {
  readonly code: number | null;
  /** Standard output and error, in the order they came. */
  readonly output: string;
}

/** Runs a tool of the repository (or any command) to its end. */
export function start(command: string, args: readonly string[], directory = root): Promise<Finished> {
  const tools = ['node_modules/.bin', 'packages/tooling/node_modules/.bin'].map((folder) => join(root, folder));
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: directory,
      env: { ...process.env, PATH: [...tools, process.env['PATH']].join(delimiter), NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output: Buffer.concat(chunks).toString() }));
  });
}

/** The same, for a command that must end well: its output, or an error that holds it. */
export async function run(command: string, args: readonly string[], directory = root): Promise<string> {
  const { code, output } = await start(command, args, directory);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}\n${output}`);
  return output;
}

/** Runs one step of a script and says how it went; a failure sets the exit code and lets what follows run. */
export async function report(name: string, step: () => Promise<unknown>): Promise<void> {
  const began = performance.now();
  try {
    await step();
    console.log(`ok      ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`FAILED  ${name}\n${error instanceof Error ? error.message : String(error)}\n`);
  }
}
