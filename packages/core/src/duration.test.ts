import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { durationOf, parseDuration, parseRate } from './duration.ts';
import type { Duration, Rate } from './policy.ts';

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

describe('durationOf', () => {
  it.each([
    [0, 0],
    [500, 500],
    [0.5, 0.5],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ['0ms', 0],
    ['250ms', 250],
    ['10s', 10_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['1.5s', 1500],
    ['0.25h', 900_000],
    ['007s', 7000],
    ['1.123456s', 1123.456],
    ['123456789012345ms', 123_456_789_012_345],
  ])('reads %j as %d ms', (value, expected) => {
    expect(durationOf(value)).toBe(expected);
  });

  it.each([
    -1,
    NaN,
    Infinity,
    -Infinity,
    '',
    '10',
    's',
    '10 s',
    ' 10s',
    '10s ',
    '10s\n',
    '-10s',
    '+10s',
    '1e3s',
    '.5s',
    '1.s',
    '1.1234567s',
    '1234567890123456ms',
    '10x',
    '10S',
    '10sec',
    '1h30m',
    'x10s',
    '١s',
    'Infinitys',
    null,
    undefined,
    true,
    {},
    [],
    [5],
    ['10s'],
    10n,
    new Date(5),
  ])('makes nothing of %o', (value) => {
    expect(durationOf(value)).toBeUndefined();
  });

  it('makes nothing of an empty text, also where it is the first it is asked for', async () => {
    vi.resetModules();
    const fresh = await import('./duration.ts');
    expect(fresh.durationOf('')).toBeUndefined();
  });

  it('reads every whole number of every unit', () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])), (count, unit) => {
        expect(durationOf(`${count}${unit}`)).toBe(count * units[unit]);
      }),
    );
  });

  it('never gives anything but a finite number of at least 0', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const duration = durationOf(value);
        expect(duration === undefined || (Number.isFinite(duration) && duration >= 0)).toBe(true);
      }),
    );
  });
});

describe('parseDuration', () => {
  it('gives milliseconds', () => {
    expect(parseDuration('2s', 'timeout')).toBe(2000);
    expect(parseDuration(0, 'timeout')).toBe(0);
  });

  it('names the field and what was expected, not what came', () => {
    expect(() => parseDuration('secret' as Duration, 'policy.timeout')).toThrow(
      expect.objectContaining({
        code: 'tidings.invalid_options',
        field: 'policy.timeout',
        message: "policy.timeout: expected a duration: milliseconds, or a number with ms, s, m, h or d ('10s')",
      }),
    );
  });
});

describe('parseRate', () => {
  it.each<[Rate, { limit: number; per: number; burst: number }]>([
    ['500/s', { limit: 500, per: 1000, burst: 500 }],
    ['1/m', { limit: 1, per: 60_000, burst: 1 }],
    ['20/h', { limit: 20, per: 3_600_000, burst: 20 }],
    ['1000000/d', { limit: 1_000_000, per: 86_400_000, burst: 1_000_000 }],
    ['2.5/s', { limit: 2.5, per: 1000, burst: 2.5 }],
    ['0.5/s', { limit: 0.5, per: 1000, burst: 1 }],
    ['999999999999/s', { limit: 999_999_999_999, per: 1000, burst: 999_999_999_999 }],
    ['1.123456/s', { limit: 1.123456, per: 1000, burst: 1.123456 }],
    [
      { limit: 10, per: '10s' },
      { limit: 10, per: 10_000, burst: 10 },
    ],
    [
      { limit: 10, per: 250, burst: 3 },
      { limit: 10, per: 250, burst: 3 },
    ],
    [
      { limit: 10, per: 250, burst: 1 },
      { limit: 10, per: 250, burst: 1 },
    ],
    [
      { limit: 0.5, per: '1s' },
      { limit: 0.5, per: 1000, burst: 1 },
    ],
    [
      { limit: 5, per: '1s', burst: undefined },
      { limit: 5, per: 1000, burst: 5 },
    ],
  ])('spells out %j', (rate, expected) => {
    expect(parseRate(rate, 'rate')).toStrictEqual(expected);
  });

  it.each([
    '',
    '500',
    '/s',
    '500/ms',
    '500/x',
    '500 / s',
    'x500/s',
    '500/sx',
    '500/s\n',
    '-1/s',
    '0/s',
    '0.0/s',
    '1e3/s',
    '1234567890123/s',
    '1.1234567/s',
    '.5/s',
    5,
    0,
    true,
    null,
    undefined,
    [],
    {},
    { limit: 5 },
    { per: '1s' },
    { limit: 0, per: '1s' },
    { limit: -1, per: '1s' },
    { limit: NaN, per: '1s' },
    { limit: Infinity, per: '1s' },
    { limit: '5', per: '1s' },
    { limit: 5, per: 0 },
    { limit: 5, per: '0s' },
    { limit: 5, per: -1 },
    { limit: 5, per: 'soon' },
  ])('refuses %o, naming the field', (rate) => {
    expect(() => parseRate(rate as Rate, 'channels.sms.policy.rate')).toThrow(
      expect.objectContaining({
        code: 'tidings.invalid_options',
        field: 'channels.sms.policy.rate',
        message: "channels.sms.policy.rate: expected a rate: '500/s', or { limit, per } above 0",
      }),
    );
  });

  it.each([0, 0.99, -1, NaN, Infinity, '5', {}])('refuses a burst of %j', (burst) => {
    expect(() => parseRate({ limit: 5, per: '1s', burst: burst as number }, 'rate')).toThrow(
      expect.objectContaining({
        code: 'tidings.invalid_options',
        field: 'rate.burst',
        message: 'rate.burst: expected a burst of at least 1',
      }),
    );
  });

  it('means the same by a text and by an object', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.constantFrom('s', 'm', 'h', 'd'), (limit, unit) => {
        expect(parseRate(`${limit}/${unit}`, 'rate')).toStrictEqual(parseRate({ limit, per: `1${unit}` }, 'rate'));
      }),
    );
  });
});
