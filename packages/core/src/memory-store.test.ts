import { expect, test } from 'vitest';
import { memoryStore } from './memory-store.ts';

test("works on the machine's own clock where none is given, and is not durable", async () => {
  const store = memoryStore();
  const until = Date.now() + 60_000;
  expect(store.durable).toBe(false);
  expect(await store.coordination.claim('key', 'first', until)).toBeUndefined();
  expect(await store.coordination.claim('key', 'second', until)).toBe('first');
  await store.close();
});
