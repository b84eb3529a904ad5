import { errorName, type EngineContext } from './context.ts';
import { denialOf, keyOf } from './entrance.ts';
import { tidingsError } from './errors.ts';
import type { QueueIntake } from './queue-intake.ts';
import { recipientHash } from './recipient-hash.ts';
import { HookView, levels, type AnyMessage, type DeliveryRecord } from './record.ts';
import type { Codec, Queue, QueueEntry } from './store.ts';
import { encode, type StoredDelivery } from './stored.ts';
import type { Problem } from './validate.ts';

/** Bytes of one stored delivery at most. */
const mostBytes = 262_144;

export interface EnqueueOptions {
  readonly engine: EngineContext;
  readonly intake: QueueIntake;
  readonly queue: Queue<unknown>;
  readonly codec: Codec | undefined;
  readonly durable: boolean;
}

/**
 * Validates, expands, authorizes, and puts the deliveries of one message into the queue in one transaction with its idempotency claim.
 * Throws what `engine.enqueue` documents: what can't be queued must not look queued.
 */
export async function enqueue(
  { engine, intake, queue, codec, durable }: EnqueueOptions,
  message: AnyMessage,
  options: { readonly tx?: unknown; readonly signal?: AbortSignal | undefined },
): Promise<{ readonly messageId: string; readonly duplicate?: true }> {
  options.signal?.throwIfAborted();
  const { records, route, problem } = await intake.forQueue(message, durable);
  if (problem !== undefined) throw invalid(problem);
  for (const record of records) {
    const wrong = await record.channel.prepare(record);
    if (wrong !== undefined) throw invalid(wrong);
    await authorize(engine, record);
  }
  const [first] = records;
  if (first === undefined) return { messageId: '' };
  const entries: QueueEntry[] = [];
  for (const record of route === undefined ? records : [first]) {
    const steps = route && { wait: route.wait, steps: records.slice(1).map(({ to }) => to) };
    entries.push(await entryOf(record, { to: record.to, message: storable(message), route: steps }, codec));
  }
  const { clock, keyWindow } = engine;
  const until = clock.runtime.now() + keyWindow;
  const claim = message.idempotencyKey === undefined ? undefined : { key: keyOf(message), until };
  options.signal?.throwIfAborted();
  let duplicateOf: string | undefined;
  try {
    ({ duplicateOf } = await queue.put({ entries, claim }, options));
  } catch (error) {
    engine.logger?.error({ error: errorName(error) }, 'queue can not be written');
    throw tidingsError('tidings.store_unavailable', 'the queue did not take the message; nothing of it was stored');
  }
  if (duplicateOf !== undefined) return { messageId: duplicateOf, duplicate: true };
  return { messageId: first.messageId };
}

async function authorize(engine: EngineContext, record: DeliveryRecord): Promise<void> {
  if (engine.hooks.authorize === undefined) return;
  let verdict: 'allow' | { deny: string };
  try {
    verdict = await engine.hooks.authorize(record.message.principal as never, new HookView(record) as never);
  } catch (error) {
    engine.logger?.error({ hook: 'authorize', error: errorName(error) }, 'hook failed');
    throw tidingsError('tidings.hook_failed', 'the authorize hook failed; nothing was stored');
  }
  if (verdict !== 'allow') throw tidingsError('tidings.denied', `the authorize hook refused it: ${denialOf(verdict)}`);
}

async function entryOf(record: DeliveryRecord, stored: StoredDelivery, codec: Codec | undefined): Promise<QueueEntry> {
  const { clock } = record.channel.engine;
  const { id, messageId } = record;
  let body: Uint8Array;
  try {
    body = await encode(stored, codec, id);
  } catch {
    throw tidingsError('tidings.invalid_message', 'expected what JSON can hold', 'ref');
  }
  if (body.length > mostBytes)
    throw tidingsError('tidings.invalid_message', `expected at most ${mostBytes} bytes when stored`, 'message');
  return {
    id,
    messageId,
    stream: record.channel.name,
    tenant: record.message.tenant,
    priority: levels[record.level]!,
    attempts: 0,
    notBefore:
      clock.toEpoch(record.rare?.dueAt ?? 0) > clock.toEpoch(record.queuedAt)
        ? clock.toEpoch(record.rare!.dueAt)
        : clock.toEpoch(record.queuedAt),
    expiresAt: clock.toEpoch(record.expiresAt),
    recipientHash: recipientHash(record.to),
    body,
  };
}

/** What belongs to the call is not stored; the principal never is. */
function storable(message: AnyMessage): AnyMessage {
  const { principal: _principal, notBefore: _notBefore, idempotencyKey: _key, to: _to, ...rest } = message;
  return { ...rest, to: undefined };
}

function invalid({ field, expected }: Problem): Error {
  return tidingsError('tidings.invalid_message', `expected ${expected}`, field);
}
