import type { Failure, Runtime } from '@tidings/core';
import type { CredentialReason } from './options.ts';

/** An access token as its source hands it out. */
export interface FreshToken {
  readonly token: string;
  readonly projectId: string;
  /** Milliseconds it is good for. */
  readonly lifetime: number;
}

/** Where access tokens come from. `fetch` never rejects. */
export interface TokenSource {
  fetch(reason: CredentialReason, signal: AbortSignal): Promise<FreshToken | Failure>;
  close(): void;
}

/** What a request needs of a credential: made once per access token, not per message. */
export interface Grant {
  readonly path: string;
  readonly headers: { readonly [name: string]: string };
}

/** One access token for all: fetched by one request at a time, renewed before it expires, dropped when it was refused. */
export interface Credentials {
  /** The grant at once while a good one is held. Never rejects: a failure tells why there is none. */
  get(signal: AbortSignal): Grant | Failure | Promise<Grant | Failure>;
  /** FCM refused this grant: the next `get` fetches anew. Does nothing where it was replaced already. */
  refuse(grant: Grant): void;
  close(): Promise<void>;
}

interface Held {
  readonly grant: Grant;
  readonly renewAt: number;
  readonly expiresAt: number;
}

/** Before expiry, as Google's own libraries do; for a short-lived token half its life. */
const margin = 300_000;
/** For one fetch, whatever it does. */
const timeLimit = 10_000;
/** After a failed fetch, so that ten thousand waiting messages do not become as many questions to a service that is down. */
const pause = 1_000;

/** Whether `get` answered with a failure. */
export function isFailure(value: object): value is Failure {
  return 'kind' in value;
}

/** @param runtime read at every call, since the engine hands over its own when it opens the adapter */
export function createCredentials(source: TokenSource, runtime: () => Runtime): Credentials {
  let held: Held | undefined;
  let reason: CredentialReason = 'start';
  let flight: Promise<Grant | Failure> | undefined;
  let failed: { readonly failure: Failure; readonly until: number } | undefined;
  const closing = new AbortController();

  async function renew(): Promise<Grant | Failure> {
    const started = runtime().monotonic();
    const result = await fetchWithin(source, reason, closing.signal, runtime());
    flight = undefined;
    if (isFailure(result)) {
      const until = runtime().monotonic() + Math.max(pause, (result.kind === 'unavailable' && result.retryAfter) || 0);
      failed = { failure: result, until };
      if (result.kind === 'unauthorized') reason = 'refused';
      return result;
    }
    failed = undefined;
    reason = 'expiring';
    const { lifetime } = result;
    const grant = toGrant(result);
    held = { grant, renewAt: started + lifetime - Math.min(margin, lifetime / 2), expiresAt: started + lifetime };
    return grant;
  }

  return {
    get(signal) {
      const now = runtime().monotonic();
      if (held !== undefined && now < held.renewAt) return held.grant;
      if (closing.signal.aborted) return unsent('tidings.closed', 'the adapter was closed');
      const isPaused = failed !== undefined && now < failed.until;
      if (held !== undefined && now < held.expiresAt) {
        // Still good: renewed beside the traffic, nobody waits.
        if (!isPaused) flight ??= renew();
        return held.grant;
      }
      // A refusal is not held back: the engine asks once more, and a function may have a new key by then.
      if (isPaused && failed?.failure.kind === 'unavailable' && flight === undefined) {
        return { ...failed.failure, retryAfter: Math.ceil(failed.until - now) };
      }
      flight ??= renew();
      return unlessAborted(flight, signal);
    },
    refuse(grant) {
      if (held?.grant !== grant) return;
      held = undefined;
      reason = 'refused';
    },
    async close() {
      closing.abort();
      held = undefined;
      await flight;
      source.close();
    },
  };
}

/** Ends after the time limit or at close even where the source ignores its signal, as an application's function may. */
async function fetchWithin(
  source: TokenSource,
  reason: CredentialReason,
  closing: AbortSignal,
  runtime: Runtime,
): Promise<FreshToken | Failure> {
  const limit = new AbortController();
  let cancel = (): void => {};
  const ended = new Promise<Failure>((resolve) => {
    const end = (code: string, message: string): void => {
      resolve(unsent(code, message));
      limit.abort();
    };
    const onClose = (): void => end('tidings.closed', 'the adapter was closed');
    closing.addEventListener('abort', onClose, { once: true });
    const unschedule = runtime.schedule(runtime.monotonic() + timeLimit, () =>
      end('tidings.credential_timeout', `no access token within ${timeLimit} ms`),
    );
    cancel = () => {
      unschedule();
      closing.removeEventListener('abort', onClose);
    };
  });
  try {
    return await Promise.race([source.fetch(reason, limit.signal), ended]);
  } finally {
    cancel();
  }
}

/** Leaves the shared fetch alone: only this caller stops waiting for it. */
function unlessAborted(flight: Promise<Grant | Failure>, signal: AbortSignal): Promise<Grant | Failure> {
  return new Promise((resolve) => {
    const onAbort = (): void => resolve(unsent('tidings.aborted', 'given up while waiting for an access token'));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    void flight.then((result) => {
      signal.removeEventListener('abort', onAbort);
      resolve(result);
    });
  });
}

function toGrant({ token, projectId }: FreshToken): Grant {
  return {
    path: `/v1/projects/${encodeURIComponent(projectId)}/messages:send`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json; charset=utf-8' },
  };
}

/** No access token, so no message was sent either. */
export function unsent(code: string, message: string, retryAfter?: number): Failure {
  return {
    kind: 'unavailable',
    scope: 'provider',
    code,
    message,
    unsent: true,
    ...(retryAfter !== undefined && { retryAfter }),
  };
}

/** The credentials were refused: a person must act, or the function must hand over others. */
export function refused(code: string, message: string): Failure {
  return { kind: 'unauthorized', scope: 'credential', code, message };
}
