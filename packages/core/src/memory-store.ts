import { memoryCoordination } from './memory-coordination.ts';
import { memoryQueue } from './memory-queue.ts';
import { realRuntime, type Runtime } from './runtime.ts';
import type { Store } from './store.ts';

/** Queue, idempotency and rates of one process; all of it ends with the process. The default. */
export function memoryStore(options: { readonly runtime?: Runtime | undefined } = {}): Store {
  const runtime = options.runtime ?? realRuntime();
  return {
    durable: false,
    queue: memoryQueue(runtime),
    coordination: memoryCoordination(runtime),
    close: () => Promise.resolve(),
  };
}
