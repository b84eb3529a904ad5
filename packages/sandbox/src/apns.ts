import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { apnsStatus, checkLine, checkNotification, messageIdOf, tokenOf, type ApnsReason } from './apns-check.ts';
import { createTokenVerifier, type TokenVerifier } from './apns-token.ts';
import { parseJson } from './json.ts';
import type { Connection, Provider, Reply, ServiceRequest, Verdict } from './provider.ts';
import { createRegistry, type Registry } from './registry.ts';
import { startService, type ServiceContext, type Started } from './service.ts';
import type { ApnsService } from './types.ts';

const keyId = 'SANDBOXKEY';
const teamId = 'TIDINGSBOX';
const topic = 'dev.tidings.sandbox';

/** Tokens of one connection within 20 minutes: Apple wants no more than one, and gives some leeway. */
const tokenUpdates = 5;
const tokenUpdatePeriod = 20 * 60_000;

/** What APNs says where a fault names a status but no reason. */
const usualReason: Readonly<Record<number, ApnsReason>> = {
  403: 'InvalidProviderToken',
  404: 'BadPath',
  405: 'MethodNotAllowed',
  410: 'Unregistered',
  413: 'PayloadTooLarge',
  429: 'TooManyRequests',
  500: 'InternalServerError',
  503: 'ServiceUnavailable',
};

/** Starts APNs: HTTP/2, token authentication, one app. `streams` is the limit once a first request was accepted. */
export async function startApns(
  context: ServiceContext,
  options: { readonly port: number; readonly streams: number },
): Promise<Started<ApnsService>> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const verifier = createTokenVerifier({ publicKey, keyId, teamId });
  const devices = createRegistry();
  const { service, close } = await startService(context, {
    port: options.port,
    protocols: ['h2'],
    // A sender has to prove itself first.
    streams: 1,
    provider: () => createProvider(verifier, devices, options.streams),
  });
  return {
    service: Object.assign(service, {
      credentials: { key, keyId, teamId, topic },
      register() {
        const token = randomBytes(32).toString('hex');
        devices.add(token);
        return token;
      },
      unregister(token: string) {
        devices.remove(token.toLowerCase());
      },
    }),
    close,
  };
}

function createProvider(verifier: TokenVerifier, devices: Registry, streams: number): Provider {
  const isUpdateAllowed = createUpdateLimit();

  function judgeNotification(request: ServiceRequest, refusal: ApnsReason | undefined): Verdict {
    const token = tokenOf(request.path)?.toLowerCase() ?? '';
    const payload = parseJson(request.body);
    const id = messageIdOf(request);
    const since = devices.goneSince(token);
    const reason =
      refusal ??
      (isUpdateAllowed(request) ? undefined : 'TooManyProviderTokenUpdates') ??
      checkNotification(request, payload, topic) ??
      (since === undefined ? 'BadDeviceToken' : since > 0 ? 'Unregistered' : undefined);
    if (reason === undefined) {
      return { token, payload, taken: true, messageId: id, reply: { status: 200, headers: { 'apns-id': id } } };
    }
    return { token, payload, taken: false, reply: refuse(apnsStatus[reason], reason, id, since) };
  }

  return {
    success: 200,
    bodyLimit: 16_384,
    judge(request) {
      const refusal = checkLine(request);
      if (refusal !== undefined) return judgeNotification(request, refusal);
      const checked = verifier.check(request.headers.authorization);
      return checked instanceof Promise
        ? checked.then((reason) => judgeNotification(request, reason))
        : judgeNotification(request, checked);
    },
    taken: (request) => request.connection.allowStreams(streams),
    failure: (status, reason, request) => refuse(status, reason ?? usualReason[status], messageIdOf(request)),
    gone: (request) => refuse(410, 'Unregistered', messageIdOf(request)),
  };
}

function refuse(status: number, reason: string | undefined, id: string, goneSince = Date.now()): Reply {
  const headers = { 'apns-id': id };
  if (reason === undefined) return { status, headers };
  const body = JSON.stringify(status === 410 ? { reason, timestamp: goneSince } : { reason });
  return { status, headers: { ...headers, 'content-type': 'application/json' }, body, reason };
}

/** Says whether a connection may use this provider token, or has had too many. */
function createUpdateLimit(): (request: ServiceRequest) => boolean {
  const seen = new WeakMap<Connection, Map<string, number>>();
  return ({ connection, headers }) => {
    const authorization = headers.authorization ?? '';
    let tokens = seen.get(connection);
    if (tokens === undefined) seen.set(connection, (tokens = new Map()));
    if (tokens.has(authorization)) return true;
    const now = Date.now();
    for (const [token, at] of tokens) if (now - at > tokenUpdatePeriod) tokens.delete(token);
    if (tokens.size >= tokenUpdates) return false;
    tokens.set(authorization, now);
    return true;
  };
}
