// Peak resident memory of a process that sends `--messages` from a stream.
import { finish, readArguments } from '../measure.ts';
import { acceptAll, noopAdapter, noopEngine } from '../noop.ts';
import { plainMessages } from '../workload.ts';

const given = readArguments({ messages: 1_000_000 });
const engine = noopEngine(noopAdapter(acceptAll().send));

let accepted = 0;
for await (const { status } of engine.sendAll(plainMessages(given.messages))) if (status === 'accepted') accepted++;
if (accepted !== given.messages) throw new Error(`${accepted} of ${given.messages} messages were accepted`);
finish({ rss: process.resourceUsage().maxRSS / 1024 });
