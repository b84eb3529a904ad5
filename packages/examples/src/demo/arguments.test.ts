import { expect, test } from 'vitest';
import { readArguments } from './arguments.ts';

test('without arguments the demo sends 10,000 messages on all channels', () => {
  expect(readArguments([])).toEqual({
    kind: 'run',
    settings: { count: 10_000, faults: 0.1, seed: 1, channels: ['ios', 'android', 'web'] },
  });
});

test('all that is given is taken, a separator between it passed over', () => {
  const given = ['--', '--count', '50', '--faults=0', '--seed', '7', '--channel', 'web', '--channel', 'ios'];
  expect(readArguments(given)).toEqual({
    kind: 'run',
    settings: { count: 50, faults: 0, seed: 7, channels: ['ios', 'web'] },
  });
});

test('help wins over the rest', () => {
  expect(readArguments(['--help', '--count', 'many'])).toEqual({ kind: 'help' });
});

test.each([
  [['--count', '0'], '--count'],
  [['--count', '1.5'], '--count'],
  [['--count', '1e3'], '--count'],
  [['--count', '1000001'], '--count'],
  [['--count', ''], '--count'],
  [['--faults', '0.6'], '--faults'],
  [['--faults=-1'], '--faults'],
  [['--faults', 'ten'], '--faults'],
  [['--seed', '-1'], '--seed'],
  [['--seed', '2147483648'], '--seed'],
  [['--channel', 'pigeon'], '--channel'],
  [['--unknown'], '--unknown'],
  [['stray'], 'stray'],
])('%j is refused with the name of what is wrong', (given, name) => {
  const command = readArguments(given);
  expect(command.kind === 'problem' && command.problem).toContain(name);
});
