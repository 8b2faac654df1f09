import { copyFile, rename, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { backupDatabase, checkDatabase } from '../app.ts';
import { processConfig } from '../config/process.ts';
import { AppError } from '../core/errors.ts';
import { output } from './context.ts';
import { runningServer } from './home.ts';

/** The database file: check, back up, restore, migrate. Works without a server; restore needs it stopped. */
export function registerDatabaseCommands(program: Command): void {
  program
    .command('db')
    .description('check, backup FILE, restore FILE, migrate')
    .argument('<action>', 'check, backup, restore, migrate')
    .argument('[file]', 'backup file')
    .action(async (action: string, file: string | undefined, _o, command: Command) => {
      const out = output(command);
      const { config } = processConfig();
      switch (action) {
        case 'check':
        case 'migrate': {
          if (action === 'check') await mustExist(config.dbPath);
          else await mustBeStopped(config.home);
          const facts = await checkDatabase(config.dbPath, action === 'migrate');
          out.object({
            schema: 'orch.db/1',
            path: facts.path,
            integrity: facts.integrity,
            version: facts.schema,
            newest: facts.known,
          });
          out.text(`${facts.path}: ${facts.integrity}, schema ${facts.schema} of ${facts.known}`);
          if (facts.integrity !== 'ok')
            throw new AppError(`${facts.path} is damaged: ${facts.integrity}`, {
              code: 'store.corrupt',
              hint: 'orch db restore FILE',
            });
          return;
        }
        case 'backup': {
          const target = named(file, action);
          await mustExist(config.dbPath);
          await backupDatabase(config.dbPath, target);
          out.object({ schema: 'orch.db/1', path: config.dbPath, backup: target });
          out.text(`backed up to ${target}`);
          return;
        }
        case 'restore': {
          const source = named(file, action);
          await mustBeStopped(config.home);
          const facts = await checkDatabase(source, false);
          if (facts.integrity !== 'ok')
            throw new AppError(`${source} is damaged: ${facts.integrity}`, {
              code: 'store.corrupt',
              hint: 'use another backup',
            });
          const aside = `${config.dbPath}.before-restore`;
          await rename(config.dbPath, aside).catch(() => undefined); // none yet: nothing to keep
          for (const suffix of ['-wal', '-shm'])
            await rename(config.dbPath + suffix, aside + suffix).catch(() => undefined);
          await copyFile(source, config.dbPath);
          out.object({ schema: 'orch.db/1', path: config.dbPath, restored: source, before: aside });
          out.text(`restored ${source}; the database before is kept as ${aside}`);
          return;
        }
        default:
          throw new AppError(`there is no db ${action}`, {
            code: 'usage.db',
            hint: 'orch db check | backup FILE | restore FILE | migrate',
          });
      }
    });
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

async function mustBeStopped(home: string): Promise<void> {
  if ((await runningServer(home)) !== null)
    throw new AppError('Orch is running', { code: 'server.running', hint: 'orch down first' });
}
