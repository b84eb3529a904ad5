import { isObject } from './schemas.ts';

/** What an error body says, as far as it has the API's form; all of it untrusted. */
export interface ErrorBody {
  /** The API front's word: `'NOT_FOUND'`. */
  readonly status: string | undefined;
  /** FCM's own word: `'UNREGISTERED'`. */
  readonly errorCode: string | undefined;
  /** Paths of fields that a BadRequest names: `'message.token'`. */
  readonly fields: readonly string[];
  /** The text blames the token's form, as it does where no BadRequest comes along. */
  readonly namesInvalidToken: boolean;
  /** Whose quota is used up, as far as a 429 tells. */
  readonly quota: 'target' | 'project';
  /** Milliseconds, from a RetryInfo. */
  readonly retryDelay: number | undefined;
}

type Fields = { readonly [key: string]: unknown };

const word = /^[A-Z][A-Z_]{0,63}$/;
const fieldPath = /^message(?:\.[a-z_]{1,32}){0,6}$/;
const messageName = /^projects\/[^/\s]{1,128}\/messages\/[^\s]{1,256}$/;

/** The name that FCM gave the message; undefined if this is no answer of FCM's. */
export function acceptedName(body: string): string | undefined {
  const name = parse(body)['name'];
  return typeof name === 'string' && messageName.test(name) ? name : undefined;
}

/** Reads an error body; whatever has not the expected form counts as not said. */
export function readError(body: string): ErrorBody {
  const error = record(parse(body)['error']);
  const details = list(error['details']);
  const violations = ofType(details, 'google.rpc.BadRequest').flatMap((each) => list(each['fieldViolations']));
  const text = string(error['message']);
  return {
    status: matching(error['status'], word),
    errorCode: matching(ofType(details, 'google.firebase.fcm.v1.FcmError')[0]?.['errorCode'], word),
    fields: violations.map((each) => string(each['field'])).filter((each) => fieldPath.test(each)),
    namesInvalidToken: /not a valid FCM registration token/i.test(text),
    quota: quotaOf(details, text),
    retryDelay: seconds(ofType(details, 'google.rpc.RetryInfo')[0]?.['retryDelay']),
  };
}

/**
 * The form of FCM's QuotaFailure is not documented beyond its existence, so its words decide. Of a subject only what stands
 * before the colon: a project may well be named after a device.
 */
function quotaOf(details: readonly Fields[], text: string): ErrorBody['quota'] {
  const violations = ofType(details, 'google.rpc.QuotaFailure').flatMap((each) => list(each['violations']));
  const texts = violations.flatMap((each) => [
    string(each['subject']).split(':', 1)[0] ?? '',
    string(each['description']),
  ]);
  return [...texts, text].some((each) => /\b(?:device|topic)\b/i.test(each)) ? 'target' : 'project';
}

function parse(body: string): Fields {
  try {
    return record(JSON.parse(body));
  } catch {
    return {};
  }
}

function ofType(details: readonly Fields[], type: string): readonly Fields[] {
  return details.filter((each) => each['@type'] === `type.googleapis.com/${type}`);
}

function record(value: unknown): Fields {
  return isObject(value) ? value : {};
}

function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function string(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function matching(value: unknown, form: RegExp): string | undefined {
  return typeof value === 'string' && form.test(value) ? value : undefined;
}

/** A protobuf Duration in JSON: `'1.5s'`. */
function seconds(value: unknown): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(string(value));
  return match?.[1] === undefined ? undefined : Math.ceil(Number(match[1]) * 1000);
}
