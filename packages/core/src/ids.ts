import type { Runtime } from './runtime.ts';

/** Targets of one message at most: their index fills the low bits of the delivery's id. */
export const mostTargets = 65_536;

/**
 * Ids of one engine: version 7 UUIDs made of the message's time, a running number and bits drawn at start, so that a message costs one
 * integer until somebody reads its id as text.
 * @see https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
 */
export class IdSource {
  /** The id last made, as text: all but the time, the number and the index stays. Written into, since text put together would be kept in pieces. */
  readonly #text = Buffer.from('00000000-0000-7000-8000-000000000000', 'latin1') as Buffer & {
    latin1Slice(start: number, end: number): string;
  };
  #next: number;
  #epoch = -1;

  constructor(runtime: Runtime) {
    this.#digits(19, 0x8000 | Math.floor(runtime.random() * 2 ** 14));
    this.#digits(28, Math.floor(runtime.random() * 2 ** 16));
    this.#next = Math.floor(runtime.random() * 2 ** 28);
  }

  /** A running number of 28 bits. */
  next(): number {
    return (this.#next = (this.#next + 1) & 0xfffffff);
  }

  /** @param epoch ms @param index of the target, 0 for the message itself and its first target */
  text(epoch: number, sequence: number, index: number): string {
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      const high = Math.floor(epoch / 2 ** 16);
      this.#digits(0, (high >>> 16) & 0xffff);
      this.#digits(4, high & 0xffff);
      this.#digits(9, epoch % 2 ** 16);
    }
    this.#digits(14, 0x7000 | (sequence >>> 16));
    this.#digits(24, sequence & 0xffff);
    this.#digits(32, index);
    return this.#text.latin1Slice(0, 36);
  }

  /** 16 bits as four digits. */
  #digits(place: number, value: number): void {
    const text = this.#text;
    text[place] = digits[value >>> 12]!;
    text[place + 1] = digits[(value >>> 8) & 15]!;
    text[place + 2] = digits[(value >>> 4) & 15]!;
    text[place + 3] = digits[value & 15]!;
  }
}

const digits = new Uint8Array(Buffer.from('0123456789abcdef', 'latin1'));
