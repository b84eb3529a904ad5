import type { Delivery, SendResult } from '@tidings/core';
import { describeResult } from '../result.ts';
import type { Rule } from '../rule.ts';
import { rule } from '../rule.ts';
import type { Trial } from '../trial.ts';
import { must } from '../verdict.ts';

/** A delivery and what has to become of it. */
interface Mixed {
  readonly delivery: Delivery;
  readonly kind: SendResult['kind'];
}

export const manyRules: readonly Rule[] = [
  rule({
    name: 'gives each delivery of a batch its own result, in order',
    async check(trial) {
      const { batch = 1 } = trial.adapter.limits;
      const mixed = await mix(trial, Math.min(batch, 20));
      const { results, thrown } = await trial.attempt(mixed.map(({ delivery }) => delivery));
      must(thrown === undefined, 'send threw, so that no delivery of the batch has a result');
      must(
        Array.isArray(results) && results.length === mixed.length,
        `${results?.length} results for ${mixed.length} deliveries`,
      );
      compare(mixed, results);
    },
  }),
  rule({
    name: 'gives each of 200 parallel sends its own result',
    async check(trial) {
      const mixed = await mix(trial, 200);
      compare(mixed, await Promise.all(mixed.map(({ delivery }) => trial.send(delivery))));
    },
  }),
];

/** Good deliveries with some between them that have to fail, by their target or by their size. */
async function mix(trial: Trial, count: number): Promise<readonly Mixed[]> {
  const [gone] = trial.ways('unregistered');
  const mixed: Mixed[] = [];
  for (let index = 0; index < count; index++) {
    const isGone = gone !== undefined && index % 7 === 2;
    const isOversized = trial.subject.oversized !== undefined && index % 5 === 1;
    const delivery = await trial.delivery(isOversized && !isGone ? { content: trial.subject.oversized } : {});
    if (isGone) await gone(delivery.target, 0);
    mixed.push({ delivery, kind: isGone ? 'unregistered' : isOversized ? 'rejected' : 'accepted' });
  }
  return mixed;
}

function compare(mixed: readonly Mixed[], results: readonly SendResult[]): void {
  const ids = new Set<string>();
  for (const [index, { kind }] of mixed.entries()) {
    const result = results[index];
    must(result?.kind === kind, `delivery ${index} of ${mixed.length} was ${describeResult(result)} and not '${kind}'`);
    if (result.kind !== 'accepted' || result.messageId === undefined) continue;
    must(!ids.has(result.messageId), 'two deliveries have the same messageId');
    ids.add(result.messageId);
  }
}
