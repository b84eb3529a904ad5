import type { Outcome } from '@tidings/core';

/** What the check and the report need of an outcome; the rest need not be kept. */
export interface OutcomeNote {
  readonly serial: number;
  readonly status: Outcome['status'];
  /** Of a failure its kind, of a suppression its reason. */
  readonly reason: string | undefined;
  readonly attempts: readonly AttemptNote[];
  /** Epoch ms. */
  readonly queuedAt: number;
  readonly settledAt: number;
}

export interface AttemptNote {
  /** Its trace step was `repeated`: an earlier attempt may have arrived. */
  readonly repeated: boolean;
  /** The adapter says that it surely was not taken. */
  readonly unsent: boolean;
  /** Nobody knows whether it was taken. */
  readonly ambiguous: boolean;
  /** It was given up for taking too long. */
  readonly timedOut: boolean;
}

/** What an adapter says of an attempt that the engine called off, and the engine of one that did not stop. */
const timeoutCodes = new Set(['tidings.aborted', 'tidings.timeout']);

/** @param outcome whose `ref` is the serial */
export function noteOf(outcome: Outcome<unknown, number>): OutcomeNote {
  const { ref: serial, status, attempts, trace } = outcome;
  // One step per attempt, in the same order.
  const steps = trace.filter(({ step }) => step === 'attempted' || step === 'repeated');
  return {
    serial,
    status,
    reason: reasonOf(outcome),
    attempts: attempts.map(({ failure }, index) => ({
      repeated: steps[index]?.step === 'repeated',
      unsent: failure?.kind === 'unavailable' && failure.unsent === true,
      ambiguous: failure?.kind === 'ambiguous',
      timedOut: failure !== undefined && timeoutCodes.has(failure.code),
    })),
    queuedAt: trace[0]?.at.getTime() ?? Number.NaN,
    settledAt: trace.at(-1)?.at.getTime() ?? Number.NaN,
  };
}

function reasonOf(outcome: Outcome<unknown, number>): string | undefined {
  switch (outcome.status) {
    case 'accepted':
    case 'canceled':
      return undefined;
    case 'suppressed':
      return outcome.reason;
    case 'failed':
    case 'unknown':
    case 'expired':
      return outcome.failure?.kind;
  }
}
