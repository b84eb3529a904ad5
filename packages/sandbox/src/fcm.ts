import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { readRequest, type FcmRequest } from './fcm-message.ts';
import { googleError } from './google-error.ts';
import { isObject, parseJson } from './json.ts';
import { createTokenIssuer, type TokenIssuer } from './oauth.ts';
import type { Provider, Reply, ServiceRequest, Verdict } from './provider.ts';
import { createRegistry, type Registry } from './registry.ts';
import { startService, type ServiceContext, type Started } from './service.ts';
import type { FcmService, Service } from './types.ts';

const project = 'tidings-sandbox';
const email = `sender@${project}.iam.gserviceaccount.com`;
const tokenPath = '/token';

/** Starts FCM v1 and the OAuth endpoint of its service account on one port, for HTTP/2 and HTTP/1.1. */
export async function startFcm(
  context: ServiceContext,
  options: { readonly port: number; readonly streams: number },
): Promise<Started<FcmService>> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const devices = createRegistry();
  let issuer!: TokenIssuer;
  const { service, close } = await startService(context, {
    port: options.port,
    protocols: ['h2', 'http/1.1'],
    streams: options.streams,
    provider(endpoint) {
      issuer = createTokenIssuer({ publicKey, email, tokenUri: endpoint + tokenPath });
      return createProvider(issuer, devices);
    },
  });
  const serviceAccount = {
    type: 'service_account',
    project_id: project,
    private_key_id: randomBytes(20).toString('hex'),
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    client_email: email,
    token_uri: service.endpoint + tokenPath,
  } as const;
  // Not Object.assign: it would read `tokensIssued` once and for all.
  const own = { serviceAccount, register: () => register(devices), unregister, revokeTokens: () => issuer.revoke() };
  Object.defineProperty(service, 'tokensIssued', { enumerable: true, get: () => issuer.issued });

  function unregister(token: string): void {
    devices.remove(token);
    devices.remove(installationIdOf(token));
  }
  return { service: Object.assign(service as Service & Pick<FcmService, 'tokensIssued'>, own), close };
}

/** A registration token begins with the id of the installation, which is a target of its own. */
function installationIdOf(token: string): string {
  return token.split(':')[0] as string;
}

function register(devices: Registry): string {
  // 22 characters that begin with c, d, e or f, as real ones do.
  const bytes = randomBytes(16);
  bytes[0] = 0x70 | ((bytes[0] as number) & 0x0f);
  const id = bytes.toString('base64url');
  const token = `${id}:APA91b${randomBytes(100).toString('base64url')}`;
  devices.add(id);
  devices.add(token);
  return token;
}

function createProvider(issuer: TokenIssuer, devices: Registry): Provider {
  let messages = 0;

  function judgeTarget(read: FcmRequest): Verdict {
    const { message, target, validateOnly } = read;
    const { kind, value } = target;
    const isDevice = kind === 'token' || kind === 'fid';
    if (isDevice && devices.goneSince(value) !== 0) {
      return { token: value, payload: message, taken: false, reply: unregistered() };
    }
    const name = `projects/${project}/messages/${validateOnly ? 'fake_message_id' : `0:${Date.now()}%${++messages}`}`;
    const reply = { status: 200, headers: jsonHeaders, body: `{\n  "name": "${name}"\n}\n` };
    return { token: value, payload: message, taken: !validateOnly, messageId: name, reply };
  }

  return {
    success: 200,
    bodyLimit: 65_536,
    judge(request) {
      if (request.path === tokenPath) return issuer.answer(request).then((aside) => ({ aside }));
      const body = parseJson(request.body);
      const refusal = checkAccess(request, issuer);
      const read = refusal ?? readRequest(body);
      return 'target' in read ? judgeTarget(read) : refuse(body, read);
    },
    failure: (status, reason) =>
      googleError({ status, reason, plain: reason === undefined && plainByDefault.has(status) }),
    gone: unregistered,
  };
}

const jsonHeaders = { 'content-type': 'application/json; charset=UTF-8' };

/** Statuses that mostly come from the layer in front of FCM: without FCM's detail unless a reason is asked for. */
const plainByDefault = new Set([401, 403, 404]);

function unregistered(): Reply {
  return googleError({ status: 404, reason: 'UNREGISTERED' });
}

function checkAccess(request: ServiceRequest, issuer: TokenIssuer): Reply | undefined {
  const path = /^\/v1\/projects\/([^/?]+)\/messages:send(?:\?.*)?$/.exec(request.path);
  if (path === null || request.method !== 'POST') return notFoundPage;
  if (!issuer.isValid(request.headers.authorization)) return googleError({ status: 401, plain: true });
  if (path[1] === project) return request.body === undefined ? tooLarge : undefined;
  const message = `Permission 'cloudmessaging.messages.create' denied on resource '//cloudresourcemanager.googleapis.com/projects/${path[1]}' (or it may not exist).`;
  return googleError({ status: 403, message, plain: true });
}

const tooLarge = googleError({ status: 400, message: 'Request payload size exceeds the limit', plain: true });

/** What Google's front end says to a path or method that nothing serves. */
const notFoundPage: Reply = {
  status: 404,
  headers: { 'content-type': 'text/html; charset=UTF-8' },
  body: '<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n<p><b>404.</b> The requested URL was not found on this server.\n',
  reason: 'NOT_FOUND',
};

/** Of a refused request the ledger has what could be read. */
function refuse(body: unknown, reply: Reply): Verdict {
  const message = isObject(body) ? body.message : undefined;
  const token = isObject(message) ? (message.token ?? message.fid ?? message.topic ?? message.condition) : undefined;
  return { token: typeof token === 'string' ? token : '', payload: message, taken: false, reply };
}
