// The whole pipeline, called by `--callers` loops that await each `send`.
import { costDefaults, finish, measureCost, readArguments } from '../measure.ts';
import { acceptAll, noopAdapter, noopEngine } from '../noop.ts';
import { drive, plainMessages } from '../workload.ts';

const given = readArguments({ ...costDefaults, callers: 64 });
const engine = noopEngine(noopAdapter(acceptAll().send));

finish(
  await measureCost(given, (messages) =>
    drive(
      plainMessages(messages),
      given.callers,
      (message) => engine.send(message),
      ({ status }) => status === 'accepted',
    ),
  ),
);
