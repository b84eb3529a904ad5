import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEngine, isTidingsError, type Outcome } from '../src/index.ts';
import { scriptAdapter } from '../src/testing/script-adapter.ts';
import { virtualRuntime } from '../src/testing/virtual-runtime.ts';

type Loose = Record<string, unknown>;
interface Case {
  readonly message: unknown;
  /** The field that is wrong; null where none is; undefined where anything may be. */
  readonly field: string | null | undefined;
}

const text = fc.string({ maxLength: 30 });
const key = fc.string({ minLength: 1, maxLength: 20 });
const target = fc.record({ channel: fc.constant('push'), token: key });

/** A message with nothing wrong. */
const valid = fc
  .record(
    {
      to: target,
      title: text,
      body: text,
      url: text,
      data: fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 }),
      ttl: fc.constantFrom(1000, '10m', '2h', '7d', 0),
      priority: fc.constantFrom('high', 'normal', 'low'),
      tenant: key,
      ref: fc.anything(),
      policy: fc.constantFrom({ timeout: '5s' }, { retry: false }, { ambiguous: 'stop' }),
      content: fc.constantFrom({ push: { title: 'own' } }, {}),
      native: fc.constantFrom({ script: { raw: 1 } }, {}),
    },
    { requiredKeys: ['to'] },
  )
  .map((message): Loose => ({ ...message, data: message.data && plain(message.data) }));

/** JSON has no such key, and an object made of it would have another prototype. */
function plain(data: object): object {
  return Object.fromEntries(Object.entries(data).filter(([name]) => name !== '__proto__'));
}

const cyclic: Loose = {};
cyclic['self'] = cyclic;
let deep: Loose = {};
for (let level = 0; level < 40; level++) deep = { deep };

/** One thing that is wrong, and the field that must be named. */
const wrongs: readonly (readonly [string, (message: Loose) => Loose])[] = [
  ['to.token', (message) => ({ ...message, to: { channel: 'push' } })],
  ['to.token', (message) => ({ ...message, to: { channel: 'push', token: 7 } })],
  ['to.channel', (message) => ({ ...message, to: { channel: 'pigeon', token: 'a' } })],
  ['to.channel', (message) => ({ ...message, to: { token: 'a' } })],
  ['to', (message) => ({ ...message, to: 'a' })],
  ['to', (message) => ({ ...message, to: undefined })],
  ['title', (message) => ({ ...message, title: 7 })],
  ['body', (message) => ({ ...message, body: 'x'.repeat(1_000_000) })],
  ['url', (message) => ({ ...message, url: {} })],
  ['image', (message) => ({ ...message, image: null })],
  ['ttl', (message) => ({ ...message, ttl: -1 })],
  ['ttl', (message) => ({ ...message, ttl: '10 minutes' })],
  ['ttl', (message) => ({ ...message, ttl: '31d' })],
  ['priority', (message) => ({ ...message, priority: 'urgent' })],
  ['collapseKey', (message) => ({ ...message, collapseKey: '' })],
  ['idempotencyKey', (message) => ({ ...message, idempotencyKey: 'k'.repeat(513) })],
  ['tenant', (message) => ({ ...message, tenant: 7 })],
  ['notBefore', (message) => ({ ...message, notBefore: new Date(Number.NaN) })],
  ['policy.retry.attempts', (message) => ({ ...message, policy: { retry: { attempts: 0 } } })],
  ['policy.rate', (message) => ({ ...message, policy: { rate: '1/s' } })],
  ['content', (message) => ({ ...message, content: [] })],
  ['content.pigeon', (message) => ({ ...message, content: { pigeon: {} } })],
  ['native.apn', (message) => ({ ...message, native: { apn: {} } })],
  ['titel', (message) => ({ ...message, titel: 'Hi' })],
  ['data', (message) => ({ ...message, data: cyclic })],
  ['data', (message) => ({ ...message, data: deep })],
  ['data', (message) => ({ ...message, data: 'text' })],
  ['data.a.b[1]', (message) => ({ ...message, data: { a: { b: [1, Number.NaN] } } })],
  ['data.at', (message) => ({ ...message, data: { at: new Date(0) } })],
  ['data.big', (message) => ({ ...message, data: { big: 1n } })],
];

const wrong = fc
  .tuple(valid, fc.constantFrom(...wrongs))
  .map(([message, [field, spoil]]): Case => ({ message: spoil(message), field }));

const throwing = new Proxy(
  {},
  {
    get: () => {
      throw new Error('getter');
    },
    ownKeys: () => {
      throw new Error('keys');
    },
  },
);

/** Anything at all, often with the shape of a message. */
const hostile = fc
  .oneof(
    fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withTypedArray: true }),
    fc.constantFrom(null, undefined, throwing, [], () => {}, Symbol('x'), new Map()),
    fc
      .tuple(valid, fc.anything(), fc.constantFrom('to', 'title', 'data', 'ttl', 'policy', 'content', 'native'))
      .map(([message, value, field]) => ({ ...message, [field]: value })),
    fc.array(fc.oneof(target, fc.anything()), { maxLength: 4 }).map((to) => ({ to, title: '\ud800' })),
    fc.anything().map((firstOf) => ({ to: { firstOf } })),
    fc.constantFrom(
      {
        to: { channel: 'push', token: 'a' },
        data: JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}') as object,
      },
      { to: { channel: '__proto__', token: 'a' } },
      { to: throwing },
      { to: { channel: 'push', token: 'a' }, data: throwing },
    ),
  )
  .map((message): Case => ({ message, field: undefined }));

const cases = fc.oneof(
  { weight: 3, arbitrary: valid.map((message): Case => ({ message, field: null })) },
  { weight: 3, arbitrary: wrong },
  { weight: 3, arbitrary: hostile },
);

const total = 100_000;
const each = 500;

test('a hundred thousand messages, good, wrong and hostile: one outcome each, and the field that is wrong', async () => {
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(reason);
  process.on('unhandledRejection', onRejection);
  const engine = createEngine({ channels: { push: scriptAdapter() }, runtime: virtualRuntime() });
  const counts = { all: 0, valid: 0, wrong: 0 };
  for (let batch = 0; batch < total / each; batch++) {
    const given = fc.sample(cases, { numRuns: each, seed: batch });
    const sent = await Promise.all(given.map(({ message }) => engine.send(message as never) as Promise<unknown>));
    for (const [index, { field }] of given.entries()) {
      counts.all++;
      const outcomes = [sent[index]].flat(3) as Outcome[];
      for (const { status } of outcomes) expect(['accepted', 'failed']).toContain(status);
      if (field === undefined) continue;
      const [outcome] = outcomes;
      if (field === null) {
        counts.valid++;
        expect(outcome).toMatchObject({ status: 'accepted' });
      } else {
        counts.wrong++;
        expect(outcome).toMatchObject({ status: 'failed', failure: { kind: 'rejected', field } });
        expect(outcome!.attempts).toEqual([]);
      }
    }
  }
  process.off('unhandledRejection', onRejection);
  expect(rejections).toEqual([]);
  expect(counts.all).toBe(total);
  expect(counts.valid).toBeGreaterThan(total / 5);
  expect(counts.wrong).toBeGreaterThan(total / 5);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
}, 120_000);

test('the same by sendAll and by enqueue: outcomes, or an error with a code that names the field', async () => {
  const runtime = virtualRuntime();
  const engine = createEngine({ channels: { push: scriptAdapter() }, runtime });
  const given = fc.sample(cases, { numRuns: 3000, seed: 7 });
  let outcomes = 0;
  for await (const { status } of engine.sendAll(given, ({ message }) => message as never)) {
    expect(['accepted', 'failed']).toContain(status);
    outcomes++;
  }
  expect(outcomes).toBeGreaterThan(2500);
  for (const { message, field } of given) {
    let error: unknown;
    try {
      await engine.enqueue(message as never);
    } catch (thrown) {
      error = thrown;
    }
    if (field === null || error === undefined) continue;
    expect(isTidingsError(error)).toBe(true);
    if (field !== undefined) expect(error).toMatchObject({ code: 'tidings.invalid_message', field });
  }
  await engine.close();
});
