import { describeResult, isUnsent, problemOfExpected, problemOfResult } from '../result.ts';
import type { Rule } from '../rule.ts';
import { rule } from '../rule.ts';
import { must } from '../verdict.ts';

/** Answers that no documentation has, with all that may be made of them. By the status some of them say something. */
const allowed = {
  garbage: ['accepted', 'ambiguous'],
  html: ['ambiguous', 'unavailable'],
  half: ['accepted', 'ambiguous'],
  stall: ['accepted', 'ambiguous'],
  huge: ['accepted', 'ambiguous', 'unavailable', 'rejected'],
} as const;

export const hostileRules: readonly Rule[] = Object.entries(allowed).map(([name, kinds]) => {
  const trouble = name as keyof typeof allowed;
  return rule({
    name: `is not misled by a hostile answer: ${trouble}`,
    needs: [trouble],
    async check(trial) {
      for (const provoke of trial.ways(trouble)) {
        const encounter = await trial.meet(trouble, provoke);
        must(encounter.thrown === undefined, 'send threw');
        const result = await trial.resultOf(encounter);
        must(
          (kinds as readonly string[]).includes(result.kind),
          `it was ${describeResult(result)}, expected ${kinds.join(' or ')}`,
        );
        must(!isUnsent(result), 'what was answered was sent');
        const problem = problemOfResult(result) ?? problemOfExpected(result, encounter.expected);
        must(problem === undefined, problem ?? '');
      }
    },
  });
});
