import type { FieldViolation } from './google-error.ts';
import { isObject } from './json.ts';

// The request of messages:send as protobuf's JSON mapping sees it: names, types, nothing else.
// @see https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages

type Type =
  | 'string'
  | 'boolean'
  | 'integer'
  | 'number'
  | 'duration'
  | 'timestamp'
  | 'struct'
  | 'strings'
  | 'stringMap'
  | 'durations'
  | readonly string[]
  | Fields;

interface Fields {
  readonly [camelName: string]: Type;
}

const label: Fields = { analyticsLabel: 'string' };

const androidNotification: Fields = {
  title: 'string',
  body: 'string',
  icon: 'string',
  color: 'string',
  sound: 'string',
  tag: 'string',
  id: 'integer',
  clickAction: 'string',
  bodyLocKey: 'string',
  bodyLocArgs: 'strings',
  titleLocKey: 'string',
  titleLocArgs: 'strings',
  channelId: 'string',
  ticker: 'string',
  sticky: 'boolean',
  eventTime: 'timestamp',
  localOnly: 'boolean',
  notificationPriority: [
    'PRIORITY_UNSPECIFIED',
    'PRIORITY_MIN',
    'PRIORITY_LOW',
    'PRIORITY_DEFAULT',
    'PRIORITY_HIGH',
    'PRIORITY_MAX',
  ],
  defaultSound: 'boolean',
  defaultVibrateTimings: 'boolean',
  defaultLightSettings: 'boolean',
  vibrateTimings: 'durations',
  visibility: ['VISIBILITY_UNSPECIFIED', 'PRIVATE', 'PUBLIC', 'SECRET'],
  notificationCount: 'integer',
  lightSettings: {
    color: { red: 'number', green: 'number', blue: 'number', alpha: 'number' },
    lightOnDuration: 'duration',
    lightOffDuration: 'duration',
  },
  image: 'string',
  bypassProxyNotification: 'boolean',
  proxy: ['PROXY_UNSPECIFIED', 'ALLOW', 'DENY', 'IF_PRIORITY_LOWERED'],
};

const request: Fields = {
  validateOnly: 'boolean',
  message: {
    name: 'string',
    token: 'string',
    fid: 'string',
    topic: 'string',
    condition: 'string',
    data: 'stringMap',
    notification: { title: 'string', body: 'string', image: 'string' },
    android: {
      collapseKey: 'string',
      priority: ['NORMAL', 'HIGH'],
      ttl: 'duration',
      restrictedPackageName: 'string',
      data: 'stringMap',
      notification: androidNotification,
      fcmOptions: label,
      directBootOk: 'boolean',
      bandwidthConstrainedOk: 'boolean',
      restrictedSatelliteOk: 'boolean',
    },
    apns: {
      headers: 'stringMap',
      payload: 'struct',
      liveActivityToken: 'string',
      fcmOptions: { ...label, image: 'string' },
    },
    webpush: {
      headers: 'stringMap',
      data: 'stringMap',
      notification: 'struct',
      fcmOptions: { ...label, link: 'string' },
    },
    fcmOptions: label,
  },
};

const scalarChecks: Readonly<Record<string, { readonly name: string; is(value: unknown): boolean }>> = {
  string: { name: 'TYPE_STRING', is: (value) => typeof value === 'string' },
  boolean: { name: 'TYPE_BOOL', is: (value) => typeof value === 'boolean' },
  integer: { name: 'TYPE_INT32', is: (value) => Number.isInteger(Number(value)) && isNumeric(value) },
  number: { name: 'TYPE_FLOAT', is: isNumeric },
  duration: {
    name: 'type.googleapis.com/google.protobuf.Duration',
    is: (value) => typeof value === 'string' && /^-?\d{1,12}(?:\.\d{1,9})?s$/.test(value),
  },
  timestamp: {
    name: 'type.googleapis.com/google.protobuf.Timestamp',
    is: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) && !Number.isNaN(Date.parse(value)),
  },
  struct: { name: 'type.googleapis.com/google.protobuf.Struct', is: isObject },
};

const listItems: Readonly<Record<string, string>> = { strings: 'string', durations: 'duration' };

/** Everything in the request that FCM does not know or that has another type. */
export function checkShape(body: unknown): readonly FieldViolation[] {
  const violations: FieldViolation[] = [];
  checkFields(body, request, '', violations);
  return violations;
}

/** A message by the names of the schema, whichever of the two spellings it came in. */
export function fieldOf(object: unknown, camelName: string): unknown {
  if (!isObject(object)) return undefined;
  return object[camelName] ?? object[toSnake(camelName)] ?? undefined;
}

function checkFields(value: unknown, fields: Fields, path: string, violations: FieldViolation[]): void {
  if (!isObject(value)) {
    violations.push(invalidValue(path, 'object', value));
    return;
  }
  for (const [name, item] of Object.entries(value)) {
    const camelName = toCamel(name);
    const type = Object.hasOwn(fields, camelName) ? fields[camelName] : undefined;
    if (type === undefined) violations.push(unknownName(path, name));
    // Protobuf reads null as a field that isn't there.
    else if (item !== null) checkValue(item, type, path === '' ? name : `${path}.${name}`, violations);
  }
}

function checkValue(value: unknown, type: Type, path: string, violations: FieldViolation[]): void {
  if (typeof type !== 'string') {
    if (!isEnum(type)) checkFields(value, type, path, violations);
    else if (typeof value !== 'string' || !type.includes(value.toUpperCase()))
      violations.push(invalidValue(path, 'TYPE_ENUM', value));
    return;
  }
  if (type === 'stringMap') {
    checkStringMap(value, path, violations);
    return;
  }
  const itemType = listItems[type];
  if (itemType === undefined) checkScalar(value, type, path, violations);
  else if (!Array.isArray(value)) violations.push(invalidValue(path, 'list', value));
  else for (const [index, item] of value.entries()) checkScalar(item, itemType, `${path}[${index}]`, violations);
}

function checkStringMap(value: unknown, path: string, violations: FieldViolation[]): void {
  if (!isObject(value)) {
    violations.push(invalidValue(path, 'map', value));
    return;
  }
  for (const [index, item] of Object.values(value).entries()) {
    if (typeof item !== 'string') violations.push(invalidValue(`${path}[${index}].value`, 'TYPE_STRING', item));
  }
}

function checkScalar(value: unknown, type: string, path: string, violations: FieldViolation[]): void {
  const check = scalarChecks[type];
  if (check !== undefined && !check.is(value)) violations.push(invalidValue(path, check.name, value));
}

function isEnum(type: Exclude<Type, string>): type is readonly string[] {
  return Array.isArray(type);
}

function isNumeric(value: unknown): boolean {
  if (typeof value === 'string') return value.trim() !== '' && Number.isFinite(Number(value));
  return typeof value === 'number' && Number.isFinite(value);
}

function unknownName(path: string, name: string): FieldViolation {
  const at = path === '' ? '' : ` at '${path}'`;
  const description = `Invalid JSON payload received. Unknown name "${name}"${at}: Cannot find field.`;
  return path === '' ? { description } : { field: path, description };
}

function invalidValue(path: string, type: string, value: unknown): FieldViolation {
  const text = JSON.stringify(value) ?? '';
  return { field: path, description: `Invalid value at '${path}' (${type}), ${text.slice(0, 100)}` };
}

function toCamel(name: string): string {
  return name.includes('_') ? name.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase()) : name;
}

const snakeNames = new Map<string, string>();

/** Only ever asked for names of the schema, so what it remembers is bounded. */
function toSnake(name: string): string {
  let snake = snakeNames.get(name);
  if (snake === undefined) {
    snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    snakeNames.set(name, snake);
  }
  return snake;
}
