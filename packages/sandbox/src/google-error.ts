import type { Reply } from './provider.ts';

/** What is wrong with one field of a request. */
export interface FieldViolation {
  readonly field?: string;
  readonly description: string;
}

/** HTTP status to the status word of Google's APIs. @see https://cloud.google.com/apis/design/errors */
const statusWord: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** Words that only ever stand in `status`; any other one is FCM's own and stands in `details`. */
const plainWords = new Set([
  'ABORTED',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'UNAUTHENTICATED',
]);

/** FCM's own word for a status, where there is one and nothing else was asked for. */
const usualCode: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  429: 'QUOTA_EXCEEDED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
};

const messages: Readonly<Record<string, string>> = {
  INTERNAL: 'Internal error encountered.',
  INVALID_ARGUMENT: 'Request contains an invalid argument.',
  NOT_FOUND: 'Requested entity was not found.',
  PERMISSION_DENIED: 'The caller does not have permission',
  QUOTA_EXCEEDED: 'Quota exceeded.',
  RESOURCE_EXHAUSTED: 'Resource has been exhausted (e.g. check quota).',
  SENDER_ID_MISMATCH: 'SenderId mismatch',
  THIRD_PARTY_AUTH_ERROR: 'Auth error from APNS or Web Push Service',
  UNAUTHENTICATED:
    'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.',
  UNAVAILABLE: 'The service is currently unavailable.',
  UNREGISTERED: 'Requested entity was not found.',
};

export function jsonReply(status: number, value: unknown): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=UTF-8' },
    body: `${JSON.stringify(value, undefined, 2)}\n`,
  };
}

/** An error as Google's APIs write it. */
export function googleError(error: {
  readonly status: number;
  /** FCM's word in `details`, or the word in `status`; the usual one by default. */
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly violations?: readonly FieldViolation[] | undefined;
  /** Without FCM's own detail, as errors of the layer in front of it are. */
  readonly plain?: boolean | undefined;
}): Reply {
  const { status: code, reason, violations } = error;
  const isPlain = error.plain === true || (reason !== undefined && plainWords.has(reason));
  const errorCode = isPlain ? undefined : (reason ?? usualCode[code]);
  const status = (isPlain ? reason : undefined) ?? statusWord[code] ?? 'UNKNOWN';
  const details = [
    ...(errorCode === undefined ? [] : [{ '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode }]),
    ...(violations === undefined
      ? []
      : [{ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: violations }]),
  ];
  const word = errorCode ?? status;
  const message = error.message ?? messages[word] ?? word;
  const body = { error: { code, message, status, ...(details.length > 0 && { details }) } };
  return { ...jsonReply(code, body), reason: word };
}
