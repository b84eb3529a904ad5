import { optionalInteger, optionalString, queryInteger, readBody } from './control-input.ts';
import { inputError } from './errors.ts';
import type { Fault, Faults, LedgerEntry, Sandbox, Service } from './types.ts';

/** What a route gets: its path's parts, its query, and the parsed body where there is one. */
export interface Call {
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
  readonly body: unknown;
}

/** Undefined is answered 204. */
export type Handler = (call: Call) => unknown;

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `*` stands for one part, handed over decoded. */
  readonly path: string;
  readonly handle: Handler;
}

/** Devices made by one call at most. */
const devicesLimit = 10_000;
/** Ledger entries in one answer at most. */
const pageLimit = 10_000;
const pageDefault = 1000;

type Parts = Pick<Sandbox, 'ca' | 'apns' | 'fcm' | 'webPush'>;

/** All that the control API can do. */
export function controlRoutes(sandbox: Parts): readonly Route[] {
  const { ca, apns, fcm, webPush } = sandbox;
  const routes: readonly Route[] = [
    {
      method: 'GET',
      path: '/credentials',
      handle: () => ({
        ca,
        apns: { endpoint: apns.endpoint, ...apns.credentials },
        fcm: { endpoint: fcm.endpoint, serviceAccount: fcm.serviceAccount },
        webPush: { endpoint: webPush.endpoint },
      }),
    },
    ...deviceRoutes('apns', apns),
    ...deviceRoutes('fcm', fcm),
    { method: 'DELETE', path: '/fcm/access-tokens', handle: () => fcm.revokeTokens() },
    {
      method: 'POST',
      path: '/web-push/subscriptions',
      handle({ body = {} }) {
        const { applicationServerKey } = readBody(body, ['applicationServerKey']);
        const key = optionalString(applicationServerKey, 'applicationServerKey');
        return webPush.subscribe(key === undefined ? {} : { applicationServerKey: key });
      },
    },
    {
      method: 'DELETE',
      path: '/web-push/subscriptions',
      handle({ query }) {
        const endpoint = query.get('endpoint');
        if (endpoint === null) throw inputError('endpoint', 'the endpoint of a subscription, in the query');
        webPush.unsubscribe(endpoint);
      },
    },
    ...serviceRoutes('apns', apns),
    ...serviceRoutes('fcm', fcm),
    ...serviceRoutes('web-push', webPush),
  ];
  const index: Route = {
    method: 'GET',
    path: '/',
    handle: () => ({
      services: { apns: apns.endpoint, fcm: fcm.endpoint, webPush: webPush.endpoint },
      routes: routes.map(({ method, path }) => `${method} ${path}`),
    }),
  };
  return [index, ...routes];
}

function deviceRoutes(
  name: string,
  service: { register(): string; unregister(token: string): void },
): readonly Route[] {
  return [
    {
      method: 'POST',
      path: `/${name}/devices`,
      handle({ body = {} }) {
        const count = optionalInteger(readBody(body, ['count']).count, 'count', 1, devicesLimit) ?? 1;
        return { tokens: Array.from({ length: count }, () => service.register()) };
      },
    },
    {
      method: 'DELETE',
      path: `/${name}/devices/*`,
      handle: ({ parts }) => service.unregister(parts[0] as string),
    },
  ];
}

function serviceRoutes(name: string, service: Service): readonly Route[] {
  return [
    { method: 'GET', path: `/${name}`, handle: () => describe(service) },
    { method: 'GET', path: `/${name}/ledger`, handle: ({ query }) => page(service, query) },
    { method: 'DELETE', path: `/${name}/ledger`, handle: () => service.ledger.clear() },
    { method: 'POST', path: `/${name}/faults/next`, handle: ({ body }) => scriptFault(service.faults, body) },
    { method: 'POST', path: `/${name}/faults/random`, handle: ({ body }) => setRandom(service.faults, body) },
    { method: 'DELETE', path: `/${name}/faults`, handle: () => service.faults.clear() },
  ];
}

function describe(service: Service): unknown {
  const { endpoint, connections, peakConcurrency, faults, ledger } = service;
  return {
    endpoint,
    connections,
    peakConcurrency,
    faults: faults.applied,
    ledger: { entries: ledger.entries.length, dropped: ledger.dropped },
    ...('tokensIssued' in service && { tokensIssued: service.tokensIssued }),
  };
}

function page(service: Service, query: URLSearchParams): unknown {
  const after = queryInteger(query, 'after', { least: 0, most: Number.MAX_SAFE_INTEGER, otherwise: 0 });
  const limit = queryInteger(query, 'limit', { least: 1, most: pageLimit, otherwise: pageDefault });
  const { entries, dropped } = service.ledger;
  const first = firstAfter(entries, after);
  return { entries: entries.slice(first, first + limit), dropped, more: entries.length > first + limit };
}

/** Sequences rise by one from entry to entry. */
function firstAfter(entries: readonly LedgerEntry[], sequence: number): number {
  const [first] = entries;
  return first === undefined ? 0 : Math.max(0, sequence - first.sequence + 1);
}

// The plan itself checks what it gets, field by field: the types are only asserted here.

function scriptFault(faults: Faults, body: unknown): void {
  const { fault, times, token } = readBody(body, ['fault', 'times', 'token']);
  faults.next(fault as Fault, { times: times as number | undefined, token: token as string | undefined });
}

function setRandom(faults: Faults, body: unknown): void {
  const options = readBody(body, ['rate', 'seed', 'faults']);
  faults.random(options as { rate: number; seed: number; faults: readonly Fault[] });
}
