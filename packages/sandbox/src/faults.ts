import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { inputError } from './errors.ts';
import { checkFault } from './fault-input.ts';
import { isObject } from './json.ts';
import type { Fault, FaultKind, Faults } from './types.ts';

/** Scripted faults waiting at most; beyond it `next` refuses, so that a forgotten loop fails loudly. */
const scriptLimit = 100_000;

export interface FaultPlan extends Faults {
  /** The fault for this request, if there is one. Counts it. */
  draw(token: string): Fault | undefined;
}

interface Scripted {
  readonly fault: Fault;
  readonly token: string | undefined;
  times: number;
}

/** Scripted faults first, in the order given; then random ones from the seed. */
export function createFaultPlan(): FaultPlan {
  let script: Scripted[] = [];
  let random: (() => Fault | undefined) | undefined;
  const applied: Partial<Record<FaultKind, number>> = {};

  function drawScripted(token: string): Fault | undefined {
    const index = script.findIndex((entry) => entry.token === undefined || entry.token === token);
    const entry = script[index];
    if (entry === undefined) return undefined;
    entry.times -= 1;
    if (entry.times === 0) script.splice(index, 1);
    return entry.fault;
  }

  return {
    next(fault, options = {}) {
      const { times = 1, token } = options;
      checkFault(fault, 'fault');
      if (!Number.isSafeInteger(times) || times < 1) throw inputError('times', 'a positive integer');
      if (token !== undefined && typeof token !== 'string') throw inputError('token', 'a string');
      if (script.length >= scriptLimit) throw inputError('times', `at most ${scriptLimit} scripted faults; use times`);
      script.push({ fault: { ...fault }, token, times });
    },
    random(options) {
      random = randomSource(options);
    },
    clear() {
      script = [];
      random = undefined;
    },
    get applied() {
      return { ...applied };
    },
    draw(token) {
      const fault = (script.length > 0 ? drawScripted(token) : undefined) ?? random?.();
      if (fault !== undefined) applied[fault.kind] = (applied[fault.kind] ?? 0) + 1;
      return fault;
    },
  };
}

function randomSource(options: Parameters<Faults['random']>[0]): () => Fault | undefined {
  const { rate, seed, faults } = options;
  if (typeof rate !== 'number' || !(rate >= 0 && rate <= 1)) throw inputError('rate', 'a number from 0 to 1');
  if (!Number.isSafeInteger(seed)) throw inputError('seed', 'an integer');
  if (!Array.isArray(faults) || faults.length === 0) throw inputError('faults', 'at least one fault');
  const weighted = faults.map((entry: unknown, index) => {
    if (!isObject(entry)) throw inputError(`faults.${index}`, 'an object');
    const { weight = 1, ...fault } = entry;
    checkFault(fault, `faults.${index}`);
    if (typeof weight === 'number' && weight >= 0 && weight < Infinity) return { fault, weight };
    throw inputError(`faults.${index}.weight`, 'a number of at least 0');
  });
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  if (total <= 0) throw inputError('faults', 'a weight above 0');
  const generator = xoroshiro128plus(seed);

  return () => {
    if (uniformFloat64(generator) >= rate) return undefined;
    let rest = uniformFloat64(generator) * total;
    for (const { fault, weight } of weighted) {
      rest -= weight;
      if (rest < 0) return fault;
    }
    return weighted.at(-1)?.fault;
  };
}
