import { checkShape, fieldOf } from './fcm-schema.ts';
import { googleError, type FieldViolation } from './google-error.ts';
import { isObject } from './json.ts';
import type { Reply } from './provider.ts';

// The rules of FCM for one request, but for authorization and whether the target exists.

export type TargetKind = 'token' | 'fid' | 'topic' | 'condition';

export interface FcmRequest {
  readonly message: Readonly<Record<string, unknown>>;
  readonly target: { readonly kind: TargetKind; readonly value: string };
  readonly validateOnly: boolean;
}

const targetKinds: readonly TargetKind[] = ['token', 'fid', 'topic', 'condition'];

/** Seconds: four weeks. */
const longestTtl = 2_419_200;
const payloadLimit = { target: 4096, topic: 2048 };
/** Topics that one condition may name. */
const conditionLimit = 5;

const reservedKey = /^(?:from$|message_type$|gcm|google)/;
const topicName = /^[a-zA-Z0-9\-_.~%]{1,900}$/;
const analyticsLabel = /^[a-zA-Z0-9\-_.~%]{1,50}$/;
const registrationToken = /^[\w-]{11,64}:APA91b[\w-]{100,300}$/;
const installationId = /^[\w-]{22}$/;

/** Reads a parsed body; refuses as FCM does. */
export function readRequest(body: unknown): FcmRequest | Reply {
  if (!isObject(body)) return refuseShape([{ description: 'Invalid JSON payload received. Unexpected token.' }]);
  const shape = checkShape(body);
  if (shape.length > 0) return refuseShape(shape);
  const message = fieldOf(body, 'message');
  if (!isObject(message)) return refuseRules([{ field: 'message', description: 'Message is not set.' }]);

  const [target, ...others] = targetKinds.flatMap((kind) => {
    const value = fieldOf(message, kind);
    return typeof value === 'string' ? [{ kind, value }] : [];
  });
  if (target === undefined) return refuseRules([{ description: 'Recipient of the message is not set.' }]);
  if (others.length > 0) {
    const description = `Invalid value at 'message' (oneof), oneof field 'target' is already set. Cannot set '${others[0]?.kind}'`;
    return refuseShape([{ field: 'message', description }]);
  }
  const violations = [
    ...checkTarget(target.kind, target.value),
    ...checkData(message),
    ...checkAndroid(message),
    ...checkOptions(message),
    ...checkSize(message, target.kind),
  ];
  if (violations.length > 0) return refuseRules(violations);
  return { message, target, validateOnly: fieldOf(body, 'validateOnly') === true };
}

/** Refused by the layer that reads JSON: without FCM's own detail. */
function refuseShape(violations: readonly FieldViolation[]): Reply {
  const message = violations.map(({ description }) => description).join('\n');
  return googleError({ status: 400, message, violations, plain: true });
}

function refuseRules(violations: readonly FieldViolation[]): Reply {
  const named = violations.filter(({ field }) => field !== undefined);
  const message = violations[0]?.description;
  return googleError({ status: 400, message, ...(named.length > 0 && { violations: named }) });
}

function checkTarget(kind: TargetKind, value: string): readonly FieldViolation[] {
  switch (kind) {
    case 'token':
      if (registrationToken.test(value)) return [];
      return [{ description: 'The registration token is not a valid FCM registration token' }];
    case 'fid':
      if (installationId.test(value)) return [];
      return [{ field: 'message.fid', description: 'Invalid Firebase installation ID' }];
    case 'topic':
      return topicName.test(value) ? [] : [{ field: 'message.topic', description: 'Invalid topic name' }];
    case 'condition':
      return isCondition(value) ? [] : [{ field: 'message.condition', description: 'Invalid condition expression' }];
  }
}

/** Topics joined by && and ||, negated by !, grouped by parentheses. */
function isCondition(condition: string): boolean {
  if (condition.length > 10_000) return false;
  let topics = 0;
  let rest = condition.replace(/'([^']*)'\s+in\s+topics/g, (_match, topic: string) => {
    topics += topicName.test(topic) ? 1 : Infinity;
    return 'T';
  });
  rest = rest.replace(/\s+/g, '');
  if (topics === 0 || topics > conditionLimit) return false;
  // Each round folds the innermost expressions; what is no expression stays.
  for (let before = ''; before !== rest;) {
    before = rest;
    rest = rest.replace(/!T|\(T\)|T(?:&&|\|\|)T/g, 'T');
  }
  return rest === 'T';
}

function checkData(message: Record<string, unknown>): readonly FieldViolation[] {
  return [
    ['message.data', fieldOf(message, 'data')] as const,
    ['message.android.data', fieldOf(fieldOf(message, 'android'), 'data')] as const,
  ].flatMap(([field, data]) =>
    isObject(data)
      ? Object.keys(data)
          .filter((key) => reservedKey.test(key))
          .map((key) => ({ field, description: `Invalid data payload key: ${key}` }))
      : [],
  );
}

function checkAndroid(message: Record<string, unknown>): readonly FieldViolation[] {
  const android = fieldOf(message, 'android');
  const ttl = fieldOf(android, 'ttl');
  const color = fieldOf(fieldOf(android, 'notification'), 'color');
  const violations: FieldViolation[] = [];
  if (typeof ttl === 'string' && !(Number.parseFloat(ttl) >= 0 && Number.parseFloat(ttl) <= longestTtl)) {
    violations.push({ field: 'message.android.ttl', description: `Invalid TTL: must be from 0s to ${longestTtl}s` });
  }
  if (typeof color === 'string' && !/^#[0-9a-f]{6}$/i.test(color)) {
    violations.push({ field: 'message.android.notification.color', description: 'Invalid color: expected #rrggbb' });
  }
  return violations;
}

function checkOptions(message: Record<string, unknown>): readonly FieldViolation[] {
  const violations: FieldViolation[] = [];
  for (const [path, holder] of [
    ['message', message],
    ...['android', 'apns', 'webpush'].map((name) => [`message.${name}`, fieldOf(message, name)] as const),
  ] as const) {
    const label = fieldOf(fieldOf(holder, 'fcmOptions'), 'analyticsLabel');
    if (typeof label === 'string' && !analyticsLabel.test(label)) {
      violations.push({ field: `${path}.fcm_options.analytics_label`, description: 'Invalid analytics label' });
    }
  }
  const link = fieldOf(fieldOf(fieldOf(message, 'webpush'), 'fcmOptions'), 'link');
  if (typeof link === 'string' && !link.startsWith('https://')) {
    violations.push({ field: 'message.webpush.fcm_options.link', description: 'Invalid link: expected an HTTPS URL' });
  }
  return violations;
}

/** What each platform gets, each on its own: fields of the platform's block replace the common ones. */
function checkSize(message: Record<string, unknown>, kind: TargetKind): readonly FieldViolation[] {
  const limit = kind === 'topic' || kind === 'condition' ? payloadLimit.topic : payloadLimit.target;
  const android = fieldOf(message, 'android');
  const webpush = fieldOf(message, 'webpush');
  const data = fieldOf(message, 'data');
  const notification = fieldOf(message, 'notification');
  const sizes = {
    Android:
      textBytes(fieldOf(android, 'data') ?? data) +
      textBytes({ ...asObject(notification), ...asObject(fieldOf(android, 'notification')) }),
    APNs: jsonBytes(fieldOf(fieldOf(message, 'apns'), 'payload')),
    Webpush:
      webpush === undefined
        ? 0
        : textBytes(fieldOf(webpush, 'data') ?? data) + jsonBytes(fieldOf(webpush, 'notification')),
  };
  return Object.entries(sizes)
    .filter(([, size]) => size > limit)
    .map(([platform]) => ({ field: 'message', description: `${platform} message is too big` }));
}

function asObject(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}

/** Names and values without the JSON around them. */
function textBytes(value: unknown): number {
  let bytes = 0;
  for (const [name, item] of Object.entries(asObject(value))) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(typeof item === 'string' ? item : JSON.stringify(item));
  }
  return bytes;
}

function jsonBytes(value: unknown): number {
  return value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value));
}
