import { durationExpected, durationOf } from './duration.ts';
import { policyProblem } from './policies.ts';
import type { AnyMessage } from './record.ts';

/** What is wrong with a message: the path of the field, and what was expected there. Never the value. */
export interface Problem {
  readonly field: string;
  readonly expected: string;
}

/** Characters of one message at most: what one row of a queue takes. */
export const mostCharacters = 262_144;
/** Levels of `data` at most; more is a cycle or will not survive a provider. */
const deepest = 32;
/** Longest key, tenant and the like. */
const longestKey = 512;
const longestTtl = 30 * 86_400_000;
export const defaultTtl = 86_400_000;

const known: { readonly [field: string]: true | undefined } = Object.assign(
  Object.create(null) as object,
  Object.fromEntries(
    'to title body data url image ttl notBefore priority collapseKey idempotencyKey tenant policy content native ref principal'
      .split(' ')
      .map((field) => [field, true] as const),
  ),
);
const messagePolicies = new Set(['timeout', 'retry', 'ambiguous']);

/** What each message weighs beside its content. */
const ownWeight = 256;

/**
 * The first thing wrong with a message's own fields, or its weight in characters. Targets, and what an adapter asks for, are checked where
 * the channel is known.
 */
export function weigh(message: AnyMessage): number | Problem {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    return { field: 'message', expected: 'an object with `to`' };
  }
  for (const field in message) {
    if (known[field] === undefined) return { field, expected: 'no such field' };
  }
  const problem = textProblem(message) ?? (plain(message) ? undefined : optionProblem(message));
  if (problem !== undefined) return problem;
  const { title, body, data } = message;
  const weight = ownWeight + (title?.length ?? 0) + (body?.length ?? 0);
  if (data === undefined) return weight;
  const dataWeight = weighData(data, 'data');
  return typeof dataWeight === 'number' ? weight + dataWeight : dataWeight;
}

/** Has nothing that `optionProblem` looks at: most messages. */
function plain(message: AnyMessage): boolean {
  return (
    message.ttl === undefined &&
    message.notBefore === undefined &&
    message.priority === undefined &&
    message.collapseKey === undefined &&
    message.idempotencyKey === undefined &&
    message.tenant === undefined &&
    message.policy === undefined &&
    message.content === undefined &&
    message.native === undefined
  );
}

function textProblem({ title, body, url, image }: AnyMessage): Problem | undefined {
  if (title !== undefined && !isText(title)) return textExpected('title');
  if (body !== undefined && !isText(body)) return textExpected('body');
  if (url !== undefined && !isText(url)) return textExpected('url');
  if (image !== undefined && !isText(image)) return textExpected('image');
  return undefined;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= mostCharacters;
const textExpected = (field: string): Problem => ({ field, expected: `text of at most ${mostCharacters} characters` });

function optionProblem(message: AnyMessage): Problem | undefined {
  const { ttl, notBefore, priority } = message;
  if (ttl !== undefined) {
    const duration = durationOf(ttl);
    if (duration === undefined || duration > longestTtl) {
      return { field: 'ttl', expected: `${durationExpected}, at most 30 days` };
    }
  }
  if (notBefore !== undefined && !(notBefore instanceof Date && !Number.isNaN(notBefore.getTime()))) {
    return { field: 'notBefore', expected: 'a valid Date' };
  }
  if (priority !== undefined && priority !== 'high' && priority !== 'normal' && priority !== 'low') {
    return { field: 'priority', expected: "'high', 'normal' or 'low'" };
  }
  return (
    keyProblem(message, 'collapseKey') ??
    keyProblem(message, 'idempotencyKey') ??
    keyProblem(message, 'tenant') ??
    overridesProblem(message, 'content') ??
    overridesProblem(message, 'native') ??
    ownPolicyProblem(message.policy)
  );
}

function keyProblem(message: AnyMessage, field: 'collapseKey' | 'idempotencyKey' | 'tenant'): Problem | undefined {
  const value: unknown = message[field];
  if (value === undefined) return undefined;
  const fits = typeof value === 'string' && value.length > 0 && value.length <= longestKey;
  return fits ? undefined : { field, expected: `text of 1 to ${longestKey} characters` };
}

function overridesProblem(message: AnyMessage, field: 'content' | 'native'): Problem | undefined {
  const value: unknown = message[field];
  if (value === undefined) return undefined;
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? undefined
    : { field, expected: 'an object' };
}

function ownPolicyProblem(policy: unknown): Problem | undefined {
  if (policy === undefined) return undefined;
  const problem = policyProblem(policy);
  if (problem !== undefined) {
    return { field: problem.field === '' ? 'policy' : `policy.${problem.field}`, expected: problem.expected };
  }
  const foreign = Object.keys(policy as object).find((key) => !messagePolicies.has(key));
  return foreign === undefined
    ? undefined
    : { field: `policy.${foreign}`, expected: 'timeout, retry or ambiguous: the rest belongs to the lane' };
}

/** The weight of data that is JSON without cycles, in plain objects and arrays, small enough for a queue's row; or what is wrong with it. */
export function weighData(data: unknown, field: string): number | Problem {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return { field, expected: 'an object' };
  const walk = new DataWalk(field);
  return walk.look(data, field, 0) ?? mostCharacters - walk.left;
}

class DataWalk {
  readonly #root: string;
  left = mostCharacters;

  constructor(root: string) {
    this.#root = root;
  }

  look(value: unknown, path: string, depth: number): Problem | undefined {
    switch (typeof value) {
      case 'string':
        return this.#spend(value.length + 2);
      case 'boolean':
        return this.#spend(5);
      case 'number':
        return Number.isFinite(value) ? this.#spend(8) : { field: path, expected: 'a finite number' };
      case 'object':
        return value === null ? this.#spend(4) : this.#lookInside(value, path, depth);
      case 'undefined':
        return undefined;
      default:
        return { field: path, expected: 'what JSON can hold: text, numbers, booleans, null, arrays, plain objects' };
    }
  }

  #lookInside(value: object, path: string, depth: number): Problem | undefined {
    if (depth >= deepest) return { field: this.#root, expected: `at most ${deepest} levels, without cycles` };
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++) {
        const problem = this.#spend(1) ?? this.look(value[index], `${path}[${index}]`, depth + 1);
        if (problem !== undefined) return problem;
      }
      return undefined;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      return { field: path, expected: 'a plain object (a Date as text, a Map as an object)' };
    }
    for (const key of Object.keys(value)) {
      const inside = (value as { readonly [key: string]: unknown })[key];
      const problem = this.#spend(key.length + 3) ?? this.look(inside, `${path}.${key}`, depth + 1);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  #spend(characters: number): Problem | undefined {
    this.left -= characters;
    return this.left >= 0 ? undefined : { field: this.#root, expected: `at most ${mostCharacters} characters in all` };
  }
}
