import { afterEach, expect, test, vi } from 'vitest';
import { progressLine, showProgress } from './progress.ts';

const counts = { settled: 2500, accepted: 2400, failed: 12, retries: 300 };

afterEach(() => vi.useRealTimers());

function watch(isTTY: boolean, milliseconds: number): string {
  vi.useFakeTimers();
  let text = '';
  const output = { isTTY, write: (chunk: string) => void (text += chunk) } as unknown as NodeJS.WriteStream;
  const progress = showProgress(output, counts, 10_000, () => 2);
  vi.advanceTimersByTime(milliseconds);
  progress.stop();
  vi.advanceTimersByTime(10_000);
  return text;
}

test('a line tells how far it is and how fast', () => {
  expect(progressLine(counts, 10_000, 2)).toBe(
    '2.0 s   2,500 of 10,000 settled (25 %)   2,400 accepted   12 failed   300 retries   1,250/s',
  );
});

test('nothing is divided by no time', () => {
  expect(progressLine(counts, 10_000, 0)).toContain('   0/s');
});

test('on a terminal one line is written over and over', () => {
  const text = watch(true, 1000);
  expect(text.split('\r\u001b[K')).toHaveLength(12);
  expect(text.match(/\n/g)).toEqual(['\n']);
});

test('elsewhere there is a plain line a second, and none for less', () => {
  expect(watch(false, 2500).split('\n').filter(Boolean)).toHaveLength(2);
  expect(watch(false, 2500)).not.toContain('\r');
  expect(watch(false, 900)).toBe('');
});
