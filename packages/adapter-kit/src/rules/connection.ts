import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { within } from '../patience.ts';
import { describeResult, isUnsent } from '../result.ts';
import type { Rule } from '../rule.ts';
import { rule } from '../rule.ts';
import { readThrown } from '../thrown.ts';
import type { Trial } from '../trial.ts';
import { must } from '../verdict.ts';

/** Troubles after which an adapter has to find its way back to the service by itself. */
const disruptive = ['hang', 'stall', 'reset', 'half', 'refused', 'garbage', 'html', 'huge', 'unavailable'] as const;

export const connectionRules: readonly Rule[] = [
  rule({
    name: 'says that nothing was sent where nothing listens',
    needs: ['unreachable'],
    async check(trial) {
      const { adapter, target } = await unreachable(trial);
      try {
        const delivery = await trial.delivery(target === undefined ? {} : { target });
        const sending = (async () => adapter.send([delivery], { signal: new AbortController().signal }))();
        // A throw is in order here: the engine knows the codes of a refused connection.
        const results = await within(
          sending.catch(async (error: unknown) => [await readThrown(error)]),
          trial.patience,
          'an end of the send',
        );
        const [result] = results;
        must(
          result !== undefined && isUnsent(result),
          `expected 'unavailable' with unsent, not ${describeResult(result)}`,
        );
      } finally {
        await adapter.close();
      }
    },
  }),
  rule({
    name: 'delivers again after its connection was disturbed',
    async check(trial) {
      for (const trouble of disruptive) {
        for (const provoke of trial.ways(trouble)) {
          await trial.meet(trouble, provoke);
          await trial.subject.reset?.();
          const result = await trial.send(await trial.delivery());
          must(result.kind === 'accepted', `the delivery after '${trouble}' was ${describeResult(result)}`);
        }
      }
    },
  }),
];

async function unreachable({ subject }: Trial) {
  const made = await subject.unreachable?.(await closedPort());
  must(made !== undefined, 'the subject has no unreachable');
  return made;
}

/** A port that was free just now. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, 'localhost');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
