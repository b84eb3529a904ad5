// Cost per message while `--waiting` others wait: filled with the adapter held, then measured as messages come and go.
import { costDefaults, finish, medianCost, reaches, readArguments, startCost } from '../measure.ts';
import type { Cost } from '../measure.ts';
import { acceptAll, noopAdapter, noopEngine } from '../noop.ts';
import { mixedMessages } from '../workload.ts';

const given = readArguments({ ...costDefaults, waiting: 10_000 });
const { promise: filled, resolve: open } = Promise.withResolvers<void>();
const { send } = acceptAll();
let isOpen = false;
const adapter = noopAdapter(async (deliveries) => {
  if (!isOpen) await filled;
  return send(deliveries);
});
const engine = noopEngine(adapter, { memory: { deliveries: given.waiting, bytes: 2 ** 40 } });

let taken = 0;
let settled = 0;
const costs: Cost[] = [];
const depths: number[] = [];

function* counted() {
  for (const message of mixedMessages()) {
    taken++;
    yield message;
  }
}

async function consume(): Promise<void> {
  let stop = startCost();
  let end = given.warmup;
  for await (const outcome of engine.sendAll(counted())) {
    if (outcome.status !== 'accepted') throw new Error(`a message came out as ${outcome.status}`);
    settled++;
    if (settled > given.warmup && settled % 1000 === 0) depths.push(taken - settled);
    if (settled < end) continue;
    if (end > given.warmup) costs.push(stop(given.messages));
    if (costs.length === given.repeats) return;
    end += given.messages;
    stop = startCost();
  }
}

// Not awaited where it is called: the source is to be read while the adapter is held.
const consumed = consume();
const reached = await reaches(() => taken, given.waiting);
if (reached < given.waiting * 0.9) throw new Error(`only ${reached} of ${given.waiting} messages were taken in`);
isOpen = true;
open();
await Promise.race([consumed, new Promise(() => setInterval(() => {}, 1000))]);

const waiting = depths.reduce((sum, depth) => sum + depth, 0) / depths.length;
if (waiting < given.waiting * 0.5) throw new Error(`on average only ${Math.round(waiting)} of ${given.waiting} messages waited`);
finish({ ...medianCost(costs), waiting });
