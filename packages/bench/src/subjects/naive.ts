// What a team builds by hand today: a queue with a rate and a bound, around retries, around a breaker with a timeout.
// Values are those of `noopPolicy`; it validates nothing, knows no deadline and keeps no trace.
import { costDefaults, finish, measureCost, readArguments } from '../measure.ts';
import { loadPeers } from '../peers.ts';
import { acceptOne, drive, isAccepted, plainMessages } from '../workload.ts';

const given = readArguments({ ...costDefaults, callers: 64 });
const { PQueue, pRetry, CircuitBreaker } = loadPeers();

const queue = new PQueue({ concurrency: 64, interval: 1000, intervalCap: 100_000_000 });
const breaker = new CircuitBreaker(acceptOne().send, {
  timeout: 30_000,
  errorThresholdPercentage: 50,
  volumeThreshold: 20,
  resetTimeout: 10_000,
});
const retry = { retries: 4, minTimeout: 500, maxTimeout: 60_000, randomize: true };

finish(
  await measureCost(given, (messages) =>
    drive(
      plainMessages(messages),
      given.callers,
      (message) => queue.add(() => pRetry(() => breaker.fire(message), retry)),
      isAccepted,
    ),
  ),
);
