// An adapter that keeps every rule, and a subject for it; broken ones are made of it.
import { request } from 'node:http';
import type { Adapter, Failure, SendResult } from '@tidings/core';
import { checked, classifyHttp, defineAdapter } from '@tidings/core';
import type { AdapterSubject, Trouble } from '../subject.ts';
import type { TestService } from './service.ts';

export interface TestTarget {
  readonly id: string;
}

const isObject = (value: unknown): value is { readonly [field: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const testTarget = checked<TestTarget>((value) => {
  if (!isObject(value)) return { message: 'expected an object with an id' };
  return /^target-number-\d+$/.test(String(value['id']))
    ? undefined
    : { message: 'expected target-number- and digits', path: ['id'] };
});

const testContent = checked<{ readonly color?: string }>((value) => {
  const color = isObject(value) ? value['color'] : undefined;
  return color === undefined || color === 'red' ? undefined : { message: 'expected red', path: ['color'] };
});

const table: { readonly [code: string]: Failure } = {
  gone: { kind: 'unregistered', scope: 'target', code: 'gone' },
  stopped: { kind: 'blocked', scope: 'target', code: 'stopped' },
  bad_key: { kind: 'unauthorized', scope: 'credential', code: 'bad_key' },
  not_taken: { kind: 'unavailable', scope: 'provider', code: 'not_taken', unsent: true },
};

const lost = (code: string): Failure => ({ kind: 'ambiguous', scope: 'provider', code });
const unsent = (code: string): Failure => ({ kind: 'unavailable', scope: 'provider', code, unsent: true });

const mostBytes = 1000;
export const apiKey = 'key-of-the-account-90210';

function testAdapter(origin: string): Adapter<'test', TestTarget, { readonly color?: string }> {
  const sends = new Set<Promise<unknown>>();

  return defineAdapter({
    provider: 'test',
    target: testTarget,
    content: testContent,
    limits: { batch: 10, payloadBytes: mostBytes },
    policy: { timeout: '10s' },
    async send(deliveries, { signal }) {
      const sending = Promise.all(
        deliveries.map(async ({ target, content }): Promise<SendResult> => {
          const body = JSON.stringify(content);
          if (body.length > mostBytes) return { kind: 'rejected', scope: 'message', code: 'too_large' };
          return signal.aborted ? unsent('aborted') : post(`${origin}/${target.id}`, body, signal);
        }),
      );
      sends.add(sending);
      return sending.finally(() => sends.delete(sending));
    },
    async close() {
      await Promise.allSettled(sends);
    },
  });
}

function post(url: string, body: string, signal: AbortSignal): Promise<SendResult> {
  return new Promise((resolve) => {
    const headers = { authorization: apiKey };
    const outgoing = request(url, { method: 'POST', agent: false, headers, signal }, (response) => {
      let text = '';
      const answered = (): void => resolve(read(response.statusCode ?? 0, response.headers['retry-after'], text));
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (text.length < 10_000) return;
        answered();
        outgoing.destroy();
      });
      response.on('end', answered).on('error', () => resolve(lost('cut_off')));
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' ? unsent(error.code) : lost('no_answer')),
    );
    outgoing.end(body);
  });
}

function read(status: number, retryAfter: string | undefined, text: string): SendResult {
  const { id, error } = parse(text);
  const result = classifyHttp(
    { status, headers: { get: () => retryAfter ?? null } },
    table,
    typeof error === 'string' ? error : undefined,
  );
  if (result.kind !== 'accepted') return result;
  return typeof id === 'string' ? { kind: 'accepted', messageId: id } : lost('bad_answer');
}

function parse(text: string): { readonly id?: unknown; readonly error?: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

const troubles: readonly Trouble[] = [
  ...([
    'throttled',
    'retryAfter',
    'unavailable',
    'serverError',
    'unregistered',
    'blocked',
    'rejected',
    'unauthorized',
    'refused',
  ] as const),
  ...(['unknown', 'hang', 'stall', 'reset', 'half', 'garbage', 'html', 'huge'] as const),
];

/** @param change what is done to every adapter that is made */
export function testSubject(
  service: TestService,
  change: (adapter: Adapter) => Adapter = (adapter) => adapter,
): AdapterSubject {
  const make = (origin: string): Adapter => change(testAdapter(origin));
  const provoke = (trouble: Trouble) => (target: unknown, seconds: number) =>
    service.trouble((target as TestTarget).id, trouble, seconds);
  return {
    make: () => make(service.origin),
    target: () => ({ id: service.register() }),
    content: { title: 'A title of the test', body: 'A body of the test' },
    oversized: { body: 'oversized '.repeat(200) },
    illFormed: { target: { id: { id: 'nobody-knows-this-one' } }, content: { color: { color: 'ultraviolet' } } },
    secrets: [apiKey],
    requests: () => service.requests,
    provoke: Object.fromEntries(troubles.map((trouble) => [trouble, provoke(trouble)])),
    unreachable: (port) => ({ adapter: make(`http://localhost:${port}`) }),
  };
}
