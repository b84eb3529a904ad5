import type { Adapter, Outcome, SendResult } from '@tidings/core';
import { createEngine } from '@tidings/core';
import { within } from '../patience.ts';
import type { Rule } from '../rule.ts';
import { rule } from '../rule.ts';
import { must } from '../verdict.ts';

/** Milliseconds. Where it passes before the request was written, the engine tries again, until the service has it. */
const timeout = 100;

export const engineRules: readonly Rule[] = [
  rule({
    name: 'delivers in an engine, and ends there when the timeout passes',
    needs: ['hang'],
    async check({ adapter, subject, patience, ways }) {
      const sends: Promise<readonly SendResult[]>[] = [];
      // The trial closes the adapter, so the engine must not. It gives up on a send that ignores its signal, so its word alone
      // proves nothing. Limits and policy have a rule of their own, and a low rate would only make this one slow.
      const watched: Adapter = {
        ...adapter,
        limits: {},
        policy: {},
        open: undefined,
        close: async () => {},
        send(deliveries, context) {
          const sending = adapter.send(deliveries, context);
          sends.push(sending);
          return sending;
        },
      };
      const engine = createEngine({ channels: { conformance: watched } });
      const send = async (target: unknown, policy: object): Promise<Outcome> => {
        const to = { ...(target as object), channel: 'conformance' as const };
        return within(engine.send({ to, policy, content: { conformance: subject.content } }), patience, 'an outcome');
      };
      try {
        const { status } = await send(await subject.target(), {});
        must(status === 'accepted', `a valid delivery was '${status}'`);
        for (const provoke of ways('hang')) {
          const target = await subject.target();
          await provoke(target, 0);
          const outcome = await send(target, { timeout, retry: false, ambiguous: 'stop' });
          must(
            outcome.status === 'unknown' || outcome.status === 'failed',
            `a delivery without an answer was '${outcome.status}'`,
          );
        }
        await within(Promise.allSettled(sends), patience, "an end of a send after its attempt's timeout");
      } finally {
        await engine.close({ timeout: 0 });
      }
    },
  }),
];
