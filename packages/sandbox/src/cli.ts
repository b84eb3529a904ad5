#!/usr/bin/env node
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { isInputError } from './errors.ts';
import { startSandbox } from './sandbox.ts';
import type { Sandbox, SandboxOptions } from './types.ts';

const usage = `Usage: tidings-sandbox [options]

Runs local APNs, FCM and Web Push services until it gets SIGINT or SIGTERM.

  --apns-port <port>       Port of APNs; a free one by default
  --fcm-port <port>        Port of FCM
  --web-push-port <port>   Port of Web Push
  --control-port <port>    Port of the HTTP JSON API
  --ledger-limit <count>   Requests that each ledger keeps; 100,000 by default
  --ca <file>              Writes the root certificate there instead of to standard output
  --help                   Prints this
`;

const options = {
  'apns-port': { type: 'string' },
  'fcm-port': { type: 'string' },
  'web-push-port': { type: 'string' },
  'control-port': { type: 'string' },
  'ledger-limit': { type: 'string' },
  ca: { type: 'string' },
  help: { type: 'boolean' },
} as const;

try {
  const { values } = parseArgs({ options });
  if (values.help === true) process.stdout.write(usage);
  else await run(toOptions(values), values.ca);
} catch (error) {
  const isUsage = isInputError(error) || String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
  process.stderr.write(`${(error as Error).message}\n${isUsage ? `\n${usage}` : ''}`);
  process.exitCode = isUsage ? 2 : 1;
}

async function run(sandboxOptions: SandboxOptions, caFile: string | undefined): Promise<void> {
  const sandbox = await startSandbox(sandboxOptions);
  let closing: Promise<void> | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // Nothing keeps the process alive after it: it ends by itself.
    process.on(signal, () => (closing ??= sandbox.close()));
  }
  try {
    if (caFile !== undefined) await writeFile(caFile, sandbox.ca);
  } catch (error) {
    await sandbox.close();
    throw error;
  }
  process.stdout.write(describe(sandbox, caFile));
}

function describe(sandbox: Sandbox, caFile: string | undefined): string {
  const lines = [
    `APNs      ${sandbox.apns.endpoint}`,
    `FCM       ${sandbox.fcm.endpoint}`,
    `Web Push  ${sandbox.webPush.endpoint}`,
    `Control   ${sandbox.control}`,
  ];
  return `${lines.join('\n')}\n${caFile === undefined ? `\n${sandbox.ca}\n` : `Root certificate in ${caFile}\n`}`;
}

function toOptions(values: { readonly [name: string]: string | boolean | undefined }): SandboxOptions {
  const number = (name: string): number | undefined => {
    const text = values[name];
    return text === undefined ? undefined : /^\d+$/.test(String(text)) ? Number(text) : Number.NaN;
  };
  const ledgerLimit = number('ledger-limit');
  return {
    control: true,
    ports: {
      apns: number('apns-port') ?? 0,
      fcm: number('fcm-port') ?? 0,
      webPush: number('web-push-port') ?? 0,
      control: number('control-port') ?? 0,
    },
    ...(ledgerLimit !== undefined && { ledgerLimit }),
  };
}
