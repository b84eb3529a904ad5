import { adapterSuite, rules } from '@tidings/adapter-kit';
import { startSandbox } from '@tidings/sandbox';
import { startServer } from '../../transport/src/testing/server.ts';
import { apns } from './index.ts';

adapterSuite('apns', async () => {
  const sandbox = await startSandbox();
  const { apns: service, ca } = sandbox;
  const { credentials, faults } = service;
  return {
    make: () => apns({ ...credentials, endpoint: service.endpoint, ca }),
    target: () => ({ token: service.register() }),
    content: { title: 'Price alert', body: 'ACME is below 42', data: { symbol: 'ACME' }, badge: 1 },
    oversized: { body: 'x'.repeat(5000) },
    illFormed: {
      target: { token: { token: 'no hexadecimal digits, this' } },
      content: { badge: { badge: -1 }, sound: { sound: { critical: true } } },
      native: { 'headers.apns-priority': { headers: { 'apns-priority': 7 } }, aps: { aps: 'no object at all' } },
    },
    secrets: [credentials.key],
    requests: () => service.ledger.entries.length,
    provoke: {
      throttled: () => {
        faults.next({ kind: 'status', status: 429, reason: 'TooManyRequests' });
        return { scope: 'target', code: 'TooManyRequests' };
      },
      retryAfter: (_target, retryAfter) =>
        faults.next({ kind: 'status', status: 429, reason: 'TooManyRequests', retryAfter }),
      unavailable: () => faults.next({ kind: 'status', status: 503, reason: 'ServiceUnavailable' }),
      serverError: () => faults.next({ kind: 'status', status: 500, reason: 'InternalServerError' }),
      unregistered: ({ token }) => {
        service.unregister(token);
        return { code: 'Unregistered' };
      },
      rejected: () => {
        faults.next({ kind: 'status', status: 400, reason: 'BadMessageId' });
        return { scope: 'message', code: 'BadMessageId' };
      },
      unauthorized: () => {
        faults.next({ kind: 'status', status: 403, reason: 'InvalidProviderToken' });
        return { code: 'InvalidProviderToken' };
      },
      refused: () => faults.next({ kind: 'refused' }),
      unknown: [
        () => faults.next({ kind: 'status', status: 400, reason: 'Unregistered' }),
        () => faults.next({ kind: 'status', status: 410, reason: 'NewerWord' }),
        () => faults.next({ kind: 'status', status: 404, reason: 'Unregistered' }),
        () => faults.next({ kind: 'status', status: 307 }),
        () => faults.next({ kind: 'status', status: 599, reason: 'no word, but a sentence' }),
      ],
      hang: () => faults.next({ kind: 'hang' }),
      stall: () => faults.next({ kind: 'hangAfterHeaders' }),
      reset: [() => faults.next({ kind: 'reset' }), () => faults.next({ kind: 'goaway', error: true })],
      half: () => faults.next({ kind: 'resetAfterHeaders' }),
      garbage: () => faults.next({ kind: 'garbage' }),
      html: () => faults.next({ kind: 'html' }),
    },
    unreachable: (port) => ({ adapter: apns({ ...credentials, endpoint: `https://localhost:${port}`, ca }) }),
    reset: () => faults.clear(),
    close: () => sandbox.close(),
  };
});

/** The sandbox has no such answer. */
adapterSuite(
  'apns, before a huge answer',
  async () => {
    const server = await startServer((stream) => {
      stream.respond({ ':status': 200 });
      stream.end('x'.repeat(4_000_000));
    });
    const sandbox = await startSandbox();
    const { key, keyId, teamId, topic } = sandbox.apns.credentials;
    await sandbox.close();
    return {
      make: () => apns({ key, keyId, teamId, topic, endpoint: server.origin, ca: server.ca }),
      target: () => ({ token: 'ab'.repeat(32) }),
      content: { title: 'Price alert' },
      illFormed: { target: {} },
      requests: () => server.paths.length,
      provoke: { huge: () => ({ kind: 'accepted' }) },
      close: () => server[Symbol.asyncDispose](),
    };
  },
  rules.filter(({ needs }) => needs.includes('huge')),
);
