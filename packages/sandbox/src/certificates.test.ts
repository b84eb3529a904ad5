import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { expect, test } from 'vitest';
import { makeCertificates } from './certificates.ts';
import { startSandbox } from './sandbox.ts';

test.each(['localhost', 'fcm.googleapis.com', 'oauth2.googleapis.com', 'api.push.apple.com'])(
  'the certificate is good for %s and signed by the root',
  async (name) => {
    const { ca, cert } = await makeCertificates();
    const leaf = new X509Certificate(cert);
    const root = new X509Certificate(ca);
    expect(leaf.checkHost(name)).toBe(name);
    expect(leaf.checkIssued(root)).toBe(true);
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(root.ca).toBe(true);
    expect(leaf.ca).toBe(false);
    expect(leaf.checkHost('example.com')).toBeUndefined();
  },
);

test.each(['127.0.0.1', '::1'])(
  'the certificate is good for the address %s, where the sandbox listens',
  async (host) => {
    const { cert } = await makeCertificates();
    expect(new X509Certificate(cert).checkIP(host)).toBe(host);
    await using sandbox = await startSandbox();
    const port = Number(new URL(sandbox.apns.endpoint).port);
    const socket = connect({ host, port, ca: sandbox.ca, ALPNProtocols: ['h2'] });
    await once(socket, 'secureConnect');
    expect(socket.authorized).toBe(true);
    socket.destroy();
  },
);

test("another sandbox's root is no good", async () => {
  await using sandbox = await startSandbox();
  const { ca } = await makeCertificates();
  const port = Number(new URL(sandbox.fcm.endpoint).port);
  const [error] = (await once(connect({ host: 'localhost', port, ca }), 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toMatch(/SIGNATURE|ISSUER|SELF_SIGNED/);
});
