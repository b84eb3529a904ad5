import { until, within } from '../patience.ts';
import { describeResult, scopesOf } from '../result.ts';
import type { Rule } from '../rule.ts';
import { rule } from '../rule.ts';
import { must } from '../verdict.ts';

export const closeRules: readonly Rule[] = [
  rule({
    name: 'settles every send when it is closed meanwhile',
    async check(trial) {
      const deliveries = await Promise.all(Array.from({ length: 20 }, () => trial.delivery()));
      const sends = deliveries.map((delivery) => trial.send(delivery));
      const closed = trial.close();
      for (const result of await Promise.all(sends)) {
        const { kind } = result;
        must(
          kind === 'accepted' || kind === 'unavailable' || kind === 'ambiguous',
          `closing made a delivery ${describeResult(result)}`,
        );
      }
      await closed;
    },
  }),
  rule({
    name: 'lets go of a hanging send when it is closed and aborted',
    needs: ['hang'],
    async check(trial) {
      for (const provoke of trial.ways('hang').slice(0, 1)) {
        const delivery = await trial.delivery();
        await provoke(delivery.target, 0);
        const controller = new AbortController();
        const sending = trial.send(delivery, controller.signal);
        await until(() => trial.requests() > 0, trial.patience, 'the arrival of a request');
        const closed = trial.close();
        controller.abort();
        must(Object.hasOwn(scopesOf, (await sending).kind), 'a delivery that nobody answered was accepted');
        await closed;
      }
    },
  }),
  rule({
    name: 'leaves nothing open when it is closed',
    async check(trial) {
      const { subject, patience } = trial;
      // The trial's own adapter has not connected yet. Several, since something of others' may end meanwhile and hide one of its own.
      const before = handles();
      const adapters = await Promise.all(Array.from({ length: 5 }, () => subject.make()));
      const { signal } = new AbortController();
      for (const adapter of adapters) {
        await within(adapter.send([await trial.delivery()], { signal }), patience, 'an end of the send');
        await within(adapter.close(), patience, 'an end of close()');
      }
      let left = '';
      const quiet = (): boolean => (left = more(handles(), before)) === '';
      // The service's ends of the connections are in this process too, and close a little later.
      await until(quiet, patience, 'the closing of every handle').catch(() =>
        must(false, `open after close(): ${left}`),
      );
    },
  }),
];

type Handles = ReadonlyMap<string, number>;

/** What keeps the process alive, as far as an adapter could have opened it; files and standard streams are others'. */
function handles(): Handles {
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo()) {
    if (/TCP|TLS|UDP|HTTP|Timeout|MessagePort|Worker|GetAddrInfo|Pipe/i.test(type))
      counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return counts;
}

function more(now: Handles, before: Handles): string {
  return [...now]
    .filter(([type, count]) => count > (before.get(type) ?? 0))
    .map(([type]) => type)
    .join(', ');
}
