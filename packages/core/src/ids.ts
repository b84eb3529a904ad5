import type { Runtime } from './runtime.ts';

/** Targets of one message at most: their index fills the low bits of the delivery's id. */
export const mostTargets = 65_536;

/**
 * Ids of one engine: version 7 UUIDs made of the message's time, a running number and bits drawn at start, so that a message costs one
 * integer until somebody reads its id as text.
 * @see https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
 */
export class IdSource {
  readonly #variant: string;
  readonly #node: string;
  #next: number;
  #epoch = -1;
  #time = '';

  constructor(runtime: Runtime) {
    this.#variant = hex(0x8000 | Math.floor(runtime.random() * 2 ** 14));
    this.#node = hex(Math.floor(runtime.random() * 2 ** 16));
    this.#next = Math.floor(runtime.random() * 2 ** 28);
  }

  /** A running number of 28 bits. */
  next(): number {
    return (this.#next = (this.#next + 1) & 0xfffffff);
  }

  /** @param epoch ms @param index of the target, 0 for the message itself and its first target */
  text(epoch: number, sequence: number, index: number): string {
    if (epoch !== this.#epoch) {
      const time = epoch.toString(16).padStart(12, '0');
      this.#epoch = epoch;
      this.#time = `${time.slice(0, 8)}-${time.slice(8)}-7`;
    }
    const high = hex(sequence >>> 16).slice(1);
    return `${this.#time}${high}-${this.#variant}-${hex(sequence & 0xffff)}${this.#node}${hex(index)}`;
  }
}

const bytes = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** 16 bits as four digits. */
const hex = (value: number): string => bytes[value >>> 8]! + bytes[value & 0xff]!;
