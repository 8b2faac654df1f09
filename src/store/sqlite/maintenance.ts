import { existsSync, rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import { AppError, messageOf } from '../../core/errors.ts';
import { openDatabase, schemaVersion } from './database.ts';
import { MIGRATIONS } from './migrations.ts';

export interface DatabaseFacts {
  readonly path: string;
  /** `ok`, or what the integrity check found. */
  readonly integrity: string;
  readonly schema: number;
  readonly known: number;
}

/** Looks at a database file, or brings it to the current schema after keeping a copy beside it. */
export async function checkDatabase(path: string, migrate: boolean): Promise<DatabaseFacts> {
  if (migrate) {
    if (existsSync(path)) {
      rmSync(`${path}.before-migrate`, { force: true });
      await backupDatabase(path, `${path}.before-migrate`);
    }
    openDatabase(path).close();
  }
  const db = openReadOnly(path);
  try {
    return {
      path,
      integrity: String(db.pragma('integrity_check', { simple: true })),
      schema: schemaVersion(db),
      known: MIGRATIONS.length,
    };
  } catch (error) {
    return { path, integrity: messageOf(error), schema: 0, known: MIGRATIONS.length };
  } finally {
    db.close();
  }
}

/** A consistent copy, also while the server writes. */
export async function backupDatabase(path: string, target: string): Promise<void> {
  if (existsSync(target))
    throw new AppError(`${target} is there already`, {
      code: 'usage.backup_exists',
      hint: 'choose another name',
    });
  const db = openReadOnly(path);
  try {
    await db.backup(target);
  } finally {
    db.close();
  }
}

function openReadOnly(path: string): Database.Database {
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
