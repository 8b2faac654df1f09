import { constants, existsSync, rmSync } from 'node:fs';
import { copyFile, link, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { AppError } from '../../core/errors.ts';
import { stamp } from './copies.ts';
import { checkOwner, type Db, openDatabase, schemaVersion } from './database.ts';
import { backupDatabase, checkDatabase, openReadOnly } from './maintenance.ts';

/** Further than any run from after the backup can have come. */
const FENCE_STEP = 1_000_000;
/** Added to what was numbered where the database before cannot tell how far it came. */
const NUMBER_STEP = 1000;

export interface RestoreFacts {
  /** The database before, kept; null when there was none. */
  readonly before: string | null;
  readonly schema: number;
  /** What was wrong with the rows of the backup, in words. */
  readonly problems: readonly string[];
  /** The numbers of the database before were read, so that none is given twice. */
  readonly numbersKnown: boolean;
}

/**
 * Puts a backup in the place of the database. Call it while no server runs. The backup is checked whole,
 * copied, brought to the current schema and moved out of the way of what happened since it was made; then
 * it takes the place in one rename. The database before is kept beside. Throws `store.*` with nothing changed.
 *
 * What happened since: runs of after the backup may still be alive, and their folders, branches and
 * documents are on disk under their numbers. So no number is given a second time (runs, jobs, tasks,
 * messages, keys of the board), and every fence moves on by a step, the run's with that of its job: what
 * was running in the backup is still taken over by the next start, which also ends live runs that the
 * backup does not know.
 */
export async function restoreDatabase(
  path: string,
  source: string,
  { now, lastRunOnDisk }: { readonly now: Date; readonly lastRunOnDisk: number },
): Promise<RestoreFacts> {
  const { schema, problems } = await checkBackup(source);
  const draft = `${path}.restoring`;
  dropFiles(draft);
  try {
    await backupDatabase(source, draft);
    const numbers = numbersOf(path);
    const db = openDatabase(draft, { copy: false });
    try {
      moveOn(db, { numbers, lastRunOnDisk, source, now });
      db.pragma('journal_mode = DELETE'); // one file: it is renamed alone
    } finally {
      db.close();
    }
    await synced(draft);
    const before = await putAside(path, now);
    await rename(draft, path);
    await synced(dirname(path));
    return { before, schema, problems, numbersKnown: numbers !== null || before === null };
  } finally {
    dropFiles(draft);
  }
}

async function checkBackup(source: string): Promise<{ schema: number; problems: readonly string[] }> {
  const facts = await checkDatabase(source);
  if (facts.integrity !== 'ok')
    throw new AppError(`${source} is damaged: ${facts.integrity}`, {
      code: 'store.corrupt',
      hint: 'use another backup',
    });
  const db = openReadOnly(source);
  try {
    checkOwner(db, source);
    if (schemaVersion(db) === 0)
      throw new AppError(`${source} is empty`, { code: 'store.empty', hint: 'use another backup' });
  } finally {
    db.close();
  }
  return { schema: facts.schema, problems: facts.problems };
}

interface Numbers {
  readonly lastRun: number;
  /** The last id of each table that never gives one twice. */
  readonly ids: ReadonlyMap<string, number>;
  /** The last number on the board of each project. */
  readonly board: ReadonlyMap<string, number>;
}

/** How far the database has come, whatever its schema; null when it cannot be read or there is none. */
function numbersOf(path: string): Numbers | null {
  if (!existsSync(path)) return null;
  try {
    const db = openReadOnly(path);
    try {
      return readNumbers(db);
    } finally {
      db.close();
    }
  } catch {
    return null; // damaged, which is why somebody restores
  }
}

function readNumbers(db: Db): Numbers {
  const pairs = (sql: string) =>
    new Map((db.prepare(sql).raw().all() as [string, number][]).map(([name, last]) => [name, last]));
  return {
    lastRun: Number(db.prepare('SELECT last_run FROM counters').pluck().get()),
    ids: pairs('SELECT name, seq FROM sqlite_sequence'),
    board: pairs(
      `SELECT project, max(CAST(substr(key, length(rtrim(key, '0123456789')) + 1) AS INTEGER)) FROM work_items GROUP BY project`,
    ),
  };
}

function moveOn(
  db: Db,
  at: { numbers: Numbers | null; lastRunOnDisk: number; source: string; now: Date },
): void {
  const own = readNumbers(db);
  const step = at.numbers === null ? NUMBER_STEP : 0;
  const past = (mine: number, theirs: number | undefined) => Math.max(mine + step, theirs ?? 0);
  const names = (of: 'ids' | 'board') => new Set([...own[of].keys(), ...(at.numbers?.[of].keys() ?? [])]);
  db.transaction(() => {
    // The later fences first: two rows of one job must never hold the same one.
    db.prepare('UPDATE agent_runs SET fence = -fence - ?').run(FENCE_STEP);
    db.prepare('UPDATE agent_runs SET fence = -fence').run();
    db.prepare('UPDATE jobs SET fence = fence + ?').run(FENCE_STEP);
    const lastRun = Math.max(past(own.lastRun, at.numbers?.lastRun), at.lastRunOnDisk);
    db.prepare('UPDATE counters SET last_run = ?').run(lastRun);
    const tables = new Set(db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck().all());
    for (const name of names('ids')) {
      if (!tables.has(name)) continue; // of a newer schema
      const last = past(own.ids.get(name) ?? 0, at.numbers?.ids.get(name));
      const { changes } = db.prepare('UPDATE sqlite_sequence SET seq = ? WHERE name = ?').run(last, name);
      if (changes === 0) db.prepare('INSERT INTO sqlite_sequence(name, seq) VALUES(?, ?)').run(name, last);
    }
    const remember = db.prepare(
      'INSERT INTO meta(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value',
    );
    for (const project of names('board')) {
      const last = past(own.board.get(project) ?? 0, at.numbers?.board.get(project));
      remember.run(`board_number:${project}`, String(last));
    }
    db.prepare(
      `INSERT INTO audit(at, by, surface, action, target) VALUES(?, 'cli', 'cli', 'restore', ?)`,
    ).run(at.now.getTime(), at.source);
  }).immediate();
}

/** Keeps the database under another name as well; its place stays taken until the rename. */
async function putAside(path: string, now: Date): Promise<string | null> {
  if (!existsSync(path)) return null;
  try {
    const db = new Database(path, { fileMustExist: true });
    db.pragma('wal_checkpoint(TRUNCATE)'); // one file is all of it then
    db.close();
  } catch {
    // damaged: kept as it is, with its log
  }
  const aside = `${path}.before-restore-${stamp(now)}`;
  // A log left behind would be written into the restored file: it goes first.
  for (const suffix of ['-wal', '-shm'])
    if (existsSync(path + suffix)) await rename(path + suffix, aside + suffix);
  await link(path, aside).catch(() => copyFile(path, aside, constants.COPYFILE_EXCL)); // no links here
  return aside;
}

async function synced(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function dropFiles(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal', '.draft']) rmSync(path + suffix, { force: true });
}
