import { chmodSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Db } from './database.ts';

/** Copies from before a migration that are kept, the newest of them. */
const KEPT_COPIES = 3;

/**
 * Keeps the database as it is beside itself, as `<path>.schema-<N>-<UTC time>`, before it is migrated, and
 * drops the oldest of such copies. Throws what SQLite throws when there is no room; then nothing is left.
 */
export function keepCopy(db: Db, path: string, schema: number, at: Date): string {
  const copy = `${path}.schema-${schema}-${stamp(at)}`;
  const draft = `${copy}.draft`;
  rmSync(draft, { force: true });
  try {
    db.prepare('VACUUM INTO ?').run(draft);
    chmodSync(draft, 0o600);
    renameSync(draft, copy);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  for (const old of copiesOf(path).slice(0, -KEPT_COPIES)) rmSync(old, { force: true });
  return copy;
}

/** Copies from before migrations, the oldest first. */
export function copiesOf(path: string): string[] {
  const begin = `${basename(path)}.schema-`;
  const names = readdirSync(dirname(path)).filter((name) => name.startsWith(begin) && name.endsWith('Z'));
  const timeOf = (name: string) => name.slice(name.lastIndexOf('-') + 1);
  return names
    .sort((a, b) => (timeOf(a) < timeOf(b) ? -1 : timeOf(a) > timeOf(b) ? 1 : 0))
    .map((name) => join(dirname(path), name));
}

/** `20260131T101500Z`: sorts by time, and any file system takes it. */
export function stamp(at: Date): string {
  return at.toISOString().replace(/[-:]|\.\d+/g, '');
}
