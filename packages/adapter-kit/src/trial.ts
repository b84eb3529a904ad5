import { randomUUID } from 'node:crypto';
import type { Adapter, Delivery, SendResult } from '@tidings/core';
import { realRuntime } from '@tidings/core';
import { until, within } from './patience.ts';
import type { AdapterSubject, Expectation, Provoke, Trouble } from './subject.ts';
import { readThrown } from './thrown.ts';
import { must, RuleBroken } from './verdict.ts';
import { outputOf } from './validate.ts';

/** The wait that `retryAfter` is provoked with. */
export const wait = 7;

/** An attempt as it ended. */
export interface Ended {
  readonly results?: readonly SendResult[] | undefined;
  /** Wrapped, since `undefined` can be thrown. */
  readonly thrown?: { readonly error: unknown } | undefined;
}

/** One delivery's way through a trouble. */
export interface Encounter extends Ended {
  readonly delivery: Delivery;
  readonly expected: Expectation;
}

/** One rule's time with an adapter of its own. */
export interface Trial {
  readonly subject: AdapterSubject;
  readonly adapter: Adapter;
  readonly patience: number;
  /** Requests since the trial began. */
  requests(): number;
  /** As the engine would make it: target and content are the schemas' outputs. */
  delivery(options?: { readonly target?: unknown; readonly content?: unknown }): Promise<Delivery>;
  /** One call of the adapter's `send`; rejects only where it hangs. */
  attempt(deliveries: readonly Delivery[], signal?: AbortSignal): Promise<Ended>;
  /** One delivery; what is thrown is read as the engine reads it. */
  send(delivery: Delivery, signal?: AbortSignal): Promise<SendResult>;
  /** A delivery that the service lets hang, aborted once it is there. */
  abortHanging(trouble: 'hang' | 'stall', provoke: Provoke<unknown>): Promise<Encounter>;
  /** Every way the subject knows to provoke this. */
  ways(trouble: Trouble): readonly Provoke<unknown>[];
  /** Lets a new delivery meet it, whatever becomes of that. */
  meet(trouble: Trouble, provoke: Provoke<unknown>): Promise<Encounter>;
  /** The one result of an attempt with one delivery. */
  resultOf(ended: Ended): Promise<SendResult>;
  /** Closes the adapter. */
  close(): Promise<void>;
  /** Closes the adapter, if the rule has not, and resets the service; never rejects because of the adapter. */
  end(): Promise<void>;
}

const never = new AbortController().signal;

export async function openTrial(subject: AdapterSubject): Promise<Trial> {
  const { patience = 5000 } = subject;
  const adapter = await subject.make();
  const lifetime = new AbortController();
  const before = subject.requests();
  let closed = false;
  await adapter.open?.({ runtime: realRuntime(), signal: lifetime.signal, receipt: () => undefined });

  const trial: Trial = {
    subject,
    adapter,
    patience,
    requests: () => subject.requests() - before,
    async delivery({ target, content = subject.content } = {}) {
      const id = randomUUID();
      return {
        id,
        messageId: id,
        channel: 'conformance',
        target: await outputOf(adapter.target, target ?? (await subject.target())),
        content: (await outputOf(adapter.content, content)) as Delivery['content'],
        priority: 'normal',
        expiresAt: new Date(Date.now() + 600_000),
        attempt: 1,
      };
    },
    async attempt(deliveries, signal = never) {
      try {
        // Inside the function, so that a throw before the promise counts as well.
        const sending = (async () => adapter.send(deliveries, { signal }))();
        return { results: await within(sending, patience, 'an end of the send') };
      } catch (error) {
        if (error instanceof RuleBroken) throw error;
        return { thrown: { error } };
      }
    },
    send: async (delivery, signal) => trial.resultOf(await trial.attempt([delivery], signal)),
    ways: (trouble) => [subject.provoke[trouble] ?? []].flat(),
    async abortHanging(trouble, provoke) {
      const delivery = await trial.delivery();
      const expected = (await provoke(delivery.target, wait)) ?? {};
      const [controller, seen] = [new AbortController(), subject.requests()];
      let ended = false;
      const ending = trial.attempt([delivery], controller.signal).finally(() => (ended = true));
      // A send that ends before is no hanging one: what it says is judged all the same.
      await until(() => ended || subject.requests() > seen, patience, 'the arrival of a request');
      // A good answer's beginning has to reach the adapter, too: it has, once the event loop has turned a few times.
      if (trouble === 'stall')
        for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
      controller.abort();
      return { delivery, expected, ...(await ending) };
    },
    async meet(trouble, provoke) {
      if (trouble === 'hang' || trouble === 'stall') return trial.abortHanging(trouble, provoke);
      const delivery = await trial.delivery();
      const expected = (await provoke(delivery.target, wait)) ?? {};
      return { delivery, expected, ...(await trial.attempt([delivery])) };
    },
    async resultOf({ results, thrown }) {
      if (thrown !== undefined) return readThrown(thrown.error);
      must(Array.isArray(results) && results.length === 1, 'expected one result for one delivery');
      return results[0] as SendResult;
    },
    async close() {
      closed = true;
      lifetime.abort();
      await within(adapter.close(), patience, 'an end of close()');
    },
    async end() {
      // Whether it closes well is a rule of its own.
      if (!closed) await trial.close().catch(() => undefined);
      await subject.reset?.();
    },
  };
  return trial;
}
