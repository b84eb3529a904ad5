import type { SendResult } from '@tidings/core';
import type { Answer } from '@tidings/transport';
import { transportError } from '@tidings/transport';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { classifyAnswer, classifyError, refusedAuthorization } from './classify.ts';

const answer = (status: number, body = '', headers: { readonly [name: string]: string } = {}): Answer => ({
  status,
  headers: { get: (name) => headers[name.toLowerCase()] ?? null },
  body,
});
const context = { hostname: 'updates.push.services.mozilla.com', keyProven: false, now: 0 };
const classify = (given: Answer, more: Partial<typeof context> = {}): SendResult =>
  classifyAnswer(given, { ...context, ...more });

const mozilla = (code: number, errno: number, message = ''): Answer =>
  answer(code, JSON.stringify({ code, errno, error: 'x', message }));
const apple = (status: number, reason: string): Answer => answer(status, JSON.stringify({ reason }));
const fcmMismatch =
  'the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions.\n';
const fcmHtml = '<HTML>\n<HEAD>\n<TITLE>UnauthorizedRegistration</TITLE>\n</HEAD>\n</HTML>';

type Row = [string, Answer, { readonly kind: SendResult['kind'] } & Record<string, unknown>, Partial<typeof context>?];

describe('answers', () => {
  test.each<Row>([
    [
      '201',
      answer(201, '', { location: 'https://push.example/m/1' }),
      { kind: 'accepted', messageId: 'https://push.example/m/1' },
    ],
    ['201 without Location', answer(201), { kind: 'accepted' }],
    ['201 with an endless Location', answer(201, '', { location: 'x'.repeat(1001) }), { kind: 'accepted' }],
    ['202', answer(202), { kind: 'accepted' }],
    ['200', answer(200, '<html>'), { kind: 'accepted' }],
    ['204', answer(204), { kind: 'accepted' }],
    ['404', answer(404), { kind: 'unregistered', scope: 'target', code: 'http_404' }],
    ['404 of Mozilla', mozilla(404, 102), { kind: 'unregistered', scope: 'target', code: 'errno_102' }],
    [
      '410',
      answer(410, 'push subscription has unsubscribed or expired.\n'),
      { kind: 'unregistered', scope: 'target', code: 'http_410' },
    ],
    ['410 of Mozilla', mozilla(410, 106), { kind: 'unregistered', scope: 'target', code: 'errno_106' }],
    ['410 of Apple', apple(410, 'Unregistered'), { kind: 'unregistered', scope: 'target', code: 'Unregistered' }],
    [
      '301, a bridge that moved',
      answer(301, '', { location: 'https://x/' }),
      { kind: 'unregistered', scope: 'target', code: 'http_301' },
    ],
    ['308', answer(308), { kind: 'unregistered', scope: 'target', code: 'http_308' }],
    ['302', answer(302), { kind: 'rejected', scope: 'target', code: 'http_302' }],
    ['307', answer(307), { kind: 'rejected', scope: 'target', code: 'http_307' }],
    ['400, bad TTL', mozilla(400, 112), { kind: 'rejected', scope: 'message', code: 'errno_112' }],
    ['400, bad topic', mozilla(400, 113), { kind: 'rejected', scope: 'message', code: 'errno_113' }],
    ['400, damaged endpoint', mozilla(400, 108), { kind: 'rejected', scope: 'target', code: 'errno_108' }],
    ['413', mozilla(413, 104), { kind: 'rejected', scope: 'message', code: 'errno_104', field: 'content' }],
    ['405', answer(405), { kind: 'rejected', scope: 'message', code: 'http_405' }],
    ['408', answer(408), { kind: 'unavailable', scope: 'provider', code: 'http_408' }],
    [
      '429',
      answer(429, '', { 'retry-after': '117' }),
      { kind: 'throttled', scope: 'target', code: 'http_429', retryAfter: 117_000 },
    ],
    ['429 of Apple', apple(429, 'TooManyRequests'), { kind: 'throttled', scope: 'target', code: 'TooManyRequests' }],
    ['406', answer(406), { kind: 'rejected', scope: 'message', code: 'http_406' }],
    [
      '406 of Microsoft',
      answer(406, '', { 'x-wns-status': 'appthrottled', 'retry-after': '900' }),
      { kind: 'throttled', scope: 'target', code: 'appthrottled', retryAfter: 900_000 },
      { hostname: 'wns2-par02p.notify.windows.com' },
    ],
    [
      '406 of a host that only sounds like Microsoft',
      answer(406),
      { kind: 'rejected' },
      { hostname: 'evilnotify.windows.com' },
    ],
    [
      '406 of Microsoft, of its very name',
      answer(406),
      { kind: 'throttled', scope: 'target', code: 'http_406' },
      { hostname: 'notify.windows.com' },
    ],
    [
      '406 of a host that only begins like Microsoft',
      answer(406),
      { kind: 'rejected' },
      { hostname: 'notify.windows.com.example' },
    ],
    ['404 of Microsoft', answer(404), { kind: 'unregistered' }, { hostname: 'notify.windows.com' }],
    ['a reason that is no text', answer(400, '{"reason":5}'), { kind: 'rejected', code: 'http_400' }],
    ['a reason that reads like a status', apple(500, '410'), { kind: 'unavailable', code: '410' }],
    ['a reason that reads like a word of ours', apple(201, 'keyRefused'), { kind: 'accepted' }],
    ['500', mozilla(500, 999), { kind: 'unavailable', scope: 'provider', code: 'errno_999' }],
    ['502 with a page', answer(502, '<html>'), { kind: 'unavailable', scope: 'provider', code: 'http_502' }],
    [
      '503',
      answer(503, '', { 'retry-after': '3' }),
      { kind: 'unavailable', scope: 'provider', code: 'http_503', retryAfter: 3000 },
    ],
  ])('%s', (_, given, expected, more) => {
    const result = classify(given, more);
    expect(result).toMatchObject(expected);
    if (expected.kind === 'accepted' && expected['messageId'] === undefined)
      expect(result).not.toHaveProperty('messageId');
  });
});

describe('a refused key', () => {
  const mismatches: readonly [string, Answer][] = [
    ['FCM', answer(403, fcmMismatch)],
    [
      'FCM, older',
      answer(
        403,
        'the key in the authorization header does not correspond to the sender ID used to subscribe this user.',
      ),
    ],
    ['Mozilla', mozilla(401, 109, 'VAPID public key mismatch')],
    ['Apple', apple(403, 'VapidPkHashMismatch')],
  ];
  test.each(mismatches)('for one subscription never stops the lane: %s', (_, given) => {
    for (const keyProven of [true, false]) {
      expect(classify(given, { keyProven })).toMatchObject({ kind: 'rejected', scope: 'target' });
    }
    expect(refusedAuthorization(given)).toBe(true);
  });

  test.each([
    ['Apple', apple(403, 'BadJwtToken'), 'BadJwtToken'],
    ['FCM', answer(403, 'invalid JWT provided\n'), 'http_403'],
  ])('as such stops it, also where it worked before: %s', (_, given, code) => {
    for (const keyProven of [true, false]) {
      expect(classify(given, { keyProven })).toMatchObject({ kind: 'unauthorized', scope: 'credential', code });
    }
  });

  test.each([
    ['401', answer(401)],
    ['403', answer(403, 'Forbidden')],
    ['401 of Mozilla', mozilla(401, 109, 'Request did not validate')],
    ['400 of FCM', answer(400, fcmHtml)],
  ])('without a reason is the key’s fault until it has worked there, then the subscription’s: %s', (_, given) => {
    expect(classify(given, { keyProven: false })).toMatchObject({ kind: 'unauthorized', scope: 'credential' });
    expect(classify(given, { keyProven: true })).toMatchObject({ kind: 'rejected', scope: 'target' });
    expect(refusedAuthorization(given)).toBe(true);
  });

  test('is told from other refusals', () => {
    expect(refusedAuthorization(apple(400, 'BadJwtToken'))).toBe(true);
    expect(refusedAuthorization(apple(400, 'VapidPkHashMismatch'))).toBe(true);
    expect(refusedAuthorization(apple(413, 'BadJwtToken'))).toBe(false);
    expect(refusedAuthorization(mozilla(400, 112))).toBe(false);
    expect(refusedAuthorization(answer(410))).toBe(false);
    // A gone subscription is gone, whatever its text says.
    expect(classify(answer(410, fcmMismatch))).toMatchObject({ kind: 'unregistered' });
  });
});

test('no answer makes it throw, purge a target without proof or show what the service wrote', () => {
  const secret = 's3cret-t0ken';
  const bodies = fc.oneof(
    fc.json().map((json) => json.replace('{', `{"x":"${secret}",`)),
    fc.string().map((text) => text + secret),
    fc.constantFrom(
      '{"reason":{"a":1}}',
      '{"reason":"' + secret.repeat(9) + '"}',
      '{"errno":"x"}',
      '{"__proto__":{"reason":"x"}}',
      '{',
      'null',
    ),
    fc.constant('['.repeat(50_000)),
    fc.constant('{"a":'.repeat(10_000)),
  );
  fc.assert(
    fc.property(fc.integer({ min: 200, max: 999 }), bodies, fc.option(fc.string()), (status, body, retryAfter) => {
      const result = classify(answer(status, body, retryAfter === null ? {} : { 'retry-after': retryAfter }));
      if (result.kind === 'unregistered') expect([301, 308, 404, 410]).toContain(status);
      if (result.kind !== 'accepted') {
        expect(result.code).toMatch(/^[\w.-]{1,40}$/);
        expect(JSON.stringify(result)).not.toContain(secret);
        if (result.retryAfter !== undefined) expect(result.retryAfter).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});

describe('no answer', () => {
  test('before the request was written can go again at no charge', () => {
    expect(classifyError(transportError('ECONNREFUSED', true))).toMatchObject({
      kind: 'unavailable',
      scope: 'provider',
      code: 'ECONNREFUSED',
      unsent: true,
    });
  });

  test('after it was written is ambiguous, also on a kept connection that was reset', () => {
    expect(classifyError(transportError('ECONNRESET', false))).toMatchObject({
      kind: 'ambiguous',
      scope: 'provider',
      code: 'ECONNRESET',
    });
    expect(classifyError(transportError('tidings.timeout', false))).toMatchObject({
      kind: 'ambiguous',
      code: 'tidings.timeout',
    });
  });

  test('since the address is private is the subscription’s fault', () => {
    expect(classifyError(transportError('tidings.forbidden_address', true))).toMatchObject({
      kind: 'rejected',
      scope: 'target',
      code: 'tidings.forbidden_address',
      field: 'to.endpoint',
    });
  });

  test('since a header can not be written is the message’s fault', () => {
    expect(classifyError(transportError('tidings.invalid_request', true))).toMatchObject({
      kind: 'rejected',
      scope: 'message',
      field: 'native.webPush',
    });
  });
});

test.each<[string, SendResult]>([
  ['another VAPID key', classify(apple(403, 'VapidPkHashMismatch'))],
  ['refused the VAPID key', classify(answer(401))],
  ['has moved', classify(answer(301))],
  ['has moved', classify(answer(308))],
  ['redirects', classify(answer(302))],
  ['refused the request', classify(answer(400))],
  ['damaged', classify(mozilla(400, 108))],
  ['unknown', classify(answer(404))],
  ['has ended', classify(answer(410))],
  ['too large', classify(answer(413))],
  ['not public', classifyError(transportError('tidings.forbidden_address', true))],
  ['does not allow', classifyError(transportError('tidings.invalid_request', true))],
  ['was not reached', classifyError(transportError('ECONNREFUSED', true))],
  ['did not answer', classifyError(transportError('ECONNRESET', false))],
])('says in words what was wrong: %s', (words, result) => {
  expect(result).toMatchObject({ message: expect.stringContaining(words) });
});
