import type { Provider } from './provider.ts';
import { startService, type ServiceContext, type Started } from './service.ts';
import type { FcmService } from './types.ts';

/** Not there yet: takes every request. */
export async function startFcm(
  context: ServiceContext,
  options: { readonly port: number; readonly streams: number },
): Promise<Started<FcmService>> {
  const provider: Provider = {
    success: 200,
    bodyLimit: 65_536,
    judge: (request) => ({ token: request.path, payload: String(request.body), taken: true, reply: { status: 200, body: '{"name":"x"}' } }),
    failure: (status) => ({ status }),
    gone: () => ({ status: 410 }),
  };
  return (await startService(context, { ...options, protocols: ['h2', 'http/1.1'], provider: () => provider })) as Started<FcmService>;
}
