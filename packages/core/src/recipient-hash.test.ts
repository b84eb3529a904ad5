import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recipientHash } from './recipient-hash.ts';

/** The same object with the fields of each level the other way round. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, each]) => [key, turned(each)]),
  );
}

const anyTarget = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue({ maxDepth: 2 }), {
  noNullPrototype: true,
});

describe('recipientHash', () => {
  it('is short text that holds nothing of the address', () => {
    const hash = recipientHash({ channel: 'sms', to: '+4366012345678' });
    expect(hash).toMatch(/^[\w-]{22}$/);
    expect(hash).toBe(recipientHash({ channel: 'sms', to: '+4366012345678' }));
  });

  it('stays what it was: stored entries are found by it', () => {
    expect(recipientHash({ token: 'abc', channel: 'ios' })).toBe(recipientHash({ channel: 'ios', token: 'abc' }));
    expect(recipientHash({ channel: 'ios', token: 'abc' })).toBe('dBuvaLlGYaI__zAxyC9lKA');
  });

  it('goes by no order of fields, at no level', () => {
    const keys = { p256dh: 'p', auth: 'a' };
    const one = { channel: 'web', endpoint: 'https://push.example/1', keys };
    expect(recipientHash(turned(one) as object)).toBe(recipientHash(one));
    fc.assert(
      fc.property(anyTarget, (target) => {
        expect(recipientHash(turned(target) as object)).toBe(recipientHash(target));
      }),
    );
  });

  it('goes by no field that is not there', () => {
    expect(recipientHash({ channel: 'ios', token: 'a', binding: undefined })).toBe(
      recipientHash({ channel: 'ios', token: 'a' }),
    );
  });

  it('is another one for another target', () => {
    const targets = [
      {},
      { channel: 'ios' },
      { channel: 'ios', token: 'a' },
      { channel: 'ios', token: 'b' },
      { channel: 'mac', token: 'a' },
      { channel: 'ios', token: ['a', 'b'] },
      { channel: 'ios', token: ['b', 'a'] },
      { channel: 'ios', token: { a: 'b' } },
      { channel: 'ios', tokena: '' },
    ];
    expect(new Set(targets.map(recipientHash)).size).toBe(targets.length);
  });
});
