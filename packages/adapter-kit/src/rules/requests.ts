import { describeResult } from '../result.ts';
import type { Rule } from '../rule.ts';
import { rule } from '../rule.ts';
import type { Trouble } from '../subject.ts';
import type { Trial } from '../trial.ts';
import { must } from '../verdict.ts';

/** Where an adapter or its SDK might try again by itself. */
const tempting = [
  'throttled',
  'unavailable',
  'serverError',
  'unauthorized',
  'unknown',
  'hang',
  'reset',
  'half',
] as const satisfies Trouble[];

const name = (what: string): string => `makes one request for one attempt: ${what}`;

export const requestRules: readonly Rule[] = [
  rule({
    name: name('success'),
    async check(trial) {
      const result = await trial.send(await trial.delivery());
      must(result.kind === 'accepted', `a valid delivery was ${describeResult(result)}`);
      await mustHaveMade(trial, 1);
    },
  }),
  ...tempting.map((trouble) =>
    rule({
      name: name(trouble),
      needs: [trouble],
      async check(trial) {
        const ways = trial.ways(trouble);
        for (const provoke of ways) await trial.meet(trouble, provoke);
        await mustHaveMade(trial, ways.length);
      },
    }),
  ),
];

/** Counted when the adapter is closed: what it does late counts as well. */
async function mustHaveMade(trial: Trial, count: number): Promise<void> {
  await trial.close().catch(() => undefined);
  must(
    trial.requests() === count,
    `the service saw ${trial.requests()} requests for ${count} attempt${count === 1 ? '' : 's'}`,
  );
}
