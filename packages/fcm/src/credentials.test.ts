import type { Failure, Runtime } from '@tidings/core';
import { describe, expect, test } from 'vitest';
import type { FreshToken, Grant, TokenSource } from './credentials.ts';
import { createCredentials, isFailure, refused, unsent } from './credentials.ts';
import type { CredentialReason } from './options.ts';

const signal = new AbortController().signal;
const hour = 3_600_000;

/** Time that moves only when the test says so. */
function clock(): Runtime & { advance(ms: number): void } {
  let time = 1000;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  return {
    now: () => time,
    monotonic: () => time,
    random: () => 0.5,
    schedule(at, run) {
      const timer = { at, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      time += ms;
      for (const timer of timers) {
        if (timer.at > time) continue;
        timers.delete(timer);
        timer.run();
      }
    },
  };
}

/** A source whose answers the test gives, one by one. */
function source() {
  const asked: CredentialReason[] = [];
  const answers: ((value: FreshToken | Failure) => void)[] = [];
  let closed = false;
  const given: TokenSource = {
    fetch(reason) {
      asked.push(reason);
      return new Promise((resolve) => answers.push(resolve));
    },
    close() {
      closed = true;
    },
  };
  return {
    given,
    asked,
    get closed() {
      return closed;
    },
    answer(value: FreshToken | Failure) {
      answers.shift()?.(value);
    },
  };
}

const token = (name: string, lifetime = hour): FreshToken => ({ token: name, projectId: 'p-1', lifetime });

function start() {
  const time = clock();
  const from = source();
  const credentials = createCredentials(from.given, () => time);
  async function obtain(name: string, lifetime?: number): Promise<Grant> {
    const waiting = credentials.get(signal);
    from.answer(token(name, lifetime));
    const grant = await waiting;
    if (isFailure(grant)) throw new Error(grant.code);
    return grant;
  }
  return { time, from, credentials, obtain };
}

test('a thousand first requests ask once', async () => {
  const { credentials, from } = start();
  const all = Array.from({ length: 1000 }, () => credentials.get(signal));
  from.answer(token('one'));
  const grants = await Promise.all(all);
  expect(from.asked).toEqual(['start']);
  expect(new Set(grants).size).toBe(1);
  expect(grants[0]).toEqual({
    path: '/v1/projects/p-1/messages:send',
    headers: { authorization: 'Bearer one', 'content-type': 'application/json; charset=utf-8' },
  });
});

test('a held token is given at once, without a promise', async () => {
  const { credentials, obtain } = start();
  const grant = await obtain('one');
  expect(credentials.get(signal)).toBe(grant);
});

describe('renewal', () => {
  test('begins 5 minutes before expiry, while everybody goes on with the old token', async () => {
    const { credentials, from, obtain, time } = start();
    const first = await obtain('one');
    time.advance(hour - 300_001);
    expect(credentials.get(signal)).toBe(first);
    expect(from.asked).toEqual(['start']);
    time.advance(1);
    for (let count = 0; count < 10; count += 1) expect(credentials.get(signal)).toBe(first);
    expect(from.asked).toEqual(['start', 'expiring']);
    from.answer(token('two'));
    await new Promise(setImmediate);
    expect(credentials.get(signal)).toMatchObject({ headers: { authorization: 'Bearer two' } });
  });

  test('of a short-lived token begins at half its life', async () => {
    const { credentials, from, obtain, time } = start();
    await obtain('one', 60_000);
    time.advance(29_999);
    void credentials.get(signal);
    expect(from.asked).toHaveLength(1);
    time.advance(1);
    void credentials.get(signal);
    expect(from.asked).toHaveLength(2);
  });

  test('that fails leaves the old token in use and asks again later, not for every message', async () => {
    const { credentials, from, obtain, time } = start();
    const first = await obtain('one');
    time.advance(hour - 300_000);
    void credentials.get(signal);
    from.answer(unsent('down', 'down'));
    await new Promise(setImmediate);
    expect(credentials.get(signal)).toBe(first);
    expect(from.asked).toHaveLength(2);
    time.advance(1000);
    expect(credentials.get(signal)).toBe(first);
    expect(from.asked).toEqual(['start', 'expiring', 'expiring']);
  });

  test('that failed until the token expired makes everybody wait for one', async () => {
    const { credentials, from, obtain, time } = start();
    await obtain('one');
    time.advance(hour);
    const waiting = credentials.get(signal);
    expect(waiting).toBeInstanceOf(Promise);
    from.answer(token('two'));
    expect(await waiting).toMatchObject({ headers: { authorization: 'Bearer two' } });
  });
});

describe('a refusal', () => {
  test('by FCM makes the next request ask anew, once for all that were refused', async () => {
    const { credentials, from, obtain } = start();
    const old = await obtain('one');
    credentials.refuse(old);
    const waiting = credentials.get(signal);
    credentials.refuse(old);
    from.answer(token('two'));
    const fresh = await waiting;
    // Late 401s of requests that still went out with the old one.
    for (let count = 0; count < 100; count += 1) credentials.refuse(old);
    expect(credentials.get(signal)).toBe(fresh);
    expect(from.asked).toEqual(['start', 'refused']);
  });

  test('by the source is told as it is, and the source asked again at the next request', async () => {
    const { credentials, from } = start();
    const waiting = credentials.get(signal);
    from.answer(refused('invalid_grant', 'no'));
    expect(await waiting).toMatchObject({ kind: 'unauthorized', scope: 'credential', code: 'invalid_grant' });
    const again = credentials.get(signal);
    from.answer(token('two'));
    expect(await again).toHaveProperty('path');
    expect(from.asked).toEqual(['start', 'refused']);
  });
});

test('a source that is down is left alone for a second, and everybody is told how long', async () => {
  const { credentials, from, time } = start();
  const waiting = credentials.get(signal);
  from.answer(unsent('down', 'down'));
  expect(await waiting).toMatchObject({ kind: 'unavailable', unsent: true });
  time.advance(400);
  expect(credentials.get(signal)).toMatchObject({ kind: 'unavailable', code: 'down', unsent: true, retryAfter: 600 });
  expect(from.asked).toHaveLength(1);
  time.advance(600);
  void credentials.get(signal);
  expect(from.asked).toEqual(['start', 'start']);
});

test('a source that names a longer wait is left alone as long', async () => {
  const { credentials, from, time } = start();
  const waiting = credentials.get(signal);
  from.answer(unsent('down', 'down', 30_000));
  await waiting;
  time.advance(29_000);
  expect(credentials.get(signal)).toMatchObject({ retryAfter: 1000 });
});

test('a source that never answers is given up after 10 seconds', async () => {
  const { credentials, time } = start();
  const waiting = credentials.get(signal);
  time.advance(10_000);
  expect(await waiting).toMatchObject({ kind: 'unavailable', code: 'tidings.credential_timeout', unsent: true });
});

test('one caller that gives up leaves the others waiting', async () => {
  const { credentials, from } = start();
  const controller = new AbortController();
  const one = credentials.get(controller.signal);
  const other = credentials.get(signal);
  controller.abort();
  expect(await one).toMatchObject({ kind: 'unavailable', code: 'tidings.aborted', unsent: true });
  from.answer(token('one'));
  expect(await other).toHaveProperty('path');
});

test('a caller that has given up already does not wait', async () => {
  const { credentials } = start();
  expect(await credentials.get(AbortSignal.abort())).toMatchObject({ code: 'tidings.aborted', unsent: true });
});

test('closing ends what waits, asks no more and closes the source', async () => {
  const { credentials, from } = start();
  const waiting = credentials.get(signal);
  await credentials.close();
  expect(await waiting).toMatchObject({ kind: 'unavailable', code: 'tidings.closed', unsent: true });
  expect(await credentials.get(signal)).toMatchObject({ code: 'tidings.closed' });
  expect(from.asked).toHaveLength(1);
  expect(from.closed).toBe(true);
});
