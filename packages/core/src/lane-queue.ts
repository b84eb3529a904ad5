import { settled, type DeliveryRecord } from './record.ts';

const chunkSize = 256;

interface Chunk {
  readonly records: DeliveryRecord[];
  /** Earliest deadline among them, or before it: lets a sweep skip the chunk. */
  earliest: number;
}

/** One pass over what waits. */
interface Sweep {
  /** Chunks whose earliest deadline is later are passed over. */
  readonly before: number;
  readonly wanted: (record: DeliveryRecord) => boolean;
  readonly taken: DeliveryRecord[];
  /** How many had settled before. */
  forgotten: number;
}

/** Takes out what is wanted, and forgets what has settled. */
function filter(chunk: Chunk, from: number, sweep: Sweep): void {
  let kept = 0;
  let earliest = Infinity;
  for (let index = from; index < chunk.records.length; index++) {
    const record = chunk.records[index]!;
    if (record.state === settled) sweep.forgotten++;
    else if (sweep.wanted(record)) sweep.taken.push(record);
    else {
      chunk.records[kept++] = record;
      if (record.expiresAt < earliest) earliest = record.expiresAt;
    }
  }
  chunk.records.length = kept;
  chunk.earliest = earliest;
}

/** First in, first out, in chunks: nothing is moved when it grows. What has settled meanwhile is passed over. */
class Fifo {
  readonly tenant: string;
  #chunks: Chunk[] = [];
  #head = 0;
  next: Fifo = this;
  previous: Fifo = this;

  constructor(tenant: string) {
    this.tenant = tenant;
  }

  push(record: DeliveryRecord): void {
    let last = this.#chunks[this.#chunks.length - 1];
    if (last === undefined || last.records.length === chunkSize) {
      last = { records: [], earliest: Infinity };
      this.#chunks.push(last);
    }
    last.records.push(record);
    if (record.expiresAt < last.earliest) last.earliest = record.expiresAt;
  }

  shift(): DeliveryRecord | undefined {
    for (;;) {
      const first = this.#chunks[0];
      if (first === undefined) return undefined;
      if (this.#head < first.records.length) {
        const record = first.records[this.#head]!;
        // Lets go of what was taken, so that a chunk does not keep 255 sent deliveries alive.
        first.records[this.#head++] = undefined as never;
        return record;
      }
      this.#chunks.shift();
      this.#head = 0;
    }
  }

  /** Answers the earliest deadline that is left. */
  sweep(sweep: Sweep): number {
    let earliest = Infinity;
    for (const [index, chunk] of this.#chunks.entries()) {
      if (chunk.earliest <= sweep.before) {
        filter(chunk, index === 0 ? this.#head : 0, sweep);
        if (index === 0) this.#head = 0;
      }
      if (chunk.earliest < earliest) earliest = chunk.earliest;
    }
    this.#chunks = this.#chunks.filter((chunk) => chunk.records.length > 0);
    return earliest;
  }

  *[Symbol.iterator](): Generator<DeliveryRecord> {
    for (const [index, chunk] of this.#chunks.entries()) {
      for (let place = index === 0 ? this.#head : 0; place < chunk.records.length; place++) yield chunk.records[place]!;
    }
  }
}

/** One priority: tenants take turns, each in its own order. All deliveries cost the same, so deficit round robin is one each. */
class Level {
  readonly #tenants = new Map<string, Fifo>();
  /** The one last pushed to: often the same again. */
  #last: Fifo | undefined;
  #current: Fifo | undefined;
  size = 0;

  push(record: DeliveryRecord): void {
    const tenant = record.message.tenant ?? '';
    let fifo = this.#last;
    if (fifo === undefined || fifo.tenant !== tenant) {
      fifo = this.#tenants.get(tenant) ?? this.#join(tenant);
      this.#last = fifo;
    }
    fifo.push(record);
    this.size++;
  }

  /** A tenant that comes takes its turn after the ones that wait already. */
  #join(tenant: string): Fifo {
    const fifo = new Fifo(tenant);
    this.#tenants.set(tenant, fifo);
    if (this.#current === undefined) {
      this.#current = fifo;
      return fifo;
    }
    const last = this.#current.previous;
    last.next = fifo;
    fifo.previous = last;
    fifo.next = this.#current;
    this.#current.previous = fifo;
    return fifo;
  }

  #leave(fifo: Fifo): void {
    this.#tenants.delete(fifo.tenant);
    if (this.#last === fifo) this.#last = undefined;
    this.#current = fifo.next === fifo ? undefined : fifo.next;
    fifo.previous.next = fifo.next;
    fifo.next.previous = fifo.previous;
  }

  shift(): DeliveryRecord | undefined {
    for (;;) {
      const fifo = this.#current;
      if (fifo === undefined) return undefined;
      const record = fifo.shift();
      if (record === undefined) {
        this.#leave(fifo);
        continue;
      }
      this.size--;
      this.#current = fifo.next;
      return record;
    }
  }

  sweep(sweep: Sweep): number {
    const before = sweep.taken.length + sweep.forgotten;
    let earliest = Infinity;
    for (const fifo of this.#tenants.values()) earliest = Math.min(earliest, fifo.sweep(sweep));
    this.size -= sweep.taken.length + sweep.forgotten - before;
    return earliest;
  }

  *[Symbol.iterator](): Generator<DeliveryRecord> {
    for (const fifo of this.#tenants.values()) yield* fifo;
  }
}

/** While both wait, one in so many turns is `low`'s and the rest are `normal`'s, so that it is slow and not starved. */
const lowEvery = 8;

/** What waits in a lane: priorities over tenants over order of arrival. */
export class LaneQueue {
  readonly #levels = [new Level(), new Level(), new Level()] as const;
  /** No waiting deadline is earlier; it may be later than this. */
  earliest = Infinity;
  #settledInside = 0;
  #sinceLow = 0;

  /** Those settled while they waited included, until they are passed over. */
  size = 0;

  /** Deliveries that still wait. */
  get waiting(): number {
    return this.size - this.#settledInside;
  }

  get high(): number {
    return this.#levels[0].size;
  }

  push(record: DeliveryRecord): void {
    this.#levels[record.level]!.push(record);
    this.size++;
    if (record.expiresAt < this.earliest) this.earliest = record.expiresAt;
  }

  /** The next one by priority and turn; with `onlyHigh`, none of the others. May be one that has settled. */
  shift(onlyHigh: boolean): DeliveryRecord | undefined {
    const [high, normal, low] = this.#levels;
    if (high.size > 0) return this.#from(high);
    if (onlyHigh) return undefined;
    if (low.size > 0 && (normal.size === 0 || ++this.#sinceLow >= lowEvery)) {
      this.#sinceLow = 0;
      return this.#from(low);
    }
    return normal.size > 0 ? this.#from(normal) : undefined;
  }

  #from(level: Level): DeliveryRecord | undefined {
    this.size--;
    return level.shift();
  }

  /** One that waited here has settled; its place is forgotten when it is passed over, or when many have piled up. */
  settledWhileWaiting(): void {
    if (++this.#settledInside > 1024 && this.#settledInside > this.size / 2) this.takeOut(() => false);
  }

  /** One that had settled was passed over. */
  passedOver(): void {
    this.#settledInside--;
  }

  /** Takes out what is past its deadline. */
  expired(now: number): DeliveryRecord[] {
    return this.#sweep(now, ({ expiresAt }) => expiresAt <= now);
  }

  /** Takes out those that are wanted. */
  takeOut(wanted: (record: DeliveryRecord) => boolean): DeliveryRecord[] {
    return this.#sweep(Infinity, wanted);
  }

  #sweep(before: number, wanted: (record: DeliveryRecord) => boolean): DeliveryRecord[] {
    const sweep: Sweep = { before, wanted, taken: [], forgotten: 0 };
    this.earliest = Infinity;
    for (const level of this.#levels) this.earliest = Math.min(this.earliest, level.sweep(sweep));
    this.#settledInside -= sweep.forgotten;
    this.size -= sweep.forgotten + sweep.taken.length;
    return sweep.taken;
  }

  *[Symbol.iterator](): Generator<DeliveryRecord> {
    for (const level of this.#levels) yield* level;
  }
}
