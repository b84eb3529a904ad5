import type { SendResult } from '@tidings/core';
import { describeResult, isUnsent } from '../result.ts';
import type { Rule } from '../rule.ts';
import { rule } from '../rule.ts';
import { must } from '../verdict.ts';

export const abortRules: readonly Rule[] = [
  rule({
    name: 'ends a send as ambiguous when it is aborted',
    needs: ['hang'],
    async check(trial) {
      for (const provoke of trial.ways('hang')) {
        const result = await trial.resultOf(await trial.abortHanging('hang', provoke));
        // The service has the request, so nobody may say that it was not sent.
        must(
          result.kind === 'ambiguous',
          `a delivery that the service had when it was aborted was ${describeResult(result)}`,
        );
      }
    },
  }),
  rule({
    name: 'sends nothing when it is aborted before',
    async check(trial) {
      const result = await trial.send(await trial.delivery(), AbortSignal.abort());
      must(endsUnknown(result), `a delivery aborted before it was sent was ${describeResult(result)}`);
      await trial.close();
      must(trial.requests() === 0, 'the service saw a request');
    },
  }),
];

const endsUnknown = (result: SendResult): boolean => result.kind === 'ambiguous' || isUnsent(result);
