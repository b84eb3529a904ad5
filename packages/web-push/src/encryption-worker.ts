// What an encrypting thread runs: a block in, a block out.
import { parentPort } from 'node:worker_threads';
import type { Block } from './encryption-batch.ts';
import { encryptBlock } from './encryption-batch.ts';

parentPort?.on('message', (block: Block) => {
  const results = encryptBlock(block);
  parentPort?.postMessage(results, [results.buffer]);
});
