import type { Finding } from './problems.ts';
import { type Mapping, mapping } from './raw.ts';

/** Keys that this build reads and checks, but does not act on. Each is removed here by the change that makes it act. */
const ACCOUNT = ['sandbox'];

/** Says so for every such key that the file sets: silence would pass for obedience. */
export function notYet(raw: Mapping): Finding[] {
  const found: Finding[] = [];
  const look = (value: unknown, keys: readonly string[], path: readonly PropertyKey[]): void => {
    for (const key of keys) {
      if (mapping(value)[key] === undefined) continue;
      found.push({
        path: [...path, key],
        problem: 'is checked, but this version does not act on it yet',
        fix: 'do not rely on it; see "What is missing" in the README',
      });
    }
  };
  for (const [id, account] of Object.entries(mapping(raw['accounts'])))
    look(account, ACCOUNT, ['accounts', id]);
  return found;
}
