import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Codec } from './store.ts';
import { decode, decodeDelivery, encode } from './stored.ts';

const text = (stored: Uint8Array): string => new TextDecoder().decode(stored.subarray(2));
const roundTrip = async (value: unknown): Promise<unknown> =>
  decode(await encode(value, undefined, 'id'), undefined, 'id');

/** Turns every byte round, and writes down the keys it was given. */
function turning(): Codec & { readonly keys: string[] } {
  const keys: string[] = [];
  const turn = (bytes: Uint8Array, key: string): Uint8Array => {
    keys.push(key);
    return bytes.map((byte) => byte ^ 0xff);
  };
  return { keys, encode: turn, decode: async (bytes, key) => turn(bytes, key) };
}

describe('encode', () => {
  it('writes a format byte, the codec, and JSON', async () => {
    const stored = await encode({ a: [1, 'é'] }, undefined, 'id');
    expect([...stored.subarray(0, 2)]).toStrictEqual([1, 0]);
    expect(text(stored)).toBe('{"a":[1,"é"]}');
  });

  it('tags bytes, of a Buffer as of a view', async () => {
    const bytes = new Uint8Array([0, 1, 2, 255]);
    const expected = '{"a":{"$bytes":"AQL/"}}';
    expect(text(await encode({ a: bytes.subarray(1) }, undefined, 'id'))).toBe(expected);
    expect(text(await encode({ a: Buffer.from(bytes.subarray(1)) }, undefined, 'id'))).toBe(expected);
  });

  it('goes through a codec, which is told the key', async () => {
    const codec = turning();
    const stored = await encode({ a: 1 }, codec, 'delivery-1');
    expect([...stored.subarray(0, 2)]).toStrictEqual([1, 1]);
    expect(text(stored.map((byte, index) => (index < 2 ? byte : byte ^ 0xff)))).toBe('{"a":1}');
    expect(await decode(stored, codec, 'delivery-1')).toStrictEqual({ a: 1 });
    expect(codec.keys).toStrictEqual(['delivery-1', 'delivery-1']);
  });

  it('rejects what JSON can not hold', async () => {
    const round: { self?: unknown } = {};
    round.self = round;
    await expect(encode(round, undefined, 'id')).rejects.toThrow(TypeError);
    await expect(encode({ a: 1n }, undefined, 'id')).rejects.toThrow(TypeError);
  });
});

describe('decode', () => {
  const plain = new TextEncoder().encode('{"a":1}');

  it.each([
    ['a later format', [2, 0]],
    ['an earlier format', [0, 0]],
    ['a codec it does not know', [1, 2]],
  ])('refuses %s by a code of its own', async (_what, head) => {
    const error = { code: 'tidings.unknown_format' };
    await expect(decode(new Uint8Array([...head, ...plain]), turning(), 'id')).rejects.toMatchObject(error);
  });

  it.each([[[]], [[1]]])('refuses what is too short: %j', async (bytes) => {
    const error = { code: 'tidings.unknown_format' };
    await expect(decode(new Uint8Array(bytes), undefined, 'id')).rejects.toMatchObject(error);
  });

  it('asks for the codec that something was stored through', async () => {
    const stored = await encode({ a: 1 }, turning(), 'id');
    await expect(decode(stored, undefined, 'id')).rejects.toMatchObject({ code: 'tidings.codec_missing' });
  });

  it('reads what was stored without a codec though there is one now', async () => {
    expect(await decode(await encode({ a: 1 }, undefined, 'id'), turning(), 'id')).toStrictEqual({ a: 1 });
  });

  it('gives back bytes as bytes', async () => {
    const bytes = new Uint8Array([0, 1, 254, 255]);
    const back = await roundTrip({ a: [Buffer.from(bytes)], b: { c: new Uint8Array(0) } });
    expect(back).toStrictEqual({ a: [bytes], b: { c: new Uint8Array(0) } });
  });

  it.each([
    [{ $bytes: 'AQL/' }],
    [{ $bytes: 1 }],
    [{ $bytes: null }],
    [{ $bytes: [['a', 1]] }],
    [{ $bytes: { $bytes: { $bytes: 'x' } } }],
    [{ a: { $bytes: 'x', more: [{ $bytes: [] }] } }],
    [{ $$bytes: 1, bytes: 2 }],
  ])('gives back an object with a field like our tag: %j', async (value) => {
    expect(await roundTrip(value)).toStrictEqual(value);
  });

  it('gives back bytes inside such an object, and leaves out of it what JSON leaves out', async () => {
    const bytes = new Uint8Array([7]);
    const value = { $bytes: bytes, other: bytes, none: undefined, call() {}, symbol: Symbol('x') };
    expect(await roundTrip(value)).toStrictEqual({ $bytes: bytes, other: bytes });
  });

  it('makes a field of __proto__, not a prototype', async () => {
    const hostile: unknown = JSON.parse('{"__proto__":{"polluted":1},"$bytes":{"__proto__":{"polluted":1}}}');
    const back = await roundTrip(hostile);
    expect(JSON.stringify(back)).toBe(JSON.stringify(hostile));
    expect(back).not.toHaveProperty('polluted');
  });

  const anyKey = fc.oneof(fc.string(), fc.constantFrom('$bytes', '$$bytes', '__proto__', 'toJSON', 'length', '0'));
  const anyBytes = fc.uint8Array({ maxLength: 20 });
  const anyValue = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      fc.string({ unit: 'binary' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
      fc.constantFrom(null, true, false),
      anyBytes,
      fc.array(tie('value'), { maxLength: 5 }),
      fc.dictionary(anyKey, tie('value'), { maxKeys: 5, noNullPrototype: true }),
    ),
  })).value;
  /** JSON knows no -0. */
  const comparable = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value, (_key, each: unknown) =>
        each instanceof Uint8Array ? `bytes:${Buffer.from(each).toString('hex')}` : each,
      ),
    );

  it('gives back any JSON with any bytes in it as it was', async () => {
    await fc.assert(
      fc.asyncProperty(anyValue, async (value) => {
        expect(comparable(await roundTrip({ value }))).toStrictEqual(comparable({ value }));
      }),
      { numRuns: 300 },
    );
  });

  it('rejects, and never throws or hangs, whatever bytes it is given', async () => {
    await fc.assert(
      fc.asyncProperty(anyBytes, async (bytes) => {
        await decodeDelivery(new Uint8Array([1, 0, ...bytes]), undefined, 'id').catch((error: unknown) => {
          expect(error).toBeInstanceOf(SyntaxError);
        });
      }),
    );
  });
});
