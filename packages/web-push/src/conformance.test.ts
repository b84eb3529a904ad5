import { adapterSuite, rules } from '@tidings/adapter-kit';
import { startSandbox } from '@tidings/sandbox';
import type { WebPushTarget } from './index.ts';
import { webPush } from './index.ts';
import { makeTarget, makeVapid } from './testing/fixtures.ts';
import { startServer } from './testing/server.ts';

adapterSuite('webPush', async () => {
  const sandbox = await startSandbox();
  const { webPush: service, ca } = sandbox;
  const { faults } = service;
  const vapid = makeVapid();
  const make = (origin: string) => webPush({ vapid, ca, allow: [new URL(origin).host] });
  const target = (): WebPushTarget => service.subscribe({ applicationServerKey: vapid.publicKey });
  const { endpoint, keys } = target();
  return {
    make: () => make(service.endpoint),
    target,
    content: { title: 'Price alert', body: 'ACME is below 42', data: { symbol: 'ACME' }, requireInteraction: true },
    oversized: { body: 'x'.repeat(5000) },
    illFormed: {
      target: {
        endpoint: { endpoint: 'https://169.254.169.254/latest/meta-data', keys },
        'keys.p256dh': { endpoint, keys: { ...keys, p256dh: 'no point on any curve' } },
        'keys.auth': { endpoint, keys: { ...keys, auth: 'too short' } },
      },
      content: { actions: { actions: ['not an action'] }, silent: { silent: 'very much so' } },
      native: { urgency: { urgency: 'very, very high' }, ttl: { ttl: -1 } },
    },
    secrets: [vapid.privateKey],
    requests: () => service.ledger.entries.length,
    provoke: {
      throttled: () => faults.next({ kind: 'status', status: 429 }),
      retryAfter: (_target, retryAfter) => faults.next({ kind: 'status', status: 429, retryAfter }),
      unavailable: () => faults.next({ kind: 'status', status: 503 }),
      serverError: () => faults.next({ kind: 'status', status: 500 }),
      unregistered: ({ endpoint: gone }) => service.unsubscribe(gone),
      rejected: () => {
        faults.next({ kind: 'status', status: 413, reason: 'PayloadTooLarge' });
        return { scope: 'message' };
      },
      unauthorized: () => {
        faults.next({ kind: 'status', status: 403, reason: 'BadJwtToken' });
        return { code: 'BadJwtToken' };
      },
      unknown: [
        () => faults.next({ kind: 'status', status: 400, reason: 'NewerWord' }),
        () => faults.next({ kind: 'status', status: 307 }),
        () => faults.next({ kind: 'status', status: 418 }),
        () => faults.next({ kind: 'status', status: 599, reason: 'no word, but a sentence' }),
      ],
      hang: () => faults.next({ kind: 'hang' }),
      stall: () => faults.next({ kind: 'hangAfterHeaders' }),
      reset: () => faults.next({ kind: 'reset' }),
      half: () => faults.next({ kind: 'resetAfterHeaders' }),
      garbage: () => faults.next({ kind: 'garbage' }),
      html: () => faults.next({ kind: 'html' }),
    },
    unreachable(port) {
      const origin = `https://localhost:${port}`;
      return { adapter: make(origin), target: makeTarget(`${origin}/push/abc`) };
    },
    reset: () => faults.clear(),
    close: () => sandbox.close(),
  };
});

/** The sandbox has no such answer. */
adapterSuite(
  'webPush, before a huge answer',
  async () => {
    const server = await startServer((_request, response) => void response.writeHead(201).end('x'.repeat(4_000_000)));
    const vapid = makeVapid();
    return {
      make: () => webPush({ vapid, ca: server.ca, allow: [new URL(server.origin).host] }),
      target: () => makeTarget(`${server.origin}/push/abc`),
      content: { title: 'Price alert' },
      illFormed: { target: {} },
      requests: () => server.requests.length,
      provoke: { huge: () => ({ kind: 'accepted' }) },
      close: () => server[Symbol.asyncDispose](),
    };
  },
  rules.filter(({ needs }) => needs.includes('huge')),
);
