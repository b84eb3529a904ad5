import type { Failure, Rejected, SendResult } from '@tidings/core';
import { classifyHttp } from '@tidings/core';
import type { Answer, TransportError } from '@tidings/transport';
import { forbiddenAddress } from '@tidings/transport';

const unregistered = (message: string): Failure => ({ kind: 'unregistered', scope: 'target', code: '', message });
const refusedMessage = (message: string, field?: string): Rejected => ({
  kind: 'rejected',
  scope: 'message',
  code: '',
  message,
  field,
});
const refusedTarget = (message: string): Rejected => ({ kind: 'rejected', scope: 'target', code: '', message });
const throttledTarget: Failure = { kind: 'throttled', scope: 'target', code: '' };
const unavailable: Failure = { kind: 'unavailable', scope: 'provider', code: '' };
const redirect = refusedTarget('the push service redirects, which is not followed');

/**
 * By the service's word, then by its status; the rest is `classifyHttp`'s: 2xx accepted, 5xx unavailable, 4xx rejected.
 * `keyRefused` and `keyMismatch` are made of what each service says in its own words, see `words`.
 * @see https://www.rfc-editor.org/rfc/rfc8030#section-5
 * @see https://mozilla-services.github.io/autopush-rs/errors.html
 */
const table: { readonly [wordOrStatus: string]: Failure } = {
  // A subscription is bound to the key that it was made with. Anybody can hand in one made with another: that must not stop the lane.
  keyMismatch: refusedTarget('the subscription was made with another VAPID key'),
  keyRefused: {
    kind: 'unauthorized',
    scope: 'credential',
    code: '',
    message: 'the push service refused the VAPID key or its contact',
  },
  // Moved for good: the browser has a new subscription.
  301: unregistered('the endpoint has moved'),
  308: unregistered('the endpoint has moved'),
  300: redirect,
  302: redirect,
  303: redirect,
  304: redirect,
  305: redirect,
  307: redirect,
  400: refusedMessage('the push service refused the request'),
  errno_108: refusedTarget('the endpoint is damaged'),
  404: unregistered('the subscription is unknown'),
  408: unavailable,
  410: unregistered('the subscription has ended'),
  413: refusedMessage('the payload is too large for the push service', 'content'),
  421: unavailable,
  425: unavailable,
  429: throttledTarget,
  wnsThrottled: throttledTarget,
};

/** What services say beside the status, by what it means here; the first that fits. */
const words: readonly (readonly [meaning: string, statuses: readonly number[], text: RegExp])[] = [
  // Apple; Mozilla ("VAPID public key mismatch"); FCM ("... do not correspond to the credentials used to create the subscriptions").
  ['keyMismatch', [400, 401, 403], /VapidPkHashMismatch|public key mismatch|not correspond to/i],
  // Apple; FCM.
  ['keyRefused', [400, 401, 403], /BadJwtToken|invalid JWT/i],
];

/** FCM's 400 for a key that does not fit, told from other bad requests by this word. */
const refusedRegistration = /UnauthorizedRegistration/;

/** What the answer alone does not tell. */
export interface AnswerContext {
  /** The push service's host. */
  readonly hostname: string;
  /** This service has taken messages with this VAPID key: a refusal is then about the one subscription. */
  readonly keyProven: boolean;
  /** Epoch ms. */
  readonly now: number;
}

/** Push service's answer to result. `messageId` is the `Location`: the message's own URL at the service. */
export function classifyAnswer(answer: Answer, context: AnswerContext): SendResult {
  const word = wordOf(answer);
  const result = classifyHttp(answer, table, meaningOf(answer, word, context), context.now);
  if (result.kind === 'accepted') {
    const location = answer.headers.get('location');
    return location === null || location.length > 1000 ? result : { kind: 'accepted', messageId: location };
  }
  return { ...result, code: word ?? `http_${answer.status}` };
}

/** The push service said that it does not take the `Authorization` header. */
export function refusedAuthorization({ status, body }: Answer): boolean {
  return (
    status === 401 ||
    status === 403 ||
    (status === 400 && (refusedRegistration.test(body) || words.some(([, , text]) => text.test(body))))
  );
}

function meaningOf(
  answer: Answer,
  word: string | undefined,
  { hostname, keyProven }: AnswerContext,
): string | undefined {
  const { status, body } = answer;
  const said = words.find(([, statuses, text]) => statuses.includes(status) && text.test(body));
  if (said !== undefined) return said[0];
  // Services that do not say which: a key that they have taken before is in order, so it must be the subscription.
  if (refusedAuthorization(answer)) return keyProven ? 'keyMismatch' : 'keyRefused';
  // Microsoft's way to say 429.
  if (status === 406 && /(^|\.)notify\.windows\.com$/.test(hostname)) return 'wnsThrottled';
  // Only Mozilla's numbers are in the table: a word such as `410` or `keyRefused` must not find a row.
  return word?.startsWith('errno_') === true ? word : undefined;
}

/** The service's own word: Apple's `reason`, Mozilla's `errno`, Microsoft's header; only where it is one, since it goes into logs. */
function wordOf({ body, headers }: Answer): string | undefined {
  const header = headers.get('x-wns-status');
  const json = header === null ? parse(body) : undefined;
  const errno = json?.['errno'];
  const word = header ?? (typeof errno === 'number' ? `errno_${errno}` : json?.['reason']);
  return typeof word === 'string' && /^[\w.-]{1,40}$/.test(word) ? word : undefined;
}

function parse(body: string): { readonly [key: string]: unknown } | undefined {
  if (!body.startsWith('{')) return undefined;
  try {
    return JSON.parse(body) as { readonly [key: string]: unknown };
  } catch {
    return undefined;
  }
}

/** What went wrong before there was a request, by its code. */
const ownFaults: { readonly [code: string]: Failure } = {
  [forbiddenAddress]: { ...refusedTarget('the endpoint leads to an address that is not public'), field: 'to.endpoint' },
  'tidings.invalid_request': refusedMessage('a header holds characters that HTTP does not allow', 'native.webPush'),
};

/** No answer: what is surely not sent can go again at no charge, for the rest nobody knows. */
export function classifyError({ code, unsent }: TransportError): Failure {
  const fault = Object.hasOwn(ownFaults, code) ? ownFaults[code] : undefined;
  if (fault !== undefined) return { ...fault, code };
  if (unsent)
    return { kind: 'unavailable', scope: 'provider', code, unsent: true, message: 'the push service was not reached' };
  return { kind: 'ambiguous', scope: 'provider', code, message: 'the push service did not answer' };
}
