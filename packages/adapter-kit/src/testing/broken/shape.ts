import type { Adapter, Schema } from '@tidings/core';
import { checked } from '@tidings/core';
import { testTarget } from '../adapter.ts';
import type { Broken } from './broken.ts';
import { ends } from './broken.ts';

const limits = 'has limits and a policy that the engine takes';

const withTarget =
  (target: Schema<unknown, unknown>) =>
  (good: Adapter): Adapter => ({ ...good, target });
const problemsOf = (value: unknown) => {
  const result = testTarget['~standard'].validate(value);
  return 'issues' in result ? result.issues?.[0] : undefined;
};
const contract: readonly Broken[] = [
  {
    rule: 'has the form of version 1 of the contract',
    what: 'another version',
    change: (good) => ({ ...good, version: 2 as 1 }),
    also: [limits, ends],
  },
  {
    rule: 'has the form of version 1 of the contract',
    what: 'no partition for a valid target',
    change: (good) => ({ ...good, partition: () => undefined as never }),
  },
  {
    rule: limits,
    what: 'negative limit',
    change: (good) => ({ ...good, limits: { ...good.limits, payloadBytes: -1 } }),
  },
  { rule: limits, what: 'unreadable rate', change: (good) => ({ ...good, policy: { rate: 'many' as '1/s' } }) },
  {
    rule: 'can be closed twice',
    what: 'a second close that rejects',
    change(good) {
      let closed = false;
      return { ...good, close: () => (closed ? Promise.reject(new Error('closed')) : ((closed = true), good.close())) };
    },
  },
];

const validation: readonly Broken[] = [
  {
    rule: 'takes valid targets and content',
    what: 'content refused',
    change: (good) => ({ ...good, content: checked(() => ({ message: 'expected other content', path: ['color'] })) }),
    also: [ends],
  },
  {
    rule: 'refuses what is ill-formed and names the field',
    what: 'everything taken',
    change: withTarget(checked(() => undefined)),
  },
  {
    rule: 'refuses what is ill-formed and names the field',
    what: 'no path',
    change: withTarget(
      checked((value) => (problemsOf(value) === undefined ? undefined : { message: 'expected a target' })),
    ),
  },
  {
    rule: 'tells what is ill-formed without quoting it',
    what: 'the value in the text',
    change: withTarget(
      checked((value) => {
        const issue = problemsOf(value);
        return issue && { ...issue, message: `${JSON.stringify(value)} is no target` };
      }),
    ),
  },
];

export const brokenShape = [...contract, ...validation];
