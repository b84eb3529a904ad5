import type { Adapter } from '@tidings/core';
import { describe, expect, test } from 'vitest';
import type { Rule } from './index.ts';
import { rules } from './index.ts';
import { testSubject } from './testing/adapter.ts';
import type { Broken } from './testing/broken/broken.ts';
import { brokenAdapters } from './testing/broken/index.ts';
import { startTestService } from './testing/service.ts';

/** Looks at the whole process, so nothing else may go on meanwhile. */
const lonely = 'leaves nothing open when it is closed';
const [alone, others] = [rules.filter(({ name }) => name === lonely), rules.filter(({ name }) => name !== lonely)];

/** Takes most of the time, and says nothing of an adapter that differs in its answer to one trouble alone. */
const costly = 'gives each of 200 parallel sends its own result';
const ofOneTrouble = /^(classifies rightly|is not misled|makes one request for one attempt: (?!success))/;
const othersFor = ({ rule }: Broken): readonly Rule[] =>
  ofOneTrouble.test(rule) ? others.filter(({ name }) => name !== costly) : others;

/** Names of the rules that catch it, or the failure's text where that does not name the rule. */
async function caught({ change, cleanUp, hangs }: Broken, by: readonly Rule[], patience: number) {
  await using service = await startTestService();
  const subject = testSubject(service, (adapter) => change(adapter, service));
  // What works must have its time on a busy machine; only what hangs uses it up.
  if (hangs === true) Object.assign(subject, { patience });
  const names = new Set<string>();
  for (const rule of by) {
    try {
      await rule.check(subject);
    } catch (error) {
      const { message } = error as Error;
      names.add(message.startsWith(`${rule.name}: `) ? rule.name : message);
    }
  }
  cleanUp?.();
  return names;
}

const expected = ({ rule, also = [] }: Broken, among: readonly Rule[]) =>
  new Set([rule, ...also].filter((name) => among.some((each) => each.name === name)));

test('each rule has a name of its own and an adapter that breaks it', () => {
  const names = rules.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(new Set(brokenAdapters.map(({ rule }) => rule))).toEqual(new Set(names));
});

describe('one at a time', () => {
  test.for(brokenAdapters)(`"${lonely}" is broken by what leaves something open alone: $what`, async (broken) => {
    expect(await caught(broken, alone, 500)).toEqual(expected(broken, alone));
  });
});

describe.concurrent('together', () => {
  test.for(brokenAdapters)('"$rule" and no other rule catches: $what', async (broken) => {
    expect(await caught(broken, othersFor(broken), 3000)).toEqual(expected(broken, others));
  });
});

test('a rule that lacks its trouble says so and passes nothing', async () => {
  await using service = await startTestService();
  const subject = { ...testSubject(service), provoke: {}, oversized: undefined, unreachable: undefined };
  for (const rule of rules) {
    const missing = rule.missing(subject);
    if (missing === undefined) await rule.check(subject);
    else await expect(rule.check(subject)).rejects.toThrow(`${rule.name}: the subject has no ${missing}`);
  }
});

test('a send that ignores its signal is caught, and waited for no longer than the patience', async () => {
  await using service = await startTestService();
  const deaf = (adapter: Adapter): Adapter => ({
    ...adapter,
    send: (deliveries) => adapter.send(deliveries, { signal: new AbortController().signal }),
  });
  const rule = rules.find(({ name }) => name === 'ends a send as ambiguous when it is aborted');
  await expect(rule?.check({ ...testSubject(service, deaf), patience: 100 })).rejects.toThrow(
    `${rule?.name}: an end of the send did not happen`,
  );
});
