export type { FcmAdapter } from './adapter.ts';
export { fcm } from './adapter.ts';
export type {
  AccessToken,
  AccessTokenOptions,
  AppOptions,
  CredentialReason,
  FcmOptions,
  FirebaseApp,
  ServiceAccountOptions,
} from './options.ts';
export type { FcmAndroid, FcmApns, FcmContent, FcmNative, FcmTarget, FcmWebpush, JsonObject } from './schemas.ts';
export type { ServiceAccount } from './service-account.ts';
