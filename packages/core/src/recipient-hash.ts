import { createHash } from 'node:crypto';

/**
 * A short hash by which everything of one recipient can be found and erased, without keeping the address beside it.
 * The same in every process, whatever the order of a target's fields, so that any of them can erase.
 */
export function recipientHash(target: object): string {
  return createHash('sha256')
    .update('tidings.recipient\n')
    .update(JSON.stringify(target, sortFields))
    .digest('base64url')
    .slice(0, 22);
}

/** A push subscription has its keys one level down: their order counts as little. */
function sortFields(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
