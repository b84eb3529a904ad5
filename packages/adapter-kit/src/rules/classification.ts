import type { Failure, SendResult } from '@tidings/core';
import { describeResult, isUnsent, problemOfExpected, problemOfResult } from '../result.ts';
import type { Rule } from '../rule.ts';
import { rule } from '../rule.ts';
import type { Expectation, Trouble } from '../subject.ts';
import { wait } from '../trial.ts';
import { must } from '../verdict.ts';

/** What each trouble is by its name; the subject may expect more of it. */
const kinds = {
  unregistered: 'unregistered',
  blocked: 'blocked',
  rejected: 'rejected',
  throttled: 'throttled',
  unavailable: 'unavailable',
  serverError: 'unavailable',
  unauthorized: 'unauthorized',
  refused: 'unavailable',
} as const satisfies { readonly [Each in Trouble]?: Failure['kind'] };

export const classificationRules: readonly Rule[] = [
  ...Object.entries(kinds).map(([trouble, kind]) =>
    rule({
      name: `classifies rightly: ${trouble}`,
      needs: [trouble as Trouble],
      async check(trial) {
        for (const provoke of trial.ways(trouble as Trouble)) {
          const encounter = await trial.meet(trouble as Trouble, provoke);
          const result = await trial.resultOf(encounter);
          mustFit(result, { kind, ...encounter.expected });
          if (trouble === 'refused') must(isUnsent(result), 'what was surely not taken has to be unsent');
        }
      },
    }),
  ),
  rule({
    name: 'takes over how long the provider asks to wait',
    needs: ['retryAfter'],
    async check(trial) {
      for (const provoke of trial.ways('retryAfter')) {
        const encounter = await trial.meet('retryAfter', provoke);
        mustFit(await trial.resultOf(encounter), { kind: 'throttled', retryAfter: wait * 1000, ...encounter.expected });
      }
    },
  }),
  rule({
    name: 'never takes an answer it does not know for a dead target',
    needs: ['unknown'],
    async check(trial) {
      for (const provoke of trial.ways('unknown')) {
        const encounter = await trial.meet('unknown', provoke);
        const result = await trial.resultOf(encounter);
        must(
          result.kind !== 'unregistered' && result.kind !== 'blocked',
          `an unknown answer became ${describeResult(result)}`,
        );
        mustFit(result, encounter.expected);
      }
    },
  }),
];

function mustFit(result: SendResult, expected: Expectation): void {
  // The kind first: what else is wrong follows from it.
  const problem = problemOfExpected(result, expected) ?? problemOfResult(result);
  must(problem === undefined, problem ?? '');
}
