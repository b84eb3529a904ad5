// cockatiel's retry, breaker, bulkhead and timeout around the same call, with the values of `noopPolicy`. It has no rate limit.
import { costDefaults, finish, measureCost, readArguments } from '../measure.ts';
import { loadPeers } from '../peers.ts';
import { acceptOne, drive, isAccepted, plainMessages } from '../workload.ts';

const given = readArguments({ ...costDefaults, callers: 64 });
const { cockatiel } = loadPeers();
const { send } = acceptOne();

const policy = cockatiel.wrap(
  cockatiel.retry(cockatiel.handleAll, {
    maxAttempts: 4,
    backoff: new cockatiel.ExponentialBackoff({ initialDelay: 500, maxDelay: 60_000 }),
  }),
  cockatiel.circuitBreaker(cockatiel.handleAll, {
    halfOpenAfter: 10_000,
    breaker: new cockatiel.SamplingBreaker({ threshold: 0.5, duration: 10_000 }),
  }),
  cockatiel.bulkhead(64, Number.POSITIVE_INFINITY),
  cockatiel.timeout(30_000, cockatiel.TimeoutStrategy.Aggressive),
);

finish(
  await measureCost(given, (messages) =>
    drive(plainMessages(messages), given.callers, (message) => policy.execute(() => send(message)), isAccepted),
  ),
);
