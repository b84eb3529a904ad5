import type { DeadLetter } from './dead-letters.ts';
import { tidingsError } from './errors.ts';
import type { Failure } from './failure.ts';
import type { AnyMessage, AnyTarget } from './record.ts';
import type { Codec } from './store.ts';

/** The format written here; readers know it and the one before. */
const format = 1;
const plainCodec = 0;
const userCodec = 1;

/** A delivery as it lies in a queue: its target, what is left of its route, and the message without what belongs to the call. */
export interface StoredDelivery {
  readonly to: AnyTarget;
  /** Later steps of a `firstOf`, and how long each waits for a receipt; ms. */
  readonly route?: { readonly steps: readonly AnyTarget[]; readonly wait?: number | undefined } | undefined;
  readonly message: AnyMessage;
  /** An earlier attempt may have arrived. */
  readonly ambiguous?: Failure | undefined;
}

/** Format byte, codec id, then JSON in which bytes are tagged; through the codec where there is one. */
export async function encode(value: unknown, codec: Codec | undefined, key: string): Promise<Uint8Array> {
  const json = new TextEncoder().encode(JSON.stringify(value, tagBytes));
  const body = codec === undefined ? json : await codec.encode(json, key);
  const stored = new Uint8Array(body.length + 2);
  stored[0] = format;
  stored[1] = codec === undefined ? plainCodec : userCodec;
  stored.set(body, 2);
  return stored;
}

/** Throws `tidings.unknown_format` for what another version wrote, `tidings.codec_missing` where a codec is needed to read it. */
export async function decode(stored: Uint8Array, codec: Codec | undefined, key: string): Promise<unknown> {
  const [version, codecId] = stored;
  if (version !== format || (codecId !== plainCodec && codecId !== userCodec)) {
    throw tidingsError('tidings.unknown_format', 'another version of Tidings stored this');
  }
  const body = stored.subarray(2);
  if (codecId === plainCodec) return parse(body);
  if (codec === undefined) throw tidingsError('tidings.codec_missing', 'this was stored through a codec', 'codec');
  return parse(await codec.decode(body, key));
}

export function decodeDelivery(stored: Uint8Array, codec: Codec | undefined, key: string): Promise<StoredDelivery> {
  return decode(stored, codec, key) as Promise<StoredDelivery>;
}

export type StoredDeadLetter = Pick<DeadLetter, 'failure' | 'attempts'> & { readonly failedAt: number };

function parse(json: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(json), untagBytes);
}

/** Bytes are stored as `{ $bytes: base64 }`; an object that has a field of this name itself as `{ $bytes: its entries }`. */
const tag = '$bytes';

function tagBytes(this: unknown, key: string, value: unknown): unknown {
  // Buffer has a toJSON that ran already: look at what was there.
  const given = (this as { readonly [key: string]: unknown })[key];
  if (given instanceof Uint8Array) return { [tag]: Buffer.from(given).toString('base64') };
  return hasTag(value) ? { [tag]: Object.entries(value).filter(([, each]) => isStored(each)) } : value;
}

function untagBytes(_key: string, value: unknown): unknown {
  if (!hasTag(value)) return value;
  const { [tag]: inside } = value;
  if (typeof inside === 'string') return new Uint8Array(Buffer.from(inside, 'base64'));
  return Object.fromEntries(inside as [string, unknown][]);
}

const hasTag = (value: unknown): value is { readonly [tag]: unknown } =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, tag);

/** In an object JSON leaves these out; in a list of entries they would become null. */
const isStored = (value: unknown): boolean => !['undefined', 'function', 'symbol'].includes(typeof value);
