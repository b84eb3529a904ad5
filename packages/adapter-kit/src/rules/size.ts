import { problemOfExpected, problemOfResult } from '../result.ts';
import type { Rule } from '../rule.ts';
import { rule } from '../rule.ts';
import { must } from '../verdict.ts';

export const sizeRules: readonly Rule[] = [
  rule({
    name: 'rejects what is too large before any request',
    needs: ['oversized'],
    async check(trial) {
      const result = await trial.send(await trial.delivery({ content: trial.subject.oversized }));
      const problem = problemOfExpected(result, { kind: 'rejected', scope: 'message' }) ?? problemOfResult(result);
      must(problem === undefined, problem ?? '');
      must(trial.requests() === 0, 'the service saw a request');
    },
  }),
];
