export type { ApnsAdapter } from './adapter.ts';
export { apns } from './adapter.ts';
export type {
  ApnsAps,
  ApnsContent,
  ApnsHeaders,
  ApnsInterruptionLevel,
  ApnsNative,
  ApnsPushType,
  ApnsSound,
  ApnsTarget,
} from './schemas.ts';
export type {
  ApnsCertificateOptions,
  ApnsCredential,
  ApnsKey,
  ApnsOptions,
  ApnsProviderOptions,
  ApnsTokenOptions,
  CredentialReason,
} from './options.ts';
export type { NodeApnProvider } from './provider-client.ts';
