import { errorName, type Logger } from './context.ts';
import { isThenable } from './schema.ts';

/** Tells a store what nobody waits for; one that throws or rejects is noted in the log and harms nothing. */
export function quietly(logger: Logger | undefined, tell: () => unknown): void {
  const failed = (error: unknown): void => logger?.warn({ error: errorName(error) }, 'the store could not be told');
  try {
    const told = tell();
    if (isThenable(told)) told.then(undefined, failed);
  } catch (error) {
    failed(error);
  }
}
