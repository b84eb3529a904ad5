import { RuleBroken } from './verdict.ts';

/** Settles as the promise does, unless it takes so long that it must be hanging. */
export async function within<T>(promise: PromiseLike<T>, patience: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const hanging = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new RuleBroken(`${what} did not happen in ${patience} ms`)), patience);
  });
  try {
    return await Promise.race([promise, hanging]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the condition holds. It is asked again and again, since a foreign service has no event for it. */
export async function until(condition: () => boolean, patience: number, what: string): Promise<void> {
  const end = performance.now() + patience;
  while (!condition()) {
    if (performance.now() > end) throw new RuleBroken(`${what} did not happen in ${patience} ms`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
