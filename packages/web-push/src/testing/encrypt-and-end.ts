// A process of its own: starts a thread, has it encrypt one message where told to, and has to end by itself.
import { createEncryptor } from '../encryption-threads.ts';
import { makeReader } from './reader.ts';

const reader = makeReader();
const message = { plaintext: Buffer.from('text'), keys: reader.keys };
const encryptor = createEncryptor(1, 1);
let result = encryptor.encrypt(message, 1);
if (process.argv[2] === 'in a thread') {
  while (!(result instanceof Promise)) {
    await new Promise(setImmediate);
    result = encryptor.encrypt(message, 1);
  }
  process.stdout.write(reader.read((await result) ?? Buffer.alloc(0)));
}
