import type { Schema } from '@tidings/core';
import { createEngine } from '@tidings/core';
import type { Rule } from '../rule.ts';
import { rule } from '../rule.ts';
import { must } from '../verdict.ts';

export const contractRules: readonly Rule[] = [
  rule({
    name: 'has the form of version 1 of the contract',
    async check({ adapter, subject }) {
      must(adapter.version === 1, `expected version 1, not ${String(adapter.version)}`);
      const { provider } = adapter;
      must(
        /^[A-Za-z][\w-]*$/.test(provider),
        'expected the provider to be a name of letters, digits, - and _, since it is a key of `native`',
      );
      must(isSchema(adapter.target), 'expected target to be a Standard Schema');
      for (const part of ['content', 'native'] as const) {
        must(
          adapter[part] === undefined || isSchema(adapter[part]),
          `expected ${part} to be a Standard Schema or undefined`,
        );
      }
      for (const part of ['send', 'close'] as const)
        must(typeof adapter[part] === 'function', `expected ${part} to be a function`);
      if (adapter.partition === undefined) return;
      const partition = adapter.partition(await subject.target());
      must(
        typeof partition === 'string' && partition.length <= 1000,
        'expected partition to give a short text for a valid target',
      );
    },
  }),
  rule({
    name: 'has limits and a policy that the engine takes',
    async check({ adapter }) {
      const { batch = 1, payloadBytes = 1 } = adapter.limits;
      must(isCount(batch), 'expected limits.batch to be a whole number from 1');
      must(isCount(payloadBytes), 'expected limits.payloadBytes to be a whole number from 1');
      // Throws for what it can't read, and names the field. Its own close closes the adapter, so it gets one that can't be.
      const engine = createEngine({ channels: { conformance: { ...adapter, close: async () => {} } } });
      await engine.close();
    },
  }),
  rule({
    name: 'can be closed twice',
    async check(trial) {
      await trial.send(await trial.delivery());
      await trial.close();
      await trial.close();
    },
  }),
];

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 1;

function isSchema(value: unknown): value is Schema {
  const { version, vendor, validate } = ((value as Schema | undefined)?.['~standard'] ?? {}) as Partial<
    Schema['~standard']
  >;
  return version === 1 && typeof vendor === 'string' && typeof validate === 'function';
}
