import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { VapidReason } from './options.ts';
import { makeVapid } from './testing/fixtures.ts';
import type { VapidHeader, VapidHeaders } from './vapid.ts';
import { createVapidHeaders } from './vapid.ts';
import type { Vapid } from './vapid-keys.ts';

const hour = 3_600_000;
const fcm = 'https://fcm.googleapis.com';
const apple = 'https://web.push.apple.com';
let now: number;
beforeEach(() => {
  // The library that signs compares with the real clock.
  now = Date.now();
});

const header = async (headers: VapidHeaders, origin = fcm): Promise<VapidHeader> => {
  const made = await headers.get(origin);
  if (typeof made === 'string') throw new Error(made);
  return made;
};

function claims({ value }: VapidHeader): { aud: string; exp: number; sub: string } {
  const [, token] = /^vapid t=[^.]+\.([^.]+)\.[\w-]+, k=[\w-]{87}$/.exec(value) ?? [];
  return JSON.parse(Buffer.from(token ?? '', 'base64url').toString());
}

describe('a header', () => {
  const vapid = makeVapid();

  test('names the service, the contact and an end within 12 hours', async () => {
    const made = await header(createVapidHeaders(vapid, () => now));
    expect(claims(made)).toEqual({ aud: fcm, exp: Math.floor(now / 1000) + 12 * 3600, sub: vapid.subject });
    expect(made.value).toContain(`k=${vapid.publicKey}`);
  });

  test('is made once for each service, and again near its end', async () => {
    const headers = createVapidHeaders(vapid, () => now);
    const first = await header(headers);
    expect(await header(headers)).toBe(first);
    const other = await header(headers, apple);
    expect(claims(other).aud).toBe(apple);
    now += 11 * hour - 1;
    expect(await header(headers)).toBe(first);
    now += 1;
    expect(claims(await header(headers)).exp).toBe(Math.floor(now / 1000) + 12 * 3600);
  });

  test('is made anew when the clock was set back: it would be valid for too long', async () => {
    const headers = createVapidHeaders(vapid, () => now);
    const first = await header(headers);
    now -= hour;
    expect(await header(headers)).not.toBe(first);
  });

  test('is made anew once when it was refused, however often it is told', async () => {
    const headers = createVapidHeaders(vapid, () => now);
    const first = await header(headers);
    headers.refused(first, true);
    headers.refused(first, true);
    const second = await header(headers);
    expect(second).not.toBe(first);
    headers.refused(first, true);
    expect(await header(headers)).toBe(second);
  });

  test('is proven at the service that took a message with its key, and only there', async () => {
    const headers = createVapidHeaders(vapid, () => now);
    const first = await header(headers);
    expect(headers.proven(first)).toBe(false);
    headers.accepted(first);
    expect(headers.proven(first)).toBe(true);
    expect(headers.proven(await header(headers, apple))).toBe(false);
    now += 11 * hour;
    expect(headers.proven(await header(headers))).toBe(true);
  });

  test('is kept for a bounded number of services', async () => {
    const headers = createVapidHeaders(vapid, () => now);
    const first = await header(headers);
    for (let index = 0; index < 1000; index += 1) await header(headers, `https://p${index}.example`);
    expect(await header(headers)).not.toBe(first);
  });
});

describe('a function', () => {
  const asked: VapidReason[] = [];
  let answer: () => unknown;
  const make = (): VapidHeaders =>
    createVapidHeaders(
      async (reason) => {
        asked.push(reason);
        return (await answer()) as Vapid;
      },
      () => now,
    );
  beforeEach(() => {
    asked.length = 0;
    answer = () => makeVapid();
  });

  test('is asked once by all that wait, and then not again for hours', async () => {
    const headers = make();
    const all = await Promise.all(Array.from({ length: 20 }, () => header(headers)));
    expect(new Set(all).size).toBe(1);
    await header(headers, apple);
    expect(asked).toEqual(['start']);
    now += 11 * hour;
    expect(await header(headers)).not.toBe(all[0]);
    expect(asked).toEqual(['start', 'expiring']);
  });

  test('is asked once per refusal of the key, and not where only the subscription is to blame', async () => {
    const headers = make();
    const first = await header(headers);
    headers.refused(first, false);
    const second = await header(headers);
    expect(second).not.toBe(first);
    expect(asked).toEqual(['start']);
    headers.refused(second, true);
    headers.refused(second, true);
    const third = await Promise.all([header(headers), header(headers)]);
    expect(third[0].credential.vapid).not.toBe(second.credential.vapid);
    expect(asked).toEqual(['start', 'refused']);
  });

  test('may fail: the last good key stays in use, and it is asked again a minute later', async () => {
    const headers = make();
    const first = await header(headers);
    headers.refused(first, true);
    answer = () => {
      throw new Error('vault is down');
    };
    expect((await header(headers)).credential.vapid).toBe(first.credential.vapid);
    await header(headers);
    expect(asked).toEqual(['start', 'refused']);
    now += 60_000;
    await header(headers);
    expect(asked).toEqual(['start', 'refused', 'expiring']);
  });

  test('that fails at the start, or gives no key pair, gives no header, and is asked again a second later', async () => {
    const headers = make();
    answer = () => {
      throw new Error('vault is down');
    };
    expect(await headers.get(fcm)).toBe('failed');
    expect(await headers.get(apple)).toBe('failed');
    expect(asked).toEqual(['start']);
    now += 1000;
    answer = () => ({ ...makeVapid(), privateKey: 'x' });
    expect(await headers.get(fcm)).toBe('invalid');
    now += 1000;
    answer = () => makeVapid();
    expect(await header(headers)).toHaveProperty('value');
  });

  test('may answer at once', async () => {
    const vapid = makeVapid();
    const source = vi.fn(() => vapid);
    expect((await header(createVapidHeaders(source, () => now))).credential.vapid).toBe(vapid);
  });
});
