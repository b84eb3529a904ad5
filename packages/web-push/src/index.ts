export type { WebPushAdapter } from './adapter.ts';
export { webPush } from './adapter.ts';
export type { AllowHosts } from './endpoint.ts';
export type {
  Urgency,
  VapidReason,
  WebPushAction,
  WebPushContent,
  WebPushDocument,
  WebPushNative,
  WebPushOptions,
  WebPushTarget,
} from './options.ts';
export type { Vapid } from './vapid-keys.ts';
