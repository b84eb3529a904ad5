import type { Adapter, Awaitable } from '@tidings/core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { rules } from './rules/index.ts';
import type { AdapterSubject } from './subject.ts';

/**
 * Registers a vitest test for each rule. A rule whose trouble the subject can't provoke is skipped, and says so.
 * @param setup starts the local service; called once
 */
export function adapterSuite<A extends Adapter>(name: string, setup: () => Awaitable<AdapterSubject<A>>): void {
  describe(name, () => {
    let subject: AdapterSubject<A>;
    beforeAll(async () => {
      subject = await setup();
    });
    afterAll(async () => {
      // Undefined where setup has failed.
      await (subject as AdapterSubject<A> | undefined)?.close?.();
    });
    for (const rule of rules) {
      test(rule.name, async ({ skip }) => {
        const missing = rule.missing(subject);
        if (missing !== undefined) skip(`the subject has no ${missing}`);
        await rule.check(subject);
      });
    }
  });
}
