import type { DeliveryRecord } from './record.ts';
import { recipientHash } from './recipient-hash.ts';
import { CanceledOutcome, FailureOutcome, type SettledOutcome } from './settled.ts';
import type { Codec, Lease, QueueEntry, Settlement } from './store.ts';
import { encode, type StoredDeadLetter, type StoredDelivery } from './stored.ts';

export interface Conclusion {
  readonly outcome: SettledOutcome;
  readonly record: DeliveryRecord;
  readonly lease: Lease;
  readonly stored: StoredDelivery;
  readonly codec: Codec | undefined;
  /** ms; undefined where outcomes are not kept. */
  readonly keepOutcomes: number | undefined;
  /** Epoch ms. */
  readonly now: number;
}

/** What an outcome means for the queue: done, a dead letter, the next step of a route, or back for another worker. */
export async function conclusionOf(conclusion: Conclusion): Promise<Settlement> {
  const { outcome, record, lease, stored, codec, keepOutcomes, now } = conclusion;
  const { entry } = lease;
  if (outcome instanceof CanceledOutcome && outcome.by === 'close') {
    return { lease, as: 'again', entries: [{ ...entry, attempts: record.attempts }] };
  }
  const next = await nextStep(conclusion);
  if (next !== undefined) return { lease, as: 'again', entries: [next] };
  const failure = deadFailure(outcome);
  if (failure !== undefined) {
    const letter: StoredDeadLetter = { failure, attempts: outcome.attempts.length, failedAt: now };
    return { lease, as: 'dead', record: await encode(letter, codec, entry.id) };
  }
  if (keepOutcomes === undefined) return { lease, as: 'done' };
  const kept = { ...outcome.toJSON(), to: stored.to, ref: outcome.ref };
  return { lease, as: 'done', record: await encode(kept, codec, entry.id), keepUntil: now + keepOutcomes };
}

/** A failure that a person may mend and replay; a target that is gone, or that said no, stays so. */
function deadFailure(outcome: SettledOutcome): FailureOutcome['failure'] {
  if (!(outcome instanceof FailureOutcome) || outcome.status !== 'failed') return undefined;
  const { failure } = outcome;
  return failure?.kind === 'unregistered' || failure?.kind === 'blocked' ? undefined : failure;
}

/** The next step of a route: now where this one reached nobody, after the wait where only a receipt could tell. */
async function nextStep({ outcome, lease, stored, codec, now }: Conclusion): Promise<QueueEntry | undefined> {
  const { route } = stored;
  const [to, ...steps] = route?.steps ?? [];
  if (route === undefined || to === undefined) return undefined;
  if (outcome.status === 'canceled' || (outcome.status === 'accepted' && route.wait === undefined)) return undefined;
  const { entry } = lease;
  const id = stepId(entry.id);
  const notBefore = outcome.status === 'accepted' ? now + route.wait! : now;
  if (notBefore >= entry.expiresAt) return undefined;
  const body = await encode(
    { to, message: stored.message, route: { ...route, steps } } satisfies StoredDelivery,
    codec,
    id,
  );
  return { ...entry, id, stream: to.channel, attempts: 0, notBefore, recipientHash: recipientHash(to), body };
}

/** The id of the step after this one: targets count in the low bits. */
export function stepId(id: string): string {
  const index = Number.parseInt(id.slice(-4), 16) + 1;
  return id.slice(0, -4) + index.toString(16).padStart(4, '0');
}
