import type { LookupAddress } from 'node:dns';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { request } from 'node:https';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkHost, guardedLookup, isPublicAddress, urlProblem } from './guard.ts';
import type { Resolve } from './guard.ts';

const notPublic = [
  ['0.0.0.0', 'unspecified'],
  ['0.1.2.3', 'this network'],
  ['10.0.0.1', 'private'],
  ['100.64.0.1', 'shared (CGNAT)'],
  ['100.127.255.254', 'shared (CGNAT), its end'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback, its end'],
  ['169.254.169.254', 'cloud metadata'],
  ['169.254.1.1', 'link-local'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private, its end'],
  ['192.0.0.192', 'protocol assignments, another metadata address'],
  ['192.0.2.1', 'documentation'],
  ['192.168.1.1', 'private'],
  ['198.18.0.1', 'benchmarking'],
  ['198.51.100.1', 'documentation'],
  ['203.0.113.1', 'documentation'],
  ['224.0.0.1', 'multicast'],
  ['239.255.255.250', 'multicast, SSDP'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['::127.0.0.1', 'IPv4-compatible'],
  ['::ffff:127.0.0.1', 'IPv4-mapped'],
  ['::ffff:7f00:1', 'IPv4-mapped, in hexadecimal'],
  ['::ffff:8.8.8.8', 'IPv4-mapped, of a public one'],
  ['::ffff:0:127.0.0.1', 'IPv4-translated'],
  ['64:ff9b::7f00:1', 'NAT64'],
  ['64:ff9b:1::1', 'local NAT64'],
  ['100::1', 'discard'],
  ['2001::1', 'Teredo'],
  ['2001:db8::1', 'documentation'],
  ['2002:7f00:1::', '6to4 of loopback'],
  ['2002:a00:1::', '6to4 of a private one'],
  ['3fff::1', 'documentation'],
  ['4000::1', 'not assigned'],
  ['fc00::1', 'unique local'],
  ['fd00:ec2::254', 'unique local, cloud metadata'],
  ['fe80::1', 'link-local'],
  ['fe80::1%lo', 'link-local with a zone'],
  ['2606:4700::1111%lo', 'a zone'],
  ['fec0::1', 'site-local'],
  ['ff02::1', 'multicast'],
  ['127.1', 'no literal'],
  ['0x7f000001', 'no literal'],
  ['0177.0.0.1', 'no literal'],
  ['2130706433', 'no literal'],
  ['localhost', 'a name'],
  ['[2606:4700::1111]', 'brackets'],
  ['', 'nothing'],
] as const;

describe('isPublicAddress', () => {
  test.each(notPublic)('%s is not public (%s)', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test.each([
    '8.8.8.8',
    '1.1.1.1',
    '142.250.1.95',
    '172.15.255.255',
    '172.32.0.1',
    '100.63.255.255',
    '2606:4700::1111',
    '2a00:1450:4001:80b::200a',
  ])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  test('no text throws, and no IPv4 address becomes public by being written as IPv6', () => {
    fc.assert(fc.property(fc.string(), (text) => typeof isPublicAddress(text) === 'boolean'));
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const forms = [`::${address}`, `::ffff:${address}`, `64:ff9b::${address}`];
        expect(forms.map(isPublicAddress)).toEqual([false, false, false]);
      }),
    );
  });
});

test('a literal host must be public or allowed, a name passes', () => {
  expect(checkHost('10.0.0.1')).toBe(false);
  expect(checkHost('[::1]')).toBe(false);
  expect(checkHost('8.8.8.8')).toBe(true);
  expect(checkHost('[2606:4700::1111]')).toBe(true);
  expect(checkHost('push.example')).toBe(true);
  expect(checkHost('[::1]', (hostname) => hostname === '::1')).toBe(true);
});

describe('urlProblem', () => {
  test('names what was expected and never the URL', () => {
    fc.assert(
      fc.property(fc.oneof(fc.webUrl(), fc.string()), (text) => {
        const problem = urlProblem(text);
        if (problem !== undefined) expect(problem).toMatch(/^expected /);
      }),
    );
    expect(urlProblem('https://secret-token@push.example/x')).not.toContain('secret');
  });

  test('refuses what URL parsers drop, rewrite or read in two ways', () => {
    for (const text of [
      ' https://push.example/',
      'https://push.example/\n',
      'https://pu\tsh.example/',
      'https://push.example\\x',
      'https://push。example/',
    ]) {
      expect(urlProblem(text)).toMatch(/^expected no spaces/);
    }
  });

  test('opens other ports and private addresses only where it is told to', () => {
    expect(urlProblem('https://push.example/x')).toBeUndefined();
    expect(urlProblem('https://push.example:443/x')).toBeUndefined();
    expect(urlProblem('https://push.example:8443/x')).toBe('expected port 443');
    expect(urlProblem('https://push.example:8443/x', (url) => url.host === 'push.example:8443')).toBeUndefined();
    expect(urlProblem('https://127.0.0.1:8443/x', () => true)).toBe('expected a public address');
    expect(urlProblem('https://127.0.0.1:8443/x', () => 'private')).toBeUndefined();
    expect(urlProblem('http://127.0.0.1/x', () => 'private')).toBe('expected an https: URL');
  });
});

describe('guardedLookup', () => {
  const at =
    (...addresses: string[]): Resolve =>
    async () =>
      addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }));
  type Found = { error: NodeJS.ErrnoException | null; address: string | LookupAddress[]; family: number | undefined };
  const run = (lookup: ReturnType<typeof guardedLookup>, hostname: string, all: boolean): Promise<Found> =>
    new Promise((done) => lookup(hostname, { all }, (error, address, family) => done({ error, address, family })));

  test('hands on all addresses, or the first, as the caller asks', async () => {
    const lookup = guardedLookup({ resolve: at('8.8.8.8', '2606:4700::1111') });
    expect(await run(lookup, 'push.example', true)).toMatchObject({
      error: null,
      address: [
        { address: '8.8.8.8', family: 4 },
        { address: '2606:4700::1111', family: 6 },
      ],
    });
    expect(await run(lookup, 'push.example', false)).toEqual({ error: null, address: '8.8.8.8', family: 4 });
  });

  test.each([true, false])(
    'refuses a host with one address that is not public, whatever its place (all: %s)',
    async (all) => {
      for (const addresses of [['127.0.0.1'], ['8.8.8.8', '10.0.0.1'], ['::1', '8.8.8.8']]) {
        const { error } = await run(guardedLookup({ resolve: at(...addresses) }), 'rebind.example', all);
        expect(error?.code).toBe('tidings.forbidden_address');
        expect(error?.message).not.toMatch(/rebind|10\.0|127\.0|::1/);
      }
    },
  );

  test('lets through what is allowed by name and address', async () => {
    const allow = (hostname: string, address: string) => hostname === 'push.internal' && address === '10.0.0.1';
    expect((await run(guardedLookup({ allow, resolve: at('10.0.0.1') }), 'push.internal', true)).error).toBeNull();
    expect((await run(guardedLookup({ allow, resolve: at('10.0.0.2') }), 'push.internal', true)).error).not.toBeNull();
    expect((await run(guardedLookup({ allow, resolve: at('10.0.0.1') }), 'other.internal', true)).error).not.toBeNull();
  });

  test('tells the resolver to find all addresses, and passes its failure on', async () => {
    const asked: unknown[] = [];
    const resolve: Resolve = async (_, options) => {
      asked.push(options.all);
      throw Object.assign(new Error('no such host'), { code: 'ENOTFOUND' });
    };
    expect((await run(guardedLookup({ resolve }), 'push.example', false)).error?.code).toBe('ENOTFOUND');
    expect(asked).toEqual([true]);
    expect((await run(guardedLookup({ resolve: at() }), 'push.example', true)).error?.code).toBe(
      'tidings.host_not_found',
    );
  });
});

describe('hostile endpoints', () => {
  let server: Server;
  let sixth: Server;
  let opened = 0;
  let port = 0;
  beforeAll(async () => {
    const listen = (host: string, on: number) =>
      new Promise<Server>((ready, failed) => {
        const each = createServer((socket) => {
          opened += 1;
          socket.destroy();
        });
        each.once('error', failed);
        each.listen(on, host, () => ready(each));
      });
    server = await listen('127.0.0.1', 0);
    port = (server.address() as AddressInfo).port;
    sixth = await listen('::1', port).catch(() => server);
  });
  afterAll(() => {
    server.close();
    if (sixth !== server) sixth.close();
  });

  // What an attacker's DNS would answer; `localhost` and its kin go to the machine's own resolver.
  const answers: { readonly [name: string]: string[] } = {
    'rebind.example': ['127.0.0.1'],
    'mixed.example': ['8.8.8.8', '127.0.0.1'],
    'mapped.example': ['::ffff:127.0.0.1'],
    'metadata.example': ['169.254.169.254'],
    'private.example': ['10.0.0.1'],
    'unspecified.example': ['0.0.0.0'],
    'six.example': ['::1'],
    'nat64.example': ['64:ff9b::7f00:1'],
    'fcm.googleapis.com.example': ['127.0.0.1'],
    localhost: ['127.0.0.1', '::1'],
    'localhost.': ['127.0.0.1'],
    'a.localhost': ['127.0.0.1'],
    'ip6-localhost': ['::1'],
  };
  const resolve: Resolve = async (hostname) =>
    (answers[hostname] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));

  const hostile = (p: number): readonly string[] => [
    `https://127.0.0.1:${p}/`,
    `https://127.1:${p}/`,
    `https://127.0.1:${p}/`,
    `https://2130706433:${p}/`,
    `https://0x7f000001:${p}/`,
    `https://0x7f.0.0.1:${p}/`,
    `https://0x7f.1:${p}/`,
    `https://017700000001:${p}/`,
    `https://0177.0.0.1:${p}/`,
    `https://0177.0x0.0.1:${p}/`,
    `https://127.0.0.1.:${p}/`,
    `https://0:${p}/`,
    `https://0.0.0.0:${p}/`,
    `https://127.255.255.254:${p}/`,
    `https://%31%32%37.0.0.1:${p}/`,
    `https://[::1]:${p}/`,
    `https://[::]:${p}/`,
    `https://[0:0:0:0:0:0:0:1]:${p}/`,
    `https://[::ffff:127.0.0.1]:${p}/`,
    `https://[::ffff:7f00:1]:${p}/`,
    `https://[0:0:0:0:0:ffff:7f00:0001]:${p}/`,
    `https://[::127.0.0.1]:${p}/`,
    `https://[64:ff9b::127.0.0.1]:${p}/`,
    `https://[2002:7f00:1::]:${p}/`,
    `https://[fe80::1%25lo]:${p}/`,
    `https://[fd00::1]:${p}/`,
    `https://localhost:${p}/`,
    `https://localhost.:${p}/`,
    `https://LOCALHOST:${p}/`,
    `https://%6cocalhost:${p}/`,
    `https://a.localhost:${p}/`,
    `https://ip6-localhost:${p}/`,
    `https://rebind.example:${p}/`,
    `https://mixed.example:${p}/`,
    `https://mapped.example:${p}/`,
    `https://six.example:${p}/`,
    `https://nat64.example:${p}/`,
    `https://unspecified.example:${p}/`,
    `https://fcm.googleapis.com.example:${p}/`,
    `https://fcm.googleapis.com@127.0.0.1:${p}/`,
    `https://fcm.googleapis.com:x@localhost:${p}/`,
    `https://user:pass@rebind.example:${p}/`,
    `http://127.0.0.1:${p}/`,
    `http://fcm.googleapis.com:${p}/`,
    `ws://127.0.0.1:${p}/`,
    `file://127.0.0.1:${p}/etc/passwd`,
    `https:127.0.0.1:${p}/`,
    `https:/127.0.0.1:${p}/`,
    `https:\\\\127.0.0.1:${p}\\`,
    `https://127.0.0.1:${p}\\@fcm.googleapis.com/`,
    `https://fcm.googleapis.com\\@127.0.0.1:${p}/`,
    `https://１２７.０.０.１:${p}/`,
    `https://ⓛocalhost:${p}/`,
    `https://127。0。0。1:${p}/`,
    ` https://127.0.0.1:${p}/`,
    `https://127.0.0.1:${p}/\r\nHost: x`,
    `https://local\thost:${p}/`,
    `//127.0.0.1:${p}/`,
    `127.0.0.1:${p}`,
    `https://169.254.169.254/latest/meta-data/`,
    'https://metadata.example/computeMetadata/v1/',
    'https://private.example/',
    'https://[fd00:ec2::254]/latest/',
    'https://10.0.0.1/',
    'https://192.168.0.1/',
    'https://100.64.0.1/',
    `https://${'a'.repeat(5000)}.example/`,
  ];

  /** The error code of a real request, or its status: that it was answered at all is the defect. */
  const call = (text: string): Promise<string> =>
    new Promise((done) => {
      const attempt = request(text, { lookup: guardedLookup({ resolve }), rejectUnauthorized: false });
      attempt.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? 'error'));
      attempt.on('response', (response) => done(`status ${response.statusCode}`));
      attempt.end();
    });

  test('none of them connects, even with every host and port opened for public addresses', async () => {
    const forms = hostile(port);
    expect(forms.length).toBeGreaterThanOrEqual(40);
    let byLookup = 0;
    for (const text of forms) {
      if (urlProblem(text, () => true) !== undefined) continue;
      byLookup += 1;
      expect(['tidings.forbidden_address', 'tidings.host_not_found'], text).toContain(await call(text));
    }
    expect(opened).toBe(0);
    // The lookup had its share: without it these would have connected.
    expect(byLookup).toBeGreaterThanOrEqual(10);
  });

  test('the server they aim at would have been reached', async () => {
    const allow = () => true;
    await new Promise<void>((done) => {
      const reached = request(`https://rebind.example:${port}/`, { lookup: guardedLookup({ resolve, allow }) });
      reached.on('error', () => done());
      reached.end();
    });
    expect(opened).toBe(1);
  });
});
