import './reflect.ts';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { webcrypto } from 'node:crypto';

export interface Certificates {
  /** The root that clients have to trust. PEM. */
  readonly ca: string;
  /** The services' certificate, signed by the root. PEM. */
  readonly cert: string;
  /** PKCS#8 PEM. */
  readonly key: string;
}

/** The names a client may dial: ours, and the providers' own for clients whose host can't be configured. */
const names = ['localhost', 'fcm.googleapis.com', 'oauth2.googleapis.com', 'api.push.apple.com'];
const addresses = ['127.0.0.1', '::1'];

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const day = 86_400_000;

/** A root and one certificate for all services, fresh for each sandbox: no private key is ever kept in a file. */
export async function makeCertificates(): Promise<Certificates> {
  // The library's types want the DOM's Crypto, which Node's is but for its type.
  cryptoProvider.set(webcrypto as unknown as Parameters<typeof cryptoProvider.set>[0] & object);
  const [rootKeys, keys] = await Promise.all([generateKeys(), generateKeys()]);
  const notBefore = new Date(Date.now() - day);
  const notAfter = new Date(Date.now() + 365 * day);
  const root = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=Tidings sandbox root',
    notBefore,
    notAfter,
    keys: rootKeys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(rootKeys.publicKey),
    ],
  });
  const leaf = await X509CertificateGenerator.create({
    subject: 'CN=localhost',
    issuer: root.subject,
    notBefore,
    notAfter,
    publicKey: keys.publicKey,
    signingKey: rootKeys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        ...names.map((value) => ({ type: 'dns' as const, value })),
        ...addresses.map((value) => ({ type: 'ip' as const, value })),
      ]),
      // OpenSSL's strict mode, which Python turns on, wants both ends of the chain named.
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(rootKeys.publicKey),
    ],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { ca: root.toString('pem'), cert: leaf.toString('pem'), key: PemConverter.encode(pkcs8, 'PRIVATE KEY') };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}
