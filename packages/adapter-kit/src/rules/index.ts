import type { Rule } from '../rule.ts';
import { abortRules } from './abort.ts';
import { classificationRules } from './classification.ts';
import { closeRules } from './close.ts';
import { connectionRules } from './connection.ts';
import { contractRules } from './contract.ts';
import { engineRules } from './engine.ts';
import { hostileRules } from './hostile.ts';
import { manyRules } from './many.ts';
import { redactionRules } from './redaction.ts';
import { requestRules } from './requests.ts';
import { sizeRules } from './size.ts';
import { validationRules } from './validation.ts';

/** All rules, from the form of an adapter to its end. */
export const rules: readonly Rule[] = [
  ...contractRules,
  ...validationRules,
  ...requestRules,
  ...classificationRules,
  ...hostileRules,
  ...sizeRules,
  ...manyRules,
  ...abortRules,
  ...engineRules,
  ...connectionRules,
  ...redactionRules,
  ...closeRules,
];
