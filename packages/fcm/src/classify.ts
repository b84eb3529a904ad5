import type { Failure, SendResult } from '@tidings/core';
import { parseRetryAfter } from '@tidings/core';
import type { ErrorBody } from './answer.ts';
import { acceptedName, readError } from './answer.ts';
import type { FcmTargetKind } from './schemas.ts';

/** What `classifyAnswer` reads; the transport's Answer fits. */
export interface FcmAnswer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: string;
}

type Row = { readonly [Kind in Failure['kind']]: Omit<Extract<Failure, { kind: Kind }>, 'code'> }[Failure['kind']];
interface Table {
  readonly [key: string]: Row;
}

const unregistered: Row = { kind: 'unregistered', scope: 'target' };
const rejected: Row = { kind: 'rejected', scope: 'message' };
/** The only refusal that may turn out to be about the token. */
const invalidArgument: Row = { kind: 'rejected', scope: 'message' };
const rejectedTarget: Row = { kind: 'rejected', scope: 'target' };
const unavailable: Row = { kind: 'unavailable', scope: 'provider' };
const ambiguous: Row = { kind: 'ambiguous', scope: 'provider' };
const unauthorized: Row = { kind: 'unauthorized', scope: 'credential' };
const throttled: Row = { kind: 'throttled', scope: 'provider' };
const throttledTarget: Row = { kind: 'throttled', scope: 'target' };

/** The project's quota refills by the minute; FCM asks for at least that where it names no time. */
const quotaWait = 60_000;
/** A provider's hint beyond a day is taken for a mistake and cut to it. */
const longestWait = 86_400_000;

/**
 * By HTTP status and `FcmError.errorCode` together: a word under a status that it is not documented for decides nothing,
 * so that no stray answer can purge a token.
 * @see https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
 */
export const byErrorCode: Table = {
  '404 UNREGISTERED': unregistered,
  // The token belongs to another project: gone for this sender, and it will not come back.
  '403 SENDER_ID_MISMATCH': unregistered,
  '400 INVALID_ARGUMENT': invalidArgument,
  '429 QUOTA_EXCEEDED': throttled,
  '500 INTERNAL': unavailable,
  '503 UNAVAILABLE': unavailable,
  // FCM's own credentials towards Apple or a push service (uploaded in the Firebase console) are wrong. Only targets there
  // are concerned: `unauthorized` would stop the lane for every Android device as well.
  '401 THIRD_PARTY_AUTH_ERROR': rejectedTarget,
  '401 APNS_AUTH_ERROR': rejectedTarget,
};

/**
 * By HTTP status and the word of the API's front (`error.status`), where FCM itself said nothing.
 * 404 is the project and 403 the account or the API's being switched off: configuration, never the token.
 * @see https://cloud.google.com/apis/design/errors
 */
export const byStatusWord: Table = {
  '400 INVALID_ARGUMENT': invalidArgument,
  '400 FAILED_PRECONDITION': rejected,
  '400 OUT_OF_RANGE': rejected,
  '401 UNAUTHENTICATED': unauthorized,
  '403 PERMISSION_DENIED': unauthorized,
  '404 NOT_FOUND': unauthorized,
  '409 ABORTED': unavailable,
  '429 RESOURCE_EXHAUSTED': throttled,
  '499 CANCELLED': ambiguous,
  '500 INTERNAL': unavailable,
  '500 UNKNOWN': unavailable,
  '503 UNAVAILABLE': unavailable,
  '504 DEADLINE_EXCEEDED': unavailable,
};

/** Where the body tells nothing: a proxy's page, an unknown word. None of these purges a token. */
export const byHttpStatus: Table = {
  401: unauthorized,
  403: unauthorized,
  404: unauthorized,
  408: unavailable,
  429: throttled,
  499: ambiguous,
};

/**
 * FCM's answer to one message. Never throws, whatever the body holds; the failure repeats nothing of it but words of the API's own form.
 * @param target what the request was addressed to: only a token or an installation id can be gone
 * @param now epoch ms, for a Retry-After given as a date
 */
export function classifyAnswer(answer: FcmAnswer, target: FcmTargetKind, now: number): SendResult {
  const { status } = answer;
  if (status >= 200 && status < 300) {
    const messageId = acceptedName(answer.body);
    // Some 2xx that FCM did not write: the request may have reached it or not.
    return messageId === undefined
      ? { ...ambiguous, code: 'tidings.invalid_answer', message: 'a success without a message name' }
      : { kind: 'accepted', messageId };
  }
  const error = readError(answer.body);
  const { row, code } = lookUp(status, error);
  return timed({ ...refine(row, error, target), code }, answer, error, now);
}

function lookUp(status: number, error: ErrorBody): { readonly row: Row; readonly code: string } {
  const { errorCode, status: word } = error;
  const code = errorCode ?? word ?? `http_${status}`;
  const known =
    errorCode === undefined ? own(byStatusWord, `${status} ${word}`) : own(byErrorCode, `${status} ${errorCode}`);
  if (known !== undefined) return { row: known, code };
  // A word that FCM may have added since: its judgement on this target, not on our credentials.
  if (errorCode !== undefined && (status === 403 || status === 404)) return { row: rejectedTarget, code };
  const row = own(byHttpStatus, String(status));
  // A redirect is not followed: like a server error it says that FCM was not there to ask.
  return { row: row ?? (status >= 400 && status < 500 ? rejected : unavailable), code };
}

function own(table: Table, key: string): Row | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/** What the table's row leaves open: whose fault an invalid argument is, which quota is used up. */
function refine(row: Row, error: ErrorBody, target: FcmTargetKind): Row {
  const hasDevice = target === 'token' || target === 'fid';
  if (row === unregistered) return hasDevice ? unregistered : rejectedTarget;
  if (row === throttled) return error.quota === 'target' ? throttledTarget : throttled;
  if (row !== invalidArgument) return row;
  const field = error.fields.find((each) => each === `message.${target}`);
  if (hasDevice && (field !== undefined || error.namesInvalidToken)) return unregistered;
  if (field !== undefined) return rejectedTarget;
  const [first] = error.fields;
  return first === undefined ? row : { ...row, message: `FCM refused ${first}` };
}

function timed(failure: Failure, answer: FcmAnswer, error: ErrorBody, now: number): Failure {
  if (failure.kind !== 'throttled' && failure.kind !== 'unavailable') return failure;
  const asked = parseRetryAfter(answer.headers.get('retry-after'), now) ?? error.retryDelay;
  const wait = asked ?? (failure.kind === 'throttled' ? quotaWait : undefined);
  return wait === undefined ? failure : { ...failure, retryAfter: Math.min(wait, longestWait) };
}
