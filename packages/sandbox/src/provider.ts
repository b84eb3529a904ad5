// The seam of a service: what one provider is, apart from sockets, faults and the ledger. A new service
// implements `Provider` and calls `startService`.

/** One connection, as far as a provider may know it. */
export interface Connection {
  /** 1, 2, 3 ... within one service. */
  readonly id: number;
  /** Announces how many streams the client may have open at once. Nothing on HTTP/1.1. */
  allowStreams(count: number): void;
}

/** A request whose body has arrived. */
export interface ServiceRequest {
  readonly method: string;
  /** With the query, as sent. */
  readonly path: string;
  /** Lower-case names, no pseudo headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** Name, value, name, value ... as they came, repeats included. */
  readonly rawHeaders: readonly string[];
  /** Undefined where it was larger than the provider's `bodyLimit`. */
  readonly body: Buffer | undefined;
  readonly connection: Connection;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** The provider's word when it refused; goes into the ledger. */
  readonly reason?: string;
}

/** What the provider would do with a request if there were no faults. */
export interface Verdict {
  /** The device token, registration token or subscription id; empty where the request names none. */
  readonly token: string;
  /** As the device reads it. */
  readonly payload: unknown;
  /** The device gets it. */
  readonly taken: boolean;
  readonly messageId?: string;
  readonly reply: Reply;
}

/** An answer that is no delivery (an access token, say): neither recorded nor given a fault. */
export interface Aside {
  readonly aside: Reply;
}

export interface Provider {
  /** Status of a success: 200, 201. */
  readonly success: number;
  /** Bytes of a body that are kept; `judge` gets no body where there were more. */
  readonly bodyLimit: number;
  /** Judges a request. Called once per request, in order of arrival; synchronous where it can be. */
  judge(request: ServiceRequest): Verdict | Aside | Promise<Verdict | Aside>;
  /** Called once a request was taken, before it is answered. */
  taken?(request: ServiceRequest): void;
  /** An error of this status as the provider writes it, with its own word in its own place. */
  failure(status: number, reason: string | undefined, request: ServiceRequest): Reply;
  /** The answer for a target that is gone. */
  gone(request: ServiceRequest): Reply;
}
