export type { TransportError } from './errors.ts';
export { isTransportError } from './errors.ts';
export { createHttp2Pool } from './http2-pool.ts';
export type { Answer, AnswerHeaders, Http2Pool, Http2PoolOptions, Http2Request } from './types.ts';
