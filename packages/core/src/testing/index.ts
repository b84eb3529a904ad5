export type { VirtualRuntime } from './virtual-runtime.ts';
export { virtualRuntime } from './virtual-runtime.ts';
