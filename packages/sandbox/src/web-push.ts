import { randomBytes, randomUUID } from 'node:crypto';
import { inputError } from './errors.ts';
import type { Provider, Reply, ServiceRequest, Verdict } from './provider.ts';
import { startService, type ServiceContext, type Started } from './service.ts';
import type { WebPushService, WebPushSubscription } from './types.ts';
import { decrypt, generateSubscriberKeys, importPoint, type SubscriberKeys } from './web-push-encryption.ts';
import { createVapidCheck, type Refusal } from './web-push-vapid.ts';

interface Subscriber {
  readonly keys: SubscriberKeys;
  readonly applicationServerKey: string | undefined;
  gone: boolean;
}

/** Bytes of a message's body that every push service has to take (RFC 8030, section 7.2), and that none takes more of. */
const bodyLimit = 4096;
/** 30 days: a message is kept no longer. */
const longestLife = 2_592_000;
const pathPrefix = '/push/';

const unknownSubscription: Refusal = { status: 404, reason: 'UnknownSubscription' };
const unsubscribed: Refusal = { status: 410, reason: 'Unsubscribed' };

/** A push service (RFC 8030) and all its subscribers' browsers: it has their private keys, and so reads what they would. */
export async function startWebPush(
  context: ServiceContext,
  options: { readonly port: number },
): Promise<Started<WebPushService>> {
  const subscribers = new Map<string, Subscriber>();
  const { service, close } = await startService(context, {
    port: options.port,
    protocols: ['http/1.1'],
    provider: (endpoint) => createProvider(endpoint, subscribers),
  });
  const prefix = service.endpoint + pathPrefix;

  function subscribe(wanted: { readonly applicationServerKey?: string } = {}): WebPushSubscription {
    const applicationServerKey = checkKey(wanted.applicationServerKey);
    const id = randomBytes(24).toString('base64url');
    const keys = generateSubscriberKeys();
    subscribers.set(id, { keys, applicationServerKey, gone: false });
    const { publicKey, auth } = keys;
    return {
      endpoint: prefix + id,
      keys: { p256dh: publicKey.toString('base64url'), auth: auth.toString('base64url') },
    };
  }

  function unsubscribe(endpoint: string): void {
    const subscriber = typeof endpoint === 'string' ? subscribers.get(endpoint.slice(prefix.length)) : undefined;
    if (subscriber === undefined) throw inputError('endpoint', 'the endpoint of a subscription made here');
    subscriber.gone = true;
  }

  return { service: Object.assign(service, { subscribe, unsubscribe }), close };
}

/** In the one form that the `Authorization` header has, without padding. */
function checkKey(key: unknown): string | undefined {
  if (key === undefined) return undefined;
  const point = Buffer.from(typeof key === 'string' ? key : '', 'base64url');
  if (importPoint(point) === undefined)
    throw inputError('applicationServerKey', 'an uncompressed P-256 point in base64url');
  return point.toString('base64url');
}

function createProvider(endpoint: string, subscribers: ReadonlyMap<string, Subscriber>): Provider {
  const checkVapid = createVapidCheck(endpoint);

  function judge(request: ServiceRequest): Verdict {
    const { method, path, headers, body } = request;
    const token = path.startsWith(pathPrefix) ? path.slice(pathPrefix.length) : '';
    const refuse = (refusal: Refusal): Verdict => {
      return { token, payload: undefined, taken: false, reply: failure(refusal.status, refusal.reason) };
    };

    const subscriber = subscribers.get(token);
    if (subscriber === undefined) return refuse(unknownSubscription);
    if (method !== 'POST') return refuse({ status: 405, reason: 'MethodNotAllowed' });
    if (subscriber.gone) return refuse(unsubscribed);
    const refusal = checkVapid(headers['authorization'], subscriber.applicationServerKey) ?? checkHeaders(headers);
    if (refusal !== undefined) return refuse(refusal);
    if (body === undefined) return refuse({ status: 413, reason: 'PayloadTooLarge' });
    const plaintext = decrypt(body, subscriber.keys);
    if (plaintext === undefined) return refuse({ status: 400, reason: 'UndecryptableBody' });

    const messageId = `${endpoint}/message/${randomUUID()}`;
    const life = Math.min(Number(headers['ttl']), longestLife);
    const reply: Reply = { status: 201, headers: { location: messageId, ttl: String(life) } };
    return { token, payload: read(plaintext), taken: true, messageId, reply };
  }

  return { success: 201, bodyLimit, judge, failure, gone: () => failure(unsubscribed.status, unsubscribed.reason) };
}

/** What a message's headers must look like; the first that does not decides. */
const headerRules: readonly (readonly [string, RegExp, string])[] = [
  ['ttl', /^\d{1,10}$/, 'BadTtl'],
  ['topic', /^(|[\w-]{1,32})$/, 'BadTopic'],
  ['urgency', /^(|very-low|low|normal|high)$/, 'BadUrgency'],
  ['content-encoding', /^aes128gcm$/, 'BadContentEncoding'],
];

function checkHeaders(headers: Readonly<Record<string, string>>): Refusal | undefined {
  const broken = headerRules.find(([name, rule]) => !rule.test(headers[name] ?? ''));
  return broken === undefined ? undefined : { status: 400, reason: broken[2] };
}

/** JSON where it is some, else the text. */
function read(plaintext: Buffer): unknown {
  const text = plaintext.toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function failure(status: number, reason?: string): Reply {
  if (reason === undefined) return { status };
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ reason }), reason };
}
