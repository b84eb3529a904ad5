import { stepId } from './conclusion.ts';
import type { EngineContext } from './context.ts';
import { Expansion } from './expansion.ts';
import { mostTargets } from './ids.ts';
import { unreadable, weighSafely, type Intake } from './intake.ts';
import { DeliveryRecord, levels, type AnyMessage, type Ending, type Sink } from './record.ts';
import type { Lease, QueueEntry } from './store.ts';
import type { StoredDelivery } from './stored.ts';
import type { Problem } from './validate.ts';

/** Nobody waits for these here: events tell their outcomes. */
const nobody: Sink = { settled() {} };

/** The intake's side towards a queue: messages become deliveries that are stored, and stored ones become deliveries again. */
export class QueueIntake {
  readonly #engine: EngineContext;
  readonly #intake: Intake;

  constructor(engine: EngineContext, intake: Intake) {
    this.#engine = engine;
    this.#intake = intake;
  }

  /** The deliveries of a message, or the first thing wrong with it. A durable queue also takes what is far ahead. */
  async forQueue(
    message: AnyMessage,
    durable: boolean,
  ): Promise<{ records: readonly DeliveryRecord[]; route: Expansion['routeAt']; problem: Problem | undefined }> {
    try {
      return await this.#forQueue(message, durable);
    } catch {
      return { records: [], route: undefined, problem: unreadable };
    }
  }

  async #forQueue(message: AnyMessage, durable: boolean): ReturnType<QueueIntake['forQueue']> {
    const weight = weighSafely(message);
    if (typeof weight !== 'number') return { records: [], route: undefined, problem: weight };
    const late = this.#intake.lateProblem(message);
    const problem = late === undefined || (durable && late.field === 'notBefore') ? undefined : late;
    const expansion = new Expansion(this.#engine, this.#intake.channels);
    await expansion.expand(message.to, 'to');
    if (expansion.targets.length > mostTargets) expansion.tooMany(mostTargets);
    const now = this.#engine.clock.read();
    const sequence = this.#engine.ids.next();
    const records = expansion.targets.map(({ to, channel }, index) =>
      this.#intake.record(message, to, channel ?? this.#intake.nowhere, nobody, index, sequence, now, weight),
    );
    const wrong = problem ?? expansion.targets.find((target) => target.problem !== undefined)?.problem;
    return { records, route: expansion.routeAt, problem: wrong };
  }

  /** A delivery that lay in a queue. */
  takeLease(lease: Lease, { to, message, ambiguous }: StoredDelivery, sink: Sink = nobody): DeliveryRecord {
    const { entry } = lease;
    const { clock } = this.#engine;
    const record = new DeliveryRecord(
      message,
      to,
      this.#intake.channels.get(entry.stream) ?? this.#intake.nowhere,
      sink,
      0,
      0,
      clock.read(),
      clock.fromEpoch(entry.expiresAt),
      levels.indexOf(entry.priority),
      (message.title?.length ?? 0) + (message.body?.length ?? 0),
    );
    record.attempts = entry.attempts;
    Object.assign(record.more, { lease, id: entry.id, messageId: entry.messageId, ambiguous });
    return record;
  }

  /** Tells the outcomes of a stored route's further steps, which will not go. */
  endSteps(entry: QueueEntry, { message, route }: StoredDelivery, ending: Ending | 'expired'): void {
    const { pipeline, clock } = this.#engine;
    let { id } = entry;
    for (const to of route?.steps ?? []) {
      id = stepId(id);
      const stored = { ...entry, id, stream: to.channel };
      const lease: Lease = { entry: stored, fence: '', sending: false, canceled: false, deaths: 0 };
      const record = this.takeLease(lease, { to, message });
      if (ending === 'expired') pipeline.expired(record, clock.read());
      else pipeline.cancel(record, ending);
    }
  }
}
