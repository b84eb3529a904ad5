import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { SendResult } from './adapter.ts';
import { AttemptContext, checkedResult, resultOfThrow, Slot, unfit } from './attempt.ts';

const withCode = (code: unknown, cause?: unknown): Error =>
  Object.assign(new Error('secret token in here', { cause }), { code });

describe('resultOfThrow', () => {
  it.each([
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'EADDRNOTAVAIL',
    'UND_ERR_CONNECT_TIMEOUT',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'CERT_HAS_EXPIRED',
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ])('takes %s for unsent: nothing was written yet, also when the signal had aborted', (code) => {
    const expected = { kind: 'unavailable', scope: 'provider', code, unsent: true };
    expect(resultOfThrow(withCode(code), false)).toStrictEqual(expected);
    expect(resultOfThrow(withCode(code), true)).toStrictEqual(expected);
  });

  it('finds the reason that fetch hides, a few levels down', () => {
    const at = (depth: number): unknown =>
      depth === 0 ? withCode('ECONNREFUSED') : new Error('fetch failed', { cause: at(depth - 1) });
    for (const depth of [1, 2, 3]) expect(resultOfThrow(at(depth), false)).toMatchObject({ code: 'ECONNREFUSED' });
    expect(resultOfThrow(at(4), false)).toMatchObject({ code: 'tidings.adapter_threw' });
  });

  it('takes the outermost code that says it', () => {
    const error = withCode('ENOTFOUND', withCode('ECONNREFUSED'));
    expect(resultOfThrow(error, false)).toMatchObject({ code: 'ENOTFOUND' });
    expect(resultOfThrow(withCode('ERR_OTHER', withCode('ECONNREFUSED')), false)).toMatchObject({
      code: 'ECONNREFUSED',
    });
  });

  it('follows no cycle', () => {
    const error = new Error('round') as Error & { cause: unknown };
    error.cause = error;
    expect(resultOfThrow(error, false)).toMatchObject({ kind: 'ambiguous' });
  });

  it.each([
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
    'UND_ERR_SOCKET',
    'UND_ERR_HEADERS_TIMEOUT',
    'ERR_HTTP2_STREAM_ERROR',
    'constructor',
    111,
    undefined,
  ])('takes %s for a lost answer', (code) => {
    const threw = { kind: 'ambiguous', scope: 'provider', code: 'tidings.adapter_threw' };
    expect(resultOfThrow(withCode(code), false)).toStrictEqual(threw);
  });

  it('says that it took too long, where the signal had aborted', () => {
    const late = { kind: 'ambiguous', scope: 'provider', code: 'tidings.timeout' };
    expect(resultOfThrow(new DOMException('aborted', 'AbortError'), true)).toStrictEqual(late);
  });

  const hostile = Object.defineProperty({}, 'code', {
    get: () => {
      throw new Error('not to be read');
    },
  });

  it.each([null, undefined, 'ECONNREFUSED', 42, Symbol('thrown'), () => {}, hostile])(
    'takes whatever is thrown (%s) for a lost answer',
    (thrown) => {
      expect(resultOfThrow(thrown, false)).toMatchObject({ kind: 'ambiguous', code: 'tidings.adapter_threw' });
    },
  );

  it('never throws, and repeats nothing of what was thrown', () => {
    fc.assert(
      fc.property(fc.anything(), fc.boolean(), (thrown, aborted) => {
        const result = resultOfThrow(thrown, aborted);
        expect(result).toStrictEqual({
          kind: 'ambiguous',
          scope: 'provider',
          code: aborted ? 'tidings.timeout' : 'tidings.adapter_threw',
        });
      }),
    );
  });
});

const accepted: SendResult = { kind: 'accepted', messageId: 'm' };
const wrong = { kind: 'ambiguous', scope: 'provider', code: 'tidings.wrong_result' };

describe('unfit', () => {
  it('finds nothing wrong with as many results as there were deliveries', () => {
    expect(unfit([], 0)).toBeUndefined();
    expect(unfit([accepted, accepted], 2)).toBeUndefined();
  });

  it('takes a wrong count for lost answers, all of them', () => {
    expect(unfit([], 1)).toStrictEqual(wrong);
    expect(unfit([accepted], 2)).toStrictEqual(wrong);
    expect(unfit([accepted, accepted], 1)).toStrictEqual(wrong);
  });

  it.each([null, undefined, 'a', { length: 1, 0: accepted }, accepted])(
    'takes what is no array for lost answers: %o',
    (results) => {
      expect(unfit(results as never, 1)).toStrictEqual(wrong);
    },
  );
});

describe('checkedResult', () => {
  it.each<SendResult>([
    accepted,
    { kind: 'unregistered', scope: 'target', code: '410' },
    { kind: 'blocked', scope: 'target', code: 'STOP' },
    { kind: 'rejected', scope: 'message', code: '413' },
    { kind: 'throttled', scope: 'provider', code: '429', retryAfter: 0 },
    { kind: 'unavailable', scope: 'provider', code: '503', retryAfter: Infinity },
    { kind: 'ambiguous', scope: 'provider', code: 'reset', retryAfter: 5 },
    { kind: 'unauthorized', scope: 'credential', code: '403' },
  ])('hands on a result as it is: $kind', (result) => {
    expect(checkedResult(result)).toBe(result);
  });

  it.each([
    null,
    undefined,
    'accepted',
    true,
    7,
    {},
    [],
    { kind: undefined },
    { kind: 'accept' },
    { kind: 'toString' },
    { kind: ['rejected'] },
  ])('takes %o for a lost answer', (result) => {
    expect(checkedResult(result as never)).toStrictEqual(wrong);
  });

  it.each([NaN, -1, -Infinity, '5', null, {}])('leaves out a wait that is none (%s)', (retryAfter) => {
    const result = { kind: 'throttled', scope: 'target', code: '429', retryAfter } as unknown as SendResult;
    expect(checkedResult(result)).toEqual({ kind: 'throttled', scope: 'target', code: '429' });
    expect(result).toHaveProperty('retryAfter', retryAfter);
  });

  it('never throws, whatever an adapter makes a result of', () => {
    fc.assert(
      fc.property(fc.anything(), (result) => {
        expect(checkedResult(result as never)).toHaveProperty('kind');
      }),
    );
  });
});

describe('AttemptContext', () => {
  it('has one signal, which aborts when told', () => {
    const context = new AttemptContext();
    const { signal } = context;
    expect(context.signal).toBe(signal);
    expect(signal.aborted).toBe(false);
    context.abort();
    expect(signal.aborted).toBe(true);
    context.abort();
  });

  it('has a signal that has aborted already when it is first read late', () => {
    const context = new AttemptContext();
    context.abort();
    expect(context.signal.aborted).toBe(true);
  });

  it.each(['before', 'after'])('says that it was the time, also where the signal is first read %s it', (when) => {
    const context = new AttemptContext();
    if (when === 'after') void context.signal;
    context.timeOut();
    expect(context.signal.reason).toMatchObject({ name: 'TimeoutError', message: 'the attempt took too long' });
  });

  it('says that the caller gave up, whatever comes later', () => {
    const context = new AttemptContext();
    context.abort();
    context.timeOut();
    expect(context.signal.reason).toMatchObject({ name: 'AbortError' });
  });
});

describe('Slot', () => {
  it('tells what came of an attempt, through callbacks that are made once', () => {
    const finished = vi.fn<(...told: unknown[]) => void>();
    const release = (): void => {};
    const slot = new Slot(release, finished);
    const error = new Error('broken');
    slot.onResults([]);
    slot.onError(error);
    expect(finished.mock.calls).toStrictEqual([
      [slot, [], undefined],
      [slot, undefined, error],
    ]);
    expect(slot.release).toBe(release);
    expect(slot).toMatchObject({ phase: 'idle', records: [], context: undefined });
  });
});
