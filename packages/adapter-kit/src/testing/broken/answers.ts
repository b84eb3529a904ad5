import type { Failure } from '@tidings/core';
import type { Broken } from './broken.ts';
import { again, at } from './broken.ts';

const throwing = (text: string) => () => {
  throw new TypeError(text);
};

const request = 'makes one request for one attempt: ';
const requests: readonly Broken[] = [
  { rule: `${request}success`, what: 'everything twice', change: again(undefined) },
  ...(['throttled', 'unavailable', 'serverError', 'unauthorized', 'unknown', 'hang', 'reset', 'half'] as const).map(
    (trouble) => ({
      rule: request + trouble,
      what: `a retry of its own after ${trouble}`,
      change: again(trouble),
    }),
  ),
];

const classify = 'classifies rightly: ';
const scopes = [
  'unregistered',
  'blocked',
  'rejected',
  'throttled',
  'unavailable',
  'serverError',
  'unauthorized',
  'refused',
] as const;
const classification: readonly Broken[] = [
  ...scopes.map((trouble) => ({
    rule: classify + trouble,
    what: `an impossible scope of ${trouble}`,
    change: at(trouble, (result) => ({ ...result, scope: 'nobody' })),
  })),
  {
    rule: `${classify}blocked`,
    what: 'an opt-out as a dead target',
    change: at('blocked', (): Failure => ({ kind: 'unregistered', scope: 'target', code: 'stopped' })),
  },
  { rule: `${classify}serverError`, what: 'no code', change: at('serverError', (result) => ({ ...result, code: '' })) },
  {
    rule: `${classify}refused`,
    what: 'not taken, but not unsent',
    change: at('refused', (result) => ({ ...result, unsent: undefined })),
  },
  {
    rule: 'takes over how long the provider asks to wait',
    what: 'seconds for milliseconds',
    change: at('retryAfter', (result) => ({ ...result, retryAfter: 7 })),
  },
  {
    rule: 'never takes an answer it does not know for a dead target',
    what: 'any 410 is a dead target',
    change: at('unknown', (): Failure => ({ kind: 'unregistered', scope: 'target', code: 'http_410' })),
  },
];

const hostile = 'is not misled by a hostile answer: ';
const hostiles: readonly Broken[] = [
  {
    rule: `${hostile}garbage`,
    what: 'garbage is a dead target',
    change: at('garbage', (): Failure => ({ kind: 'unregistered', scope: 'target', code: 'x' })),
  },
  {
    rule: `${hostile}html`,
    what: "a proxy's page rejects the message",
    change: at('html', (): Failure => ({ kind: 'rejected', scope: 'message', code: 'http_502' })),
  },
  {
    rule: `${hostile}half`,
    what: 'half an answer was not sent',
    change: at('half', (): Failure => ({ kind: 'unavailable', scope: 'provider', code: 'x', unsent: true })),
  },
  { rule: `${hostile}stall`, what: 'an answer without end throws', change: at('stall', throwing('aborted')) },
  { rule: `${hostile}huge`, what: 'a huge answer throws', change: at('huge', throwing('too large')) },
];

export const brokenAnswers = [...requests, ...classification, ...hostiles];
