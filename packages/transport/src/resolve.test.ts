import { expect, test, vi } from 'vitest';
import type { Resolve } from './guard.ts';
import { boundedResolve } from './resolve.ts';

const address = [{ address: '8.8.8.8', family: 4 }];

test('connections opened together share one lookup, and later ones its answer', async () => {
  const resolve = vi.fn<Resolve>(async () => address);
  const bounded = boundedResolve({ resolve });
  expect(await Promise.all([bounded('a.example', {}), bounded('a.example', {}), bounded('a.example', {})])).toEqual([
    address,
    address,
    address,
  ]);
  await bounded('a.example', {});
  expect(resolve).toHaveBeenCalledTimes(1);
  await bounded('b.example', {});
  await bounded('a.example', { family: 6 });
  expect(resolve).toHaveBeenCalledTimes(3);
});

test('a failure is not remembered', async () => {
  let calls = 0;
  const bounded = boundedResolve({
    resolve: async () => {
      calls += 1;
      if (calls === 1) throw new Error('no such host');
      return address;
    },
  });
  await expect(bounded('a.example', {})).rejects.toThrow('no such host');
  expect(await bounded('a.example', {})).toBe(address);
});

test('a resolver that hangs holds no more lookups than allowed, and those behind it fail in time', async () => {
  const hung: (() => void)[] = [];
  const resolve = vi.fn<Resolve>(() => new Promise((done) => hung.push(() => done(address))));
  const bounded = boundedResolve({ resolve, concurrency: 2, timeout: 20 });
  const hosts = ['a.example', 'b.example', 'c.example', 'd.example'];
  const results = await Promise.allSettled(hosts.map((host) => bounded(host, {})));
  expect(results.map((each) => each.status === 'rejected' && each.reason.code)).toEqual(
    Array(4).fill('tidings.lookup_timeout'),
  );
  expect(resolve).toHaveBeenCalledTimes(2);
  while (hung.length > 0) {
    hung.shift()?.();
    await new Promise(setImmediate);
  }
  expect(resolve).toHaveBeenCalledTimes(4);
  const again = bounded('a.example', {});
  await new Promise(setImmediate);
  hung.shift()?.();
  expect(await again).toBe(address);
});
