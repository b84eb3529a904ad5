export { memoryStore } from '../memory-store.ts';
export type { VirtualRuntime } from './virtual-runtime.ts';
export { virtualRuntime } from './virtual-runtime.ts';
