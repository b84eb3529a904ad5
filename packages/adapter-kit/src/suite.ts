import type { Adapter, Awaitable } from '@tidings/core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { Rule } from './rule.ts';
import { rules } from './rules/index.ts';
import type { AdapterSubject } from './subject.ts';

/**
 * Registers a vitest test for each rule. A rule whose trouble the subject can't provoke is skipped, and says so.
 * @param setup starts the local service; called once
 * @param selected for a second service that shows what the first one can't: `rules.filter(({ needs }) => needs.includes('huge'))`
 */
export function adapterSuite<A extends Adapter>(
  name: string,
  setup: () => Awaitable<AdapterSubject<A>>,
  selected: readonly Rule[] = rules,
): void {
  describe(`adapter ${name}`, () => {
    let subject: AdapterSubject<A>;
    beforeAll(async () => {
      subject = await setup();
    });
    afterAll(async () => {
      // Undefined where setup has failed.
      await (subject as AdapterSubject<A> | undefined)?.close?.();
    });
    test.for(selected.map((rule) => [rule.name, rule] as const))('%s', async ([, rule], { skip }) => {
      const missing = rule.missing(subject);
      if (missing !== undefined) skip(`the subject has no ${missing}`);
      await assert(rule, subject);
    });
  });
}

/** Without vitest's `expect` around it: its message would be cut off before the reason. */
async function assert<A extends Adapter>(rule: Rule, subject: AdapterSubject<A>): Promise<void> {
  await rule.check(subject);
}
