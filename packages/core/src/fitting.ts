import type { Adapter, Content } from './adapter.ts';
import { contentOf, type DeliveryRecord } from './record.ts';
import {
  isThenable,
  ownVendor,
  problemFinder,
  type Awaitable,
  type Issue,
  type Schema,
  type SchemaResult,
} from './schema.ts';
import type { Problem } from './validate.ts';

type Checked = SchemaResult<unknown>;

/**
 * Checks a delivery against an adapter's schemas, and keeps in the record what they make of it. Where they only check (ours do), nothing is
 * kept: what the caller wrote is made into content again when it is sent, which costs less than holding it for all that wait.
 */
export function fit(record: DeliveryRecord, adapter: Adapter): Awaitable<Problem | undefined> {
  if (record.rare === null && record.message.native === undefined) {
    const target = problemFinder(adapter.target);
    const content = adapter.content === undefined ? noProblem : problemFinder(adapter.content);
    if (target !== undefined && content !== undefined) {
      record.prepared = null;
      const issue = target(record.to);
      if (issue !== undefined) return problemOf([issue], pathOf(record));
      const wrong = content === noProblem ? undefined : content(contentOf(record));
      return wrong === undefined ? undefined : problemOf([wrong], contentPath(record));
    }
  }
  return fitAny(record, adapter);
}

const noProblem = (): undefined => undefined;

/** The same for schemas of other libraries, native parts and content that a hook made. */
function fitAny(record: DeliveryRecord, adapter: Adapter): Awaitable<Problem | undefined> {
  const { made, sealed } = record.rare ?? nothingMade;
  const target = checkTarget(adapter.target, record);
  const content = adapter.content?.['~standard'].validate(defined(made ?? contentOf(record)));
  // What `encrypt` returned is all that the provider may see.
  const given = sealed ? undefined : record.message.native?.[adapter.provider];
  const native = given === undefined ? undefined : adapter.native?.['~standard'].validate(given);
  if (isThenable(target) || isThenable(content) || isThenable(native)) {
    return Promise.all([target, content, native]).then((checked) => keep(record, adapter, given, ...checked));
  }
  return keep(record, adapter, given, target, content, native);
}

const nothingMade = { made: undefined, sealed: false };

function keep(
  record: DeliveryRecord,
  adapter: Adapter,
  given: unknown,
  target: Checked,
  content: Checked | undefined,
  native: Checked | undefined,
): Problem | undefined {
  if (target.issues !== undefined) return problemOf(target.issues, pathOf(record));
  if (content?.issues !== undefined) return problemOf(content.issues, contentPath(record));
  if (native?.issues !== undefined) return problemOf(native.issues, `native.${adapter.provider}`);
  const { made, sealed } = record.rare ?? nothingMade;
  if (made === undefined && !sealed && isOwn(adapter.target) && isOwn(adapter.content) && isOwn(adapter.native)) {
    record.prepared = null;
    return undefined;
  }
  record.prepared = {
    target: target.value,
    content: (content === undefined ? (made ?? contentOf(record)) : content.value) as Content,
    native: native === undefined ? given : native.value,
  };
  return undefined;
}

/** A strict schema of another library knows of no field that is there as undefined. */
function defined(content: Content): Content {
  return Object.fromEntries(Object.entries(content).filter(([, value]) => value !== undefined));
}

function checkTarget({ '~standard': standard }: Schema<unknown, unknown>, record: DeliveryRecord): Awaitable<Checked> {
  if (standard.vendor === ownVendor) return standard.validate(record.to);
  // A strict schema knows of no channel, nor of what an audience notes.
  const { channel: _channel, binding: _binding, ...to } = record.to;
  return standard.validate(to);
}

const isOwn = (schema: Schema<unknown, unknown> | undefined): boolean =>
  schema === undefined || schema['~standard'].vendor === ownVendor;

/** Where the delivery's target stands in its message. */
function pathOf({ message, index, to }: DeliveryRecord): string {
  if (Array.isArray(message.to)) {
    // Recipients before it have several places, or none; what they became has no place of its own.
    const place = message.to[index] === to ? index : message.to.indexOf(to);
    return place < 0 ? 'to' : `to[${place}]`;
  }
  if (typeof message.to === 'object' && message.to !== null && 'firstOf' in message.to) return `to.firstOf[${index}]`;
  return 'to';
}

function contentPath({ message, channel, rare }: DeliveryRecord): string {
  // Made by a hook: it stands nowhere in the message.
  if (rare !== null && rare.made !== undefined) return '';
  return message.content?.[channel.name] === undefined ? '' : `content.${channel.name}`;
}

function problemOf(issues: readonly Issue[], field: string): Problem {
  const [issue] = issues;
  let path = field;
  for (const part of issue?.path ?? []) {
    const key: unknown = typeof part === 'object' && part !== null && 'key' in part ? part.key : part;
    path += typeof key === 'number' ? `[${key}]` : path === '' ? String(key) : `.${String(key)}`;
  }
  return {
    field: path === '' ? 'content' : path,
    expected: issue?.message.replace(/^expected /, '') ?? 'a valid value',
  };
}
