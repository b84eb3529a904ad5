import type { SendContext, SendResult } from './adapter.ts';
import type { Failure } from './failure.ts';
import type { DeliveryRecord } from './record.ts';

/** The signal of one attempt, made only when the adapter reads it. */
export class AttemptContext implements SendContext {
  #controller: AbortController | undefined;
  #aborted = false;
  #timedOut = false;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#abortSignal(this.#controller);
    }
    return this.#controller.signal;
  }

  abort(): void {
    this.#aborted = true;
    if (this.#controller !== undefined) this.#abortSignal(this.#controller);
  }

  /** Aborts as `AbortSignal.timeout` does, so that an adapter can say that it was the time, and not the caller. */
  timeOut(): void {
    if (!this.#aborted) this.#timedOut = true;
    this.abort();
  }

  #abortSignal(controller: AbortController): void {
    if (this.#timedOut) controller.abort(new DOMException('the attempt took too long', 'TimeoutError'));
    else controller.abort();
  }
}

/** One slot of a lane, used for one attempt after the other; its callbacks are made once. */
export class Slot {
  records: DeliveryRecord[] = [];
  context: AttemptContext | undefined;
  startedAt = 0;
  /** When it is aborted; then, when it is no longer waited for. */
  deadline = 0;
  phase: 'idle' | 'running' | 'aborted' | 'givenUp' = 'idle';
  readonly onResults: (results: readonly SendResult[]) => void;
  readonly onError: (error: unknown) => void;
  /** Gives the slot back to p-queue. */
  readonly release: () => void;

  constructor(
    release: () => void,
    finished: (slot: Slot, results: readonly SendResult[] | undefined, error: unknown) => void,
  ) {
    this.release = release;
    this.onResults = (results) => finished(this, results, undefined);
    this.onError = (error) => finished(this, undefined, error);
  }
}

/** Error codes of node's that mean: nothing was written yet. */
const neverSent = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** What an adapter's throw means for each delivery of the attempt. */
export function resultOfThrow(error: unknown, aborted: boolean): Failure {
  const code = connectionCode(error);
  if (code !== undefined) return { kind: 'unavailable', scope: 'provider', code, unsent: true };
  if (aborted) return { kind: 'ambiguous', scope: 'provider', code: 'tidings.timeout' };
  return { kind: 'ambiguous', scope: 'provider', code: 'tidings.adapter_threw' };
}

function connectionCode(error: unknown): string | undefined {
  try {
    // fetch hides the reason in `cause`; a few levels are looked at, a cycle is not followed.
    for (let each = error, depth = 0; depth < 4; depth++) {
      const { code, cause } = each as { code: string; cause: unknown };
      if (neverSent.has(code)) return code;
      each = cause;
    }
  } catch {
    // The last cause, or what can't be read: anything can be thrown.
  }
  return undefined;
}

const kinds = new Set(['unregistered', 'blocked', 'rejected', 'throttled', 'unavailable', 'ambiguous', 'unauthorized']);

const wrongResult: Failure = { kind: 'ambiguous', scope: 'provider', code: 'tidings.wrong_result' };

/** What all of a batch get where the answer is no list of as many results. */
export function unfit(results: readonly SendResult[], count: number): Failure | undefined {
  return Array.isArray(results) && results.length === count ? undefined : wrongResult;
}

/** What is no result counts as a lost answer, what is no time to wait is left out. */
export function checkedResult(result: SendResult | undefined): SendResult {
  if (result?.kind === 'accepted') return result;
  if (typeof result !== 'object' || result === null || !kinds.has(result.kind)) return wrongResult;
  const { retryAfter } = result;
  if (retryAfter === undefined || (typeof retryAfter === 'number' && retryAfter >= 0)) return result;
  return { ...result, retryAfter: undefined };
}
