import { startApns } from './apns.ts';
import { makeCertificates } from './certificates.ts';
import { inputError } from './errors.ts';
import { startFcm } from './fcm.ts';
import type { ServiceContext, Started } from './service.ts';
import type { Sandbox, SandboxOptions, Service } from './types.ts';
import { startWebPush } from './web-push.ts';

/**
 * Starts APNs, FCM and Web Push on loopback, with keys and certificates of their own.
 * @throws InputError naming the option that is wrong; the system's own error if a port is taken
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  checkOptions(options);
  const { ports = {}, ledgerLimit = 100_000, streams = {} } = options;
  const certificates = await makeCertificates();
  const context: ServiceContext = { certificates, ledgerLimit };

  const started: Started<Service>[] = [];
  async function start<S extends Service>(starting: Promise<Started<S>>): Promise<S> {
    const one = await starting;
    started.push(one);
    return one.service;
  }
  async function close(): Promise<void> {
    await Promise.all(started.map((one) => one.close()));
  }

  try {
    const apns = await start(startApns(context, { port: ports.apns ?? 0, streams: streams.apns ?? 1000 }));
    const fcm = await start(startFcm(context, { port: ports.fcm ?? 0, streams: streams.fcm ?? 100 }));
    const webPush = await start(startWebPush(context, { port: ports.webPush ?? 0 }));
    return { ca: certificates.ca, apns, fcm, webPush, control: undefined, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

function checkOptions(options: SandboxOptions): void {
  const { ports = {}, ledgerLimit, streams = {} } = options;
  for (const [name, port] of Object.entries(ports)) checkInteger(`ports.${name}`, port, 0, 65_535);
  for (const [name, count] of Object.entries(streams)) checkInteger(`streams.${name}`, count, 1, 100_000);
  checkInteger('ledgerLimit', ledgerLimit, 1, 10_000_000);
}

function checkInteger(field: string, value: unknown, least: number, most: number): void {
  if (value === undefined) return;
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
    throw inputError(field, `an integer from ${least} to ${most}`);
  }
}
