import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Certificates } from './certificates.ts';

export type Protocol = 'h2' | 'http/1.1';

/** One TLS connection and what lies beneath it. */
export interface Link {
  readonly protocol: Protocol;
  readonly socket: TLSSocket;
  /** The TCP socket: a reset or a silence has to happen here, below TLS. */
  readonly raw: Socket;
  /** Nothing is read from now on, nor is the connection closed; the link's user writes nothing more. */
  freeze(): void;
}

export interface Listener {
  readonly port: number;
  readonly connections: { readonly opened: number; readonly open: number };
  /** Ends all connections at once. */
  close(): Promise<void>;
}

/** Frozen connections kept at most, the oldest are destroyed beyond: nobody else ever closes them, since their end isn't read either. */
const frozenLimit = 256;

/** Listens on the loopback addresses, IPv4 and where there is one IPv6, on the same port. */
export async function listen(options: {
  readonly certificates: Certificates;
  readonly port: number;
  readonly protocols: readonly Protocol[];
  readonly onLink: (link: Link) => void;
}): Promise<Listener> {
  const { certificates, port, protocols, onLink } = options;
  const sockets = new Set<Socket>();
  const byName = new Map<string, Socket>();
  const frozen = new Set<Socket>();
  const connections = { opened: 0, open: 0 };
  const tls = createTlsServer({ key: certificates.key, cert: certificates.cert, ALPNProtocols: [...protocols] });

  tls.on('tlsClientError', () => {});
  tls.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    const raw = byName.get(nameOf(socket));
    // Without ALPN a client speaks HTTP/1.1.
    const protocol = socket.alpnProtocol === 'h2' ? 'h2' : 'http/1.1';
    if (raw === undefined || !protocols.includes(protocol)) {
      socket.destroy();
      return;
    }
    connections.opened += 1;
    connections.open += 1;
    raw.once('close', () => (connections.open -= 1));
    onLink({ protocol, socket, raw, freeze: () => freeze(raw, frozen) });
  });

  function accept(raw: Socket): void {
    const name = nameOf(raw);
    sockets.add(raw);
    byName.set(name, raw);
    raw.setNoDelay(true);
    raw.on('error', () => {});
    raw.once('close', () => {
      sockets.delete(raw);
      if (byName.get(name) === raw) byName.delete(name);
      frozen.delete(raw);
    });
    tls.emit('connection', raw);
  }

  const servers = await bind(port, accept);
  return {
    port: portOf(servers[0] as Server),
    connections,
    async close() {
      const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
    },
  };
}

function freeze(raw: Socket, frozen: Set<Socket>): void {
  // TLS reads from the handle, past the socket's own pause(): only the handle itself can stop.
  (raw as Socket & { _handle?: { readStop(): void } | null })._handle?.readStop();
  frozen.add(raw);
  if (frozen.size <= frozenLimit) return;
  for (const oldest of frozen) {
    oldest.destroy();
    return;
  }
}

/** The TLS socket over a TCP socket has the same far end: finds one from the other. */
function nameOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function bind(port: number, accept: (socket: Socket) => void): Promise<readonly Server[]> {
  // A free port on IPv4 may be taken on IPv6: then another one is tried, unless the caller chose it.
  for (let attempt = 1; ; attempt += 1) {
    const first = await bindOne(port, '127.0.0.1', accept);
    try {
      return [first, await bindOne(portOf(first), '::1', accept)];
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE') return [first];
      await new Promise((resolve) => first.close(resolve));
      if (port !== 0 || attempt === 10) throw error;
    }
  }
}

function bindOne(port: number, host: string, accept: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: false }, accept);
    server.once('error', reject);
    server.listen(port, host, 1024, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}
