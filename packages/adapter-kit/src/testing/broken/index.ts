import { brokenAnswers } from './answers.ts';
import type { Broken } from './broken.ts';
import { brokenLifetime } from './lifetime.ts';
import { brokenSends } from './sends.ts';
import { brokenShape } from './shape.ts';

export const brokenAdapters: readonly Broken[] = [...brokenShape, ...brokenAnswers, ...brokenSends, ...brokenLifetime];
