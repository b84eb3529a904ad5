import type { Adapter } from '@tidings/core';
import type { AdapterSubject, Trouble } from './subject.ts';
import { openTrial, type Trial } from './trial.ts';
import { RuleBroken } from './verdict.ts';

/** One thing that every adapter has to do. */
export interface Rule {
  readonly name: string;
  /** Parts of the subject without which it says nothing: a trouble, or one of the optional members. */
  readonly needs: readonly Need[];
  /** What a subject lacks for this rule to be checked; undefined if nothing. */
  missing<A extends Adapter>(subject: AdapterSubject<A>): string | undefined;
  /** Rejects, naming the rule, where the adapter breaks it. Uses an adapter of its own and closes it. */
  check<A extends Adapter>(subject: AdapterSubject<A>): Promise<void>;
}

export type Need = Trouble | 'oversized' | 'unreachable';

export interface RuleDefinition {
  readonly name: string;
  readonly needs?: readonly Need[];
  check(trial: Trial): Promise<void>;
}

export function rule({ name, needs = [], check }: RuleDefinition): Rule {
  const missing = (subject: AdapterSubject): string | undefined =>
    needs.find(
      (need) => (need === 'oversized' || need === 'unreachable' ? subject[need] : subject.provoke[need]) === undefined,
    );
  return {
    name,
    needs,
    missing,
    async check(given) {
      const subject = given as unknown as AdapterSubject;
      const lacking = missing(subject);
      if (lacking !== undefined) throw new RuleBroken(`${name}: the subject has no ${lacking}`);
      const trial = await openTrial(subject);
      try {
        await check(trial);
      } catch (error) {
        throw new RuleBroken(`${name}: ${error instanceof RuleBroken ? error.message : surprise(error)}`, {
          cause: error,
        });
      } finally {
        await trial.end();
      }
    },
  };
}

function surprise(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : 'something was thrown that is no error';
}
