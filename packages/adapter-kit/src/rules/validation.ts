import type { Adapter } from '@tidings/core';
import type { Rule } from '../rule.ts';
import { rule } from '../rule.ts';
import type { AdapterSubject } from '../subject.ts';
import { issuesOf, pathOf, textsIn } from '../validate.ts';
import { must } from '../verdict.ts';

const parts = ['target', 'content', 'native'] as const;

/** What is no object can be nobody's target. */
const hopeless: readonly unknown[] = [undefined, null, true, 42, 'text', [], () => undefined];

/** Texts shorter than this are in many a sentence. */
const telling = 8;

export const validationRules: readonly Rule[] = [
  rule({
    name: 'takes valid targets and content',
    async check({ adapter, subject }) {
      must(
        (await issuesOf(adapter.target, await subject.target())) === undefined,
        'the target schema refuses a valid target',
      );
      if (adapter.content === undefined) return;
      must(
        (await issuesOf(adapter.content, subject.content)) === undefined,
        'the content schema refuses valid content',
      );
    },
  }),
  rule({
    name: 'refuses what is ill-formed and names the field',
    async check({ adapter, subject }) {
      for (const value of hopeless) {
        const issues = await issuesOf(adapter.target, value);
        must(
          Array.isArray(issues) && issues.length > 0,
          `the target schema takes ${value === null ? 'null' : `a target of type ${typeof value}`}`,
        );
      }
      for (const { part, field, issues } of await judge(adapter, subject)) {
        must(issues !== undefined && issues.length > 0, `the ${part} schema takes an ill-formed '${field}'`);
        const named = issues.map(pathOf);
        must(named.includes(field), `the ${part} schema names '${named.join("', '")}' where '${field}' is wrong`);
      }
    },
  }),
  rule({
    name: 'tells what is ill-formed without quoting it',
    async check({ adapter, subject }) {
      for (const { part, field, value, issues } of await judge(adapter, subject)) {
        const said = JSON.stringify(issues ?? []);
        must(
          !textsIn(value, telling).some((text) => said.includes(text)),
          `an issue of the ${part} schema quotes an ill-formed '${field}'`,
        );
      }
    },
  }),
];

async function judge(adapter: Adapter, { illFormed }: AdapterSubject) {
  const cases = parts.flatMap((part) =>
    Object.entries(illFormed[part] ?? {}).map(([field, value]) => ({ part, field, value })),
  );
  return Promise.all(
    cases.map(async (each) => {
      const schema = adapter[each.part];
      must(schema !== undefined, `there is no schema of ${each.part}`);
      return { ...each, issues: await issuesOf(schema, each.value) };
    }),
  );
}
