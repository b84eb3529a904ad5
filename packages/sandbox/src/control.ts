import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Route } from './control-routes.ts';
import { isInputError } from './errors.ts';

/** Bytes of a body at most. */
const bodyLimit = 1_048_576;

export interface Control {
  readonly endpoint: string;
  close(): Promise<void>;
}

/** An error answer: its status and body. */
class HttpError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Serves the routes as JSON over HTTP, on 127.0.0.1 only. */
export async function startControl(routes: readonly Route[], port: number): Promise<Control> {
  const server = createServer((request, response) => {
    answer(routes, request).then(
      (value) => reply(response, value === undefined ? 204 : 200, value),
      (error: unknown) => replyError(response, error),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(routes: readonly Route[], request: IncomingMessage): Promise<unknown> {
  // A page in a browser must not reach the keys by a name that it made resolve to 127.0.0.1.
  if (!/^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(request.headers.host ?? '')) {
    throw new HttpError(403, 'tidings.forbidden_host', 'Expected localhost or 127.0.0.1 in the Host header');
  }
  const url = new URL(request.url ?? '/', 'http://localhost');
  const matches = routes.flatMap((route) => {
    const parts = match(route.path, url.pathname);
    return parts === undefined ? [] : [{ route, parts }];
  });
  if (matches.length === 0) throw new HttpError(404, 'tidings.no_such_path', 'No such path; GET / lists all');
  const found = matches.find(({ route }) => route.method === request.method);
  if (found === undefined) {
    const allowed = matches.map(({ route }) => route.method).join(', ');
    throw new HttpError(405, 'tidings.no_such_method', `Expected ${allowed}`);
  }
  const body = await readJson(request);
  return found.route.handle({ parts: found.parts, query: url.searchParams, body });
}

function match(path: string, actual: string): readonly string[] | undefined {
  const expected = path.split('/');
  const given = actual.split('/');
  if (expected.length !== given.length) return undefined;
  const parts: string[] = [];
  for (const [index, part] of expected.entries()) {
    if (part !== '*' && part !== given[index]) return undefined;
    if (part === '*') parts.push(decode(given[index] as string));
  }
  return parts;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new HttpError(400, 'tidings.invalid_path', 'Expected a percent-encoded path');
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimit) {
      throw new HttpError(413, 'tidings.body_too_large', `Expected a body of at most ${bodyLimit} bytes`);
    }
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  // Also keeps forms and scripts of foreign pages out: this type needs their preflight, which nothing answers.
  if (!/^application\/json\s*(?:;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new HttpError(415, 'tidings.unsupported_type', 'Expected Content-Type: application/json');
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw new HttpError(400, 'tidings.invalid_json', 'Expected JSON');
  }
}

function replyError(response: ServerResponse, error: unknown): void {
  if (isInputError(error)) {
    const { code, message, field } = error;
    reply(response, 400, { error: { code, message, field } });
  } else if (error instanceof HttpError) {
    const { status, code, message } = error;
    // The rest of a body that was not read would be taken for the next request.
    if (status === 413) response.setHeader('connection', 'close');
    reply(response, status, { error: { code, message } });
  } else {
    reply(response, 500, { error: { code: 'tidings.sandbox_failed', message: 'The sandbox failed' } });
  }
}

function reply(response: ServerResponse, status: number, value: unknown): void {
  if (response.destroyed) return;
  if (value === undefined) {
    response.writeHead(status).end();
    return;
  }
  const body = JSON.stringify(value);
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    .end(body);
}
