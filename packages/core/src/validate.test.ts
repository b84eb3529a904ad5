import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationExpected } from './duration.ts';
import type { AnyMessage } from './record.ts';
import { mostCharacters, weigh, weighData, type Problem } from './validate.ts';

const to = { channel: 'ios', token: 'secret' };
const weighOf = (message: unknown): number | Problem => weigh(message as AnyMessage);
const text = (length: number): string => 'x'.repeat(length);
const day = 86_400_000;
const jsonExpected = 'what JSON can hold: text, numbers, booleans, null, arrays, plain objects';
const plainExpected = 'a plain object (a Date as text, a Map as an object)';
const tooMuch = `at most ${mostCharacters} characters in all`;
const tooDeep = 'at most 32 levels, without cycles';

describe('weigh', () => {
  it.each([null, undefined, 'text', 5, [], [{ to }], () => {}])('wants an object: %o', (message) => {
    expect(weighOf(message)).toStrictEqual({ field: 'message', expected: 'an object with `to`' });
  });

  const textExpected = `text of at most ${mostCharacters} characters`;
  const keyExpected = 'text of 1 to 512 characters';
  const priorityExpected = "'high', 'normal' or 'low'";
  const ttlExpected = `${durationExpected}, at most 30 days`;

  it.each<[object, string, string]>([
    [{ titel: 'x' }, 'titel', 'no such field'],
    [{ subject: undefined }, 'subject', 'no such field'],
    [{ signal: {} }, 'signal', 'no such field'],
    [{ constructor: 1 }, 'constructor', 'no such field'],
    [JSON.parse('{"__proto__":1}') as object, '__proto__', 'no such field'],
    [{ title: 5 }, 'title', textExpected],
    [{ title: null }, 'title', textExpected],
    [{ body: {} }, 'body', textExpected],
    [{ body: text(mostCharacters + 1) }, 'body', textExpected],
    [{ url: new URL('https://example.com') }, 'url', textExpected],
    [{ image: 1 }, 'image', textExpected],
    [{ ttl: -1 }, 'ttl', ttlExpected],
    [{ ttl: NaN }, 'ttl', ttlExpected],
    [{ ttl: 'soon' }, 'ttl', ttlExpected],
    [{ ttl: null }, 'ttl', ttlExpected],
    [{ ttl: 30 * day + 1 }, 'ttl', ttlExpected],
    [{ ttl: '31d' }, 'ttl', ttlExpected],
    [{ notBefore: '2026-01-01' }, 'notBefore', 'a valid Date'],
    [{ notBefore: 0 }, 'notBefore', 'a valid Date'],
    [{ notBefore: new Date(NaN) }, 'notBefore', 'a valid Date'],
    [{ priority: 'urgent' }, 'priority', priorityExpected],
    [{ priority: 1 }, 'priority', priorityExpected],
    [{ collapseKey: '' }, 'collapseKey', keyExpected],
    [{ collapseKey: text(513) }, 'collapseKey', keyExpected],
    [{ idempotencyKey: 5 }, 'idempotencyKey', keyExpected],
    [{ tenant: null }, 'tenant', keyExpected],
    [{ content: 'x' }, 'content', 'an object'],
    [{ content: [] }, 'content', 'an object'],
    [{ native: null }, 'native', 'an object'],
    [{ policy: null }, 'policy', 'an object'],
    [{ policy: { timeout: 'x' } }, 'policy.timeout', durationExpected],
    [{ policy: { retry: { attempts: 0 } } }, 'policy.retry.attempts', 'a whole number, at least 1'],
    [{ policy: { retry: { attemps: 2 } } }, 'policy.retry.attemps', 'one of attempts, first, max, budget'],
    [{ policy: { rate: '5/s' } }, 'policy.rate', 'timeout, retry or ambiguous: the rest belongs to the lane'],
    [{ policy: { concurrency: 5 } }, 'policy.concurrency', 'timeout, retry or ambiguous: the rest belongs to the lane'],
    [{ data: 'x' }, 'data', 'an object'],
    [{ data: null }, 'data', 'an object'],
    [{ data: [1] }, 'data', 'an object'],
    [{ data: { when: new Date() } }, 'data.when', plainExpected],
  ])('names the field that is wrong, and what was expected: %o', (fields, field, expected) => {
    // Spread would take `__proto__` for the prototype: the fields go in one by one.
    const message = Object.assign(Object.create(Object.prototype) as object, { to });
    for (const [key, value] of Object.entries(fields)) Object.defineProperty(message, key, { value, enumerable: true });
    expect(weighOf(message)).toStrictEqual({ field, expected });
  });

  it('takes what is right, at its edges', () => {
    for (const fields of [
      {},
      { title: '', body: text(mostCharacters) },
      { ttl: 0 },
      { ttl: 30 * day },
      { ttl: '30d' },
      { notBefore: new Date(0) },
      { priority: 'high' },
      { priority: 'normal' },
      { priority: 'low' },
      { collapseKey: 'k', idempotencyKey: text(512), tenant: 't' },
      { content: {}, native: {} },
      { policy: {} },
      { policy: { timeout: '1s', retry: false, ambiguous: 'stop' } },
      { data: {} },
      { ref: new Map(), principal: Symbol('anybody') },
      { title: undefined, ttl: undefined, data: undefined, content: undefined, policy: undefined, tenant: undefined },
    ]) {
      expect(weighOf({ to, ...fields })).toBeTypeOf('number');
    }
    expect(weighOf(Object.assign(Object.create(null) as object, { to, title: 'Hi' }))).toBeTypeOf('number');
  });

  it('weighs each text, and a little for the message itself', () => {
    const empty = weighOf({ to }) as number;
    expect(empty).toBe(256);
    expect(weighOf({ to, title: text(10), body: text(20), url: text(30), image: text(40) })).toBe(empty + 100);
    expect(weighOf({ to, title: text(10), data: { a: 'bc' } })).toBe(
      empty + 10 + (weighData({ a: 'bc' }, 'data') as number),
    );
  });

  it('takes no more in all than a row of a queue does', () => {
    const half = text(mostCharacters / 2);
    expect(weighOf({ to, title: half, body: half })).toBeTypeOf('number');
    expect(weighOf({ to, title: half, body: half, url: 'x' })).toStrictEqual({ field: 'message', expected: tooMuch });
    expect(weighOf({ to, title: half, image: half, data: { a: 1 } })).toStrictEqual({
      field: 'message',
      expected: tooMuch,
    });
  });

  it('weighs what overrides hold, bytes too, since it waits in memory', () => {
    const empty = weighOf({ to }) as number;
    const content = { ios: { body: text(1000), list: [text(500), 5] }, email: { file: new Uint8Array(100_000) } };
    expect(weighOf({ to, content })).toBeGreaterThan(empty + 101_500);
    expect(weighOf({ to, content })).toBeLessThan(empty + 101_700);
    expect(weighOf({ to, native: content })).toBe(weighOf({ to, content }));
    expect(weighOf({ to, content: { email: { file: new DataView(new ArrayBuffer(400)) } } })).toBeGreaterThan(
      empty + 400,
    );
    // As big as its provider takes: no row of a queue is concerned yet.
    expect(weighOf({ to, content: { email: { html: text(2_000_000) } } })).toBeGreaterThan(2_000_000);
  });

  it('comes to an end with overrides that have none', () => {
    const round: { self?: unknown; other?: unknown } = {};
    round.self = round;
    round.other = round;
    expect(weighOf({ to, content: { ios: round } })).toBeTypeOf('number');
    let deep: unknown = text(1000);
    for (let level = 0; level < 40; level++) deep = { deep };
    expect(weighOf({ to, native: { apns: deep } })).toBeLessThan(1000);
  });

  it('takes no weight that is none, from fields that are not to be seen', () => {
    const hidden = Object.defineProperty({ to }, 'title', { value: 5, enumerable: false });
    expect(weighOf(hidden)).toMatchObject({ field: 'message' });
    class Message {
      readonly to = to;
      get body(): number {
        return 5;
      }
    }
    expect(weighOf(new Message())).toMatchObject({ field: 'message' });
  });

  it('answers with a weight or a field, whatever it is given, and names no value', () => {
    const fields = ['to', 'title', 'body', 'data', 'ttl', 'notBefore', 'priority', 'tenant', 'policy', 'content', 'x'];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...fields), fc.anything({ maxDepth: 3 })), (message) => {
        const answer = weighOf(message);
        if (typeof answer === 'number') expect(answer).toBeGreaterThanOrEqual(256);
        else expect(answer).toStrictEqual({ field: expect.any(String), expected: expect.any(String) });
      }),
    );
  });
});

describe('weighData', () => {
  it.each<[object, string, string]>([
    [{ a: 1n }, 'data.a', jsonExpected],
    [{ a: () => {} }, 'data.a', jsonExpected],
    [{ a: Symbol('x') }, 'data.a', jsonExpected],
    [{ a: NaN }, 'data.a', 'a finite number'],
    [{ a: Infinity }, 'data.a', 'a finite number'],
    [{ a: -Infinity }, 'data.a', 'a finite number'],
    [{ a: new Date() }, 'data.a', plainExpected],
    [{ a: new Map() }, 'data.a', plainExpected],
    [{ a: new Uint8Array(1) }, 'data.a', plainExpected],
    [{ a: /x/ }, 'data.a', plainExpected],
    [{ a: Object.create({ inherited: 1 }) as object }, 'data.a', plainExpected],
    [{ a: [1, { b: [0, NaN] }] }, 'data.a[1].b[1]', 'a finite number'],
    [{ ok: 1, 'odd key': { b: 1n } }, 'data.odd key.b', jsonExpected],
    [new Map(), 'data', plainExpected],
  ])('names the path of what is wrong: %o', (data, field, expected) => {
    expect(weighData(data, 'data')).toStrictEqual({ field, expected });
  });

  it.each(['x', 5, null, undefined, [], () => {}])('wants an object: %o', (data) => {
    expect(weighData(data, 'content.ios.data')).toStrictEqual({ field: 'content.ios.data', expected: 'an object' });
  });

  it('takes objects without a prototype, and fields that are undefined', () => {
    expect(
      weighData(Object.assign(Object.create(null) as object, { a: undefined, b: [undefined] }), 'data'),
    ).toBeTypeOf('number');
  });

  it('finds cycles, and what is too deep, of the whole', () => {
    const nested = (levels: number): object => (levels === 1 ? {} : { inside: nested(levels - 1) });
    expect(weighData(nested(32), 'data')).toBeTypeOf('number');
    expect(weighData(nested(33), 'data')).toStrictEqual({ field: 'data', expected: tooDeep });
    const lists = (levels: number): unknown => (levels === 0 ? 1 : [lists(levels - 1)]);
    expect(weighData({ a: lists(31) }, 'data')).toBeTypeOf('number');
    expect(weighData({ a: lists(32) }, 'data')).toStrictEqual({ field: 'data', expected: tooDeep });
    const round: { list: unknown[] } = { list: [] };
    round.list.push(round);
    expect(weighData(round, 'data')).toStrictEqual({ field: 'data', expected: tooDeep });
    const wide: { [key: string]: unknown } = {};
    wide['one'] = wide;
    wide['two'] = wide;
    expect(weighData(wide, 'data')).toStrictEqual({ field: 'data', expected: tooDeep });
  });

  it('counts characters about as JSON has them, up to the bound', () => {
    expect(weighData({ a: text(mostCharacters - 6) }, 'data')).toBe(mostCharacters);
    expect(weighData({ a: text(mostCharacters - 5) }, 'data')).toStrictEqual({ field: 'data', expected: tooMuch });
    expect(weighData({ [text(mostCharacters)]: 1 }, 'data')).toStrictEqual({ field: 'data', expected: tooMuch });
    expect(weighData({ a: [text(mostCharacters), 1] }, 'data')).toStrictEqual({ field: 'data', expected: tooMuch });
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z]*$/), fc.jsonValue()), fc.string(), (data, value) => {
        const weight = weighData(data, 'data') as number;
        expect(weighData({ ...data, KEY: value }, 'data')).toBe(weight + 3 + 3 + value.length + 2);
      }),
    );
  });

  it('comes soon to an end with what is too long, however little each part weighs', () => {
    const sparse: unknown[] = [];
    sparse.length = 2 ** 32 - 1;
    expect(weighData({ sparse }, 'data')).toStrictEqual({ field: 'data', expected: tooMuch });
    const empty = Array.from({ length: 300_000 }, () => []);
    expect(weighData({ empty }, 'data')).toStrictEqual({ field: 'data', expected: tooMuch });
    // The next one begins anew.
    expect(weighData({ a: 1 }, 'data')).toBe(12);
  });

  it('takes all that JSON gives, and what it takes comes back from JSON', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 6 })), (data) => {
        expect(weighData(JSON.parse(JSON.stringify(data)) as object, 'data')).toBeTypeOf('number');
      }),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything({ maxDepth: 3 })), (data) => {
        if (typeof weighData(data, 'data') === 'number') expect(() => JSON.stringify(data)).not.toThrow();
      }),
    );
  });
});
