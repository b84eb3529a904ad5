import { isTidingsError } from '@tidings/core';
import webPush from 'web-push';
import type { VapidReason, WebPushOptions } from './options.ts';
import type { Vapid } from './vapid-keys.ts';
import { checkVapid } from './vapid-keys.ts';

/** Seconds that a header says it is valid; at most 24 hours (RFC 8292, section 2). */
const life = 12 * 3600;
/** Milliseconds that a header is used: services' clocks differ, and retries take their time. */
const use = 11 * 3_600_000;
/** Milliseconds until a function that failed is asked again, so that waiting messages do not all ask a vault that is down. */
const pause = { start: 1000, later: 60_000 };
/** Push services remembered at most; there are a handful, unless `allow` opens all the world. */
const originLimit = 1000;

/** A value of the `Authorization` header, and what it stands for. */
export interface VapidHeader {
  readonly value: string;
  readonly origin: string;
  readonly credential: Credential;
}

interface Credential {
  readonly vapid: Vapid;
  /** Epoch ms: from then on a function is asked again. */
  readonly until: number;
}

interface Service {
  header: VapidHeader | undefined;
  until: number;
  /** The public key that this service has accepted. */
  proven: string | undefined;
}

/** Why there is no header: the function of `vapid` failed, or gave no key pair. */
export type VapidProblem = 'failed' | 'invalid';

export interface VapidHeaders {
  /** For one push service; synchronous while nothing has to be asked. */
  get(origin: string): VapidHeader | VapidProblem | Promise<VapidHeader | VapidProblem>;
  /** A push service took a message with it. */
  accepted(header: VapidHeader): void;
  /** Whether this service has ever taken a message with the header's key. */
  proven(header: VapidHeader): boolean;
  /** A push service refused it: the next one is made anew, from a key asked for anew where the key itself is in doubt. */
  refused(header: VapidHeader, keyInDoubt: boolean): void;
}

/**
 * Headers by push service, signed once for hours: a signature costs 100 microseconds, as much as all else of a message.
 * @param now epoch ms
 */
export function createVapidHeaders(source: WebPushOptions['vapid'], now: () => number): VapidHeaders {
  const services = new Map<string, Service>();
  let credential: Credential | undefined =
    typeof source === 'function' ? undefined : { vapid: source, until: Infinity };
  let asking: Promise<VapidProblem | undefined> | undefined;
  let doubtful = false;
  let failed: { readonly problem: VapidProblem; readonly until: number } | undefined;

  const serviceOf = (origin: string): Service => {
    const known = services.get(origin) ?? { header: undefined, until: 0, proven: undefined };
    // The one used longest ago goes first.
    services.delete(origin);
    services.set(origin, known);
    if (services.size > originLimit) services.delete(services.keys().next().value ?? '');
    return known;
  };

  const reasonToAsk = (): VapidReason | undefined => {
    if (typeof source !== 'function') return undefined;
    if (credential === undefined) return 'start';
    if (doubtful) return 'refused';
    return credential.until <= now() ? 'expiring' : undefined;
  };

  const ask = async (reason: VapidReason): Promise<VapidProblem | undefined> => {
    doubtful = false;
    try {
      const vapid: unknown = await (source as (reason: VapidReason) => unknown)(reason);
      checkVapid(vapid, 'vapid');
      credential = { vapid, until: now() + use };
      return undefined;
    } catch (error) {
      const problem = isTidingsError(error) ? 'invalid' : 'failed';
      if (credential === undefined) failed = { problem, until: now() + pause.start };
      // The last good one stays in use.
      else credential = { ...credential, until: now() + pause.later };
      return problem;
    } finally {
      asking = undefined;
    }
  };

  const headerOf = (origin: string, from: Credential): VapidHeader => {
    const service = serviceOf(origin);
    const at = now();
    // A clock that was set back makes headers that seem to live too long.
    if (service.header?.credential.vapid === from.vapid && service.until > at && service.until - use <= at)
      return service.header;
    const { subject, publicKey, privateKey } = from.vapid;
    const { Authorization: value } = webPush.getVapidHeaders(
      origin,
      subject,
      publicKey,
      privateKey,
      'aes128gcm',
      Math.floor(at / 1000) + life,
    );
    service.header = { value, origin, credential: from };
    service.until = at + use;
    return service.header;
  };

  return {
    get(origin) {
      if (credential === undefined && failed !== undefined && failed.until > now()) return failed.problem;
      const reason = reasonToAsk();
      if (reason === undefined && asking === undefined) return headerOf(origin, credential as Credential);
      asking ??= ask(reason as VapidReason);
      return asking.then((problem) =>
        credential === undefined ? (problem ?? 'failed') : headerOf(origin, credential),
      );
    },
    accepted(header) {
      serviceOf(header.origin).proven = header.credential.vapid.publicKey;
    },
    proven: (header) => services.get(header.origin)?.proven === header.credential.vapid.publicKey,
    refused(header, keyInDoubt) {
      const service = services.get(header.origin);
      // Of several refusals of one header the first has done this already.
      if (service?.header !== header) return;
      service.header = undefined;
      if (keyInDoubt && typeof source === 'function' && header.credential.vapid === credential?.vapid) doubtful = true;
    },
  };
}
