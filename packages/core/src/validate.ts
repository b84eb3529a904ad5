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
  // In this order a field that isn't there costs nothing, and one that isn't known is found.
  for (const field in message) {
    const value: unknown = message[field as keyof AnyMessage];
    if (isPlainlyGood(field, value)) continue;
    const problem = value === undefined ? unknownProblem(field) : fieldProblem(field, value);
    if (problem !== undefined) return problem;
  }
  const { title, body, data, url, image, content, native } = message;
  let weight = (title === undefined ? 0 : title.length) + (body === undefined ? 0 : body.length);
  if (url !== undefined) weight += url.length;
  if (image !== undefined) weight += image.length;
  if (data !== undefined) {
    const dataWeight = weighData(data, 'data');
    if (typeof dataWeight !== 'number') return dataWeight;
    weight += dataWeight;
  }
  // Also where it is no number: a field that is not enumerable was not looked at.
  if (!(weight <= mostCharacters)) return { field: 'message', expected: tooMuch.expected };
  if (content !== undefined) weight += weighLoosely(content);
  if (native !== undefined) weight += weighLoosely(native);
  return ownWeight + weight;
}

/** Small enough to be inlined where the switch below is not: most fields of most messages. */
function isPlainlyGood(field: string, value: unknown): boolean {
  if (field === 'to' || field === 'data') return true;
  return (field === 'title' || field === 'body') && typeof value === 'string' && value.length <= mostCharacters;
}

/** A switch costs a fifth of a look-up in an object or a set; `to`, `data`, `ref` and `principal` are looked at elsewhere. */
function fieldProblem(field: string, value: unknown): Problem | undefined {
  switch (field) {
    case 'to':
    case 'data':
    case 'ref':
    case 'principal':
      return undefined;
    case 'title':
    case 'body':
    case 'url':
    case 'image':
      if (typeof value === 'string' && value.length <= mostCharacters) return undefined;
      return { field, expected: `text of at most ${mostCharacters} characters` };
    case 'ttl':
      return isTtl(value) ? undefined : { field, expected: `${durationExpected}, at most 30 days` };
    case 'priority':
      if (value === 'normal' || value === 'high' || value === 'low') return undefined;
      return { field, expected: "'high', 'normal' or 'low'" };
    case 'collapseKey':
    case 'idempotencyKey':
    case 'tenant':
      if (typeof value === 'string' && value.length > 0 && value.length <= longestKey) return undefined;
      return { field, expected: `text of 1 to ${longestKey} characters` };
    case 'content':
    case 'native':
      return isObject(value) ? undefined : { field, expected: 'an object' };
    case 'notBefore':
      return value instanceof Date && !Number.isNaN(value.getTime()) ? undefined : { field, expected: 'a valid Date' };
    case 'policy':
      return ownPolicyProblem(value);
    default:
      return { field, expected: 'no such field' };
  }
}

/** A field that is there and undefined is as good as none, if it has a name that is known. */
function unknownProblem(field: string): Problem | undefined {
  const problem = fieldProblem(field, '');
  return problem?.expected === 'no such field' ? problem : undefined;
}

function isTtl(value: unknown): boolean {
  const duration = durationOf(value);
  return duration !== undefined && duration <= longestTtl;
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

function ownPolicyProblem(policy: unknown): Problem | undefined {
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
  if (!isObject(data)) return { field, expected: 'an object' };
  left = mostCharacters;
  const problem = look(data, 0);
  if (problem === undefined) return mostCharacters - left;
  // Too much, and too deep, are of the whole; a wrong value has its own path.
  return { field: field + problem.field, expected: problem.expected };
}

/** Characters that may still come. The walk is never interrupted, so one count serves all. */
let left = 0;

const tooMuch: Problem = { field: '', expected: `at most ${mostCharacters} characters in all` };
const tooDeep: Problem = { field: '', expected: `at most ${deepest} levels, without cycles` };
const notJson = 'what JSON can hold: text, numbers, booleans, null, arrays, plain objects';

/** The first problem inside; its path is put together on the way back, so that good data costs no text. */
function look(value: unknown, depth: number): Problem | undefined {
  switch (typeof value) {
    case 'string':
      left -= value.length + 2;
      break;
    case 'boolean':
    case 'undefined':
      left -= 5;
      break;
    case 'number':
      if (!Number.isFinite(value)) return { field: '', expected: 'a finite number' };
      left -= 8;
      break;
    case 'object':
      if (value === null) left -= 4;
      else if (depth >= deepest) return tooDeep;
      else return Array.isArray(value) ? lookInArray(value, depth + 1) : lookInObject(value, depth + 1);
      break;
    default:
      return { field: '', expected: notJson };
  }
  return left < 0 ? tooMuch : undefined;
}

function lookInArray(values: readonly unknown[], depth: number): Problem | undefined {
  for (let index = 0; index < values.length; index++) {
    left -= 1;
    const problem = look(values[index], depth);
    if (problem !== undefined) return under(`[${index}]`, problem);
  }
  return left < 0 ? tooMuch : undefined;
}

function lookInObject(value: object, depth: number): Problem | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    return { field: '', expected: 'a plain object (a Date as text, a Map as an object)' };
  }
  for (const key in value) {
    left -= key.length + 3;
    const problem = look((value as { readonly [key: string]: unknown })[key], depth);
    if (problem !== undefined) return under(`.${key}`, problem);
  }
  return left < 0 ? tooMuch : undefined;
}

/** Parts of an override that are looked at; what comes after is not worth the time. */
const mostParts = 10_000;

/**
 * About what an override weighs: what waits in memory is bounded by weight. It may hold more than JSON (bytes, streams) and be as big as its
 * provider takes; its adapter checks it.
 */
function weighLoosely(value: unknown): number {
  let parts = 0;
  const weighPart = (part: unknown, depth: number): number => {
    if (typeof part === 'string') return part.length + 2;
    if (ArrayBuffer.isView(part)) return part.byteLength;
    if (typeof part !== 'object' || part === null || depth >= deepest || ++parts > mostParts) return 8;
    let weight = 2;
    for (const key in part)
      weight += key.length + 3 + weighPart((part as { readonly [key: string]: unknown })[key], depth + 1);
    return weight;
  };
  return weighPart(value, 0);
}

function under(path: string, problem: Problem): Problem {
  return problem === tooMuch || problem === tooDeep
    ? problem
    : { field: path + problem.field, expected: problem.expected };
}
