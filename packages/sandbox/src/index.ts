export { startSandbox } from './sandbox.ts';
export { faultKinds } from './fault-input.ts';
export { isInputError, type InputError } from './errors.ts';
export type * from './types.ts';
