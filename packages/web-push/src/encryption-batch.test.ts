import { createECDH, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encryptBlock, pack, unpack } from './encryption-batch.ts';
import { overhead } from './encryption.ts';
import { makeReader } from './testing/reader.ts';

test('what goes through a block comes back in its order, each for its own subscriber', () => {
  const readers = [makeReader(), makeReader(), makeReader()];
  const messages = fc.array(fc.tuple(fc.nat({ max: 2 }), fc.uint8Array({ maxLength: 3993 })), { maxLength: 40 });
  fc.assert(
    fc.property(messages, (given) => {
      const plain = given.map(([reader, plaintext]) => ({
        plaintext,
        keys: readers[reader]?.keys ?? { point: Buffer.alloc(0), auth: Buffer.alloc(0) },
      }));
      const results = unpack(encryptBlock(pack(plain)));
      expect(results).toHaveLength(given.length);
      for (const [index, [reader, plaintext]] of given.entries()) {
        expect(readers[reader]?.read(results[index] ?? Buffer.alloc(0)).equals(plaintext)).toBe(true);
      }
    }),
    { numRuns: 20 },
  );
});

test('a key that is none leaves the others as they are', () => {
  const reader = makeReader();
  const broken = { point: Buffer.alloc(65, 4), auth: randomBytes(16) };
  const plaintext = Buffer.from('text');
  const results = unpack(
    encryptBlock(
      pack([
        { plaintext, keys: broken },
        { plaintext, keys: reader.keys },
        { plaintext, keys: broken },
      ]),
    ),
  );
  expect(results.map((each) => each?.length)).toEqual([undefined, plaintext.length + overhead, undefined]);
  expect(reader.read(results[1] ?? Buffer.alloc(0)).toString()).toBe('text');
});

test('a block can be moved to another thread: it shares no memory with anything else', () => {
  const keys = { point: createECDH('prime256v1').generateKeys(), auth: randomBytes(16) };
  const block = pack([{ plaintext: Buffer.from('text'), keys }]);
  expect([block.byteOffset, block.byteLength]).toEqual([0, block.buffer.byteLength]);
  const results = encryptBlock(block);
  expect(results.byteOffset).toBe(0);
  expect(structuredClone(results, { transfer: [results.buffer] })).toHaveLength(4 + 4 + overhead);
});
