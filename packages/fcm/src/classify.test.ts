import type { Failure, SendResult } from '@tidings/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byErrorCode, byHttpStatus, byStatusWord, classifyAnswer } from './classify.ts';
import type { FcmTargetKind } from './schemas.ts';

const now = Date.UTC(2030, 0, 1);
const type = 'type.googleapis.com/';

interface Given {
  readonly word?: string | undefined;
  readonly errorCode?: string | undefined;
  readonly message?: string | undefined;
  readonly fields?: readonly string[] | undefined;
  readonly quota?: readonly object[] | undefined;
  readonly details?: readonly unknown[] | undefined;
}

function errorBody(status: number, { word, errorCode, message = 'no', fields, quota, details = [] }: Given): string {
  const all = [
    ...details,
    ...(errorCode === undefined ? [] : [{ '@type': `${type}google.firebase.fcm.v1.FcmError`, errorCode }]),
    ...(fields === undefined
      ? []
      : [
          {
            '@type': `${type}google.rpc.BadRequest`,
            fieldViolations: fields.map((field) => ({ field, description: 'bad' })),
          },
        ]),
    ...(quota === undefined ? [] : [{ '@type': `${type}google.rpc.QuotaFailure`, violations: quota }]),
  ];
  return JSON.stringify({ error: { code: status, message, status: word, ...(all.length > 0 && { details: all }) } });
}

function classify(
  status: number,
  body: string,
  target: FcmTargetKind = 'token',
  headers: Record<string, string> = {},
): SendResult {
  return classifyAnswer({ status, body, headers: { get: (name) => headers[name.toLowerCase()] ?? null } }, target, now);
}

type Expected = readonly [kind: Failure['kind'], scope: Failure['scope'], code: string];

describe('what FCM documents', () => {
  test.each<[string, number, Given, Expected]>([
    ['a dead token', 404, { word: 'NOT_FOUND', errorCode: 'UNREGISTERED' }, ['unregistered', 'target', 'UNREGISTERED']],
    [
      "another sender's token",
      403,
      { word: 'PERMISSION_DENIED', errorCode: 'SENDER_ID_MISMATCH' },
      ['unregistered', 'target', 'SENDER_ID_MISMATCH'],
    ],
    ['a wrong project', 404, { word: 'NOT_FOUND' }, ['unauthorized', 'credential', 'NOT_FOUND']],
    [
      'an account without the right',
      403,
      { word: 'PERMISSION_DENIED' },
      ['unauthorized', 'credential', 'PERMISSION_DENIED'],
    ],
    ['an expired access token', 401, { word: 'UNAUTHENTICATED' }, ['unauthorized', 'credential', 'UNAUTHENTICATED']],
    [
      "FCM's own key for Apple",
      401,
      { word: 'UNAUTHENTICATED', errorCode: 'THIRD_PARTY_AUTH_ERROR' },
      ['rejected', 'target', 'THIRD_PARTY_AUTH_ERROR'],
    ],
    ['its older name', 401, { errorCode: 'APNS_AUTH_ERROR' }, ['rejected', 'target', 'APNS_AUTH_ERROR']],
    [
      'a payload it cannot read',
      400,
      { word: 'INVALID_ARGUMENT', errorCode: 'INVALID_ARGUMENT', fields: ['message.android.ttl'] },
      ['rejected', 'message', 'INVALID_ARGUMENT'],
    ],
    ['an unknown JSON field', 400, { word: 'INVALID_ARGUMENT' }, ['rejected', 'message', 'INVALID_ARGUMENT']],
    [
      'a token of the wrong form, by field',
      400,
      { word: 'INVALID_ARGUMENT', errorCode: 'INVALID_ARGUMENT', fields: ['message.token'] },
      ['unregistered', 'target', 'INVALID_ARGUMENT'],
    ],
    [
      'a token of the wrong form, by text',
      400,
      {
        word: 'INVALID_ARGUMENT',
        errorCode: 'INVALID_ARGUMENT',
        message: 'The registration token is not a valid FCM registration token',
      },
      ['unregistered', 'target', 'INVALID_ARGUMENT'],
    ],
    [
      'a quota',
      429,
      { word: 'RESOURCE_EXHAUSTED', errorCode: 'QUOTA_EXCEEDED' },
      ['throttled', 'provider', 'QUOTA_EXCEEDED'],
    ],
    ['a quota of the API', 429, { word: 'RESOURCE_EXHAUSTED' }, ['throttled', 'provider', 'RESOURCE_EXHAUSTED']],
    [
      'a bad moment',
      503,
      { word: 'UNAVAILABLE', errorCode: 'UNAVAILABLE' },
      ['unavailable', 'provider', 'UNAVAILABLE'],
    ],
    ['a bug of its own', 500, { word: 'INTERNAL', errorCode: 'INTERNAL' }, ['unavailable', 'provider', 'INTERNAL']],
  ])('%s', (_, status, given, [kind, scope, code]) => {
    expect(classify(status, errorBody(status, given))).toMatchObject({ kind, scope, code });
  });

  test('every row of the tables is reachable and gives its kind', () => {
    for (const [key, row] of Object.entries(byErrorCode)) {
      const [status, errorCode] = key.split(' ');
      expect(classify(Number(status), errorBody(Number(status), { errorCode }))).toMatchObject({
        kind: row.kind,
        scope: row.scope,
        code: errorCode,
      });
    }
    for (const [key, row] of Object.entries(byStatusWord)) {
      const [status, word] = key.split(' ');
      expect(classify(Number(status), errorBody(Number(status), { word }))).toMatchObject({
        kind: row.kind,
        scope: row.scope,
        code: word,
      });
    }
    for (const [status, row] of Object.entries(byHttpStatus)) {
      expect(classify(Number(status), '<html>')).toMatchObject({
        kind: row.kind,
        scope: row.scope,
        code: `http_${status}`,
      });
    }
  });

  test('the refused field is named in the message', () => {
    const body = errorBody(400, { word: 'INVALID_ARGUMENT', fields: ['message.android.ttl'] });
    expect(classify(400, body)).toMatchObject({ message: 'FCM refused message.android.ttl' });
  });
});

describe('only a token or an installation id can be gone', () => {
  const gone = errorBody(404, { errorCode: 'UNREGISTERED' });
  test.each<[FcmTargetKind, string]>([
    ['token', 'unregistered'],
    ['fid', 'unregistered'],
    ['topic', 'rejected'],
    ['condition', 'rejected'],
  ])('%s: %s', (target, kind) => {
    expect(classify(404, gone, target)).toMatchObject({ kind, scope: 'target' });
  });
  test.each<[FcmTargetKind, string]>([
    ['fid', 'unregistered'],
    ['topic', 'rejected'],
    ['condition', 'rejected'],
  ])('%s named as the invalid field: %s', (target, kind) => {
    const body = errorBody(400, { word: 'INVALID_ARGUMENT', fields: [`message.${target}`] });
    expect(classify(400, body, target)).toMatchObject({ kind, scope: 'target' });
  });
  test('a field of another name is the message, not the target', () => {
    const body = errorBody(400, { word: 'INVALID_ARGUMENT', fields: ['message.token_extra', 'message.tokens'] });
    expect(classify(400, body)).toMatchObject({ kind: 'rejected', scope: 'message' });
  });
});

describe('throttling', () => {
  const quota = (violations: readonly object[], message = 'no'): string =>
    errorBody(429, { word: 'RESOURCE_EXHAUSTED', errorCode: 'QUOTA_EXCEEDED', quota: violations, message });
  test.each([
    ['the device', [{ subject: 'device:x', description: '' }], 'no', 'target'],
    ['the device by description', [{ description: 'Device message rate exceeded' }], 'no', 'target'],
    ['the topic', [{ description: 'Topic message rate exceeded' }], 'no', 'target'],
    ['the topic by text alone', [], 'Topic quota exceeded.', 'target'],
    ['the project', [{ subject: 'project:42', description: 'Message rate exceeded' }], 'no', 'provider'],
    ['a project named after a device', [{ subject: 'project:device-tracker', description: 'rate' }], 'no', 'provider'],
    ['nothing named', [], 'Quota exceeded for quota metric', 'provider'],
  ])('of %s waits by its own scope', (_, violations, message, scope) => {
    expect(classify(429, quota(violations, message))).toMatchObject({ kind: 'throttled', scope, retryAfter: 60_000 });
  });
  test.each([
    ['seconds', '7', 7000],
    ['a date', new Date(now + 90_000).toUTCString(), 90_000],
    ['nonsense', 'soon', 60_000],
    ['a number beyond all bounds', '9'.repeat(400), 86_400_000],
  ])('takes Retry-After as %s', (_, value, retryAfter) => {
    expect(classify(429, quota([]), 'token', { 'retry-after': value })).toMatchObject({ retryAfter });
  });
  test('takes a RetryInfo where there is no header', () => {
    const details = [{ '@type': `${type}google.rpc.RetryInfo`, retryDelay: '1.5s' }];
    expect(classify(503, errorBody(503, { word: 'UNAVAILABLE', details }))).toMatchObject({
      kind: 'unavailable',
      retryAfter: 1500,
    });
  });
  test('a server error has a wait only where FCM names one', () => {
    expect(classify(503, errorBody(503, { word: 'UNAVAILABLE' }))).not.toHaveProperty('retryAfter');
    expect(classify(503, '', 'token', { 'retry-after': '3' })).toMatchObject({ retryAfter: 3000 });
  });
  test('a refusal has none', () => {
    expect(
      classify(404, errorBody(404, { errorCode: 'UNREGISTERED' }), 'token', { 'retry-after': '3' }),
    ).not.toHaveProperty('retryAfter');
  });
});

describe('a success', () => {
  test('carries the name of the message', () => {
    const name = 'projects/p-1/messages/0:1500415314455276%31bd1c9631bd1c96';
    expect(classify(200, JSON.stringify({ name }))).toEqual({ kind: 'accepted', messageId: name });
  });
  test.each([
    ['HTML', '<html>Sign in to the Wi-Fi</html>'],
    ['nothing', ''],
    ['no JSON', '\u0000\u0001{'],
    ['no name', '{}'],
    ['a name of another form', '{"name":"x"}'],
    ['a name that is no string', '{"name":["projects/p/messages/1"]}'],
    ['an error', errorBody(404, { errorCode: 'UNREGISTERED' })],
    ['null', 'null'],
    ['JSON nested deeply', '['.repeat(60_000)],
  ])('with %s is ambiguous', (_, body) => {
    expect(classify(200, body)).toMatchObject({
      kind: 'ambiguous',
      scope: 'provider',
      code: 'tidings.invalid_answer',
      message: 'a success without a message name',
    });
  });
});

test('only 200 to 299 are success, and a refusal without a field blames none', () => {
  const body = JSON.stringify({ name: 'projects/p/messages/1' });
  expect(classify(299, body)).toMatchObject({ kind: 'accepted' });
  for (const status of [199, 300]) expect(classify(status, body)).toMatchObject({ kind: 'unavailable' });
  expect(classify(400, errorBody(400, { word: 'INVALID_ARGUMENT' }))).not.toHaveProperty('message');
});

describe('a body that is none of FCM', () => {
  test.each([
    [301, 'unavailable'],
    [400, 'rejected'],
    [401, 'unauthorized'],
    [403, 'unauthorized'],
    [404, 'unauthorized'],
    [408, 'unavailable'],
    [413, 'rejected'],
    [418, 'rejected'],
    [429, 'throttled'],
    [499, 'ambiguous'],
    [500, 'unavailable'],
    [502, 'unavailable'],
    [503, 'unavailable'],
    [504, 'unavailable'],
  ])('%i is judged by its status: %s', (status, kind) => {
    for (const body of [
      '<html>502</html>',
      '',
      '[]',
      '{"error":"x"}',
      '{"error":{"details":{}}}',
      '{"error":{"details":[null,1,[]]}}',
    ]) {
      expect(classify(status, body)).toMatchObject({ kind, code: `http_${status}` });
    }
  });
});

describe('no token is purged', () => {
  const reasons = fc.oneof(
    fc.constantFrom('UNREGISTERED', 'SENDER_ID_MISMATCH', 'INVALID_ARGUMENT'),
    fc.stringMatching(/^[A-Z_]{1,20}$/),
  );
  test('by a code under a status that it is not documented for, nor by an unknown one', () => {
    const documented = ['404 UNREGISTERED', '403 SENDER_ID_MISMATCH', '400 INVALID_ARGUMENT'];
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), reasons, fc.option(reasons), (status, errorCode, word) => {
        fc.pre(!documented.includes(`${status} ${errorCode}`));
        const given = {
          errorCode,
          word: word ?? undefined,
          fields: ['message.token'],
          message: 'not a valid FCM registration token',
        };
        expect(classify(status, errorBody(status, given)).kind).not.toBe('unregistered');
      }),
    );
  });
  test('by an unknown code, which also stops no lane where it is about a target', () => {
    for (const status of [403, 404]) {
      expect(classify(status, errorBody(status, { word: 'NOT_FOUND', errorCode: 'NEW_WORD' }))).toMatchObject({
        kind: 'rejected',
        scope: 'target',
        code: 'NEW_WORD',
      });
    }
    expect(
      classify(400, errorBody(400, { word: 'INVALID_ARGUMENT', errorCode: 'NEW_WORD', fields: ['message.token'] })),
    ).toMatchObject({
      kind: 'rejected',
      scope: 'message',
    });
  });
  test('by a detail of another type', () => {
    const details = [
      { '@type': 'type.googleapis.com/evil.FcmError', errorCode: 'UNREGISTERED' },
      { errorCode: 'UNREGISTERED' },
    ];
    expect(classify(404, errorBody(404, { word: 'NOT_FOUND', details }))).toMatchObject({ kind: 'unauthorized' });
  });
});

test('whatever the answer holds, the result is well formed and repeats none of its text', () => {
  const secret = 'dGVzdA:APA91bSecret';
  const leaf = fc.oneof(fc.constant(secret), fc.anything(), fc.constantFrom('UNREGISTERED', 'message.token'));
  const shaped = fc.record(
    {
      name: leaf,
      error: fc.oneof(
        leaf,
        fc.record(
          {
            status: leaf,
            message: leaf,
            details: fc.array(
              fc.dictionary(fc.constantFrom('@type', 'errorCode', 'fieldViolations', 'violations', 'retryDelay'), leaf),
            ),
          },
          { requiredKeys: [] },
        ),
      ),
    },
    { requiredKeys: [] },
  );
  const body = fc.oneof(
    fc.string(),
    shaped.map((value) => JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? 'n' : each)) ?? ''),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 599 }),
      body,
      fc.constantFrom<FcmTargetKind>('token', 'topic'),
      fc.string(),
      (status, text, target, retryAfter) => {
        const result = classify(status, text, target, { 'retry-after': retryAfter });
        if (result.kind === 'accepted') return;
        expect(result.code).toMatch(/^(?:http_\d+|tidings\.[a-z_]+|[A-Z][A-Z_]*)$/);
        expect(JSON.stringify(result)).not.toContain('APA91b');
        if (result.retryAfter !== undefined) expect(result.retryAfter).toBeGreaterThanOrEqual(0);
      },
    ),
  );
});
