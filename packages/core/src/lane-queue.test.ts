import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LaneQueue } from './lane-queue.ts';
import { settled, waiting, type DeliveryRecord } from './record.ts';

/** As much of a record as the queue reads. */
interface Waiting {
  name: string;
  state: number;
  level: number;
  expiresAt: number;
  message: { tenant?: string };
}

const high = 0;
const normal = 1;
const low = 2;

function record(name: string, options: { level?: number; tenant?: string; expiresAt?: number } = {}): DeliveryRecord {
  const { level = normal, tenant, expiresAt = Infinity } = options;
  const message = tenant === undefined ? {} : { tenant };
  return { name, state: waiting, level, expiresAt, message } satisfies Waiting as unknown as DeliveryRecord;
}

const nameOf = (each: DeliveryRecord | undefined): string | undefined => (each as unknown as Waiting | undefined)?.name;
const names = (records: Iterable<DeliveryRecord>): (string | undefined)[] => Array.from(records, nameOf);

function queueOf(...records: DeliveryRecord[]): LaneQueue {
  const queue = new LaneQueue();
  for (const each of records) queue.push(each);
  return queue;
}

/** As the lane and the admission do it. */
function settle(queue: LaneQueue, each: DeliveryRecord): void {
  queue.settledWhileWaiting();
  each.state = settled;
}

function drain(queue: LaneQueue): string[] {
  const drained: string[] = [];
  for (let next = queue.shift(false); next !== undefined; next = queue.shift(false)) {
    if (next.state === settled) queue.passedOver();
    else drained.push(nameOf(next)!);
  }
  return drained;
}

describe('LaneQueue', () => {
  it('is empty at first', () => {
    const queue = new LaneQueue();
    expect(queue.shift(false)).toBeUndefined();
    expect(queue.shift(true)).toBeUndefined();
    expect([queue.size, queue.waiting, queue.high, queue.earliest]).toStrictEqual([0, 0, 0, Infinity]);
    expect(queue.expired(Infinity)).toStrictEqual([]);
  });

  it('goes by order of arrival, over many chunks', () => {
    const all = Array.from({ length: 1000 }, (_, index) => String(index));
    expect(drain(queueOf(...all.map((name) => record(name))))).toStrictEqual(all);
  });

  it('goes on where it is filled and emptied by turns', () => {
    const queue = new LaneQueue();
    const seen: string[] = [];
    for (let round = 0; round < 700; round++) {
      queue.push(record(`${round}a`));
      queue.push(record(`${round}b`));
      seen.push(nameOf(queue.shift(false))!);
    }
    seen.push(...drain(queue));
    expect(seen).toStrictEqual(Array.from({ length: 700 }, (_, round) => [`${round}a`, `${round}b`]).flat());
    queue.push(record('last'));
    expect(drain(queue)).toStrictEqual(['last']);
  });

  it('lets high overtake', () => {
    const queue = queueOf(record('n'), record('l', { level: low }), record('h1', { level: high }));
    queue.push(record('h2', { level: high }));
    expect(queue.high).toBe(2);
    expect(drain(queue)).toStrictEqual(['h1', 'h2', 'n', 'l']);
  });

  it('gives only high where only high is asked for', () => {
    const queue = queueOf(record('n'), record('h', { level: high }), record('l', { level: low }));
    expect(nameOf(queue.shift(true))).toBe('h');
    expect(queue.shift(true)).toBeUndefined();
    expect(drain(queue)).toStrictEqual(['n', 'l']);
  });

  it('gives low one turn in eight while normal waits, and all turns when nothing else does', () => {
    const queue = queueOf(
      ...Array.from({ length: 20 }, () => record('n')),
      ...Array.from({ length: 5 }, () => record('l', { level: low })),
    );
    expect(drain(queue).join('')).toBe('nnnnnnnlnnnnnnnlnnnnnnlll');
  });

  it('gives low no credit for the time in which it did not wait', () => {
    const queue = queueOf(...Array.from({ length: 30 }, () => record('n')));
    for (let turn = 0; turn < 20; turn++) queue.shift(false);
    queue.push(record('l', { level: low }));
    expect(drain(queue).join('')).toBe('nnnnnnnlnnn');
  });

  it('gives tenants one each in turn, and one that comes takes its turn after those that wait', () => {
    const queue = queueOf(
      record('a1', { tenant: 'a' }),
      record('a2', { tenant: 'a' }),
      record('a3', { tenant: 'a' }),
      record('b1', { tenant: 'b' }),
      record('b2', { tenant: 'b' }),
    );
    expect(nameOf(queue.shift(false))).toBe('a1');
    queue.push(record('c1', { tenant: 'c' }));
    queue.push(record('none'));
    expect(drain(queue)).toStrictEqual(['b1', 'a2', 'c1', 'none', 'b2', 'a3']);
  });

  it('counts what has settled until it is passed over', () => {
    const gone = record('gone', { level: high });
    const queue = queueOf(gone, record('stays'));
    settle(queue, gone);
    expect([queue.size, queue.waiting, queue.high]).toStrictEqual([2, 1, 1]);
    expect(drain(queue)).toStrictEqual(['stays']);
    expect([queue.size, queue.waiting, queue.high]).toStrictEqual([0, 0, 0]);
  });

  it('lets go of what has settled when much of it has piled up', () => {
    const all = Array.from({ length: 3000 }, (_, index) => record(String(index)));
    const queue = queueOf(...all);
    for (const each of all.slice(0, 1500)) settle(queue, each);
    expect([queue.size, queue.waiting]).toStrictEqual([3000, 1500]);
    settle(queue, all[1500]!);
    expect(queue.size).toBeLessThan(1501);
    expect(queue.waiting).toBe(1499);
    expect(drain(queue)).toHaveLength(1499);
  });

  it('does not look through a short queue for each that settles', () => {
    const all = Array.from({ length: 1024 }, (_, index) => record(String(index)));
    const queue = queueOf(...all);
    for (const each of all) settle(queue, each);
    expect([queue.size, queue.waiting]).toStrictEqual([1024, 0]);
    queue.push(record('late'));
    expect(drain(queue)).toStrictEqual(['late']);
  });

  it('takes out what is past its deadline, and knows the earliest of the rest', () => {
    const queue = queueOf(
      record('a', { expiresAt: 100 }),
      record('b', { expiresAt: 101, level: high }),
      record('c', { expiresAt: 99, tenant: 't', level: low }),
      record('d', { expiresAt: 500 }),
    );
    expect(queue.earliest).toBe(99);
    expect(names(queue.expired(98))).toStrictEqual([]);
    expect(new Set(names(queue.expired(100)))).toStrictEqual(new Set(['a', 'c']));
    expect(queue.earliest).toBe(101);
    expect([queue.size, queue.waiting]).toStrictEqual([2, 2]);
    expect(drain(queue)).toStrictEqual(['b', 'd']);
  });

  it('does not take out as expired what has settled already', () => {
    const gone = record('gone', { expiresAt: 10 });
    const queue = queueOf(gone, record('late', { expiresAt: 10 }));
    settle(queue, gone);
    expect(names(queue.expired(10))).toStrictEqual(['late']);
    expect([queue.size, queue.waiting, queue.earliest]).toStrictEqual([0, 0, Infinity]);
  });

  it('takes out what is wanted, whatever its deadline, in the middle of a chunk that is in use', () => {
    const queue = queueOf(...Array.from({ length: 600 }, (_, index) => record(String(index))));
    for (let turn = 0; turn < 100; turn++) queue.shift(false);
    const taken = queue.takeOut((each) => Number(nameOf(each)) % 2 === 1);
    expect(taken).toHaveLength(250);
    expect(queue.size).toBe(250);
    expect(drain(queue)).toStrictEqual(Array.from({ length: 250 }, (_, index) => String(100 + 2 * index)));
  });

  it('shows what waits', () => {
    const queue = queueOf(record('a'), record('b'), record('h', { level: high }), record('t', { tenant: 't' }));
    queue.shift(false);
    queue.shift(false);
    expect(new Set(names(queue))).toStrictEqual(new Set(['b', 't']));
  });

  type Operation =
    | { act: 'push'; level: number; tenant: string | undefined; ttl: number; count: number }
    | { act: 'shift'; onlyHigh: boolean; count: number }
    | { act: 'settle'; which: number; first: boolean; count: number }
    | { act: 'expire'; pass: number }
    | { act: 'takeOut'; modulo: number };

  const count = fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 1, max: 5 }) }, fc.integer({ min: 200, max: 600 }));
  const operation: fc.Arbitrary<Operation> = fc.oneof(
    fc.record({
      act: fc.constant('push' as const),
      level: fc.constantFrom(high, normal, low),
      tenant: fc.constantFrom(undefined, 'a', 'b', 'c'),
      ttl: fc.oneof(fc.nat(50), fc.nat(1000)),
      count,
    }),
    fc.record({ act: fc.constant('shift' as const), onlyHigh: fc.boolean(), count }),
    fc.record({ act: fc.constant('settle' as const), which: fc.nat(), first: fc.boolean(), count }),
    fc.record({ act: fc.constant('expire' as const), pass: fc.nat(40) }),
    fc.record({ act: fc.constant('takeOut' as const), modulo: fc.integer({ min: 2, max: 5 }) }),
  );

  it('has the counts, order and turns of a naive list, after any mix of operations', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const queue = new LaneQueue();
        /** What lies in the queue and has not settled, in order of arrival. */
        let model: DeliveryRecord[] = [];
        let now = 0;
        let made = 0;
        const push = (level: number, tenant: string | undefined, ttl: number): void => {
          const options = { level, expiresAt: now + ttl, ...(tenant !== undefined && { tenant }) };
          const each = record(String(made++), options);
          queue.push(each);
          model.push(each);
        };
        const sameLine = (one: DeliveryRecord, other: DeliveryRecord): boolean =>
          one.level === other.level && one.message.tenant === other.message.tenant;
        const shift = (onlyHigh: boolean): void => {
          const each = queue.shift(onlyHigh);
          if (each === undefined) {
            expect(model.some(({ level }) => level === high || !onlyHigh)).toBe(false);
            return;
          }
          if (each.state === settled) {
            queue.passedOver();
            return;
          }
          if (onlyHigh) expect(each.level).toBe(high);
          if (each.level !== high) expect(model.some(({ level }) => level === high)).toBe(false);
          expect(model.find((other) => sameLine(each, other))).toBe(each);
          model = model.filter((other) => other !== each);
        };
        const act = (step: Operation): void => {
          switch (step.act) {
            case 'push':
              for (let each = 0; each < step.count; each++) push(step.level, step.tenant, step.ttl);
              break;
            case 'shift':
              for (let each = 0; each < step.count; each++) shift(step.onlyHigh);
              break;
            case 'settle':
              for (let each = 0; each < step.count && model.length > 0; each++) {
                const [chosen] = model.splice(step.which % model.length, 1);
                if (step.first) queue.settledWhileWaiting();
                chosen!.state = settled;
                if (!step.first) queue.settledWhileWaiting();
              }
              break;
            case 'expire': {
              now += step.pass;
              const due = model.filter(({ expiresAt }) => expiresAt <= now);
              expect(new Set(queue.expired(now))).toStrictEqual(new Set(due));
              model = model.filter(({ expiresAt }) => expiresAt > now);
              expect(queue.earliest).toBeGreaterThan(now);
              break;
            }
            case 'takeOut': {
              const wanted = (each: DeliveryRecord): boolean => Number(nameOf(each)) % step.modulo === 0;
              expect(new Set(queue.takeOut(wanted))).toStrictEqual(new Set(model.filter(wanted)));
              model = model.filter((each) => !wanted(each));
              expect(queue.size).toBe(model.length);
            }
          }
        };
        for (const step of operations) {
          act(step);
          expect(queue.waiting).toBe(model.length);
          expect(queue.size).toBeGreaterThanOrEqual(model.length);
          expect(queue.earliest).toBeLessThanOrEqual(Math.min(Infinity, ...model.map(({ expiresAt }) => expiresAt)));
          expect(new Set([...queue].filter(({ state }) => state !== settled))).toStrictEqual(new Set(model));
        }
        expect(drain(queue)).toHaveLength(model.length);
        expect([queue.size, queue.waiting, queue.high]).toStrictEqual([0, 0, 0]);
      }),
      { numRuns: 60 },
    );
  });

  it('lets no tenant go twice while another waits', () => {
    const steps = fc.array(fc.oneof(fc.constantFrom('a', 'b', 'c', 'd'), fc.constant('shift')), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (all) => {
        const queue = new LaneQueue();
        const waitingOf = new Map<string, number>();
        /** Tenants that have waited since this one's last turn. */
        const since = new Map<string, Set<string>>();
        for (const step of all) {
          if (step !== 'shift') {
            queue.push(record(step, { tenant: step }));
            waitingOf.set(step, (waitingOf.get(step) ?? 0) + 1);
            continue;
          }
          const turn = nameOf(queue.shift(false));
          if (turn === undefined) continue;
          expect([...(since.get(turn) ?? [])]).toStrictEqual([]);
          waitingOf.set(turn, waitingOf.get(turn)! - 1);
          for (const others of since.values()) others.delete(turn);
          since.set(
            turn,
            new Set([...waitingOf].filter(([name, left]) => left > 0 && name !== turn).map(([name]) => name)),
          );
        }
      }),
    );
  });
});
