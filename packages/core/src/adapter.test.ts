import { describe, expect, it } from 'vitest';
import {
  defineAdapter,
  type AdapterContext,
  type AdapterDefinition,
  type Nothing,
  type SendContext,
} from './adapter.ts';
import { realRuntime } from './runtime.ts';
import { schema, type Schema } from './schema.ts';

const target = schema(
  (value): value is { readonly url: string } => typeof value === 'object' && value !== null && 'url' in value,
  'an object with a url',
);
type Definition = AdapterDefinition<'webhook', typeof target, Schema<Nothing>, Schema<never>>;

const minimal: Definition = { provider: 'webhook', target, send: async () => [{ kind: 'accepted' }] };
const context: SendContext = { signal: new AbortController().signal };

describe('defineAdapter', () => {
  it('fills in what a small adapter leaves out', async () => {
    const adapter = defineAdapter(minimal);
    expect(adapter).toMatchObject({ version: 1, provider: 'webhook', target, limits: {}, policy: {} });
    expect(adapter).toMatchObject({ content: undefined, native: undefined });
    expect(adapter).not.toHaveProperty('open');
    expect(adapter).not.toHaveProperty('partition');
    await expect(adapter.send([], context)).resolves.toStrictEqual([{ kind: 'accepted' }]);
    await expect(adapter.close()).resolves.toBeUndefined();
  });

  it('keeps what is given', () => {
    const content = schema((value): value is Nothing => value !== null, 'anything');
    const native = schema((value): value is never => value === 1, 'nothing');
    const given = { content, native, limits: { batch: 5 }, policy: { concurrency: 2 } };
    expect(defineAdapter({ ...minimal, ...given })).toMatchObject(given);
  });

  it('calls the definition as its own object, so that it may keep its state in `this`', async () => {
    const calls: string[] = [];
    const definition = {
      ...minimal,
      mark: 'own',
      partition({ url }: { readonly url: string }) {
        return `${this.mark} ${url}`;
      },
      open() {
        calls.push(`open ${this.mark}`);
      },
      async close() {
        calls.push(`close ${this.mark}`);
      },
    };
    const adapter = defineAdapter(definition);
    const open: AdapterContext = { receipt: () => undefined, runtime: realRuntime(), signal: context.signal };
    await adapter.open?.(open);
    await adapter.close();
    expect(adapter.partition?.({ url: 'x' })).toBe('own x');
    expect(calls).toStrictEqual(['open own', 'close own']);
  });
});
