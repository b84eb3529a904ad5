import type { Content, Delivery } from './adapter.ts';
import { errorName, type EngineContext } from './context.ts';
import type { Outcome } from './outcome.ts';
import { DeliveryView, type DeliveryRecord } from './record.ts';
import { SettledOutcome, SuppressedOutcome } from './settled.ts';

/**
 * Runs the user's middleware around the rest of the pipeline. Resolves to the outcome that the outermost returned; undefined where it threw or
 * returned none, then what `send` settled, if it did, stands: what was sent stays sent.
 * @param send the rest of the pipeline, run at most once; given content that a middleware put in place of the delivery's own
 */
export async function runMiddleware(
  engine: EngineContext,
  record: DeliveryRecord,
  send: (changed: Content | undefined) => Promise<SettledOutcome>,
): Promise<SettledOutcome | undefined> {
  const view = new DeliveryView(record);
  const { use } = engine.hooks;
  let sent: Promise<SettledOutcome> | undefined;
  const run = async (index: number, delivery: Delivery): Promise<SettledOutcome> => {
    const middleware = use[index];
    if (middleware === undefined) {
      const changed =
        delivery === (view as Delivery) ? undefined : (delivery as { readonly content?: Content }).content;
      return (sent ??= send(changed));
    }
    const next = (changed: Delivery): Promise<Outcome> => run(index + 1, changed) as unknown as Promise<Outcome>;
    return outcomeOf(record, await middleware(delivery as never, next as never));
  };
  try {
    const outcome = await run(0, view as Delivery);
    // What is being sent meanwhile is not over yet, whatever was returned.
    await sent;
    return outcome;
  } catch (error) {
    engine.logger?.error({ hook: 'use', error: errorName(error) }, 'hook failed');
    return sent;
  }
}

/** A middleware may answer with what `next` gave, or suppress the delivery: `{ status: 'suppressed', reason }`. */
function outcomeOf(record: DeliveryRecord, returned: unknown): SettledOutcome {
  if (returned instanceof SettledOutcome && returned.deliveryId === record.id) return returned;
  const { status, reason, detail } = (returned ?? {}) as { status?: unknown; reason?: unknown; detail?: unknown };
  if (status === 'suppressed' && typeof reason === 'string') {
    const { clock } = record.channel.engine;
    return new SuppressedOutcome(record, clock.read(), reason, typeof detail === 'string' ? detail : undefined);
  }
  throw new TypeError('a middleware returned neither the outcome of next nor a suppressed one');
}
