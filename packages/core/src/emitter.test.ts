import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Emitter } from './emitter.ts';
import type { EventOf } from './events.ts';

type Opened = EventOf<unknown, 'breaker.opened'>;
const opened = (lane: string): Opened => ({ type: 'breaker.opened', lane });
const queued = (deliveryId: string): EventOf<unknown, 'delivery.queued'> => ({
  type: 'delivery.queued',
  deliveryId,
  messageId: 'm',
  to: {},
});

function setUp() {
  const failures: unknown[] = [];
  const emitter = new Emitter((error) => failures.push(error));
  const heard: string[] = [];
  const hear = (event: Opened): void => void heard.push(event.lane);
  return { emitter, failures, heard, hear };
}

describe('listeners', () => {
  it('are told of their event, in the order in which they came', () => {
    const { emitter, heard } = setUp();
    emitter.on('breaker.opened', ({ lane }: Opened) => heard.push(`first ${lane}`));
    emitter.on('breaker.closed', () => heard.push('other'));
    emitter.on('breaker.opened', ({ lane }: Opened) => heard.push(`second ${lane}`));
    emitter.emit(opened('a'));
    expect(heard).toStrictEqual(['first a', 'second a']);
  });

  it('are told no more once they are ended, however often that is called', () => {
    const { emitter, heard, hear } = setUp();
    const off = emitter.on('breaker.opened', hear);
    off();
    emitter.on('breaker.opened', hear);
    off();
    emitter.emit(opened('a'));
    expect(heard).toStrictEqual(['a']);
  });

  it('given twice are told twice, and ended one by one', () => {
    const { emitter, heard, hear } = setUp();
    const off = emitter.on('breaker.opened', hear);
    emitter.on('breaker.opened', hear);
    emitter.emit(opened('a'));
    off();
    emitter.emit(opened('b'));
    expect(heard).toStrictEqual(['a', 'a', 'b']);
  });

  it('that throw or reject harm no other, and are reported', async () => {
    const { emitter, failures, heard, hear } = setUp();
    const thrown = new Error('thrown');
    const rejected = new Error('rejected');
    emitter.on('breaker.opened', () => {
      throw thrown;
    });
    emitter.on('breaker.opened', async () => {
      await turn();
      throw rejected;
    });
    emitter.on('breaker.opened', hear);
    emitter.emit(opened('a'));
    expect(heard).toStrictEqual(['a']);
    await turn();
    await turn();
    expect(failures).toStrictEqual([thrown, rejected]);
  });

  it('are known to be there, so that nothing is made for nobody', () => {
    const { emitter } = setUp();
    expect(emitter.wants('breaker.opened')).toBe(false);
    const off = emitter.on('breaker.opened', () => {});
    const offOther = emitter.on('breaker.opened', () => {});
    expect(emitter.wants('breaker.opened')).toBe(true);
    expect(emitter.wants('breaker.closed')).toBe(false);
    off();
    expect(emitter.wants('breaker.opened')).toBe(true);
    offOther();
    expect(emitter.wants('breaker.opened')).toBe(false);
  });

  it('of the two most frequent events are known by a field', () => {
    const { emitter } = setUp();
    expect([emitter.wantsQueued, emitter.wantsSettled]).toStrictEqual([false, false]);
    const offQueued = emitter.on('delivery.queued', () => {});
    expect([emitter.wantsQueued, emitter.wantsSettled]).toStrictEqual([true, false]);
    const offSettled = emitter.on('delivery.settled', () => {});
    offQueued();
    expect([emitter.wantsQueued, emitter.wantsSettled]).toStrictEqual([false, true]);
    offSettled();
    expect([emitter.wantsQueued, emitter.wantsSettled]).toStrictEqual([false, false]);
  });
});

function subscribed(name: string): unknown[] {
  const events: unknown[] = [];
  const hear = (event: unknown): void => void events.push(event);
  subscribe(name, hear);
  onTestFinished(() => void unsubscribe(name, hear));
  return events;
}

describe('diagnostics channels', () => {
  it('carry each event, and count as somebody who wants it', () => {
    const { emitter } = setUp();
    const events = subscribed('tidings.breaker.opened');
    expect(emitter.wants('breaker.opened')).toBe(true);
    const event = opened('a');
    emitter.emit(event);
    emitter.emit(queued('d'));
    expect(events).toStrictEqual([event]);
  });

  it('of the two most frequent events count for their fields', () => {
    const { emitter } = setUp();
    subscribed('tidings.delivery.queued');
    expect([emitter.wantsQueued, emitter.wantsSettled]).toStrictEqual([true, false]);
    subscribed('tidings.delivery.settled');
    expect([emitter.wantsQueued, emitter.wantsSettled]).toStrictEqual([true, true]);
  });
});

describe('stream', () => {
  it('gives events in order, those that came before it was read and those after', async () => {
    const { emitter } = setUp();
    const stream = emitter.stream(['breaker.opened', 'breaker.closed']);
    emitter.emit(opened('a'));
    emitter.emit({ type: 'breaker.closed', lane: 'a' });
    emitter.emit(queued('d'));
    expect(await stream.next()).toStrictEqual({ value: opened('a'), done: false });
    expect(await stream.next()).toStrictEqual({ value: { type: 'breaker.closed', lane: 'a' }, done: false });
    const later = Promise.all([stream.next(), stream.next()]);
    emitter.emit(opened('b'));
    emitter.emit(opened('c'));
    expect((await later).map(({ value }) => (value as Opened).lane)).toStrictEqual(['b', 'c']);
  });

  it('gives an event once, though its name is given twice', async () => {
    const { emitter } = setUp();
    const stream = emitter.stream(['breaker.opened', 'breaker.opened']);
    emitter.emit(opened('a'));
    emitter.close();
    const lanes: string[] = [];
    for await (const event of stream) lanes.push((event as Opened).lane);
    expect(lanes).toStrictEqual(['a']);
  });

  it('drops the oldest and counts them, where nobody reads', async () => {
    const { emitter } = setUp();
    const stream = emitter.stream(['breaker.opened']);
    for (let event = 0; event < 1024; event++) emitter.emit(opened(String(event)));
    expect(stream.dropped).toBe(0);
    emitter.emit(opened('1024'));
    emitter.emit(opened('1025'));
    expect(stream.dropped).toBe(2);
    expect(await stream.next()).toMatchObject({ value: { lane: '2' } });
  });

  it('ends when it is left, and is told nothing more', async () => {
    const { emitter } = setUp();
    const stream = emitter.stream(['breaker.opened']);
    emitter.emit(opened('a'));
    emitter.emit(opened('b'));
    for await (const event of stream) {
      expect(event).toStrictEqual(opened('a'));
      break;
    }
    expect(emitter.wants('breaker.opened')).toBe(false);
    expect(await stream.next()).toStrictEqual({ value: undefined, done: true });
  });

  it('ends for all that wait for it when the emitter closes; what it holds can still be read', async () => {
    const { emitter } = setUp();
    const waited = emitter.stream(['breaker.opened']);
    const filled = emitter.stream(['breaker.opened']);
    const pending = [waited.next(), waited.next()];
    emitter.emit(opened('a'));
    emitter.close();
    expect(await Promise.all(pending)).toStrictEqual([
      { value: opened('a'), done: false },
      { value: undefined, done: true },
    ]);
    expect(await filled.next()).toStrictEqual({ value: opened('a'), done: false });
    expect(await filled.next()).toStrictEqual({ value: undefined, done: true });
    expect(emitter.wants('breaker.opened')).toBe(false);
  });

  it('has ended already when it is made after that', async () => {
    const { emitter } = setUp();
    emitter.close();
    const stream = emitter.stream(['breaker.opened']);
    expect(emitter.wants('breaker.opened')).toBe(false);
    expect(await stream.next()).toStrictEqual({ value: undefined, done: true });
  });

  it('is its own iterator', () => {
    const { emitter } = setUp();
    const stream = emitter.stream([]);
    expect(stream[Symbol.asyncIterator]()).toBe(stream);
  });
});
