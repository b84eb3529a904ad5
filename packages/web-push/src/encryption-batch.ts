// The form in which messages go to an encrypting thread and back: one block of bytes each way, which is moved and not copied.
import type { SubscriberKeys } from './encryption.ts';
import { encrypt, overhead } from './encryption.ts';

export interface Plain {
  readonly plaintext: Uint8Array;
  readonly keys: SubscriberKeys;
}

export type Block = Uint8Array<ArrayBuffer>;

const lengthSize = 4;
const pointSize = 65;
const authSize = 16;
/** Length of the plaintext, point and auth stand before each plaintext. */
const headSize = lengthSize + pointSize + authSize;

export function pack(messages: readonly Plain[]): Block {
  const block = allocate(messages.reduce((size, { plaintext }) => size + headSize + plaintext.length, 0));
  let offset = 0;
  for (const { plaintext, keys } of messages) {
    block.writeUInt32BE(plaintext.length, offset);
    block.set(keys.point, offset + lengthSize);
    block.set(keys.auth, offset + lengthSize + pointSize);
    block.set(plaintext, offset + headSize);
    offset += headSize + plaintext.length;
  }
  return block;
}

/** Encrypts what was packed; a length before each result, 0 where there is none. */
export function encryptBlock(block: Block): Block {
  const source = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  // A result is at most this much longer than its message is in the packed form.
  const results = allocate(source.length + Math.ceil(source.length / headSize) * (lengthSize + overhead));
  let filled = 0;
  for (let offset = 0; offset < source.length;) {
    const start = offset + headSize;
    const end = start + source.readUInt32BE(offset);
    const point = source.subarray(offset + lengthSize, offset + lengthSize + pointSize);
    const auth = source.subarray(offset + lengthSize + pointSize, start);
    const result = encrypt(source.subarray(start, end), { point, auth });
    filled = results.writeUInt32BE(result?.length ?? 0, filled);
    if (result !== undefined) filled += result.copy(results, filled);
    offset = end;
  }
  return results.subarray(0, filled);
}

/** The results, in the order of the messages. */
export function unpack(block: Block): (Buffer | undefined)[] {
  const source = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  const results: (Buffer | undefined)[] = [];
  for (let offset = 0; offset < source.length;) {
    const start = offset + lengthSize;
    const end = start + source.readUInt32BE(offset);
    results.push(end === start ? undefined : source.subarray(start, end));
    offset = end;
  }
  return results;
}

/** Never from Node's pool, which can't be moved to another thread. */
const allocate = (size: number): Buffer<ArrayBuffer> => Buffer.from(new ArrayBuffer(size));
