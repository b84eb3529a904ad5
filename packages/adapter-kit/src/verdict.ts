/** What a broken rule rejects with. */
export class RuleBroken extends Error {
  override readonly name: string = 'RuleBroken';
}

/** @throws RuleBroken unless the condition holds */
export function must(condition: unknown, problem: string): asserts condition {
  if (condition !== true) throw new RuleBroken(problem);
}
