import type { Provider } from './provider.ts';
import { startService, type ServiceContext, type Started } from './service.ts';
import type { WebPushService } from './types.ts';

/** Not there yet: listens, and answers every request 501. */
export async function startWebPush(
  context: ServiceContext,
  options: { readonly port: number },
): Promise<Started<WebPushService>> {
  const provider: Provider = {
    success: 201,
    bodyLimit: 65_536,
    judge: () => ({ token: '', payload: undefined, taken: false, reply: { status: 501 } }),
    failure: (status) => ({ status }),
    gone: () => ({ status: 410 }),
  };
  const started = await startService(context, {
    port: options.port,
    protocols: ['http/1.1'],
    provider: () => provider,
  });
  const service = Object.assign(started.service, {
    subscribe(): never {
      throw new Error('The Web Push service is not there yet');
    },
    unsubscribe() {},
  });
  return { service, close: started.close };
}
