import type { Exchange } from './exchange.ts';
import type { OpenEntry } from './ledger.ts';
import type { Provider, Reply, Verdict } from './provider.ts';
import type { Fault, FaultKind } from './types.ts';

/** Whether the device gets the message although the fault happens. */
export const takenDespite: Readonly<Record<FaultKind, boolean>> = {
  status: false,
  gone: false,
  refused: false,
  html: false,
  hang: true,
  hangAfterHeaders: true,
  reset: true,
  resetAfterHeaders: true,
  blackhole: true,
  goaway: true,
  garbage: true,
  slow: true,
};

/** A NUL, an invalid UTF-8 sequence and the beginning of an object. */
const garbage = Buffer.from([0x00, 0xff, 0xfe, 0x7b, 0x22, 0xc3, 0x28, 0x00]);

const proxyPage: Reply = {
  status: 502,
  headers: { 'content-type': 'text/html; charset=UTF-8' },
  body: '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n',
};

/** Answers one request that is in the ledger, as the fault wants it; `later` runs something after ms unless the service closes. */
export function applyFault(
  fault: Fault | undefined,
  exchange: Exchange,
  verdict: Verdict,
  entry: OpenEntry,
  provider: Provider,
  later: (run: () => void, delay: number) => void,
): void {
  const success: Reply = verdict.taken ? verdict.reply : { status: provider.success };

  function note(sent: boolean, reply: Reply): void {
    if (!sent) return;
    entry.status = reply.status;
    if (reply.reason !== undefined) entry.reason = reply.reason;
  }
  function answer(reply: Reply): void {
    note(exchange.answer(reply), reply);
  }

  switch (fault?.kind) {
    case undefined:
      return answer(verdict.reply);
    case 'status':
      return answer(withRetryAfter(provider.failure(fault.status, fault.reason, exchange.request), fault.retryAfter));
    case 'gone':
      return answer(provider.gone(exchange.request));
    case 'html':
      return answer(proxyPage);
    case 'garbage':
      return answer({ status: provider.success, headers: { 'content-type': 'application/json' }, body: garbage });
    case 'slow':
      return later(() => answer(verdict.reply), fault.delay);
    case 'hang':
      return undefined;
    case 'hangAfterHeaders':
      return note(exchange.begin(success), success);
    case 'resetAfterHeaders':
      return note(exchange.breakOff(success), success);
    case 'reset':
      return exchange.reset();
    case 'refused':
      return exchange.refuse();
    case 'blackhole':
      return exchange.blackhole();
    case 'goaway':
      exchange.goaway(fault.error === true);
      return fault.error === true ? undefined : answer(verdict.reply);
    default:
      return fault satisfies never;
  }
}

function withRetryAfter(reply: Reply, retryAfter: number | string | undefined): Reply {
  if (retryAfter === undefined) return reply;
  return { ...reply, headers: { ...reply.headers, 'retry-after': String(retryAfter) } };
}
