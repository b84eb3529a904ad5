import { applyFault, takenDespite } from './apply-fault.ts';
import type { Certificates } from './certificates.ts';
import type { Exchange, Intake } from './exchange.ts';
import { createFaultPlan } from './faults.ts';
import { createHttp1 } from './http1.ts';
import { serveHttp2 } from './http2.ts';
import { createLedger, type OpenEntry } from './ledger.ts';
import { listen, type Protocol } from './listener.ts';
import type { Aside, Provider, Verdict } from './provider.ts';
import type { Service } from './types.ts';

/** What all services of one sandbox share. */
export interface ServiceContext {
  readonly certificates: Certificates;
  readonly ledgerLimit: number;
}

export interface ServiceOptions {
  /** 0 for a free one. */
  readonly port: number;
  readonly protocols: readonly Protocol[];
  /** Streams at once that a new HTTP/2 connection announces. */
  readonly streams?: number;
  /** Made once the endpoint is known. */
  readonly provider: (endpoint: string) => Provider;
}

/** A service and its end. */
export interface Started<S extends Service> {
  readonly service: S;
  close(): Promise<void>;
}

/** Starts a provider on a port of its own: takes each request down, then answers it, or does to it what the faults say. */
export async function startService(context: ServiceContext, options: ServiceOptions): Promise<Started<Service>> {
  const faults = createFaultPlan();
  const ledger = createLedger(context.ledgerLimit);
  const timers = new Set<NodeJS.Timeout>();
  let connection = 0;
  let concurrency = 0;
  let peakConcurrency = 0;
  let provider: Provider;

  function later(run: () => void, delay: number): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, delay);
    timers.add(timer);
  }

  function settle(exchange: Exchange, verdict: Verdict | Aside): void {
    if (!exchange.claim()) return;
    if ('aside' in verdict) {
      exchange.answer(verdict.aside);
      return;
    }
    const { request } = exchange;
    const { token, payload, messageId } = verdict;
    const fault = faults.draw(token);
    const taken = verdict.taken && (fault === undefined || takenDespite[fault.kind]);
    const fields: Omit<OpenEntry, 'sequence'> = {
      at: Date.now(),
      connection: request.connection.id,
      token,
      headers: request.headers,
      payload,
      taken,
    };
    if (taken && messageId !== undefined) fields.messageId = messageId;
    if (fault !== undefined) fields.fault = fault.kind;
    const entry = ledger.add(fields);
    if (taken) provider.taken?.(request);
    applyFault(fault, exchange, verdict, entry, provider, later);
  }

  const intake: Intake = {
    get bodyLimit() {
      return provider.bodyLimit;
    },
    opened() {
      concurrency += 1;
      if (concurrency > peakConcurrency) peakConcurrency = concurrency;
    },
    closed() {
      concurrency -= 1;
    },
    arrived(exchange) {
      // A mistake of the sandbox itself must be seen as one, and not end the process of the test.
      const fail = (): boolean => exchange.answer({ status: 500, reason: 'tidings.sandbox_failed' });
      try {
        const verdict = provider.judge(exchange.request);
        if (verdict instanceof Promise) verdict.then((late) => settle(exchange, late)).catch(fail);
        else settle(exchange, verdict);
      } catch {
        fail();
      }
    },
  };
  const serveHttp1 = createHttp1(intake);
  const listener = await listen({
    certificates: context.certificates,
    port: options.port,
    protocols: options.protocols,
    onLink(link) {
      const id = ++connection;
      if (link.protocol === 'h2') serveHttp2(link, id, options.streams ?? 100, intake);
      else serveHttp1(link, id);
    },
  });
  const endpoint = `https://localhost:${listener.port}`;
  provider = options.provider(endpoint);

  return {
    service: {
      endpoint,
      faults,
      ledger,
      get connections() {
        return { ...listener.connections };
      },
      get peakConcurrency() {
        return peakConcurrency;
      },
    },
    async close() {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      await listener.close();
    },
  };
}
