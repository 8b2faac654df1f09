import { mkdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { processConfig } from '../config/process.ts';
import type { Config } from '../config/types.ts';
import { AppError } from '../core/errors.ts';
import { backupDatabase, checkDatabase, migrateDatabase, restoreBackup } from '../offline.ts';
import { output } from './context.ts';
import { lockHome } from './home.ts';
import type { Output } from './output.ts';

const ACTIONS: Readonly<
  Record<string, (out: Output, config: Config, file: string | undefined) => Promise<void>>
> = { check, migrate, backup, restore };

/** The database file: check, back up, restore, migrate. Works without a server; the last two need it stopped. */
export function registerDatabaseCommands(program: Command): void {
  program
    .command('db')
    .description('check, backup FILE, restore FILE, migrate')
    .argument('<action>', 'check, backup, restore, migrate')
    .argument('[file]', 'backup file')
    .action(async (name: string, file: string | undefined, _o, command: Command) => {
      const action = ACTIONS[name];
      if (action === undefined)
        throw new AppError(`there is no db ${name}`, {
          code: 'usage.db',
          hint: 'orch db check | backup FILE | restore FILE | migrate',
        });
      await action(output(command), processConfig().config, file);
    });
}

async function check(out: Output, { dbPath }: Config): Promise<void> {
  await mustExist(dbPath);
  const { path, integrity, schema, known, problems } = await checkDatabase(dbPath);
  out.object({ schema: 'orch.db/1', path, integrity, version: schema, newest: known, problems });
  out.text(`${path}: ${integrity}, schema ${schema} of ${known}`);
  for (const problem of problems) out.text(`  ✗ ${problem}`);
  if (integrity !== 'ok')
    throw new AppError(`${path} is damaged: ${integrity}`, {
      code: 'store.corrupt',
      hint: 'orch db restore FILE',
    });
  if (problems.length > 0)
    throw new AppError(`${path} can be read, but its rows do not fit together`, {
      code: 'store.inconsistent',
      hint: 'orch db restore FILE, or look at the rows named (sqlite3 -readonly)',
    });
}

async function migrate(out: Output, config: Config): Promise<void> {
  await whileStopped(config.home, async () => migrateDatabase(config.dbPath));
  await check(out, config);
}

async function backup(out: Output, { dbPath }: Config, file: string | undefined): Promise<void> {
  const target = named(file, 'backup');
  await mustExist(dbPath);
  await backupDatabase(dbPath, target);
  out.object({ schema: 'orch.db/1', path: dbPath, backup: target });
  out.text(`backed up to ${target}`);
}

async function restore(out: Output, config: Config, file: string | undefined): Promise<void> {
  const source = named(file, 'restore');
  await mustExist(source);
  const { before, numbersKnown, problems } = await whileStopped(config.home, () =>
    restoreBackup(config, source),
  );
  out.object({ schema: 'orch.db/1', path: config.dbPath, restored: source, before, problems });
  out.text(`restored ${source}`);
  for (const problem of problems) out.text(`  ! the backup was made with this in it: ${problem}`);
  if (before !== null) out.text(`the database before is kept as ${before}`);
  if (!numbersKnown)
    out.text('the database before could not be read: numbers of runs, jobs and tasks go on 1000 further');
  out.text('runs that the backup does not know are ended by the next orch up; what they did stays in place');
}

function named(file: string | undefined, action: string): string {
  if (file !== undefined) return resolve(file);
  throw new AppError(`db ${action} needs a file`, { code: 'usage.db_file', hint: `orch db ${action} FILE` });
}

async function mustExist(path: string): Promise<void> {
  await stat(path).catch(() => {
    throw new AppError(`there is no database at ${path}`, {
      code: 'store.missing',
      hint: 'orch up makes one; check ORCH_HOME and ORCH_DB_PATH',
    });
  });
}

/** Holds the lock of the home, so that no server starts in the middle either. */
async function whileStopped<T>(home: string, work: () => Promise<T>): Promise<T> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const unlock = await lockHome(home).catch((error: unknown) => {
    if (!(error instanceof AppError) || error.code !== 'server.already_running') throw error;
    throw new AppError('Orch is running', { code: 'server.running', hint: 'orch down first' });
  });
  try {
    return await work();
  } finally {
    await unlock();
  }
}
