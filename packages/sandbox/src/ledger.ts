import type { Ledger, LedgerEntry } from './types.ts';

/** An entry while its request is being answered: status and fault come after the request was taken down. */
export type OpenEntry = { -readonly [Key in keyof LedgerEntry]: LedgerEntry[Key] };

export interface WritableLedger extends Ledger {
  add(entry: Omit<OpenEntry, 'sequence'>): OpenEntry;
}

/** Keeps the newest `limit` requests. */
export function createLedger(limit: number): WritableLedger {
  // A queue with a moving head: dropping the oldest must not shift 100,000 entries each time.
  let buffer: (OpenEntry | undefined)[] = [];
  let head = 0;
  let sequence = 0;
  let dropped = 0;
  let snapshot: readonly LedgerEntry[] | undefined;

  return {
    add(fields) {
      const entry: OpenEntry = { sequence: ++sequence, ...fields };
      buffer.push(entry);
      snapshot = undefined;
      if (buffer.length - head > limit) {
        buffer[head++] = undefined;
        dropped += 1;
        if (head > 1024 && head * 2 > buffer.length) {
          buffer = buffer.slice(head);
          head = 0;
        }
      }
      return entry;
    },
    get entries() {
      snapshot ??= buffer.slice(head) as OpenEntry[];
      return snapshot;
    },
    get dropped() {
      return dropped;
    },
    clear() {
      buffer = [];
      head = 0;
      dropped = 0;
      snapshot = undefined;
    },
  };
}
