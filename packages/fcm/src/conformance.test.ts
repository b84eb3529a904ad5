import { adapterSuite, rules } from '@tidings/adapter-kit';
import { startSandbox } from '@tidings/sandbox';
import { startServer } from '../../transport/src/testing/server.ts';
import { fcm } from './index.ts';

adapterSuite('fcm', async () => {
  const sandbox = await startSandbox();
  const { fcm: service, ca } = sandbox;
  const { serviceAccount, faults } = service;
  return {
    make: () => fcm({ serviceAccount, endpoint: service.endpoint, ca }),
    target: () => ({ token: service.register() }),
    content: { title: 'Price alert', body: 'ACME is below 42', data: { symbol: 'ACME' }, badge: 1 },
    oversized: { body: 'x'.repeat(5000) },
    illFormed: {
      target: {
        token: { token: 'a registration token with spaces' },
        topic: { topic: '/topics/with-a-prefix' },
        condition: { condition: '' },
      },
      content: { badge: { badge: -1 }, sound: { sound: 7 } },
      native: { android: { android: 'no object at all' }, 'data.count': { data: { count: 1 } } },
    },
    secrets: [serviceAccount.private_key, serviceAccount.private_key_id],
    requests: () => service.ledger.entries.length,
    provoke: {
      throttled: () => {
        faults.next({ kind: 'status', status: 429, reason: 'QUOTA_EXCEEDED' });
        return { code: 'QUOTA_EXCEEDED' };
      },
      retryAfter: (_target, retryAfter) =>
        faults.next({ kind: 'status', status: 429, reason: 'QUOTA_EXCEEDED', retryAfter }),
      unavailable: () => faults.next({ kind: 'status', status: 503, reason: 'UNAVAILABLE' }),
      serverError: () => faults.next({ kind: 'status', status: 500, reason: 'INTERNAL' }),
      unregistered: [
        ({ token = '' }) => {
          service.unregister(token);
          return { code: 'UNREGISTERED' };
        },
        () => faults.next({ kind: 'status', status: 403, reason: 'SENDER_ID_MISMATCH' }),
      ],
      rejected: () => {
        faults.next({ kind: 'status', status: 400, reason: 'FAILED_PRECONDITION' });
        return { scope: 'message' };
      },
      unauthorized: () => faults.next({ kind: 'status', status: 401, reason: 'UNAUTHENTICATED' }),
      refused: () => faults.next({ kind: 'refused' }),
      unknown: [
        () => faults.next({ kind: 'status', status: 404 }),
        () => faults.next({ kind: 'status', status: 404, reason: 'NEWER_WORD' }),
        () => faults.next({ kind: 'status', status: 410, reason: 'UNREGISTERED' }),
        () => faults.next({ kind: 'status', status: 307 }),
        () => faults.next({ kind: 'status', status: 599, reason: 'no word, but a sentence' }),
      ],
      hang: () => faults.next({ kind: 'hang' }),
      stall: () => faults.next({ kind: 'hangAfterHeaders' }),
      reset: [() => faults.next({ kind: 'reset' }), () => faults.next({ kind: 'goaway', error: true })],
      half: () => faults.next({ kind: 'resetAfterHeaders' }),
      garbage: () => {
        faults.next({ kind: 'garbage' });
        return { kind: 'ambiguous' };
      },
      html: () => faults.next({ kind: 'html' }),
    },
    unreachable: (port) => ({ adapter: fcm({ serviceAccount, endpoint: `https://localhost:${port}`, ca }) }),
    reset: () => faults.clear(),
    close: () => sandbox.close(),
  };
});

/** The sandbox has no such answer. */
adapterSuite(
  'fcm, before a huge answer',
  async () => {
    const server = await startServer((stream) => {
      stream.respond({ ':status': 200 });
      stream.end(`{"name":"${'x'.repeat(4_000_000)}"}`);
    });
    const accessToken = () => ({ token: 'an-access-token', expiresAt: Date.now() + 3_600_000 });
    return {
      make: () => fcm({ projectId: 'a-project', accessToken, endpoint: server.origin, ca: server.ca }),
      target: () => ({ token: 'a-registration-token' }),
      content: { title: 'Price alert' },
      illFormed: { target: {} },
      requests: () => server.paths.length,
      provoke: { huge: () => ({ kind: 'ambiguous' }) },
      close: () => server[Symbol.asyncDispose](),
    };
  },
  rules.filter(({ needs }) => needs.includes('huge')),
);
