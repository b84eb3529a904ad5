// Cost per message while `--waiting` others wait: filled with the adapter held, then measured as messages come and go.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { costDefaults, finish, medianCost, reaches, readArguments, startCost } from '../measure.ts';
import type { Cost } from '../measure.ts';
import { acceptAll, noopAdapter, noopEngine } from '../noop.ts';
import { mixedMessages } from '../workload.ts';

const given = readArguments({ ...costDefaults, waiting: 10_000 });
const { promise: filled, resolve: open } = Promise.withResolvers<void>();
const { send } = acceptAll();

let taken = 0;
let sent = 0;
let settled = 0;

/**
 * All calls of one turn of the event loop are answered in the next one. Answered at once, thousands would be sent before
 * the first outcome is read, and a measured run would hold more of the one than of the other.
 */
let turn: Promise<void> | undefined = filled;
const adapter = noopAdapter(async (deliveries) => {
  turn ??= nextTurn().then(() => (turn = undefined));
  await turn;
  sent += deliveries.length;
  return send(deliveries);
});
/** The source is read on when half of this has settled, so that three quarters wait on average. */
const room = Math.ceil((given.waiting * 4) / 3);
const engine = noopEngine(adapter, { memory: { deliveries: room, bytes: 2 ** 40 } });

function* counted() {
  for (const message of mixedMessages()) {
    taken++;
    yield message;
  }
}

const costs: Cost[] = [];
const depths: number[] = [];

async function consume(): Promise<void> {
  let stop = startCost();
  let end = given.warmup;
  for await (const outcome of engine.sendAll(counted())) {
    if (outcome.status !== 'accepted') throw new Error(`a message came out as ${outcome.status}`);
    settled++;
    if (settled > given.warmup && settled % 1000 === 0) depths.push(taken - sent);
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
if (reached < given.waiting) throw new Error(`only ${reached} of ${given.waiting} messages were taken in`);
turn = undefined;
open();
await consumed;

const waiting = depths.reduce((sum, depth) => sum + depth, 0) / depths.length;
if (waiting < given.waiting * 0.9)
  throw new Error(`on average ${Math.round(waiting)} waited instead of ${given.waiting}`);
finish({ ...medianCost(costs), waiting });
