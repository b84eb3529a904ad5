// A process of its own: sends many messages at once, says what became of them, and has to end by itself.
import { json } from 'node:stream/consumers';
import type { Delivery } from '@tidings/core';
import type { WebPushOptions, WebPushTarget } from '../index.ts';
import { webPush } from '../index.ts';
import { makeDelivery, never } from './fixtures.ts';

interface Order extends WebPushOptions {
  readonly targets: readonly WebPushTarget[];
  readonly messages: number;
  readonly close: boolean;
}
const { targets, messages, close, ...options } = (await json(process.stdin)) as Order;
const adapter = webPush({ ...options, threads: 2 });
const counts: Record<string, number> = {};
let left = messages;

async function sendOneByOne(): Promise<void> {
  while (left > 0) {
    left -= 1;
    const delivery = makeDelivery({ target: targets[left % targets.length] }) as Delivery;
    for (const { kind } of await adapter.send([delivery], { signal: never })) counts[kind] = (counts[kind] ?? 0) + 1;
  }
}
await Promise.all(Array.from({ length: 50 }, sendOneByOne));
if (close) await adapter.close();
process.stdout.write(JSON.stringify(counts));
