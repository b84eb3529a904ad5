import { describe, expect, it, vi } from 'vitest';
import type { Adapter, SendResult } from './adapter.ts';
import { isTenantAdapter, perTenant } from './tenants.ts';
import { scriptAdapter } from './testing/script-adapter.ts';
import { channelParts, route, tunedPolicies, withPolicy } from './with-policy.ts';

const context = { signal: new AbortController().signal };

/** An adapter whose parts are a class's own, some of them inherited. */
class ClassAdapter implements Adapter {
  readonly version = 1;
  readonly target = scriptAdapter().target as Adapter['target'];
  readonly content = undefined;
  readonly native = undefined;
  readonly policy = { concurrency: 3 };
  readonly sent: unknown[] = [];
  closed = false;
  opened: unknown;

  get provider(): string {
    return 'classy';
  }
  get limits(): { batch: number } {
    return { batch: 7 };
  }
  async send(deliveries: readonly unknown[]): Promise<readonly SendResult[]> {
    this.sent.push(...deliveries);
    return [];
  }
  partition(target: unknown): string {
    return `${this.provider} ${String(target)}`;
  }
  open(given: unknown): void {
    this.opened = given;
  }
  async close(): Promise<void> {
    this.closed = true;
  }
}

describe('withPolicy', () => {
  it('lays policies over one adapter, the nearest last, and leaves the adapter itself as it is', () => {
    const adapter = scriptAdapter();
    const once = withPolicy(adapter, { concurrency: 1 });
    const twice = withPolicy(once, { timeout: '5s' });
    expect(tunedPolicies(twice)).toStrictEqual([{ concurrency: 1 }, { timeout: '5s' }]);
    expect(tunedPolicies(once)).toStrictEqual([{ concurrency: 1 }]);
    expect(tunedPolicies(adapter)).toStrictEqual([]);
    expect(twice.policy).toBe(adapter.policy);
  });

  it('does what the adapter does, also where that is an object of a class', async () => {
    const adapter = new ClassAdapter();
    const copy: Adapter = withPolicy(withPolicy(adapter as Adapter, {}), {});
    expect(copy).toMatchObject({ version: 1, provider: 'classy', limits: { batch: 7 }, policy: { concurrency: 3 } });
    expect(copy.target).toBe(adapter.target);
    await copy.send(['a'] as never, context);
    expect(adapter.sent).toStrictEqual(['a']);
    expect(copy.partition?.('t')).toBe('classy t');
    await copy.open?.('context' as never);
    expect(adapter.opened).toBe('context');
    await copy.close();
    expect(adapter.closed).toBe(true);
  });

  it('has no parts that the adapter has not', () => {
    const copy = withPolicy(scriptAdapter(), {});
    expect(copy).not.toHaveProperty('partition');
    expect(copy).not.toHaveProperty('open');
  });

  it('hands on the very deliveries, context and results', async () => {
    const results: SendResult[] = [{ kind: 'accepted' }];
    const send = vi.fn<Adapter['send']>(async () => results);
    const deliveries = [] as const;
    expect(await withPolicy({ ...(scriptAdapter() as Adapter), send }, {}).send(deliveries, context)).toBe(results);
    expect(send.mock.calls[0]![0]).toBe(deliveries);
    expect(send.mock.calls[0]![1]).toBe(context);
  });

  it('works for adapters made per tenant', () => {
    const tuned = withPolicy(
      perTenant(() => scriptAdapter()),
      { concurrency: 1 },
    );
    expect(isTenantAdapter(tuned)).toBe(true);
    expect(tunedPolicies(tuned)).toStrictEqual([{ concurrency: 1 }]);
  });

  it("is a list's own policy", () => {
    const via = [scriptAdapter(), scriptAdapter()] as const;
    const policy = { retry: false } as const;
    const tuned = withPolicy(via, policy);
    expect(tuned).toStrictEqual({ via, policy });
    expect(channelParts(tuned)).toStrictEqual({ adapters: via, policy, order: undefined });
  });
});

describe('channelParts', () => {
  it('takes one adapter, a list, or a list with an order', () => {
    const adapter = scriptAdapter();
    const order = (): string[] => ['script'];
    expect(channelParts(adapter)).toStrictEqual({ adapters: [adapter], policy: undefined, order: undefined });
    expect(channelParts([adapter])).toStrictEqual({ adapters: [adapter], policy: undefined, order: undefined });
    expect(channelParts(route([adapter], order))).toStrictEqual({ adapters: [adapter], policy: {}, order });
  });
});
