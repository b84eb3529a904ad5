// The contract of the sandbox: what tests, the demo and other teams rely on.

/** What a service can be told to do to one request. It is recorded first, then the fault is applied. */
export type Fault =
  /** Answers with this status; `reason` is the provider's own error word, put where the provider puts it. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly reason?: string;
      readonly retryAfter?: number | string;
    }
  /** The provider's own answer for a target that is gone. */
  | { readonly kind: 'gone' }
  /** Takes the request, never answers. */
  | { readonly kind: 'hang' }
  /** Takes the request, sends the headers of a success, never ends the body. */
  | { readonly kind: 'hangAfterHeaders' }
  /** Takes the request, then resets the stream (HTTP/2) or the connection (HTTP/1.1). */
  | { readonly kind: 'reset' }
  /** Takes the request, sends half of a success, then resets. */
  | { readonly kind: 'resetAfterHeaders' }
  /** The whole connection: nothing is read or written on it from now on, nor closed. */
  | { readonly kind: 'blackhole' }
  /** GOAWAY with this request's stream as the last id; later streams are dropped. Without `error` what came before is answered. */
  | { readonly kind: 'goaway'; readonly error?: boolean }
  /** RST_STREAM with REFUSED_STREAM: surely not taken. HTTP/2 only. */
  | { readonly kind: 'refused' }
  /** A success status with bytes that are no valid answer. */
  | { readonly kind: 'garbage' }
  /** 502 with an HTML page, as a proxy in between would. */
  | { readonly kind: 'html' }
  /** The right answer, this many ms late. */
  | { readonly kind: 'slow'; readonly delay: number };

export type FaultKind = Fault['kind'];

/** Scripted faults go before random ones. */
export interface Faults {
  /** The next `times` (default 1) requests that match get this fault. */
  next(fault: Fault, options?: { readonly times?: number; readonly token?: string }): void;
  /** Each request gets, with this probability, one of the faults, drawn by weight. Replaces an earlier call. A seed makes it repeatable for the same order of requests. */
  random(options: {
    readonly rate: number;
    readonly seed: number;
    readonly faults: readonly (Fault & { readonly weight?: number })[];
  }): void;
  /** Ends all faults. */
  clear(): void;
  /** How many of each kind were applied. */
  readonly applied: Readonly<Partial<Record<FaultKind, number>>>;
}

/** One request as the service saw it. */
export interface LedgerEntry {
  /** 1, 2, 3 ... in order of arrival, within one service. */
  readonly sequence: number;
  /** Epoch ms. */
  readonly at: number;
  /** Which connection. */
  readonly connection: number;
  /** The device token, registration token or subscription id. */
  readonly token: string;
  /** Lower-case header names. */
  readonly headers: Readonly<Record<string, string>>;
  /** The payload as the device reads it: APNs JSON, FCM message, decrypted Web Push JSON or text. */
  readonly payload: unknown;
  /** The service's own id for what it took: `apns-id`, FCM message name, Web Push location. */
  readonly messageId?: string;
  /** The provider took it and the device gets it, whether or not the answer reached the sender. */
  readonly taken: boolean;
  /** Status of the answer, if there was one. */
  readonly status?: number;
  /** The provider's word when it refused. */
  readonly reason?: string;
  readonly fault?: FaultKind;
}

/** What a service took down. Bounded: the oldest are dropped beyond the limit, and counted. */
export interface Ledger {
  readonly entries: readonly LedgerEntry[];
  readonly dropped: number;
  clear(): void;
}

export interface Service {
  /** What an adapter's `endpoint` option takes: `https://localhost:49152`. */
  readonly endpoint: string;
  readonly faults: Faults;
  readonly ledger: Ledger;
  /** Connections opened so far, and open now. */
  readonly connections: { readonly opened: number; readonly open: number };
  /** Peak of requests handled at the same time. */
  readonly peakConcurrency: number;
}

export interface ApnsService extends Service {
  /** Credentials that this service accepts; `key` is a PKCS#8 PEM. */
  readonly credentials: {
    readonly key: string;
    readonly keyId: string;
    readonly teamId: string;
    readonly topic: string;
  };
  /** A new device with a fresh token (64 hex digits). */
  register(): string;
  /** From now on this token is answered 410 Unregistered with a timestamp. */
  unregister(token: string): void;
}

export interface FcmService extends Service {
  /** A service-account key file's content that this service accepts; its `token_uri` points here. */
  readonly serviceAccount: {
    readonly type: 'service_account';
    readonly project_id: string;
    readonly private_key_id: string;
    readonly private_key: string;
    readonly client_email: string;
    readonly token_uri: string;
  };
  register(): string;
  unregister(token: string): void;
  /** Access tokens given out so far. */
  readonly tokensIssued: number;
  /** All access tokens given out are refused from now on (401). */
  revokeTokens(): void;
}

export interface WebPushSubscription {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

export interface WebPushService extends Service {
  /** A new subscription, bound to this VAPID public key where one is given. */
  subscribe(options?: { readonly applicationServerKey?: string }): WebPushSubscription;
  /** From now on its endpoint answers 410. */
  unsubscribe(endpoint: string): void;
}

export interface SandboxOptions {
  /** Ports; free ones by default. */
  readonly ports?: {
    readonly apns?: number;
    readonly fcm?: number;
    readonly webPush?: number;
    readonly control?: number;
  };
  /** Requests that each ledger keeps. Default 100,000. */
  readonly ledgerLimit?: number;
  /** Streams at once per HTTP/2 connection that the services announce. Default 1000 (APNs), 100 (FCM). */
  readonly streams?: { readonly apns?: number; readonly fcm?: number };
  /** Also serves the HTTP JSON API. Default false in-process, true for the command. */
  readonly control?: boolean;
}

export interface Sandbox extends AsyncDisposable {
  /** The root certificate that signed the services' certificates. PEM. */
  readonly ca: string;
  readonly apns: ApnsService;
  readonly fcm: FcmService;
  readonly webPush: WebPushService;
  /** Where the HTTP JSON API listens, if it does. */
  readonly control: string | undefined;
  close(): Promise<void>;
}
