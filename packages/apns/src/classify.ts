import { classifyHttp } from '@tidings/core';
import type { Failure, SendResult } from '@tidings/core';
import type { ApnsNative } from './schemas.ts';

/** What came back for one request, whichever client made it. */
export type ApnsReply =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: { get(name: string): string | null };
      /** Apple's word, as far as there was one. */
      readonly reason?: string | undefined;
      /** Epoch ms: when the token was found to be gone. */
      readonly timestamp?: number | undefined;
    }
  | { readonly kind: 'lost'; readonly code: string; readonly unsent: boolean; readonly message?: string | undefined }
  | { readonly kind: 'noCredential'; readonly code: string };

const minute = 60_000;

const gone = (code: string, message?: string): Failure => ({ kind: 'unregistered', scope: 'target', code, message });
const rejected = (code: string, field?: string): Failure => ({ kind: 'rejected', scope: 'message', code, field });
const unauthorized = (code: string): Failure => ({ kind: 'unauthorized', scope: 'credential', code });
const throttled = (scope: 'target' | 'credential', code: string, retryAfter?: number): Failure => ({
  kind: 'throttled',
  scope,
  code,
  retryAfter,
});
const unavailable = (code: string): Failure => ({ kind: 'unavailable', scope: 'provider', code });

const environment = 'also the answer to a token of the other environment (production or development) or another app';

/** @see https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns */
export const reasons: { readonly [reason: string]: Failure } = Object.fromEntries(
  [
    gone('BadDeviceToken', environment),
    gone('DeviceTokenNotForTopic', environment),
    gone('Unregistered'),
    gone('ExpiredToken'),
    rejected('BadCollapseId', 'collapseKey'),
    rejected('BadExpirationDate'),
    rejected('BadMessageId'),
    rejected('BadPath'),
    rejected('BadPriority', 'native.apns.headers.apns-priority'),
    rejected('DuplicateHeaders'),
    rejected('InvalidPushType', 'native.apns.headers.apns-push-type'),
    rejected('MethodNotAllowed'),
    rejected('MissingDeviceToken'),
    rejected('PayloadEmpty'),
    rejected('PayloadTooLarge'),
    unauthorized('BadCertificate'),
    unauthorized('BadCertificateEnvironment'),
    unauthorized('BadEnvironmentKeyIdInToken'),
    unauthorized('BadTopic'),
    unauthorized('ExpiredProviderToken'),
    unauthorized('Forbidden'),
    unauthorized('InvalidProviderToken'),
    unauthorized('MissingProviderToken'),
    unauthorized('MissingTopic'),
    unauthorized('TopicDisallowed'),
    unauthorized('UnrelatedKeyIdInToken'),
    throttled('target', 'TooManyRequests'),
    throttled('credential', 'TooManyProviderTokenUpdates', 20 * minute),
    unavailable('IdleTimeout'),
    unavailable('InternalServerError'),
    unavailable('ServiceUnavailable'),
    unavailable('Shutdown'),
  ].map((failure) => [failure.code, failure]),
);

/** A token is given up only on the very answer that Apple documents for it. */
const goneStatus: { readonly [reason: string]: number } = {
  BadDeviceToken: 400,
  DeviceTokenNotForTopic: 400,
  Unregistered: 410,
  ExpiredToken: 410,
};

/** What a wrong topic looks like. Where the message chose topic or push type, it is the message's fault. */
const topicReasons: ReadonlySet<string> = new Set([
  'BadTopic',
  'DeviceTokenNotForTopic',
  'MissingTopic',
  'TopicDisallowed',
]);

/** The peer refused our certificate in the handshake. */
const certificateAlert = /ALERT_(?:BAD_CERTIFICATE|CERTIFICATE_|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/;

/** Reads one reply. An unknown reason is judged by its status alone and never takes a token away. */
export function classify(reply: ApnsReply, native: ApnsNative | undefined, deliveryId: string): SendResult {
  switch (reply.kind) {
    case 'answer':
      return classifyAnswer(reply, native, deliveryId);
    case 'lost':
      return classifyLoss(reply);
    case 'noCredential':
      return { kind: 'unauthorized', scope: 'credential', code: reply.code };
  }
}

function classifyAnswer(
  answer: Extract<ApnsReply, { kind: 'answer' }>,
  native: ApnsNative | undefined,
  deliveryId: string,
): SendResult {
  const { status, headers } = answer;
  if (status === 200) return { kind: 'accepted', messageId: headers.get('apns-id') ?? deliveryId };
  const reason = readReason(answer.reason, status);
  const field = reason !== undefined && topicReasons.has(reason) ? topicField(native) : undefined;
  if (field !== undefined) return rejected(reason as string, field);
  const result = classifyHttp(answer, reasons, reason);
  if (result.kind !== 'unregistered') return result;
  const { timestamp } = answer;
  const known = timestamp !== undefined && Number.isFinite(new Date(timestamp).getTime());
  return known ? { ...result, since: new Date(timestamp) } : result;
}

/** Undefined where it is no word of Apple's kind: an answer is not to be trusted with the logs. */
function readReason(reason: string | undefined, status: number): string | undefined {
  if (reason === undefined || !/^[A-Za-z]{1,64}$/.test(reason)) return undefined;
  // The word of a dead token under another status is not what Apple documents: by the status then.
  return Object.hasOwn(goneStatus, reason) && goneStatus[reason] !== status ? undefined : reason;
}

function topicField(native: ApnsNative | undefined): string | undefined {
  const { headers } = native ?? {};
  if (headers?.['apns-topic'] !== undefined) return 'native.apns.headers.apns-topic';
  return headers?.['apns-push-type'] === undefined ? undefined : 'native.apns.headers.apns-push-type';
}

function classifyLoss({ code, unsent, message }: Extract<ApnsReply, { kind: 'lost' }>): SendResult {
  if (code === 'tidings.invalid_request') return rejected(code, 'native.apns.headers');
  if (certificateAlert.test(code)) return unauthorized(code);
  if (unsent) return { kind: 'unavailable', scope: 'provider', code, message, unsent: true };
  return { kind: 'ambiguous', scope: 'provider', code, message };
}
