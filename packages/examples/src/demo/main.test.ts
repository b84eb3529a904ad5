import { expect, test } from 'vitest';
import { runScript } from '../testing/run-script.ts';
import type { ChannelSummary } from './report.ts';

interface Result extends Pick<ChannelSummary, 'deliveries' | 'outcomes' | 'lost' | 'doubled' | 'repeated' | 'retried'> {
  readonly perChannel: { readonly [channel: string]: ChannelSummary };
  readonly seconds: number;
}

const resultOf = (stdout: string): Result => JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Result;
const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

test('600 messages with faults: each has one outcome, none is lost or doubled, and the process ends by itself', async () => {
  const { code, stdout, stderr } = await runScript('demo/main.ts', ['--count', '600']);
  expect(stderr).toBe('');
  expect(stdout).toContain('Outcomes and ledgers agree.');
  expect(code).toBe(0);
  const result = resultOf(stdout);
  const { outcomes, perChannel } = result;
  expect(result).toMatchObject({ deliveries: 600, lost: 0, doubled: 0 });
  expect(sum(Object.values(outcomes))).toBe(600);
  // Faults happened, and all but dead targets and what a newer one replaced came through.
  expect(result.retried).toBeGreaterThan(0);
  expect(result.repeated).toBeGreaterThan(0);
  expect(outcomes.expired + outcomes.canceled).toBe(0);
  expect(Object.keys(perChannel)).toEqual(['ios', 'android', 'web']);
  for (const name of ['deliveries', 'lost', 'doubled', 'repeated', 'retried'] as const) {
    expect(sum(Object.values(perChannel).map((channel) => channel[name]))).toBe(result[name]);
  }
  for (const { failed, outcomes: own } of Object.values(perChannel)) {
    expect(failed).toEqual(own.failed === 0 ? {} : { unregistered: own.failed });
  }
}, 60_000);

test('without faults all is accepted, on the one channel that was asked for', async () => {
  const { code, stdout } = await runScript('demo/main.ts', ['--count', '60', '--faults', '0', '--channel', 'android']);
  expect(code).toBe(0);
  const { perChannel, ...result } = resultOf(stdout);
  expect(result).toMatchObject({ deliveries: 60, outcomes: { accepted: 60 }, lost: 0, doubled: 0 });
  expect(Object.keys(perChannel)).toEqual(['android']);
}, 60_000);

test('an unhandled rejection makes the run fail', async () => {
  // As soon as the run listens: before that, Node itself would end the process.
  const planted = `const timer = setInterval(() => {
    if (process.listenerCount('unhandledRejection') === 0) return;
    clearInterval(timer);
    void Promise.reject(new Error('planted'));
  }, 1);`;
  const given = ['--count', '30', '--channel', 'ios'];
  const { code, stdout } = await runScript('demo/main.ts', given, [
    '--import',
    `data:text/javascript,${encodeURIComponent(planted)}`,
  ]);
  expect(code).toBe(1);
  expect(stdout).toContain('unhandled rejection: planted');
  expect(resultOf(stdout)).toMatchObject({ deliveries: 30, lost: 0 });
}, 60_000);

test('wrong arguments end it with 2 and say what is right, help with 0', async () => {
  const wrong = await runScript('demo/main.ts', ['--count', 'many']);
  expect(wrong).toMatchObject({ code: 2, stdout: '' });
  expect(wrong.stderr).toContain('--count: expected a whole number');
  const help = await runScript('demo/main.ts', ['--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toContain('--faults');
});
