import { X509Certificate } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import { createSecureContext } from 'node:tls';
import { tidingsError } from '@tidings/core';
import type { Http2PoolOptions } from './types.ts';

/** The options with their defaults, checked once. */
export interface PoolSettings {
  readonly origin: URL;
  readonly authority: string;
  /** Made once: parsing certificates takes longer than a handshake. */
  readonly secure: SecureContext;
  readonly lookup: Http2PoolOptions['lookup'];
  readonly sessions: number;
  readonly streams: number;
  readonly warmUp: boolean;
  readonly connectTimeout: number;
  readonly pingInterval: number;
  readonly pingTimeout: number;
  readonly idleTimeout: number;
  readonly maxBody: number;
}

/** @throws TidingsError `tidings.invalid_options` with the field */
export function checkOptions(options: Http2PoolOptions): PoolSettings {
  const origin = checkOrigin(options.origin);
  const { cert, key } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw tidingsError(
      'tidings.invalid_options',
      'expected cert and key together',
      cert === undefined ? 'cert' : 'key',
    );
  }
  return {
    origin,
    authority: origin.host,
    secure: checkSecure(options),
    lookup: options.lookup,
    sessions: whole(options, 'sessions', 4, 1),
    streams: whole(options, 'streams', 500, 1),
    warmUp: options.warmUp ?? false,
    connectTimeout: whole(options, 'connectTimeout', 10_000, 1),
    pingInterval: whole(options, 'pingInterval', 10_000, 1),
    pingTimeout: whole(options, 'pingTimeout', 5000, 1),
    idleTimeout: whole(options, 'idleTimeout', 300_000, 1),
    maxBody: whole(options, 'maxBody', 65_536, 0),
  };
}

function checkOrigin(origin: string): URL {
  const url = typeof origin === 'string' && URL.canParse(origin) ? new URL(origin) : undefined;
  if (url?.protocol !== 'https:' || url.origin !== origin.replace(/\/$/, '').replace(/:443$/, '').toLowerCase()) {
    throw tidingsError(
      'tidings.invalid_options',
      'expected an https origin such as https://api.example.com:443',
      'origin',
    );
  }
  return url;
}

function checkSecure({ ca, cert, key }: Http2PoolOptions): SecureContext {
  try {
    // OpenSSL takes any text for a list of no certificates.
    if (ca !== undefined) new X509Certificate(ca);
    return createSecureContext({ ca, cert, key, minVersion: 'TLSv1.2' });
  } catch {
    // OpenSSL's text may quote what it read.
    const field = cert === undefined ? 'ca' : 'cert';
    throw tidingsError('tidings.invalid_options', 'expected certificates as PEM, and a private key that fits', field);
  }
}

type Count = 'sessions' | 'streams' | 'connectTimeout' | 'pingInterval' | 'pingTimeout' | 'idleTimeout' | 'maxBody';

function whole(options: Http2PoolOptions, name: Count, otherwise: number, least: number): number {
  const value = options[name] ?? otherwise;
  // 2^31 - 1 is the longest delay a timer takes.
  if (!Number.isInteger(value) || value < least || value > 2_147_483_647) {
    throw tidingsError('tidings.invalid_options', `expected a whole number of at least ${least}`, name);
  }
  return value;
}
