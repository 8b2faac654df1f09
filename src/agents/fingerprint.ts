import { createHash } from 'node:crypto';

/** One-way mark of a credential: equal credentials of one source, equal marks; nothing can be read back. */
export function fingerprintOf(source: string, ...secrets: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([source, ...secrets]))
    .digest('hex')
    .slice(0, 32);
}
