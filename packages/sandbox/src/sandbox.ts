import { startApns } from './apns.ts';
import { makeCertificates } from './certificates.ts';
import { controlRoutes } from './control-routes.ts';
import { startControl } from './control.ts';
import { inputError } from './errors.ts';
import { startFcm } from './fcm.ts';
import type { ServiceContext } from './service.ts';
import type { Sandbox, SandboxOptions } from './types.ts';
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

  const running: { close(): Promise<void> }[] = [];
  async function keep<T extends { close(): Promise<void> }>(starting: Promise<T>): Promise<T> {
    const started = await starting;
    running.push(started);
    return started;
  }
  async function close(): Promise<void> {
    await Promise.all(running.map((one) => one.close()));
  }

  try {
    const { service: apns } = await keep(startApns(context, { port: ports.apns ?? 0, streams: streams.apns ?? 1000 }));
    const { service: fcm } = await keep(startFcm(context, { port: ports.fcm ?? 0, streams: streams.fcm ?? 100 }));
    const { service: webPush } = await keep(startWebPush(context, { port: ports.webPush ?? 0 }));
    const { ca } = certificates;
    const control =
      options.control === true
        ? await keep(startControl(controlRoutes({ ca, apns, fcm, webPush }), ports.control ?? 0))
        : undefined;
    return { ca, apns, fcm, webPush, control: control?.endpoint, close, [Symbol.asyncDispose]: close };
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
