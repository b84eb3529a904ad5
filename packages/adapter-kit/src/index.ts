export type { Need, Rule } from './rule.ts';
export { rules } from './rules/index.ts';
export type { AdapterSubject, Expectation, IllFormed, Provocations, Provoke, Trouble } from './subject.ts';
export { adapterSuite } from './suite.ts';
export { RuleBroken } from './verdict.ts';
