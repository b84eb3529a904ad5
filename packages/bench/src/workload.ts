// The work that every subject gets: the same messages, read from the same kind of source, by the same number of callers.

/** What one message looks like on both sides; the stacks we compare with take it as their payload. */
export interface BenchMessage {
  readonly to: { readonly channel: 'noop'; readonly token: string };
  readonly title: string;
  readonly body: string;
  readonly data: { readonly symbol: string };
  readonly ttl: '10m';
  readonly idempotencyKey?: string;
  readonly priority?: 'high' | 'normal' | 'low';
  readonly tenant?: string;
}

/** Device tokens are made beforehand: their text is the caller's own and no part of what is measured. */
const tokens = Array.from({ length: 1024 }, (_, index) => index.toString(16).padStart(64, '0'));
const tenants = Array.from({ length: 50 }, (_, index) => `tenant-${index}`);
const priorities = ['high', 'normal', 'normal', 'normal', 'normal', 'normal', 'normal', 'low', 'low', 'low'] as const;

const tokenOf = (index: number): string => tokens[index % tokens.length] as string;

/** Each message is an object of its own, as rows from a database are. */
export function* plainMessages(count: number): Generator<BenchMessage, void, undefined> {
  for (let index = 0; index < count; index++) {
    yield {
      to: { channel: 'noop', token: tokenOf(index) },
      title: 'Price alert',
      body: 'ACME is below 42',
      data: { symbol: 'ACME' },
      ttl: '10m',
    };
  }
}

/** @param run keeps the keys of one run apart from those of the others: none is a duplicate */
export function* keyedMessages(count: number, run: number): Generator<BenchMessage, void, undefined> {
  for (let index = 0; index < count; index++) {
    yield {
      to: { channel: 'noop', token: tokenOf(index) },
      title: 'Price alert',
      body: 'ACME is below 42',
      data: { symbol: 'ACME' },
      ttl: '10m',
      idempotencyKey: `alert-${run}-${index}`,
    };
  }
}

/** 50 tenants and all three priorities, without end. */
export function* mixedMessages(): Generator<BenchMessage, void, undefined> {
  for (let index = 0; ; index++) {
    yield {
      to: { channel: 'noop', token: tokenOf(index) },
      title: 'Price alert',
      body: 'ACME is below 42',
      data: { symbol: 'ACME' },
      ttl: '10m',
      priority: priorities[index % priorities.length],
      tenant: tenants[index % tenants.length],
    };
  }
}

/**
 * `callers` loops over one source, each of which takes the next message when its last one has settled.
 * @returns how many came out as accepted
 */
export async function drive<Result>(
  messages: Iterator<BenchMessage>,
  callers: number,
  send: (message: BenchMessage) => Promise<Result>,
  isAccepted: (result: Result) => boolean,
): Promise<number> {
  let accepted = 0;
  const caller = async (): Promise<void> => {
    for (let next = messages.next(); !next.done; next = messages.next()) {
      if (isAccepted(await send(next.value))) accepted++;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return accepted;
}

/** The provider call of the stacks we compare with: reads what our adapter reads, and accepts. */
export function acceptOne(): { send: (message: BenchMessage) => Promise<Accepted>; readonly read: number } {
  let read = 0;
  return {
    send: async (message) => {
      read += message.to.token.length + message.title.length;
      return accepted;
    },
    get read() {
      return read;
    },
  };
}
export interface Accepted {
  readonly kind: 'accepted';
}
const accepted: Accepted = { kind: 'accepted' };
export const isAccepted = (result: Accepted | undefined): boolean => result?.kind === 'accepted';
