import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  createEngine,
  defineAdapter,
  isTidingsError,
  type Delivery,
  type Engine,
  type EngineOptions,
  type Outcome,
  type SendResult,
} from '../src/index.ts';
import { after, scriptAdapter, type ScriptAdapter } from '../src/testing/script-adapter.ts';
import { virtualRuntime } from '../src/testing/virtual-runtime.ts';

const to = (token: string) => ({ channel: 'push', token }) as const;
const never = (): Promise<never> => new Promise(() => {});
const unavailable: SendResult = { kind: 'unavailable', scope: 'provider', code: '503' };

interface User {
  readonly user: string;
}
type Options = EngineOptions<{ push: ScriptAdapter }, never, string, User>;

/** An engine with hooks; every outcome that its event told is in `told`. */
function setUp(
  options: Partial<Options>,
  answer?: Parameters<typeof scriptAdapter>[0],
  adapterOptions?: Parameters<typeof scriptAdapter>[1],
) {
  const runtime = virtualRuntime();
  const adapter = scriptAdapter(answer, adapterOptions);
  // Most tests have no authorize hook: a principal may be left out.
  const engine = createEngine<{ push: ScriptAdapter }, never, string, User>({
    channels: { push: adapter },
    runtime,
    ...options,
  }) as unknown as Engine<{ push: ScriptAdapter }, never, never, User>;
  const told: Outcome[] = [];
  engine.on('delivery.settled', ({ outcome }) => told.push(outcome));
  return { runtime, adapter, engine, told };
}

const steps = (outcome: Outcome): string[] => outcome.trace.map(({ step }) => step);
const own = { principal: 'me' } as const;
/** A hook that answers what its type forbids, as plain JavaScript may. */
const untyped = (answer: unknown) => () => answer as never;

// ---- authorize

test('authorize sees the principal and the delivery, and what it allows goes', async () => {
  const asked: unknown[] = [];
  const { engine } = setUp({
    authorize(principal, { channel, target, content }) {
      asked.push([principal, channel, target.token, content.title]);
      return 'allow';
    },
  });
  expect((await engine.send({ to: to('a'), title: 'Hi', ...own })).status).toBe('accepted');
  expect(asked).toEqual([['me', 'push', 'a', 'Hi']]);
});

test('what authorize denies is suppressed with its reason, after no attempt', async () => {
  const { engine, adapter, told } = setUp({ authorize: async () => ({ deny: 'not your customer' }) });
  const outcome = await engine.send({ to: to('a'), ...own });
  expect(outcome).toMatchObject({ status: 'suppressed', reason: 'denied', detail: 'not your customer', attempts: [] });
  expect(adapter.sent).toHaveLength(0);
  expect(told).toEqual([outcome]);
});

test('an authorize hook that throws, or answers nothing, lets nothing through', async () => {
  const throwing = setUp({
    authorize() {
      throw new Error('secret');
    },
  });
  expect(await throwing.engine.send({ to: to('a'), ...own })).toMatchObject({
    status: 'failed',
    failure: { kind: 'rejected', code: 'tidings.hook_failed' },
  });
  const silent = setUp({ authorize: untyped(undefined) });
  expect(await silent.engine.send({ to: to('a'), ...own })).toMatchObject({ status: 'suppressed', reason: 'denied' });
  expect([...throwing.adapter.sent, ...silent.adapter.sent]).toEqual([]);
});

test('a message without a principal fails by that field once authorize is set', async () => {
  let asked = 0;
  const { engine } = setUp({
    authorize() {
      asked++;
      return 'allow';
    },
  });
  expect(await engine.send({ to: to('a') })).toMatchObject({
    status: 'failed',
    failure: { kind: 'rejected', field: 'principal' },
  });
  expect(asked).toBe(0);
});

test('a denied message leaves its idempotency key free', async () => {
  const { engine } = setUp({ authorize: (principal) => (principal === 'me' ? 'allow' : { deny: 'no' }) });
  const message = { to: to('a'), idempotencyKey: 'k' } as const;
  expect((await engine.send({ ...message, principal: 'other' })).status).toBe('suppressed');
  expect((await engine.send({ ...message, ...own })).status).toBe('accepted');
  expect(await engine.send({ ...message, ...own })).toMatchObject({ status: 'suppressed', reason: 'duplicate' });
});

test('of several targets authorize decides for each; the key stays taken while one of them went', async () => {
  const { engine, adapter } = setUp({
    authorize(_principal, { target }) {
      if (target.token === 'throws') throw new Error('x');
      return target.token === 'b' ? { deny: 'no' } : 'allow';
    },
  });
  const message = { to: ['a', 'b', 'throws', 'c'].map(to), idempotencyKey: 'k', ...own };
  expect((await engine.send(message)).map(({ status }) => status)).toEqual([
    'accepted',
    'suppressed',
    'failed',
    'accepted',
  ]);
  expect(adapter.sent.map(({ target }) => target.token)).toEqual(['a', 'c']);
  const again = await engine.send({ ...message, to: [to('a')] });
  expect(again).toMatchObject([{ status: 'suppressed', reason: 'duplicate' }]);
});

test('an authorize hook that hangs holds its deliveries no longer than their ttl', async () => {
  const { engine, runtime, told } = setUp({ authorize: never });
  const sent = engine.send({ to: [to('a'), to('b')], ttl: '10s', ...own });
  await runtime.run();
  expect(told.map(({ status }) => status)).toEqual(['expired', 'expired']);
  expect((await sent).map(({ status }) => status)).toEqual(['expired', 'expired']);
  expect(runtime.scheduled).toBe(0);
});

// ---- render and encrypt

test('what render returns is sent in place of the content of the message', async () => {
  const { engine, adapter } = setUp({
    render: async ({ content, target }) => ({ title: `${content.title} ${target.token}` }),
  });
  const outcome = await engine.send({ to: [to('a'), to('b')], title: 'Hi', body: 'raw' });
  expect(adapter.sent.map(({ content }) => content)).toEqual([{ title: 'Hi a' }, { title: 'Hi b' }]);
  expect(steps(outcome[0])).toEqual(['queued', 'rendered', 'attempted', 'settled']);
});

test('a retry sends what was rendered once', async () => {
  let rendered = 0;
  const { engine, adapter, runtime } = setUp({ render: () => ({ title: `${++rendered}` }) }, ({ attempt }) =>
    attempt < 3 ? unavailable : { kind: 'accepted' },
  );
  const sent = engine.send({ to: to('a') });
  await runtime.run();
  await sent;
  expect(adapter.sent.map(({ content }) => content.title)).toEqual(['1', '1', '1']);
});

test.each(['render', 'encrypt'] as const)('%s that throws, or returns no content, sends nothing', async (hook) => {
  const throws = (): never => {
    throw new Error('secret');
  };
  for (const broken of [throws, async () => throws(), untyped(undefined), untyped(null), untyped('text')]) {
    const { engine, adapter, told } = setUp({ [hook]: broken });
    const outcome = await engine.send({ to: to('a'), title: 'plain' });
    expect(outcome).toMatchObject({ status: 'failed', failure: { kind: 'rejected', code: 'tidings.hook_failed' } });
    expect(JSON.stringify(outcome)).not.toContain('secret');
    expect(adapter.sent).toHaveLength(0);
    expect(told).toHaveLength(1);
  }
});

test('encrypt sees what was rendered, and the provider sees nothing but what it returned', async () => {
  const { engine, adapter } = setUp({
    render: ({ content }) => ({ ...content, body: 'rendered' }),
    encrypt: ({ content }) => ({ data: { sealed: `${content.title}/${content.body}` } }),
  });
  const outcome = await engine.send({ to: to('a'), title: 'Hi', native: { script: { plain: 'Hi' } } });
  expect(steps(outcome)).toEqual(['queued', 'rendered', 'encrypted', 'attempted', 'settled']);
  expect(adapter.sent[0]!.content).toEqual({ data: { sealed: 'Hi/rendered' } });
  expect(adapter.sent[0]!.native).toBeUndefined();
});

test('render alone leaves native parts as they are', async () => {
  const { engine, adapter } = setUp({ render: () => ({ title: 'R' }) });
  await engine.send({ to: to('a'), native: { script: { raw: 1 } } });
  expect(adapter.sent[0]).toMatchObject({ content: { title: 'R' }, native: { raw: 1 } });
});

test.each(['render', 'encrypt'] as const)('%s that hangs: the delivery expires at its ttl', async (hook) => {
  const { engine, runtime, told, adapter } = setUp({ [hook]: never });
  const sent = engine.send({ to: to('a'), ttl: '5s' });
  await runtime.run();
  expect(told).toHaveLength(1);
  expect((await sent).status).toBe('expired');
  expect(runtime.monotonic()).toBeLessThan(7000);
  expect(adapter.sent).toHaveLength(0);
});

// ---- middleware

test('middleware runs around the sending, the first outermost', async () => {
  const order: string[] = [];
  const named =
    (name: string): NonNullable<Options['use']>[number] =>
    async (delivery, next) => {
      order.push(`${name} in`);
      const outcome = await next(delivery);
      order.push(`${name} out ${outcome.status}`);
      return outcome;
    };
  const { engine } = setUp({ use: [named('a'), named('b')] }, () => {
    order.push('sent');
    return { kind: 'accepted' };
  });
  await engine.send({ to: to('a') });
  expect(order).toEqual(['a in', 'b in', 'sent', 'b out accepted', 'a out accepted']);
});

test('middleware may suppress, and what it said is the outcome', async () => {
  const { engine, adapter, told } = setUp({
    use: [async () => ({ status: 'suppressed', reason: 'quietHours', detail: 'until 8' }) as never],
  });
  const outcome = await engine.send({ to: to('a'), ref: 5 });
  expect(outcome).toMatchObject({ status: 'suppressed', reason: 'quietHours', detail: 'until 8', ref: 5 });
  expect(adapter.sent).toHaveLength(0);
  expect(told).toEqual([outcome]);
});

test('middleware may put other content in place; render sees it', async () => {
  const seen: unknown[] = [];
  const { engine, adapter } = setUp({
    use: [(delivery, next) => next({ ...delivery, content: { title: 'changed' } })],
    render: ({ content }) => {
      seen.push(content.title);
      return { title: `${content.title} rendered` };
    },
  });
  await engine.send({ to: to('a'), title: 'Hi' });
  expect(seen).toEqual(['changed']);
  expect(adapter.sent[0]!.content).toEqual({ title: 'changed rendered' });
});

test('middleware that throws before sending fails the delivery; after it, what was sent stays told', async () => {
  const before = setUp({
    use: [
      () => {
        throw new Error('x');
      },
    ],
  });
  expect(await before.engine.send({ to: to('a') })).toMatchObject({
    status: 'failed',
    failure: { kind: 'rejected', code: 'tidings.middleware_failed' },
  });
  expect(before.adapter.sent).toHaveLength(0);
  const later = setUp({
    use: [
      async (delivery, next) => {
        await next(delivery);
        throw new Error('x');
      },
    ],
  });
  expect((await later.engine.send({ to: to('a') })).status).toBe('accepted');
  expect([before.told.length, later.told.length]).toEqual([1, 1]);
});

test('middleware that throws while its delivery is being sent waits for the truth', async () => {
  const runtime = virtualRuntime();
  const { engine, told } = setUp(
    {
      runtime,
      use: [
        async (delivery, next) => {
          void next(delivery);
          throw new Error('x');
        },
      ],
    },
    () => after(runtime, 100, { kind: 'accepted' }),
  );
  const sent = engine.send({ to: to('a') });
  await runtime.run();
  expect((await sent).status).toBe('accepted');
  expect(told).toHaveLength(1);
});

test('middleware that returns nothing: failed where nothing was sent, else what was sent', async () => {
  const before = setUp({ use: [async () => undefined as never] });
  expect(await before.engine.send({ to: to('a') })).toMatchObject({
    status: 'failed',
    failure: { code: 'tidings.middleware_failed' },
  });
  const later = setUp({
    use: [
      async (delivery, next) => {
        await next(delivery);
        return undefined as never;
      },
    ],
  });
  expect((await later.engine.send({ to: to('a') })).status).toBe('accepted');
});

test('next called twice sends once', async () => {
  const { engine, adapter, told } = setUp({
    use: [
      async (delivery, next) => {
        const [first, second] = await Promise.all([next(delivery), next(delivery)]);
        expect(second).toBe(first);
        return next(delivery);
      },
    ],
  });
  expect((await engine.send({ to: to('a') })).status).toBe('accepted');
  expect(adapter.sent).toHaveLength(1);
  expect(told).toHaveLength(1);
});

test('middleware that hangs before sending: the delivery expires, and a late next sends nothing', async () => {
  let goOn!: () => void;
  const late: unknown[] = [];
  const { engine, runtime, told, adapter } = setUp({
    use: [
      async (delivery, next) => {
        await new Promise<void>((resolve) => (goOn = resolve));
        const outcome = await next(delivery);
        late.push(outcome.status);
        return outcome;
      },
    ],
  });
  const sent = engine.send({ to: to('a'), ttl: '5s' });
  await runtime.run();
  expect((await sent).status).toBe('expired');
  goOn();
  await runtime.advance(1);
  expect(late).toEqual(['expired']);
  expect(adapter.sent).toHaveLength(0);
  expect(told).toHaveLength(1);
});

test('middleware that hangs after sending withholds the outcome no longer than the ttl', async () => {
  const { engine, runtime, told } = setUp({
    use: [
      async (delivery, next) => {
        await next(delivery);
        return never();
      },
    ],
  });
  const sent = engine.send({ to: to('a'), ttl: '5s' });
  await runtime.run();
  expect(told.map(({ status }) => status)).toEqual(['accepted']);
  expect((await sent).status).toBe('accepted');
});

test.each(['render', 'encrypt', 'use', 'authorize'] as const)(
  'an abort while in %s ends the delivery at once, and what the hook then says changes nothing',
  async (hook) => {
    let goOn!: () => void;
    const wait = (): Promise<void> => new Promise((resolve) => (goOn = resolve));
    const hooks = {
      render: () => wait().then(() => ({ title: 'late' })),
      encrypt: () => wait().then(() => ({ title: 'late' })),
      authorize: async () => {
        await wait();
        return 'allow' as const;
      },
      use: [
        async (delivery: Delivery<never>, next: (each: Delivery<never>) => Promise<never>) => {
          await wait();
          return next(delivery);
        },
      ],
    };
    const { engine, runtime, told, adapter } = setUp({ [hook]: hooks[hook] });
    const controller = new AbortController();
    const sent = engine.send({ to: to('a'), ...own }, { signal: controller.signal });
    await runtime.advance(1);
    controller.abort();
    expect(await sent).toMatchObject({ status: 'canceled', by: 'signal' });
    goOn();
    await runtime.advance(1);
    expect(adapter.sent).toHaveLength(0);
    expect(told).toHaveLength(1);
  },
);

// ---- audience

const targets = (...tokens: string[]) => tokens.map(to);

test('a recipient becomes the targets that its audience names; an unknown one gives none', async () => {
  const { engine } = setUp({
    audience: { resolve: ({ user }) => (user === 'u1' ? targets('a', 'b') : []) },
  });
  const outcomes = await engine.send({ to: { user: 'u1' } });
  expect(outcomes.map((outcome) => [outcome.status, outcome.to.token])).toEqual([
    ['accepted', 'a'],
    ['accepted', 'b'],
  ]);
  expect(await engine.send({ to: { user: 'u2' } })).toEqual([]);
});

test('an audience may answer in pages', async () => {
  const { engine } = setUp({
    audience: {
      async *resolve() {
        yield targets('a', 'b');
        yield [];
        yield targets('c');
      },
    },
  });
  expect((await engine.send({ to: { user: 'u1' } })).map((outcome) => outcome.to.token)).toEqual(['a', 'b', 'c']);
});

test('recipients among targets have their outcomes nested at their place', async () => {
  const { engine } = setUp({ audience: { resolve: ({ user }) => targets(`${user}-1`, `${user}-2`) } });
  const [first, second, third] = await engine.send({ to: [to('a'), { user: 'u' }, to('b')] as const });
  expect([first.to.token, second.map((each) => each.to.token), third.to.token]).toEqual(['a', ['u-1', 'u-2'], 'b']);
});

test('an audience that throws fails that recipient, and not the others', async () => {
  const { engine } = setUp({
    audience: {
      resolve() {
        throw new Error('secret');
      },
    },
  });
  const [one, other] = await engine.send({ to: [{ user: 'u' }, to('a')] as const });
  expect(one).toMatchObject([{ status: 'failed', failure: { kind: 'rejected', field: 'to[0]' } }]);
  expect(other.status).toBe('accepted');
  expect(JSON.stringify(one)).not.toContain('secret');
});

test('check is asked before each attempt, retries too, and its reason ends the delivery', async () => {
  const asked: number[] = [];
  const { engine, runtime, adapter } = setUp(
    {
      audience: {
        resolve: () => targets('a'),
        check({ attempt }) {
          asked.push(attempt);
          return attempt === 3 ? { suppress: 'read' } : 'send';
        },
      },
    },
    () => unavailable,
  );
  const sent = engine.send({ to: { user: 'u' } });
  await runtime.run();
  expect(await sent).toMatchObject([{ status: 'suppressed', reason: 'read' }]);
  expect(asked).toEqual([1, 2, 3]);
  expect(adapter.sent).toHaveLength(2);
});

test('a check that throws, or answers nothing, suppresses as unchecked', async () => {
  const throws = (): never => {
    throw new Error('x');
  };
  for (const check of [throws, async () => throws(), untyped(undefined), untyped({}), untyped('stop')]) {
    const { engine, adapter, told } = setUp({ audience: { resolve: () => [], check } });
    expect(await engine.send({ to: to('a') })).toMatchObject({ status: 'suppressed', reason: 'unchecked' });
    expect(adapter.sent).toHaveLength(0);
    expect(told).toHaveLength(1);
  }
});

test('a check that answers after its attempt was given up sends nothing beside the next one', async () => {
  let answerFirst!: (verdict: 'send') => void;
  const runtime = virtualRuntime();
  const { engine, adapter } = setUp(
    {
      runtime,
      audience: {
        resolve: () => [],
        check: ({ attempt }) => (attempt === 1 ? new Promise((resolve) => (answerFirst = resolve)) : 'send'),
      },
    },
    () => after(runtime, 5000, { kind: 'accepted' }),
    { policy: { timeout: '10s' } },
  );
  const sent = engine.send({ to: to('a'), ttl: '1h' });
  await runtime.run({ until: () => adapter.sent.length > 0 });
  answerFirst('send');
  await runtime.run();
  expect((await sent).status).toBe('accepted');
  expect(adapter.sent).toHaveLength(1);
});

test('a batch goes without those that check held back', async () => {
  const { engine, adapter } = setUp(
    {
      audience: {
        resolve: () => [],
        check: ({ target }) => (target.token === 'b' ? { suppress: 'rebound' } : 'send'),
      },
    },
    undefined,
    { batch: 10 },
  );
  const outcomes = await engine.send({ to: targets('a', 'b', 'c') });
  expect(outcomes.map(({ status }) => status)).toEqual(['accepted', 'suppressed', 'accepted']);
  expect(adapter.sent.map(({ target }) => target.token)).toEqual(['a', 'c']);
});

// ---- schemas of another library

function strictEngine(options: { readonly audience?: never; readonly render?: () => object } = {}) {
  const sent: unknown[] = [];
  const adapter = defineAdapter({
    provider: 'mail',
    target: z.strictObject({
      address: z
        .string()
        .transform((text) => text.trim().toLowerCase())
        .refine(async (text) => text.includes('@'), 'expected an address'),
    }),
    content: z.object({ title: z.string().min(3), stars: z.coerce.number().optional() }).loose(),
    native: z.strictObject({ tag: z.string().transform((tag) => tag.toUpperCase()) }),
    async send(deliveries) {
      for (const { target, content, native } of deliveries) sent.push({ target, content, native });
      return deliveries.map(() => ({ kind: 'accepted' as const }));
    },
  });
  const engine = createEngine({
    channels: { mail: adapter },
    runtime: virtualRuntime(),
    ...(options as object),
  });
  return { engine, sent };
}

test('the adapter sees what strict, transforming and async schemas made; the outcome has what was written', async () => {
  const { engine, sent } = strictEngine();
  const target = { channel: 'mail', address: '  Me@Example.ORG ' } as const;
  const outcome = await engine.send({
    to: target,
    title: 'Hello',
    content: { mail: { title: 'Hello', stars: '5' } },
    native: { mail: { tag: 'news' } },
  });
  expect(outcome.status).toBe('accepted');
  expect(outcome.to).toEqual(target);
  expect(sent).toEqual([
    { target: { address: 'me@example.org' }, content: { title: 'Hello', stars: 5 }, native: { tag: 'NEWS' } },
  ]);
});

test('what such a schema refuses fails by its field', async () => {
  const { engine, sent } = strictEngine();
  const field = async (message: object): Promise<string | undefined> => {
    const outcome = (await engine.send({ title: 'Hello', ...message } as never)) as Outcome;
    return outcome.status === 'failed' && outcome.failure.kind === 'rejected' ? outcome.failure.field : outcome.status;
  };
  const mail = { channel: 'mail', address: 'a@b' };
  expect(await field({ to: { channel: 'mail', address: 'nobody' } })).toBe('to.address');
  expect(await field({ to: { ...mail, extra: 1 } })).toBe('to');
  expect(await field({ to: mail, title: 'x' })).toBe('title');
  expect(await field({ to: mail, content: { mail: { title: 'x' } } })).toBe('content.mail.title');
  expect(await field({ to: mail, native: { mail: { tag: 1 } } })).toBe('native.mail.tag');
  expect(sent).toEqual([]);
});

test('a binding that the audience gave is no field of the target for a strict schema', async () => {
  const { engine, sent } = strictEngine({
    audience: { resolve: () => [{ channel: 'mail', address: 'a@b', binding: '7' }] } as never,
  });
  const outcomes = (await engine.send({ to: { user: 'u' }, title: 'Hello' } as never)) as Outcome[];
  expect(outcomes.map(({ status }) => status)).toEqual(['accepted']);
  expect(sent).toMatchObject([{ target: { address: 'a@b' } }]);
});

test('what a hook made and the schema refuses fails by its field', async () => {
  const { engine, sent } = strictEngine({ render: () => ({ title: 'x' }) });
  const message = { to: { channel: 'mail', address: 'a@b' }, title: 'Hello' } as const;
  expect(await engine.send({ ...message, content: { mail: { title: 'Hello' } } })).toMatchObject({
    status: 'failed',
    failure: { kind: 'rejected', code: 'tidings.invalid_content', field: 'title' },
  });
  // Behind encrypt only what encrypt returned is checked; it still sees what was rendered, not what was written.
  const sealing = strictEngine({
    render: () => ({ title: 'x' }),
    encrypt: ({ content }: Delivery) => ({ title: `sealed ${content.title}` }),
  } as never);
  expect((await sealing.engine.send(message)).status).toBe('accepted');
  expect(sent).toEqual([]);
  expect(sealing.sent).toMatchObject([{ content: { title: 'sealed x' } }]);
});

test('a schema that throws fails its delivery alone', async () => {
  const throwing = {
    '~standard': {
      version: 1,
      vendor: 'other',
      validate(value: unknown) {
        if ((value as { token?: string }).token === 'throws') throw new Error('secret');
        return { value };
      },
    },
  } as const;
  const adapter = defineAdapter({
    provider: 'custom',
    target: throwing as never as ReturnType<typeof z.object>,
    send: async (deliveries) => deliveries.map(() => ({ kind: 'accepted' as const })),
  });
  const engine = createEngine({ channels: { push: adapter }, runtime: virtualRuntime() });
  expect(await engine.send({ to: to('throws') })).toMatchObject({ status: 'failed' });
  const outcomes = await engine.send({ to: [to('throws'), to('a')] });
  expect(outcomes).toMatchObject([{ status: 'failed' }, { status: 'accepted' }]);
  const streamed: string[] = [];
  for await (const { status } of engine.sendAll([{ to: to('throws') }, { to: to('a') }])) streamed.push(status);
  expect(streamed.toSorted()).toEqual(['accepted', 'failed']);
});

test('enqueue tells the same of authorize and schemas as an error, and stores nothing', async () => {
  const { engine, adapter } = setUp({ authorize: (principal) => (principal === 'me' ? 'allow' : { deny: 'no' }) });
  const code = async (message: object): Promise<unknown> => {
    const error: unknown = await engine.enqueue(message as never).catch((reason: unknown) => reason);
    return isTidingsError(error) ? [error.code, error.field] : error;
  };
  expect(await code({ to: to('a') })).toEqual(['tidings.invalid_message', 'principal']);
  expect(await code({ to: to('a'), principal: 'other' })).toEqual(['tidings.denied', undefined]);
  expect(await code({ to: to(''), ...own })).toEqual(['tidings.invalid_message', 'to.token']);
  expect((await engine.depth()).size).toBe(0);
  expect(adapter.sent).toHaveLength(0);
});
