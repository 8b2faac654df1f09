import { chmodSync, existsSync, rmSync, statSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import Database from 'better-sqlite3';
import { AppError, messageOf } from '../../core/errors.ts';
import { checkOwner, openDatabase, schemaVersion } from './database.ts';
import { brokenInvariants } from './invariants.ts';
import { MIGRATIONS } from './migrations.ts';

export interface DatabaseFacts {
  readonly path: string;
  /** `ok`, or what the integrity check found. */
  readonly integrity: string;
  readonly schema: number;
  readonly known: number;
  /** Loose references and broken invariants, in words; not looked for in a damaged or newer file. */
  readonly problems: readonly string[];
}

/** Looks at a database file, all of it: takes seconds for a large one. */
export async function checkDatabase(path: string): Promise<DatabaseFacts> {
  const db = openReadOnly(path);
  const known = MIGRATIONS.length;
  try {
    const integrity = String(db.pragma('integrity_check', { simple: true }));
    const schema = schemaVersion(db);
    const isReadable = integrity === 'ok' && schema > 0 && schema <= known;
    return { path, integrity, schema, known, problems: isReadable ? brokenInvariants(db) : [] };
  } catch (error) {
    return { path, integrity: messageOf(error), schema: 0, known, problems: [] };
  } finally {
    db.close();
  }
}

/** What can be told of a database file at once, however large it is. Throws `store.*`. */
export function databaseGlance(path: string): { schema: number; known: number; bytes: number } {
  const db = openReadOnly(path);
  try {
    checkOwner(db, path);
    return { schema: schemaVersion(db), known: MIGRATIONS.length, bytes: statSync(path).size };
  } finally {
    db.close();
  }
}

/** Brings a database to the current schema; a copy from before is kept beside it. */
export function migrateDatabase(path: string): void {
  openDatabase(path).close();
}

/**
 * A consistent copy, also while the server writes: of one moment, whole or not there, for its owner only.
 * Throws `usage.backup_exists`, `store.*`.
 */
export async function backupDatabase(path: string, target: string): Promise<void> {
  if (existsSync(target))
    throw new AppError(`${target} is there already`, {
      code: 'usage.backup_exists',
      hint: 'choose another name',
    });
  const draft = `${target}.draft`;
  const db = openReadOnly(path);
  try {
    checkOwner(db, path);
    rmSync(draft, { force: true });
    // All pages in one step: with more, each write of the server would begin the copy anew.
    await db.backup(draft, { progress: () => Number.MAX_SAFE_INTEGER });
    const copy = new Database(draft);
    copy.pragma('journal_mode = DELETE'); // one file, also for whoever reads it later
    copy.close();
    chmodSync(draft, 0o600);
    await rename(draft, target);
  } finally {
    db.close();
    rmSync(draft, { force: true });
  }
}

/** Which of these runs are of which task or job, as far as the file tells. */
export function ownersOfRuns(path: string, runIds: readonly number[]): ReadonlyMap<number, string> {
  const db = openReadOnly(path);
  try {
    const owner = db
      .prepare(
        `SELECT coalesce(t.key, 'job_' || r.job_id) FROM agent_runs r LEFT JOIN tasks t ON t.id = r.task_id WHERE r.id = ?`,
      )
      .pluck();
    return new Map(runIds.map((id) => [id, (owner.get(id) as string | undefined) ?? 'unknown']));
  } finally {
    db.close();
  }
}

export function openReadOnly(path: string): Database.Database {
  try {
    return new Database(path, { readonly: true, fileMustExist: true });
  } catch (error) {
    throw new AppError(`cannot open ${path}: ${messageOf(error)}`, {
      code: 'store.open_failed',
      hint: 'check ORCH_DB_PATH',
      cause: error,
    });
  }
}
