// Run as a process of its own: sends one message, closes, and must then end by itself.
import { fcm } from '../index.ts';
import { deliver } from './deliver.ts';

const { options, target } = JSON.parse(process.argv[2] ?? '');
const adapter = fcm(options);
const result = await deliver(adapter, { target });
await adapter.close();
process.stdout.write(JSON.stringify(result));
