// Bytes that one waiting message takes in the engine, `--via send-all` or `--via send`, beside the caller's own object.
import { finish, reaches, readArguments, settledHeap } from '../measure.ts';
import { acceptAll, noopAdapter, noopEngine } from '../noop.ts';
import type { BenchMessage } from '../workload.ts';
import { plainMessages } from '../workload.ts';

const given = readArguments({ waiting: 100_000, via: 'send-all' });
const { promise: measured, resolve: open } = Promise.withResolvers<void>();
const { send } = acceptAll();
let isHeld = false;
const adapter = noopAdapter(async (deliveries) => {
  if (isHeld) await measured;
  return send(deliveries);
});
const engine = noopEngine(adapter, { memory: { deliveries: given.waiting * 2, bytes: 2 ** 40 } });

let taken = 0;
function* counted(messages: Iterable<BenchMessage>) {
  for (const message of messages) {
    taken++;
    yield message;
  }
}

/** The promises (or the running loop) are given back, so that they live while the heap is measured. */
function start(messages: readonly BenchMessage[]): () => Promise<number> {
  if (given.via === 'send-all') {
    const loop = countAccepted(engine.sendAll(counted(messages)));
    return () => loop;
  }
  const promises = messages.map((message) => engine.send(message));
  taken += promises.length;
  return async () => (await Promise.all(promises)).filter(({ status }) => status === 'accepted').length;
}

async function countAccepted(outcomes: AsyncIterable<{ status: string }>): Promise<number> {
  let accepted = 0;
  for await (const { status } of outcomes) if (status === 'accepted') accepted++;
  return accepted;
}

await start([...plainMessages(10_000)])(); // what is made once is made now

const messages = [...plainMessages(given.waiting)];
isHeld = true;
taken = 0;
const before = await settledHeap();
const settle = start(messages);
const reached = await reaches(() => taken, given.waiting);
if (reached < given.waiting) throw new Error(`only ${reached} of ${given.waiting} messages were taken in`);
const after = await settledHeap();

isHeld = false;
open();
const accepted = await settle();
if (accepted !== messages.length) throw new Error(`${accepted} of ${messages.length} messages were accepted`);
finish({ bytes: (after - before) / given.waiting });
