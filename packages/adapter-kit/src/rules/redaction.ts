import { inspect } from 'node:util';
import type { Delivery } from '@tidings/core';
import type { Rule } from '../rule.ts';
import { rule } from '../rule.ts';
import type { Encounter, Trial } from '../trial.ts';
import type { AdapterSubject, Trouble } from '../subject.ts';
import { textsIn } from '../validate.ts';
import { must } from '../verdict.ts';

/** Laid over the subject's content. */
const canaries = { title: 'canary-title-5d1f0c', body: 'canary-body-5d1f0c' };

/** Shorter texts are words that may stand anywhere. */
const telling = 12;

export const redactionRules: readonly Rule[] = [
  rule({
    name: 'keeps target, content and credential out of results and errors',
    async check(trial) {
      for (const [occasion, { delivery, ...ended }] of await meetAll(trial)) {
        const secrets = secretsOf(trial.subject, delivery);
        // The stack of an error, its causes and what else hangs on it go to logs as well.
        must(!holds(show(ended.thrown?.error), secrets), `what was thrown at '${occasion}' tells a secret`);
        must(!holds(show(ended.results), secrets), `the result at '${occasion}' tells a secret`);
      }
    },
  }),
  rule({
    name: 'keeps target, content and credential out of what can be seen of it',
    async check(trial) {
      const { adapter, subject } = trial;
      const delivery = await trial.delivery({ content: { ...subject.content, ...canaries } });
      await trial.send(delivery);
      must(
        !holds(show(adapter), secretsOf(subject, delivery)),
        'util.inspect or JSON.stringify of the adapter tells a secret',
      );
    },
  }),
];

async function meetAll(trial: Trial): Promise<readonly (readonly [string, Encounter])[]> {
  const { subject } = trial;
  const met: [string, Encounter][] = [];
  const sent = async (occasion: string, content: unknown, signal?: AbortSignal): Promise<void> => {
    const delivery = await trial.delivery({ content });
    met.push([occasion, { delivery, expected: {}, ...(await trial.attempt([delivery], signal)) }]);
  };
  await sent('success', { ...subject.content, ...canaries });
  await sent('abort', subject.content, AbortSignal.abort());
  if (subject.oversized !== undefined) await sent('oversized', subject.oversized);
  for (const trouble of Object.keys(subject.provoke) as Trouble[]) {
    for (const provoke of trial.ways(trouble)) {
      met.push([trouble, await trial.meet(trouble, provoke)]);
      await subject.reset?.();
    }
  }
  return met;
}

/** A key as PEM is looked for line by line: printed inside something it is not what it was. */
function secretsOf({ secrets = [] }: AdapterSubject, { target, content }: Delivery): readonly string[] {
  const lines = secrets
    .flatMap((secret) => secret.split('\n'))
    .filter((line) => line.length >= telling && !line.startsWith('-----'));
  return [...lines, ...textsIn(target, telling), ...textsIn(content, telling)];
}

const holds = (text: string, secrets: readonly string[]): boolean => secrets.some((secret) => text.includes(secret));

function show(value: unknown): string {
  return `${inspect(value, { depth: Infinity, showHidden: true, maxArrayLength: null, maxStringLength: null, breakLength: Infinity })}\n${asJson(value)}`;
}

function asJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    // A cycle: then nobody's JSON tells anything.
    return '';
  }
}
