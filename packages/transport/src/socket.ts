import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import type { PoolSettings } from './options.ts';

/** Begins to connect; the certificate is always verified. */
export function openSocket(settings: PoolSettings): TLSSocket {
  const { hostname, port } = settings.origin;
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return connect({
    secureContext: settings.secure,
    host,
    port: port === '' ? 443 : Number(port),
    ...(isIP(host) === 0 && { servername: host }),
    ...(settings.lookup && { lookup: settings.lookup }),
    ALPNProtocols: ['h2'],
    // Said outright: the default can be turned off by an environment variable.
    rejectUnauthorized: true,
  });
}

/** Node's and OpenSSL's words for a certificate that did not pass. */
export function isCertificateCode(code: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO|ISSUER|HOSTNAME_MISMATCH/.test(code);
}

/** Whose it is and its dates, safe to log: the peer may be anybody. */
export function describeCertificate(socket: TLSSocket): string | undefined {
  const { subject, valid_from: from, valid_to: until } = socket.getPeerCertificate();
  if (subject === undefined) return undefined;
  const name = String(subject.CN ?? 'no name')
    .slice(0, 100)
    .replace(/[^\x20-\x7e]/g, '?');
  return `certificate of ${name}, valid from ${from} until ${until}`;
}
