// Bytes that one waiting task takes in p-queue, with the promise that `add` gives back.
import { finish, readArguments, settledHeap } from '../measure.ts';
import { loadPeers } from '../peers.ts';
import type { BenchMessage } from '../workload.ts';
import { acceptOne, isAccepted, plainMessages } from '../workload.ts';

const given = readArguments({ waiting: 100_000 });
const { promise: measured, resolve: open } = Promise.withResolvers<void>();
const { send } = acceptOne();
let isHeld = false;
const { PQueue } = loadPeers();
const queue = new PQueue({ concurrency: 64, interval: 1000, intervalCap: 100_000_000 });

const start = (messages: readonly BenchMessage[]) =>
  messages.map((message) =>
    queue.add(async () => {
      if (isHeld) await measured;
      return send(message);
    }),
  );

await Promise.all(start([...plainMessages(10_000)])); // what is made once is made now

const messages = [...plainMessages(given.waiting)];
isHeld = true;
const before = await settledHeap();
const promises = start(messages);
const after = await settledHeap();

// Used after the measurement, else they would be collected during it.
isHeld = false;
open();
const accepted = (await Promise.all(promises)).filter(isAccepted).length;
if (accepted !== messages.length) throw new Error(`${accepted} of ${messages.length} tasks ran`);
finish({ bytes: (after - before) / given.waiting });
