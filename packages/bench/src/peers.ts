// The libraries we compare with. They have a lock file of their own and are installed by the first run that needs them.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire, findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';

/** Root of this package, whether the sources run or what was made of them. */
export const packageRoot = dirname(findPackageJSON('..', import.meta.url) as string);
const peersRoot = join(packageRoot, 'peers');

/** As much of the libraries' types as the subjects use: without an install the workspace still type-checks. */
export interface Peers {
  readonly PQueue: new (options: { concurrency: number; interval?: number; intervalCap?: number }) => {
    add<Result>(task: () => Promise<Result>): Promise<Result>;
  };
  readonly pRetry: <Result>(
    run: () => Promise<Result>,
    options: { retries: number; minTimeout: number; maxTimeout: number; randomize: boolean },
  ) => Promise<Result>;
  readonly CircuitBreaker: new <Input, Result>(
    action: (input: Input) => Promise<Result>,
    options: { timeout: number; errorThresholdPercentage: number; volumeThreshold: number; resetTimeout: number },
  ) => { fire(input: Input): Promise<Result> };
  readonly cockatiel: Cockatiel;
}
interface CockatielPolicy {
  execute<Result>(run: () => Promise<Result>): Promise<Result>;
}
interface Cockatiel {
  readonly handleAll: object;
  readonly TimeoutStrategy: { readonly Aggressive: string };
  readonly ExponentialBackoff: new (options: { initialDelay: number; maxDelay: number }) => object;
  readonly SamplingBreaker: new (options: { threshold: number; duration: number }) => object;
  wrap(...policies: CockatielPolicy[]): CockatielPolicy;
  retry(handled: object, options: { maxAttempts: number; backoff: object }): CockatielPolicy;
  circuitBreaker(handled: object, options: { halfOpenAfter: number; breaker: object }): CockatielPolicy;
  bulkhead(limit: number, queue: number): CockatielPolicy;
  timeout(duration: number, strategy: string): CockatielPolicy;
}

const peerRequire = createRequire(join(peersRoot, 'package.json'));

export function loadPeers(): Peers {
  return {
    PQueue: peerRequire('p-queue').default,
    pRetry: peerRequire('p-retry').default,
    CircuitBreaker: peerRequire('opossum'),
    cockatiel: peerRequire('cockatiel'),
  };
}

/** Where `import` finds one of them. */
export const resolvePeer = (name: string): string => peerRequire.resolve(name);

/** Runs `npm ci` in `peers/`, unless what the lock file asks for is there. @throws when npm fails, with its output */
export function installPeers(): void {
  if (isInstalled()) return;
  console.error('Installing what we compare with (npm ci in packages/bench/peers) ...');
  const { status, error, stdout, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: peersRoot,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`npm ci in packages/bench/peers failed: ${error?.message ?? stdout + stderr}`);
}

function isInstalled(): boolean {
  const installed = join(peersRoot, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const versions = (file: string): string => {
    const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, { version: string }> };
    const paths = Object.keys(packages).filter((path) => path !== '');
    return paths.map((path) => `${path}@${packages[path]?.version}`).join();
  };
  return versions(installed) === versions(join(peersRoot, 'package-lock.json'));
}
