import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Failure } from './failure.ts';
import { classifyHttp, parseRetryAfter, type HttpAnswer } from './http.ts';

const now = Date.UTC(2026, 0, 15, 12);

function answer(status: number, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { status, headers: { get: (name) => headers[name] ?? null } };
}

const gone: Failure = { kind: 'unregistered', scope: 'target', code: 'Gone' };
const slow: Failure = { kind: 'throttled', scope: 'target', code: 'Slow', retryAfter: 5 };
const wrong: Failure = { kind: 'rejected', scope: 'message', code: 'Wrong' };
const table = { Gone: gone, Slow: slow, '404': wrong, '202': wrong };

describe('classifyHttp', () => {
  it.each([
    ['the first success', 200, { kind: 'accepted' }],
    ['the last success', 299, { kind: 'accepted' }],
    ['what is below a success', 199, { kind: 'rejected', scope: 'message', code: 'http_199' }],
    ['a redirect', 300, { kind: 'rejected', scope: 'message', code: 'http_300' }],
    ['the first client error', 400, { kind: 'rejected', scope: 'message', code: 'http_400' }],
    ['a request for fewer requests', 429, { kind: 'throttled', scope: 'provider', code: 'http_429' }],
    ['the last client error', 499, { kind: 'rejected', scope: 'message', code: 'http_499' }],
    ['the first server error', 500, { kind: 'unavailable', scope: 'provider', code: 'http_500' }],
    ['what lies beyond the server errors', 600, { kind: 'unavailable', scope: 'provider', code: 'http_600' }],
  ])('reads %s (%i) by its status alone', (_what, status, expected) => {
    expect(classifyHttp(answer(status), {}, undefined, now)).toStrictEqual(expected);
  });

  it("names the provider's own code where there is one", () => {
    expect(classifyHttp(answer(400), {}, 'BadTopic')).toMatchObject({ kind: 'rejected', code: 'BadTopic' });
    expect(classifyHttp(answer(429), {}, 'Quota')).toMatchObject({ kind: 'throttled', code: 'Quota' });
    expect(classifyHttp(answer(503), {}, 'Down')).toMatchObject({ kind: 'unavailable', code: 'Down' });
  });

  it('goes by the code first, then by the status in the table, then by the status itself', () => {
    expect(classifyHttp(answer(404), table, 'Gone')).toBe(gone);
    expect(classifyHttp(answer(404), table, 'Other')).toBe(wrong);
    expect(classifyHttp(answer(404), table)).toBe(wrong);
    expect(classifyHttp(answer(410), table, 'Other')).toMatchObject({ kind: 'rejected', code: 'Other' });
  });

  it('lets the table turn a success into a failure, by code or status', () => {
    expect(classifyHttp(answer(200), table, 'Gone')).toBe(gone);
    expect(classifyHttp(answer(202), table)).toBe(wrong);
    expect(classifyHttp(answer(200), table, 'Other')).toStrictEqual({ kind: 'accepted' });
  });

  it('finds only what the table itself holds', () => {
    for (const code of ['constructor', 'toString', '__proto__']) {
      expect(classifyHttp(answer(400), table, code)).toStrictEqual({ kind: 'rejected', scope: 'message', code });
    }
    expect(classifyHttp(answer(200), { undefined: gone }, undefined)).toStrictEqual({ kind: 'accepted' });
  });

  it('takes over Retry-After, from the table or from the status', () => {
    const headers = { 'retry-after': '7' };
    expect(classifyHttp(answer(429, headers), {}, undefined, now)).toMatchObject({ retryAfter: 7000 });
    expect(classifyHttp(answer(404, headers), table, undefined, now)).toStrictEqual({ ...wrong, retryAfter: 7000 });
    expect(wrong).not.toHaveProperty('retryAfter');
  });

  it("prefers a row's own wait to the header's", () => {
    expect(classifyHttp(answer(429, { 'retry-after': '7' }), table, 'Slow', now)).toBe(slow);
  });

  it('says nothing of a wait where the header is unusable', () => {
    const failure = classifyHttp(answer(503, { 'retry-after': 'soon' }), {}, undefined, now);
    expect(failure).toStrictEqual({ kind: 'unavailable', scope: 'provider', code: 'http_503' });
  });

  it("counts a Retry-After date from the machine's clock when not told the time", () => {
    vi.useFakeTimers({ now, toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const headers = { 'retry-after': new Date(now + 60_000).toUTCString() };
    expect(classifyHttp(answer(503, headers), {})).toMatchObject({ retryAfter: 60_000 });
  });

  it('gives one answer for every status, code and header, and never throws', () => {
    const anyStatus = fc.integer({ min: 0, max: 999 });
    fc.assert(
      fc.property(anyStatus, fc.option(fc.string(), { nil: undefined }), fc.string(), (status, code, retryAfter) => {
        const result = classifyHttp(answer(status, { 'retry-after': retryAfter }), {}, code, now);
        const accepted = status >= 200 && status <= 299;
        expect(result.kind === 'accepted').toBe(accepted);
        if (result.kind !== 'accepted') expect(result.code).toBe(code ?? `http_${status}`);
      }),
    );
  });
});

describe('parseRetryAfter', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    [' 3 ', 3000],
    ['Thu, 15 Jan 2026 12:00:30 GMT', 30_000],
    ['  Thu, 15 Jan 2026 12:00:30 GMT ', 30_000],
    ['Thursday, 15-Jan-26 12:00:30 GMT', 30_000],
    ['Thu Jan 15 12:00:30 2026 GMT', 30_000],
    ['Thu Jan 15 12:00:30 2026', 30_000],
    ['Thu, 15 Jan 2026 13:00:30 +0100', 30_000],
    ['Thu, 15 Jan 2026 11:59:59 GMT', 0],
  ])('reads %j as %i ms', (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });

  it.each([
    null,
    undefined,
    '',
    ' ',
    '-5',
    '+5',
    '1.5',
    '1e3',
    '5s',
    's5',
    'Z 2026-01-15',
    'soon',
    '2026-01-15T12:00:30Z',
    '15 Jan 2026 12:00:30 GMT',
    '1 Jan',
    'Thu, 99 Foo 2026',
  ])('makes nothing of %j', (value) => {
    expect(parseRetryAfter(value, now)).toBeUndefined();
  });

  it('takes a date without a zone for GMT, wherever the machine stands', () => {
    const parse = vi.spyOn(Date, 'parse');
    onTestFinished(() => parse.mockRestore());
    expect(parseRetryAfter('Thu Jan 15 12:00:30 2026', now)).toBe(30_000);
    expect(parse).toHaveBeenLastCalledWith('Thu Jan 15 12:00:30 2026 GMT');
    expect(parseRetryAfter('Thu, 15 Jan 2026 12:00:30 GMT', now)).toBe(30_000);
    expect(parse).toHaveBeenLastCalledWith('Thu, 15 Jan 2026 12:00:30 GMT');
  });

  it('reads every whole number of seconds', () => {
    fc.assert(
      fc.property(fc.nat(), (seconds) => {
        expect(parseRetryAfter(String(seconds), now)).toBe(seconds * 1000);
      }),
    );
  });

  it('waits until the date given, and not at all for one that has passed', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e6, max: 1e6 }), (seconds) => {
        const date = new Date(now + seconds * 1000).toUTCString();
        expect(parseRetryAfter(date, now)).toBe(Math.max(0, seconds) * 1000);
      }),
    );
  });

  it('never gives a negative wait or NaN', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(parseRetryAfter(value, now) ?? 0).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
