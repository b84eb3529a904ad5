import type { LookupAddress, LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isIP, isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { tidingsError } from '@tidings/core';
import { boundedResolve } from './resolve.ts';

/** Code of the error when a host is, or resolves to, an address that must not be called. */
export const forbiddenAddress = 'tidings.forbidden_address';

const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Whether an address belongs to the public internet. Private, loopback, link-local (with cloud metadata), shared (CGNAT), unique local,
 * multicast, unspecified, documentation and reserved ranges are not, nor is any IPv6 form that carries an IPv4 address
 * (mapped, compatible, 6to4, Teredo, NAT64): a translator on the way would turn it into a private one.
 * @param address an IPv4 or IPv6 literal without brackets; what is none is not public
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry
 * @see https://www.iana.org/assignments/iana-ipv6-special-registry
 */
export function isPublicAddress(address: string): boolean {
  // node:net is strict where ipaddr.js also reads octal, hexadecimal and short forms; a zone only makes sense on this machine's links.
  if (isIP(address) === 0 || address.includes('%')) return false;
  if (isIPv4(address)) return ipaddr.IPv4.parse(address).range() === 'unicast';
  const parsed = ipaddr.IPv6.parse(address);
  return parsed.range() === 'unicast' && parsed.match(globalUnicast);
}

/** May a host be at an address that is not public? Asked only for those. */
export type AllowAddress = (hostname: string, address: string) => boolean;

/**
 * Whether a URL's host may be called as far as can be told without DNS: a literal address must be public or allowed, a name passes.
 * Needed beside `guardedLookup`, since node:net never looks a literal up.
 * @param hostname as in `URL.hostname`: IPv4 in any notation is already dotted decimal there, IPv6 is in brackets
 */
export function checkHost(hostname: string, allow?: AllowAddress): boolean {
  const literal = hostname.startsWith('[') && hostname.endsWith(']') ? hostname.slice(1, -1) : hostname;
  return isIP(literal) === 0 || isPublicAddress(literal) || allow?.(literal, literal) === true;
}

/** What a URL check lets through beyond public hosts on port 443: `true` this host and port at public addresses, `'private'` wherever it is. */
export type AllowUrl = (url: URL) => boolean | 'private';

/** Longer ones are refused before they are parsed. */
const longestUrl = 4096;

/**
 * What is wrong with a URL that came from a user and is to be called, or undefined when nothing is. Only `https:` without user and password;
 * port 443 and hosts that are no private literal, unless `allow` opens the host. The text never quotes the URL.
 * What a name resolves to is checked at connect time, by `guardedLookup`.
 */
export function urlProblem(text: string, allow?: AllowUrl): string | undefined {
  if (text.length > longestUrl) return `expected at most ${longestUrl} characters`;
  // The URL parser drops or rewrites these without a word, so two parsers may read two hosts.
  if (/[^\x21-\x7e]|\\/.test(text))
    return 'expected no spaces, control characters, backslashes or non-ASCII characters';
  const url = URL.parse(text);
  if (url === null) return 'expected a URL';
  if (url.protocol !== 'https:') return 'expected an https: URL';
  if (url.username !== '' || url.password !== '') return 'expected a URL without user and password';
  const verdict = allow?.(url) ?? false;
  if (verdict === 'private') return undefined;
  if (url.port !== '' && !verdict) return 'expected port 443';
  return checkHost(url.hostname) ? undefined : 'expected a public address';
}

/** Looks up all addresses of a host. */
export type Resolve = (hostname: string, options: LookupOptions) => Promise<readonly LookupAddress[]>;

export interface GuardOptions {
  readonly allow?: AllowAddress | undefined;
  /** Default: the machine's resolver, `boundedResolve()`. */
  readonly resolve?: Resolve | undefined;
}

/**
 * A `lookup` for node:net, node:tls and node:https that refuses a host with even one address that is neither public nor allowed
 * (error code `tidings.forbidden_address`). It runs at connect time and hands on the very addresses that it checked, so a name
 * that resolves to something else later (DNS rebinding) gains nothing.
 */
export function guardedLookup(options: GuardOptions = {}): LookupFunction {
  const { allow, resolve = boundedResolve() } = options;
  const addressesOf = async (hostname: string, lookup: LookupOptions): Promise<LookupAddress[]> => {
    const found = await resolve(hostname, { ...lookup, all: true });
    if (found.length === 0) throw tidingsError('tidings.host_not_found', 'the host has no address');
    for (const { address } of found) {
      if (isPublicAddress(address) || allow?.(hostname, address) === true) continue;
      throw tidingsError(forbiddenAddress, 'the host resolves to an address that is not public');
    }
    return [...found];
  };
  return (hostname, lookup, callback) => {
    addressesOf(hostname, lookup).then(
      // Leaves the promise first: what the socket throws must not come back as a second call.
      (found) => queueMicrotask(() => answer(found)),
      (error: NodeJS.ErrnoException) => queueMicrotask(() => callback(error, '', 0)),
    );
    const answer = (found: LookupAddress[]): void => {
      const [first] = found;
      if (lookup.all === true) callback(null, found);
      else callback(null, first?.address ?? '', first?.family ?? 0);
    };
  };
}
