// The whole pipeline, fed by `sendAll`. `--batch 500`: the adapter takes so many at once; `--keys`: an idempotency key each;
// `--listener`: somebody listens to every outcome.
import { costDefaults, finish, measureCost, readArguments } from '../measure.ts';
import { acceptAll, noopAdapter, noopEngine } from '../noop.ts';
import { keyedMessages, plainMessages } from '../workload.ts';

const given = readArguments({ ...costDefaults, batch: 1, keys: false, listener: false });
const engine = noopEngine(noopAdapter(acceptAll().send, given.batch));

let heard = 0;
if (given.listener) engine.on('delivery.settled', () => heard++);

const cost = await measureCost(given, async (messages, run) => {
  let accepted = 0;
  for await (const outcome of engine.sendAll(given.keys ? keyedMessages(messages, run) : plainMessages(messages))) {
    if (outcome.status === 'accepted') accepted++;
  }
  return accepted;
});
if (given.listener && heard === 0) throw new Error('the listener heard nothing');
finish(cost);
