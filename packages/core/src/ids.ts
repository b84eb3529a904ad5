import type { Runtime } from './runtime.ts';

/** Targets of one message at most: their index fills the low bits of the delivery's id. */
export const mostTargets = 65_536;

/**
 * Ids of one engine: version 7 UUIDs made of the message's time, a running number and bits drawn at start, so that a message costs one
 * integer until somebody reads its id as text.
 * @see https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
 */
export class IdSource {
  readonly #node: number;
  #next: number;

  constructor(runtime: Runtime) {
    this.#node = Math.floor(runtime.random() * 2 ** 30);
    this.#next = Math.floor(runtime.random() * 2 ** 28);
  }

  /** A running number of 28 bits. */
  next(): number {
    return (this.#next = (this.#next + 1) & 0xfffffff);
  }

  /** @param epoch ms @param index of the target, 0 for the message itself and its first target */
  text(epoch: number, sequence: number, index: number): string {
    const time = hex(epoch, 12);
    const high = hex(sequence >>> 16, 3);
    const low = hex(sequence & 0xffff, 4);
    const node = this.#node;
    const variant = hex(0x8000 | (node >>> 16), 4);
    return `${time.slice(0, 8)}-${time.slice(8)}-7${high}-${variant}-${low}${hex(node & 0xffff, 4)}${hex(index, 4)}`;
  }
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
