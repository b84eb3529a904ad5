import type { Adapter } from './adapter.ts';
import type { Channels } from './channels.ts';
import { parseDuration } from './duration.ts';
import type { EngineOptions } from './engine-options.ts';
import { tidingsError } from './errors.ts';
import { channelParts } from './with-policy.ts';

const names = new Set(
  'channels policy logger store keepOutcomes idempotencyWindow runtime memory audience codec authorize render encrypt use'.split(
    ' ',
  ),
);

/** Throws `tidings.invalid_options` for what can be seen to be wrong before the first message. Policies are checked where they are merged. */
export function checkOptions(options: EngineOptions<Channels, unknown, never, never>): void {
  if (typeof options !== 'object' || options === null) throw invalid('expected an object with `channels`', 'options');
  const unknown = Object.keys(options).find((name) => !names.has(name));
  if (unknown !== undefined) throw invalid(`expected one of ${[...names].join(', ')}`, unknown);
  const { channels, memory, keepOutcomes, use } = options;
  if (typeof channels !== 'object' || channels === null || Object.keys(channels).length === 0) {
    throw invalid('expected an object with at least one channel', 'channels');
  }
  for (const [name, channel] of Object.entries(channels)) {
    if (!/^[\w.-]{1,64}$/.test(name))
      throw invalid('expected a name of 1 to 64 letters, digits, _ . or -', `channels.${name.slice(0, 64)}`);
    checkChannel(name, channel);
  }
  if (keepOutcomes !== undefined) parseDuration(keepOutcomes, 'keepOutcomes');
  if (use !== undefined && !Array.isArray(use)) throw invalid('expected an array of functions', 'use');
  for (const [field, value] of Object.entries(memory ?? {})) {
    if (value !== undefined && !(Number.isFinite(value) && value >= 1))
      throw invalid('expected a number of at least 1', `memory.${field}`);
  }
}

function checkChannel(name: string, channel: Channels[string]): void {
  const { adapters } = typeof channel === 'object' && channel !== null ? channelParts(channel) : { adapters: [] };
  if (adapters.length === 0) throw invalid('expected an adapter, or a list of them', `channels.${name}`);
  if (adapters.length > 30) throw invalid('expected at most 30 adapters', `channels.${name}`);
  const seen = new Set<string>();
  for (const adapter of adapters) {
    if (!isAdapter(adapter))
      throw invalid('expected what an adapter factory or defineAdapter returns', `channels.${name}`);
    if (seen.has(adapter.provider))
      throw invalid(`expected each provider once, ${adapter.provider} is there twice`, `channels.${name}`);
    seen.add(adapter.provider);
  }
}

function isAdapter(value: Adapter): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    value.version === 1 &&
    typeof value.send === 'function' &&
    typeof value.provider === 'string'
  );
}

const invalid = (message: string, field: string): Error => tidingsError('tidings.invalid_options', message, field);
