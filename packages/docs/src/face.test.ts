import { expect, test } from 'vitest';
import { compile } from '@tidings/tooling/compile';

const engine = `
import { apns } from '@tidings/apns';
import { createEngine } from '@tidings/core';
declare const key: string, token: string;
const engine = createEngine({ channels: { ios: apns({ key, keyId: 'ABC123DEFG', teamId: 'ABC123DEFG', topic: 'a.b' }) } });
`;

test.each([
  ['a wrong channel', "await engine.send({ to: { channel: 'io', token } });", 'ios'],
  ['a missing token', "await engine.send({ to: { channel: 'ios' } });", 'token'],
  [
    "another provider's native part",
    "await engine.send({ to: { channel: 'ios', token }, native: { fcm: {} } });",
    'fcm',
  ],
  ['a misspelled field', "await engine.send({ to: { channel: 'ios', token }, titel: 'Hi' });", 'titel'],
])('%s is a compile error that names the property', async (_what, line, property) => {
  const { diagnostics } = await compile(`${engine}\n${line}\nexport {};`);
  expect(diagnostics).toHaveLength(1);
  // Quoted or as a member: in the compiler's own words.
  expect(diagnostics[0]!.message).toMatch(new RegExp(`['"]?${property}['"]?`));
});

test('an engine with eight channels costs the compiler little beyond the public types', async () => {
  const imports = `
import { apns } from '@tidings/apns';
import { createEngine } from '@tidings/core';
import { fcm } from '@tidings/fcm';
import { webPush } from '@tidings/web-push';
declare const key: string, serviceAccount: string;
const ios = () => apns({ key, keyId: 'ABC123DEFG', teamId: 'ABC123DEFG', topic: 'a.b' });
const android = () => fcm({ serviceAccount });
const web = () => webPush({ vapid: { subject: 'mailto:a@b.example', publicKey: key, privateKey: key } });
`;
  const alone = await compile(`${imports}\nexport { createEngine, ios, android, web };`);
  const eight = await compile(`${imports}
const engine = createEngine({ channels: { a: ios(), b: android(), c: web(), d: ios(), e: android(), f: web(), g: [ios(), android()], h: web() } });
const outcome = await engine.send({ to: { channel: 'a', token: key }, title: 'Hi' });
export const text: string = outcome.to.token;`);
  expect(eight.diagnostics).toEqual([]);
  expect(eight.instantiations / alone.instantiations).toBeLessThanOrEqual(1.2);
});
