import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { AppError, messageOf } from '../../core/errors.ts';
import { keepCopy } from './copies.ts';
import { MIGRATIONS } from './migrations.ts';

export type Db = Database.Database;

/** SQLite's name for a database that is in no file. */
const IN_MEMORY = ':memory:';

/** The WAL-reset corruption bug is fixed from here on. */
const OLDEST_SQLITE = [3, 51, 3] as const;
const BUSY_TIMEOUT_MS = 2000;
/** A claim and its settle write some 25 pages: at the default of 1000, copying the log back costs a fifth of both. */
const CHECKPOINT_PAGES = 4000;

/** "Orch" in ASCII: tells our files from any other SQLite database. */
const APPLICATION_ID = 0x4f726368;

/**
 * Opens (or creates, mode 0600) the database, checks that it is ours and not newer than this build, and
 * brings it to the current schema; an older one is kept beside it first. Throws `AppError` `store.*` and
 * leaves a refused file as it was. `copy: false`: the file is a copy already.
 */
export function openDatabase(path: string, { copy = true } = {}): Db {
  if (path !== IN_MEMORY) createFile(path);
  const db = connect(path);
  try {
    db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
    checkEngine(db);
    checkOwner(db, path);
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    db.pragma('foreign_keys = ON');
    const schema = schemaVersion(db);
    if (copy && schema > 0 && schema < MIGRATIONS.length) keepCopy(db, path, schema, new Date());
    if (schema < MIGRATIONS.length) migrate(db);
    for (const file of [path, `${path}-wal`, `${path}-shm`])
      if (existsSync(file) && (statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
    return db;
  } catch (error) {
    db.close();
    throw storeError(error, path);
  }
}

function createFile(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (!existsSync(path)) writeFileSync(path, '', { mode: 0o600, flag: 'a' });
  } catch (error) {
    throw storeError(error, path);
  }
}

function connect(path: string): Db {
  try {
    return new Database(path, { timeout: BUSY_TIMEOUT_MS });
  } catch (error) {
    throw storeError(error, path);
  }
}

function checkEngine(db: Db): void {
  const version = String(db.prepare('SELECT sqlite_version()').pluck().get());
  const parts = version.split('.').map(Number);
  for (const [i, least] of OLDEST_SQLITE.entries()) {
    const part = parts[i] ?? 0;
    if (part > least) return;
    if (part < least)
      throw new AppError(`SQLite ${version} is too old`, {
        code: 'store.engine_too_old',
        hint: 'run npm ci again',
      });
  }
}

/** Reads only: nothing may be written to a file that turns out to be someone else's. */
export function checkOwner(db: Db, path: string): void {
  const found = schemaVersion(db);
  if (found > MIGRATIONS.length)
    throw new AppError(
      `the database ${path} has schema ${found}, newer than this build's ${MIGRATIONS.length}${lastBuild(db)}`,
      {
        code: 'store.newer_schema',
        hint: 'start the newer build again, or restore a backup made before the upgrade (orch db restore)',
        facts: { found, known: MIGRATIONS.length },
      },
    );
  const isEmpty = Number(db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get()) === 0;
  if (!isEmpty && Number(db.pragma('application_id', { simple: true })) !== APPLICATION_ID)
    throw new AppError(`${path} is a database of another program`, {
      code: 'store.not_ours',
      hint: 'check ORCH_DB_PATH',
    });
}

/** Which version of Orch last ran on a database; a newer schema may have moved that, then nothing is said. */
function lastBuild(db: Db): string {
  try {
    const version = db.prepare(`SELECT value FROM meta WHERE key = 'orch_version'`).pluck().get();
    return typeof version === 'string' ? `; Orch ${version} ran on it last` : '';
  } catch {
    return '';
  }
}

/** One immediate transaction: of two processes that start at once, the second finds the work done. */
function migrate(db: Db): void {
  db.transaction(() => {
    db.pragma(`application_id = ${APPLICATION_ID}`);
    for (let version = schemaVersion(db); version < MIGRATIONS.length; version++) {
      db.exec(MIGRATIONS[version] ?? '');
      db.pragma(`user_version = ${version + 1}`);
    }
  }).immediate();
}

export function schemaVersion(db: Db): number {
  return Number(db.pragma('user_version', { simple: true }));
}

/** A vendor error as one an operator can act on. */
export function storeError(error: unknown, path: string): AppError {
  if (error instanceof AppError) return error;
  const text = messageOf(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT'))
    return new AppError(`${path} is not a usable database: ${text}`, {
      code: 'store.corrupt',
      hint: 'restore a backup (orch db restore), or move the file away',
      cause: error,
    });
  if (code.startsWith('SQLITE_READONLY') || code === 'EROFS' || code === 'EACCES' || code === 'EPERM')
    return new AppError(`cannot write the database ${path}: ${text}`, {
      code: 'store.read_only',
      hint: 'make ORCH_HOME (or ORCH_DB_PATH) a folder this user may write',
      cause: error,
    });
  if (code.startsWith('SQLITE_BUSY'))
    return new AppError(`the database ${path} is in use by another process`, {
      code: 'store.busy',
      hint: 'stop the other orch first (orch down)',
      cause: error,
    });
  if (code === 'SQLITE_FULL' || code === 'ENOSPC')
    return new AppError(`no room for the database ${path}: ${text}`, {
      code: 'store.disk_full',
      hint: 'free some disk space',
      cause: error,
    });
  return new AppError(`the database ${path} failed: ${text}`, {
    code: 'store.failed',
    hint: 'check ORCH_DB_PATH',
    cause: error,
  });
}
