// Which endpoints the adapter may call. They come from browsers, so from anybody.
import type { Issue } from '@tidings/core';
import { urlProblem } from '@tidings/transport';

/** Host names with an optional port, `*.` in front for all below; or a verdict per host: `true` at public addresses, `'private'` at any. */
export type AllowHosts =
  | readonly string[]
  | ((host: { readonly hostname: string; readonly port: number }) => boolean | 'private');

/** The push services of the browsers, on port 443 and at public addresses. */
const known = hostRules([
  'fcm.googleapis.com',
  'android.googleapis.com',
  '*.push.services.mozilla.com',
  '*.push.apple.com',
  '*.notify.windows.com',
]);

interface HostRule {
  readonly hostname: string;
  readonly below: boolean;
  readonly port: number;
}

/** Wrong entries of a list; none in a function. */
export function problemOfHosts(allow: AllowHosts | undefined): Issue | undefined {
  if (allow === undefined || typeof allow === 'function') return undefined;
  if (!Array.isArray(allow)) return { message: 'expected a list of hosts or a function' };
  const index = allow.findIndex((entry) => typeof entry !== 'string' || parseEntry(entry) === undefined);
  return index < 0
    ? undefined
    : { message: "expected a host such as 'push.example', 'push.example:8443' or '*.push.example'", path: [index] };
}

function parseEntry(entry: string): HostRule | undefined {
  const below = entry.startsWith('*.');
  const host = below ? entry.slice(2) : entry;
  const url = URL.parse(`https://${host}/`);
  // Only what the parser leaves as it is: no path, no user, no other spelling of the host. It does take `*` for one.
  if (url === null || host.includes('*') || url.host !== host.toLowerCase().replace(/:443$/, '')) return undefined;
  return { hostname: url.hostname, below, port: portOf(url) };
}

function portOf(url: URL): number {
  return url.port === '' ? 443 : Number(url.port);
}

function hostRules(entries: readonly string[]): readonly HostRule[] {
  return entries.flatMap((entry) => parseEntry(entry) ?? []);
}

/** Where an endpoint leads, and whether a private address is in order there. */
export interface Endpoint {
  readonly url: URL;
  readonly privately: boolean;
}

export interface EndpointRules {
  /** What is wrong with an endpoint; never quotes it. */
  problem(endpoint: string): string | undefined;
  /** Undefined for an endpoint with a problem. */
  parse(endpoint: string): Endpoint | undefined;
}

/** The default push services and what `allow` opens beyond them. */
export function endpointRules(allow: AllowHosts | undefined): EndpointRules {
  const verdict = verdictOf(allow);
  const problem = (endpoint: string): string | undefined =>
    urlProblem(endpoint, verdict) ??
    (verdict(new URL(endpoint)) === false
      ? "expected the host of a known push service, or one that the option 'allow' opens"
      : undefined);
  return {
    problem,
    parse(endpoint) {
      if (problem(endpoint) !== undefined) return undefined;
      const url = new URL(endpoint);
      return { url, privately: verdict(url) === 'private' };
    },
  };
}

function verdictOf(allow: AllowHosts | undefined): (url: URL) => boolean | 'private' {
  const further = typeof allow === 'function' ? undefined : hostRules(allow ?? []);
  return (url) => {
    const port = portOf(url);
    if (known.some((rule) => fits(rule, url.hostname, port))) return true;
    if (typeof allow === 'function') return strictly(allow({ hostname: url.hostname, port }));
    const rule = further?.find((each) => fits(each, url.hostname, port));
    // Whoever names one host knows where it is; below a wildcard anybody may make names.
    return rule === undefined ? false : rule.below || 'private';
  };
}

/** A function without types may answer anything, `undefined` where it forgot a case: that opens nothing. */
function strictly(verdict: unknown): boolean | 'private' {
  return verdict === 'private' ? verdict : verdict === true;
}

function fits(rule: HostRule, hostname: string, port: number): boolean {
  if (rule.port !== port) return false;
  return rule.below ? hostname.endsWith(`.${rule.hostname}`) : hostname === rule.hostname;
}
