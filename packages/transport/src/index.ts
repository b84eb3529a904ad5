export type { TransportError } from './errors.ts';
export { codeOf, isTransportError, transportError } from './errors.ts';
export type { AllowAddress, AllowUrl, GuardOptions, Resolve } from './guard.ts';
export { checkHost, forbiddenAddress, guardedLookup, isPublicAddress, urlProblem } from './guard.ts';
export { createHttp2Pool } from './http2-pool.ts';
export type { ResolveOptions } from './resolve.ts';
export { boundedResolve } from './resolve.ts';
export type { Answer, AnswerHeaders, Http2Pool, Http2PoolOptions, Http2Request } from './types.ts';
