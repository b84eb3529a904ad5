import { describe, expect, test } from 'vitest';
import { endpointRules, problemOfHosts } from './endpoint.ts';

describe('by default', () => {
  const rules = endpointRules(undefined);

  test.each([
    'https://fcm.googleapis.com/fcm/send/abc:APA91b',
    'https://fcm.googleapis.com/wp/abc',
    'https://android.googleapis.com/gcm/send/abc',
    'https://updates.push.services.mozilla.com/wpush/v2/gAAA',
    'https://updates-autopush.stage.push.services.mozilla.com/wpush/v2/gAAA',
    'https://web.push.apple.com/QF8w',
    'https://wns2-par02p.notify.windows.com/w/?token=BQY%2b',
    'https://fcm.googleapis.com:443/fcm/send/abc',
    'https://FCM.googleapis.com/fcm/send/abc',
  ])('%s may be called', (endpoint) => {
    expect(rules.problem(endpoint)).toBeUndefined();
    expect(rules.parse(endpoint)).toMatchObject({ privately: false });
  });

  test.each([
    'http://fcm.googleapis.com/fcm/send/abc',
    'https://fcm.googleapis.com:8443/fcm/send/abc',
    'https://user@fcm.googleapis.com/fcm/send/abc',
    'https://fcm.googleapis.com./fcm/send/abc',
    'https://fcm.googleapis.com.evil.example/fcm/send/abc',
    'https://evilfcm.googleapis.com/abc',
    'https://evil.fcm.googleapis.com/abc',
    'https://storage.googleapis.com/bucket',
    'https://push.services.mozilla.com/x',
    'https://notify.windows.com/x',
    'https://evilpush.apple.com/x',
    'https://evil.example/#@fcm.googleapis.com',
    'https://evil.example/?fcm.googleapis.com',
    'https://localhost/x',
    'https://127.0.0.1/x',
    'https://[::1]/x',
    'https://8.8.8.8/x',
    'fcm.googleapis.com/fcm/send/abc',
    '/fcm/send/abc',
    '',
  ])('%s may not', (endpoint) => {
    expect(rules.problem(endpoint)).toMatch(/^expected /);
    expect(rules.parse(endpoint)).toBeUndefined();
  });
});

describe('a list', () => {
  const rules = endpointRules([
    'push.internal',
    'push.example:8443',
    '*.unified.example',
    '[::1]:9000',
    'localhost:9000',
  ]);

  test.each([
    ['https://push.internal/x', true],
    ['https://push.example:8443/x', true],
    ['https://a.unified.example/x', false],
    ['https://a.b.unified.example/x', false],
    ['https://[::1]:9000/x', true],
    ['https://localhost:9000/x', true],
    ['https://fcm.googleapis.com/x', false],
  ])('opens %s; at a private address: %s', (endpoint, privately) => {
    expect(rules.parse(endpoint)).toMatchObject({ privately });
  });

  test.each([
    'https://push.internal:8443/x',
    'https://push.example/x',
    'https://a.push.internal/x',
    'https://unified.example/x',
    'https://evilunified.example/x',
    'https://localhost/x',
    'https://127.0.0.1:9000/x',
    'http://localhost:9000/x',
  ])('does not open %s', (endpoint) => {
    expect(rules.parse(endpoint)).toBeUndefined();
  });

  test('names its wrong entries', () => {
    expect(problemOfHosts(['push.example', 'https://push.example'])).toMatchObject({ path: [1] });
    for (const entry of [
      '',
      '*',
      '*.',
      'a b',
      'push.example/x',
      'user@push.example',
      'push.example:0x50',
      'push.example:99999',
      '0x7f000001',
      7,
    ]) {
      expect(problemOfHosts([entry as string]), String(entry)).toMatchObject({ path: [0] });
    }
    expect(problemOfHosts('push.example' as never)).toMatchObject({ message: expect.stringContaining('list') });
    expect(problemOfHosts(undefined)).toBeUndefined();
    expect(problemOfHosts(() => true)).toBeUndefined();
  });
});

test('a function decides per host and port, and private addresses are a decision of their own', () => {
  const asked: object[] = [];
  const rules = endpointRules((host) => {
    asked.push(host);
    return host.hostname === 'inner.example' ? 'private' : host.port !== 25;
  });
  expect(rules.parse('https://any.example/x')).toMatchObject({ privately: false });
  expect(rules.parse('https://any.example:8443/x')).toMatchObject({ privately: false });
  expect(rules.parse('https://any.example:25/x')).toBeUndefined();
  expect(rules.parse('https://inner.example/x')).toMatchObject({ privately: true });
  expect(rules.parse('https://10.0.0.1/x')).toBeUndefined();
  expect(rules.parse('http://any.example/x')).toBeUndefined();
  expect(asked).toContainEqual({ hostname: 'any.example', port: 8443 });
});

test('a function that answers anything but true opens nothing', () => {
  for (const answer of [undefined, null, 1, 'yes', 'public', {}, Promise.resolve(true)]) {
    expect(endpointRules(() => answer as never).parse('https://any.example/x')).toBeUndefined();
  }
});
