// What users rely on: compiled, never run. Each expected error must be one.
import {
  classifyHttp,
  createEngine,
  defineAdapter,
  schema,
  withPolicy,
  type Adapter,
  type Failure,
  type Nothing,
  type Outcome,
  type Store,
} from '../src/index.ts';

interface ApnsNative {
  readonly aps?: { readonly 'thread-id'?: string };
}
interface ApnsAdapter extends Adapter<
  'apns',
  { readonly token: string },
  { badge?: number; sound?: string },
  ApnsNative
> {}
type FcmTarget =
  | { readonly token: string; readonly topic?: never }
  | { readonly topic: string; readonly token?: never };
interface FcmAdapter extends Adapter<'fcm', FcmTarget, { sound?: string }, { android?: object }> {}
interface SmtpAdapter extends Adapter<
  'smtp',
  { readonly address: string },
  { title: string; html?: string },
  { headers?: Record<string, string> }
> {}
interface TwilioAdapter extends Adapter<
  'twilio',
  { readonly phone: string },
  Nothing,
  { messagingServiceSid?: string }
> {}
interface VonageAdapter extends Adapter<'vonage', { readonly phone: string }, Nothing, { clientRef?: string }> {}
declare const apns: () => ApnsAdapter, fcm: () => FcmAdapter, smtp: () => SmtpAdapter;
declare const twilio: () => TwilioAdapter, vonage: () => VonageAdapter;
interface Tx {
  query(sql: string): Promise<unknown>;
}
declare const durableStore: () => Store<Tx>;

const isHook = (value: unknown): value is { readonly hook: string } =>
  typeof (value as { hook?: unknown } | null)?.hook === 'string';
const isBlocks = (value: unknown): value is { blocks: readonly object[] } =>
  Array.isArray((value as { blocks?: unknown } | null)?.blocks);
const chat = () =>
  defineAdapter({
    provider: 'chat',
    target: schema(isHook, 'an object with a hook url'),
    native: schema(isBlocks, 'an object with blocks'),
    policy: { rate: '1/s', ambiguous: 'stop' },
    send: (deliveries, { signal }) =>
      Promise.all(
        deliveries.map(async ({ target, content, native }) => {
          const body = JSON.stringify({ text: content.body ?? content.title, ...native });
          const response = await fetch(target.hook, { method: 'POST', signal, body });
          return classifyHttp(response, { 404: { kind: 'unregistered', scope: 'target', code: 'no_service' } });
        }),
      ),
  });

export async function usage(token: string, rows: AsyncIterable<{ id: number; token: string }>, tx: Tx): Promise<void> {
  const sms = withPolicy([twilio(), withPolicy(vonage(), { rate: '30/s' })], { timeout: '10s' });
  const channels = { ios: apns(), android: fcm(), email: smtp(), sms, chat: chat() };
  await using engine = createEngine({ channels });
  const outcome = await engine.send({
    to: { channel: 'ios', token },
    title: 'Price alert',
    ttl: '10m',
    ref: 7,
    native: { apns: { aps: { 'thread-id': 'a' } } },
  });
  if (outcome.status === 'failed' && outcome.failure.kind === 'unregistered') {
    console.log(outcome.to.token, outcome.ref + 1, outcome.failure.since);
  }
  const [push, mail] = await engine.send({
    to: [
      { channel: 'ios', token },
      { channel: 'email', address: 'a@b.example' },
    ],
    title: 'Hi',
    content: { email: { html: '<p>Hi' } },
  });
  const all = await engine.send({ to: ['t1', 't2'].map((each) => ({ channel: 'ios', token: each })), title: 'Hi' });
  const [first, then] = await engine.send({
    to: {
      firstOf: [
        { channel: 'ios', token },
        { channel: 'sms', phone: '+15550100' },
      ],
      wait: '30s',
    },
    title: 'Code 1234',
  });
  console.log(
    push.to.token,
    mail.to.address,
    all.map(({ to }) => to.token),
    first.to.token,
    then.to.phone,
  );
  for await (const each of engine.sendAll(rows, (row) => ({
    to: { channel: 'android', token: row.token },
    title: 'Hi',
    ref: row.id,
  }))) {
    console.log(each.ref + 1);
  }
  engine.on('target.gone', ({ to, failure }) => {
    if (to.channel === 'ios') console.log(to.token, failure.since);
  });
  const guarded = createEngine({
    channels,
    store: durableStore(),
    audience: { resolve: ({ user }: { user: string }) => [{ channel: 'ios', token: user }] },
    authorize: (principal: { role: string }, delivery) =>
      principal.role === 'admin' || delivery.target.channel === 'sms' ? 'allow' : { deny: 'role' },
  });
  await guarded.enqueue({ to: { user: 'u1' }, body: 'Hi', principal: { role: 'admin' } }, { tx });
  // @ts-expect-error principal is required once authorize is set
  await guarded.send({ to: { channel: 'ios', token } });
  // @ts-expect-error no such channel
  await engine.send({ to: { channel: 'io', token } });
  // @ts-expect-error token is missing
  await engine.send({ to: { channel: 'ios' } });
  // @ts-expect-error misspelled
  await engine.send({ to: { channel: 'ios', token }, titel: 'Hi' });
  // @ts-expect-error not a duration
  await engine.send({ to: { channel: 'ios', token }, ttl: '10 minutes' });
  // @ts-expect-error no such provider
  await engine.send({ to: { channel: 'ios', token }, native: { apn: {} } });
  // @ts-expect-error sms has no html
  await engine.send({ to: { channel: 'ios', token }, content: { sms: { html: '' } } });
  // @ts-expect-error memory has no transactions
  await engine.enqueue({ to: { channel: 'ios', token } }, { tx });
  // @ts-expect-error misspelled in a callback
  engine.sendAll(rows, (row) => ({ to: { channel: 'ios', token: row.token }, titel: 'Hi' }));
  // @ts-expect-error a dead target is never the provider's fault
  console.log({ kind: 'unregistered', scope: 'provider', code: '410' } satisfies Failure);
  // @ts-expect-error misspelled policy
  withPolicy(chat(), { rat: '1/s' });
}

export function explain(outcome: Outcome): string {
  switch (outcome.status) {
    case 'accepted':
    case 'expired':
      return outcome.status;
    case 'failed':
    case 'unknown':
      return outcome.failure.code;
    case 'suppressed':
      return outcome.reason;
    case 'canceled':
      return outcome.by;
  }
}
