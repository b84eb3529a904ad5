import { apns } from '@tidings/apns';
import { createEngine } from '@tidings/core';
import { startSandbox } from '@tidings/sandbox';

const sandbox = await startSandbox();
const { credentials, endpoint } = sandbox.apns; // key, keyId, teamId, topic: as from your Apple account
const engine = createEngine({ channels: { ios: apns({ ...credentials, endpoint, ca: sandbox.ca }) } });

const token = sandbox.apns.register(); // a device
const outcome = await engine.send({ to: { channel: 'ios', token }, title: 'Price alert', body: 'ACME is below 42' });

console.log(outcome.status); // accepted
console.log(sandbox.apns.ledger.entries[0]?.payload); // what the device received
await engine.close();
await sandbox.close();
