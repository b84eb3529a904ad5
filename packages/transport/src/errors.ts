/** Carried by every TransportError, so that two copies of the package recognise each other's. */
const marker = Symbol.for('tidings.transport_error');

/** Why a request has no answer. Holds no address, header or body of it. */
export interface TransportError extends Error {
  /** Node's word where there is one (`ECONNREFUSED`, `CERT_HAS_EXPIRED`), else one of ours (`tidings.refused_stream`, see the README). */
  readonly code: string;
  /** The peer surely did not process the request: it can be made again without doubling anything. */
  readonly unsent: boolean;
}

/** A TransportError, whichever copy of the package made it. */
export function isTransportError(value: unknown): value is TransportError {
  return value instanceof Error && marker in value;
}

/** What each code of ours means; the text of the error. */
const texts: { readonly [code: string]: string } = {
  'tidings.aborted': 'the caller gave up',
  'tidings.timeout': 'no answer within the time limit',
  'tidings.pool_closed': 'the connection pool is closed',
  'tidings.connect_timeout': 'the connection was not established in time',
  'tidings.connection_lost': 'the connection ended before the answer',
  'tidings.connection_silent': 'the peer no longer answered pings',
  'tidings.refused_stream': 'the peer refused the stream before processing it',
  'tidings.goaway': 'the peer ended the connection',
  'tidings.stream_reset': 'the peer reset the stream',
  'tidings.invalid_request': 'the path or a header holds characters that HTTP does not allow',
};

/** Makes a TransportError; `code` is Node's or a key of the table above, `detail` what a person needs beyond it. */
export function transportError(code: string, unsent: boolean, detail?: string): TransportError {
  const text = texts[code] ?? (unsent ? 'the connection could not be established' : 'the connection failed');
  const error = new Error(detail === undefined ? `${text} (${code})` : `${text} (${code}): ${detail}`) as Error & {
    code: string;
    unsent: boolean;
  };
  error.name = 'TransportError';
  error.code = code;
  error.unsent = unsent;
  Object.defineProperty(error, marker, { value: true });
  return error;
}

/** Node's code of an error, as long as it looks like one. */
export function codeOf(error: unknown, otherwise: string): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]*$/.test(code) ? code : otherwise;
}
