import type { EngineContext } from './context.ts';
import { durationOf, parseRate } from './duration.ts';
import type { Failure } from './failure.ts';
import type { Rate } from './policy.ts';
import type { Codec, DeadEntry, Queue, QueueEntry } from './store.ts';
import { decode, decodeDelivery, type StoredDeadLetter } from './stored.ts';
import { defaultTtl } from './validate.ts';

/** A delivery that ended in failure, without its content. */
export interface DeadLetter {
  readonly deliveryId: string;
  readonly messageId: string;
  readonly channel: string;
  readonly tenant?: string | undefined;
  readonly failure: Failure;
  readonly failedAt: Date;
  readonly attempts: number;
}

export interface DeadLetterFilter {
  readonly channel?: string | undefined;
  readonly tenant?: string | undefined;
  readonly kind?: Failure['kind'] | undefined;
  /** Failed before this time. */
  readonly before?: Date | undefined;
}

/** What failed of what was enqueued: to look at, send again, or throw away. */
export interface DeadLetters {
  /** Oldest first. */
  list(filter?: DeadLetterFilter): AsyncIterable<DeadLetter>;
  /** With its message, for a person who may see it. */
  inspect(deliveryId: string): Promise<(DeadLetter & { readonly to: object; readonly message: object }) | undefined>;
  /** Sends again, with fresh attempts and the ttl it had; `rate` spreads them, `dryRun` only counts. */
  replay(
    filter: DeadLetterFilter | { readonly id: string },
    options?: { readonly rate?: Rate | undefined; readonly dryRun?: boolean | undefined },
  ): Promise<{ readonly count: number }>;
  discard(filter: DeadLetterFilter | { readonly id: string }): Promise<{ readonly count: number }>;
}

const page = 100;

/** The dead letters of one queue. */
export function deadLetters(engine: EngineContext, queue: Queue<unknown>, codec: Codec | undefined): DeadLetters {
  const letterOf = async ({ entry, record }: DeadEntry): Promise<DeadLetter> => {
    const { failure, attempts, failedAt } = (await decode(record, codec, entry.id)) as StoredDeadLetter;
    const { id: deliveryId, messageId, stream: channel, tenant } = entry;
    return { deliveryId, messageId, channel, tenant, failure, failedAt: new Date(failedAt), attempts };
  };

  async function* find(
    filter: DeadLetterFilter | { readonly id: string },
  ): AsyncGenerator<{ dead: DeadEntry; letter: DeadLetter }> {
    const { channel: stream, tenant, kind, before } = filter as DeadLetterFilter;
    const { id } = filter as { readonly id?: string };
    let after: string | undefined;
    for (;;) {
      const found = await queue.dead({ stream, tenant, after, limit: page });
      for (const dead of found) {
        after = dead.entry.id;
        if (id !== undefined && after !== id) continue;
        const letter = await letterOf(dead);
        const fits =
          (kind === undefined || letter.failure.kind === kind) && (before === undefined || letter.failedAt < before);
        if (fits) yield { dead, letter };
      }
      if (found.length < page) return;
    }
  }

  return {
    async *list(filter = {}) {
      for await (const { letter } of find(filter)) yield letter;
    },
    async inspect(deliveryId) {
      for await (const { dead, letter } of find({ id: deliveryId })) {
        const { to, message } = await decodeDelivery(dead.entry.body, codec, deliveryId);
        return { ...letter, to, message };
      }
      return undefined;
    },
    async replay(filter, { rate, dryRun = false } = {}) {
      const limit = rate === undefined ? undefined : parseRate(rate, 'rate');
      const found = await all(find(filter));
      if (dryRun) return { count: found.length };
      const now = engine.clock.runtime.now();
      for (const [place, { dead }] of found.entries()) {
        const notBefore = limit === undefined ? now : now + Math.floor((place * limit.per) / limit.limit);
        const { message } = await decodeDelivery(dead.entry.body, codec, dead.entry.id);
        const ttl = message.ttl === undefined ? defaultTtl : (durationOf(message.ttl) ?? defaultTtl);
        const entry: QueueEntry = { ...dead.entry, attempts: 0, notBefore, expiresAt: notBefore + ttl };
        // In this order a crash in between leaves it twice, and never nowhere.
        await queue.put({ entries: [entry] }, {});
        await queue.bury([entry.id]);
      }
      return { count: found.length };
    },
    async discard(filter) {
      const found = await all(find(filter));
      const buried = await queue.bury(found.map(({ dead }) => dead.entry.id));
      return { count: buried.length };
    },
  };
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}
