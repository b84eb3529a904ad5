import type { LookupAddress, LookupOptions } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { tidingsError } from '@tidings/core';
import type { Resolve } from './guard.ts';

export interface ResolveOptions {
  /** Milliseconds that an answer is reused. Default 10,000. */
  readonly keep?: number | undefined;
  /** Milliseconds until a lookup counts as failed. Default 5,000. */
  readonly timeout?: number | undefined;
  /** Lookups of the system at the same time. Default 2: each holds one of the process's four helper threads until the resolver gives up. */
  readonly concurrency?: number | undefined;
  /** The lookup behind it. Default: `dns.lookup`. */
  readonly resolve?: Resolve | undefined;
}

/** Hosts remembered at most; the one asked for longest ago goes first. */
const hostLimit = 1000;
/** Hosts that may wait for a lookup at most. */
const waitLimit = 1000;

/**
 * Looks hosts up with few system calls: many connections to one host share a lookup, answers are reused for a while, failures are not.
 * A resolver that hangs costs `concurrency` helper threads at most; what waits behind it fails after `timeout`.
 */
export function boundedResolve(options: ResolveOptions = {}): Resolve {
  const { keep = 10_000, timeout = 5_000, concurrency = 2, resolve = systemResolve } = options;
  const known = new Map<string, { readonly answer: Promise<readonly LookupAddress[]>; until: number }>();
  const waiting: (() => void)[] = [];
  let active = 0;

  const slot = async (): Promise<void> => {
    if (active < concurrency) active += 1;
    else if (waiting.length >= waitLimit) throw timedOut();
    else await new Promise<void>((granted) => waiting.push(granted));
  };
  const release = (): void => {
    const next = waiting.shift();
    if (next === undefined) active -= 1;
    else next();
  };
  const ask = async (hostname: string, query: LookupOptions): Promise<readonly LookupAddress[]> => {
    await slot();
    return resolve(hostname, query).finally(release);
  };

  return (hostname, query) => {
    const key = `${hostname} ${query.family ?? 0} ${query.hints ?? 0}`;
    const now = performance.now();
    const entry = known.get(key);
    if (entry !== undefined && entry.until > now) return entry.answer;
    const answer = within(timeout, ask(hostname, query));
    known.delete(key);
    known.set(key, { answer, until: now + timeout + keep });
    answer.then(
      () => {
        const current = known.get(key);
        if (current?.answer === answer) current.until = performance.now() + keep;
      },
      () => {
        if (known.get(key)?.answer === answer) known.delete(key);
      },
    );
    const [oldest] = known.keys();
    if (known.size > hostLimit && oldest !== undefined) known.delete(oldest);
    return answer;
  };
}

const systemResolve: Resolve = (hostname, options) => lookup(hostname, { ...options, all: true });

const timedOut = (): Error => tidingsError('tidings.lookup_timeout', 'the host was not resolved in time');

function within<T>(timeout: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(timedOut()), timeout);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
