import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Clock } from './clock.ts';
import { conclusionOf, stepId, type Conclusion } from './conclusion.ts';
import type { Failure } from './failure.ts';
import type { AnyTarget, DeliveryRecord } from './record.ts';
import { recipientHash } from './recipient-hash.ts';
import { AcceptedOutcome, CanceledOutcome, FailureOutcome, SuppressedOutcome, type SettledOutcome } from './settled.ts';
import type { Codec, Lease, QueueEntry, Settlement } from './store.ts';
import { decode, decodeDelivery, type StoredDelivery } from './stored.ts';
import { virtualRuntime } from './testing/virtual-runtime.ts';

const runtime = virtualRuntime();
const now = runtime.now();
const id = '019b76da-a800-7000-8000-000000000000';
const push: AnyTarget & { token: string } = { channel: 'ios', token: 'secret' };
const sms: AnyTarget & { to: string } = { channel: 'sms', to: '+43660' };
const mail: AnyTarget & { address: string } = { channel: 'email', address: 'a@example' };
const rejected: Failure = { kind: 'rejected', scope: 'message', code: '413' };
const lost: Failure = { kind: 'ambiguous', scope: 'provider', code: 'reset' };

const entry: QueueEntry = {
  id,
  messageId: id,
  stream: 'ios',
  tenant: 't',
  priority: 'high',
  attempts: 1,
  notBefore: now,
  expiresAt: now + 60_000,
  recipientHash: recipientHash(push),
  shared: 'content-1',
  body: new Uint8Array([1, 0]),
};
const lease: Lease = { entry, fence: '7', sending: false, canceled: false, deaths: 0 };

const record = {
  id,
  messageId: id,
  to: push,
  message: { to: push, ref: { order: 7 } },
  rare: {
    tried: [{ provider: 'apns', startedAt: 0, duration: 5, failure: rejected }],
    steps: [],
    ambiguous: undefined,
  },
  attempts: 3,
  queuedAt: 0,
  adapter: 0,
  lane: null,
  channel: { engine: { clock: new Clock(runtime) }, adapters: [{ provider: 'apns' }] },
} as unknown as DeliveryRecord;

const accepted = new AcceptedOutcome(record, 0, 5, 'apns', 'provider-id', undefined);
const failed = new FailureOutcome('failed', record, 5, rejected);
const plain: StoredDelivery = { to: push, message: { to: undefined, title: 'Hi' } };
const routed = (wait?: number): StoredDelivery => ({ ...plain, route: { steps: [sms, mail], wait } });

function conclude(outcome: SettledOutcome, more: Partial<Conclusion> = {}): Promise<Settlement> {
  return conclusionOf({
    outcome,
    record,
    lease,
    stored: plain,
    codec: undefined,
    keepOutcomes: undefined,
    now,
    ...more,
  });
}

/** The one entry that goes back, and what it holds. */
async function nextOf(outcome: SettledOutcome, stored: StoredDelivery, more: Partial<Conclusion> = {}) {
  const conclusion = await conclude(outcome, { stored, ...more });
  if (conclusion.as !== 'again') return undefined;
  const [next] = conclusion.entries as [QueueEntry];
  return { next, delivery: await decodeDelivery(next.body, more.codec, next.id) };
}

describe('conclusionOf', () => {
  it('is done with what was accepted, and keeps nothing of it unless told', async () => {
    expect(await conclude(accepted)).toStrictEqual({ lease, as: 'done' });
  });

  it('keeps an outcome for as long as told, with what a caller gets', async () => {
    const conclusion = await conclude(accepted, { keepOutcomes: 1000 });
    expect(conclusion).toMatchObject({ lease, as: 'done', keepUntil: now + 1000 });
    const kept = await decode((conclusion as { record: Uint8Array }).record, undefined, id);
    expect(kept).toMatchObject({
      status: 'accepted',
      deliveryId: id,
      provider: 'apns',
      providerMessageId: 'provider-id',
      to: push,
      ref: { order: 7 },
    });
    expect((kept as { attempts: unknown[] }).attempts).toHaveLength(2);
  });

  it('is done with what expired, was suppressed, canceled, or may have arrived', async () => {
    const outcomes = [
      new FailureOutcome('expired', record, 5, rejected),
      new FailureOutcome('unknown', record, 5, lost),
      new SuppressedOutcome(record, 5, 'read', undefined),
      new CanceledOutcome(record, 5, 'caller'),
      new CanceledOutcome(record, 5, 'signal'),
    ];
    for (const outcome of outcomes) expect(await conclude(outcome)).toStrictEqual({ lease, as: 'done' });
  });

  it('makes a dead letter of what failed and a person may mend', async () => {
    const conclusion = await conclude(failed, { keepOutcomes: 1000 });
    expect(conclusion).toStrictEqual({ lease, as: 'dead', record: expect.any(Uint8Array) });
    const letter = await decode((conclusion as { record: Uint8Array }).record, undefined, id);
    expect(letter).toStrictEqual({ failure: rejected, attempts: 1, failedAt: now });
  });

  it.each<Failure>([
    { kind: 'unregistered', scope: 'target', code: '410' },
    { kind: 'blocked', scope: 'target', code: 'STOP' },
  ])('makes none of a target that is $kind', async (failure) => {
    expect(await conclude(new FailureOutcome('failed', record, 5, failure))).toStrictEqual({ lease, as: 'done' });
  });

  it('hands back what is canceled by closing, with the attempts it had', async () => {
    const conclusion = await conclude(new CanceledOutcome(record, 5, 'close'), { stored: routed() });
    expect(conclusion).toStrictEqual({ lease, as: 'again', entries: [{ ...entry, attempts: 3 }] });
  });

  it('goes through the codec, told the delivery that it belongs to', async () => {
    const keys: string[] = [];
    const codec: Codec = {
      encode: (plainBytes, key) => (keys.push(key), plainBytes),
      decode: (stored) => stored,
    };
    await conclude(failed, { codec });
    await conclude(accepted, { codec, keepOutcomes: 1 });
    await nextOf(failed, routed(), { codec });
    expect(keys).toStrictEqual([id, id, stepId(id)]);
  });

  describe('of a route', () => {
    it('lets the next step go at once where this one reached nobody', async () => {
      const outcomes = [
        failed,
        new FailureOutcome('failed', record, 5, { kind: 'unregistered', scope: 'target', code: '410' }),
        new FailureOutcome('unknown', record, 5, lost),
        new SuppressedOutcome(record, 5, 'rebound', undefined),
      ];
      for (const outcome of outcomes) {
        const found = await nextOf(outcome, routed(5000));
        expect(found?.next).toStrictEqual({
          ...entry,
          id: stepId(id),
          stream: 'sms',
          attempts: 0,
          notBefore: now,
          recipientHash: recipientHash(sms),
          body: found?.next.body,
        });
        expect(found?.delivery).toStrictEqual({
          to: sms,
          message: { title: 'Hi' },
          route: { steps: [mail], wait: 5000 },
        });
      }
    });

    it('needs no next step after acceptance, or waits for a receipt where told', async () => {
      expect(await nextOf(accepted, routed())).toBeUndefined();
      const found = await nextOf(accepted, routed(5000));
      expect(found?.next.notBefore).toBe(now + 5000);
      expect(found?.delivery.to).toStrictEqual(sms);
    });

    it('sends no next step past the deadline', async () => {
      expect(await nextOf(accepted, routed(59_999))).toBeDefined();
      expect(await nextOf(accepted, routed(60_000))).toBeUndefined();
      const late = { now: entry.expiresAt };
      expect(await conclude(failed, { stored: routed(), ...late })).toMatchObject({ as: 'dead' });
      expect(
        await conclude(new FailureOutcome('expired', record, 5, undefined), { stored: routed(), ...late }),
      ).toMatchObject({ as: 'done' });
    });

    it('ends with a cancel', async () => {
      expect(await nextOf(new CanceledOutcome(record, 5, 'caller'), routed())).toBeUndefined();
    });

    it('ends after its last step', async () => {
      expect(await conclude(failed, { stored: { ...plain, route: { steps: [] } } })).toMatchObject({ as: 'dead' });
    });

    it('hands on nothing of a lost answer: that belongs to the step before', async () => {
      const found = await nextOf(failed, { ...routed(), ambiguous: lost });
      expect(found?.delivery).not.toHaveProperty('ambiguous');
    });
  });
});

describe('stepId', () => {
  it('counts in the low bits', () => {
    expect(stepId(id)).toBe('019b76da-a800-7000-8000-000000000001');
    expect(stepId('019b76da-a800-7000-8000-0000000000ff')).toBe('019b76da-a800-7000-8000-000000000100');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 65_534 }), (index) => {
        const at = (place: number): string => id.slice(0, -4) + place.toString(16).padStart(4, '0');
        expect(stepId(at(index))).toBe(at(index + 1));
      }),
    );
  });
});
