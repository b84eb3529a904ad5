// Time of the first import of `--of core` (with all that it imports), or of the libraries that the hand-made stack needs.
import { pathToFileURL } from 'node:url';
import { finish, readArguments } from '../measure.ts';
import { resolvePeer } from '../peers.ts';

const given = readArguments({ of: 'core' });
const specifiers =
  given.of === 'core'
    ? [import.meta.resolve('@tidings/core')]
    : ['p-queue', 'p-retry', 'opossum'].map((name) => pathToFileURL(resolvePeer(name)).href);

const start = performance.now();
for (const specifier of specifiers) await import(specifier);
finish({ ms: performance.now() - start });
