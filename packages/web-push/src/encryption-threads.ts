import { Worker } from 'node:worker_threads';
import type { Block, Plain } from './encryption-batch.ts';
import { pack, unpack } from './encryption-batch.ts';
import { encrypt } from './encryption.ts';

/** Messages that a thread gets at once: enough to make the moving cheap, few enough to share the work. */
const batchLimit = 32;

export interface Encryptor {
  /**
   * Encrypts here and now, or in a thread where many messages are under way.
   * @param busy messages under way
   * @returns undefined where the subscription's key is no point on the curve
   */
  encrypt(message: Plain, busy: number): Buffer | undefined | Promise<Buffer | undefined>;
  /** Ends the threads; what they still had is encrypted here. */
  close(): Promise<void>;
}

interface Job {
  readonly message: Plain;
  readonly done: (result: Buffer | undefined) => void;
}

interface Thread {
  readonly worker: Worker;
  ready: boolean;
  jobs: readonly Job[];
}

/**
 * A message's encryption costs more than all else of it: 200 microseconds here, 5 where a thread does it.
 * Threads start once they are worth it, and do not keep the process alive on their own. One that fails is not replaced:
 * its work, and all after it, is done here.
 * @param threads at most
 * @param threshold messages under way from which on threads take part
 */
export function createEncryptor(threads: number, threshold = 16, workerUrl = siblingUrl()): Encryptor {
  const pool = new Set<Thread>();
  let waiting: Job[] = [];
  let wanted = workerUrl === undefined ? 0 : threads;
  let scheduled = false;

  const start = (url: URL): void => {
    wanted -= 1;
    const worker = makeWorker(url);
    if (worker === undefined) return;
    const thread: Thread = { worker, ready: false, jobs: [] };
    pool.add(thread);
    worker.once('online', () => {
      thread.ready = true;
      distribute();
    });
    worker.on('message', (block: Block) => {
      const { jobs } = thread;
      thread.jobs = [];
      worker.unref();
      // The next block first, so that the thread does not wait for what the results set in motion.
      distribute();
      const results = unpack(block);
      for (const [index, { done }] of jobs.entries()) done(results[index]);
    });
    worker.on('error', () => abandon(thread));
    worker.on('exit', () => abandon(thread));
    // Last: to listen for messages refers to the thread again.
    worker.unref();
  };

  const abandon = (thread: Thread): void => {
    if (!pool.delete(thread)) return;
    for (const job of thread.jobs) finishHere(job);
    if (pool.size === 0) for (const job of waiting.splice(0)) finishHere(job);
  };

  const distribute = (): void => {
    scheduled = false;
    for (const thread of pool) {
      if (waiting.length === 0) return;
      if (!thread.ready || thread.jobs.length > 0) continue;
      thread.jobs = waiting.splice(0, batchLimit);
      const block = pack(thread.jobs.map(({ message }) => message));
      // While it works it holds the process, which somebody waits for.
      thread.worker.ref();
      thread.worker.postMessage(block, [block.buffer]);
    }
  };

  const anyReady = (): boolean => {
    for (const { ready } of pool) if (ready) return true;
    return false;
  };

  return {
    encrypt(message, busy) {
      if (busy < threshold) return encryptHere(message);
      if (wanted > 0 && workerUrl !== undefined) start(workerUrl);
      if (!anyReady()) return encryptHere(message);
      return new Promise((done) => {
        waiting.push({ message, done });
        if (scheduled) return;
        scheduled = true;
        queueMicrotask(distribute);
      });
    },
    async close() {
      wanted = 0;
      const ended = [...pool];
      for (const thread of ended) abandon(thread);
      await Promise.all(ended.map(({ worker }) => worker.terminate()));
    },
  };
}

const encryptHere = ({ plaintext, keys }: Plain): Buffer | undefined => encrypt(plaintext, keys);

function finishHere({ message, done }: Job): void {
  done(encryptHere(message));
}

/** Undefined where threads are forbidden, by Node's permission model for instance. */
function makeWorker(url: URL): Worker | undefined {
  try {
    // Not with the process's own arguments and environment: a loader or a debugger is not for this thread.
    return new Worker(url, { execArgv: [], env: {}, name: 'web-push encryption' });
  } catch {
    return undefined;
  }
}

/** The thread's file beside this one; undefined where this one was bundled into another, which a thread must not run. */
function siblingUrl(): URL | undefined {
  const own: string | undefined = import.meta.url;
  const sibling = own?.replace(/encryption-threads(\.[jt]s)$/, 'encryption-worker$1');
  return sibling === own || sibling === undefined ? undefined : new URL(sibling);
}
