import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script of this package as a process of its own, until it ends by itself. @param path relative to src/ */
export function runScript(path: string, given: readonly string[], nodeOptions: readonly string[] = []): Promise<Ended> {
  const script = fileURLToPath(new URL(`../${path}`, import.meta.url));
  return new Promise((resolve) => {
    // One that does not end is killed before the test gives up, and has no code then.
    const options = { timeout: 50_000, killSignal: 'SIGKILL' } as const;
    execFile(process.execPath, [...nodeOptions, script, ...given], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}
