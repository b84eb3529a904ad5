import type { Content, Delivery } from './adapter.ts';
import { errorName, type EngineContext } from './context.ts';
import type { Outcome } from './outcome.ts';
import { HookView, type DeliveryRecord } from './record.ts';
import { SettledOutcome, SuppressedOutcome } from './settled.ts';

/**
 * Runs the user's middleware around the rest of the pipeline. Resolves to what the outermost returned, undefined where it threw or returned
 * none; but once `send` was asked for, to what that settled: what was sent stays sent.
 * @param send the rest of the pipeline, run at most once; given content that a middleware put in place of the delivery's own
 */
export async function runMiddleware(
  engine: EngineContext,
  record: DeliveryRecord,
  send: (changed: Content | undefined) => Promise<SettledOutcome>,
): Promise<SettledOutcome | undefined> {
  const { use } = engine.hooks;
  const first = new HookView(record);
  let sent: Promise<SettledOutcome> | undefined;
  const run = async (index: number, view: HookView): Promise<SettledOutcome> => {
    const middleware = use[index];
    if (middleware === undefined) return (sent ??= send(view === first ? undefined : view.content));
    const next = (given: unknown): Promise<Outcome> =>
      run(index + 1, changedBy(given, view, record)) as unknown as Promise<Outcome>;
    return outcomeOf(record, await middleware(view as never, next as never));
  };
  try {
    const outcome = await run(0, first);
    return sent === undefined ? outcome : await sent;
  } catch (error) {
    engine.logger?.error({ hook: 'use', error: errorName(error) }, 'hook failed');
    return sent;
  }
}

/** What the next one sees: all of the delivery, with the content that this one put into it (a copy by spread has little else). */
function changedBy(given: unknown, view: HookView, record: DeliveryRecord): HookView {
  const { content } = (given === view ? {} : (given ?? {})) as Partial<Delivery>;
  if (content === undefined) return view;
  if (!isContent(content)) throw new TypeError('a middleware handed on content that is none');
  return new HookView(record, content);
}

/** An object of fields; which ones, and of what kind, is the adapter's to check. */
export function isContent(value: unknown): value is Content {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
