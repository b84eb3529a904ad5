import { createHash } from 'node:crypto';

/**
 * A short hash by which everything of one recipient can be found and erased, without keeping the address beside it.
 * The same in every process, so that any of them can erase.
 */
export function recipientHash(target: object): string {
  const sorted = Object.entries(target).sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash('sha256')
    .update('tidings.recipient\n')
    .update(JSON.stringify(sorted))
    .digest('base64url')
    .slice(0, 22);
}
