import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from './config/types.ts';
import type { Pause } from './core/model.ts';
import { endLeftRuns } from './engine/stop-offline.ts';
import { identify } from './launcher/processes.ts';
import { runsOnDisk } from './launcher/run-directories.ts';
import { systemClock } from './lib/clock.ts';
import { type RestoreFacts, restoreDatabase } from './store/sqlite/restore.ts';
import { openSqliteStore } from './store/sqlite/sqlite-store.ts';
import { openWorkspace } from './workspace/workspace.ts';

/** What the command line does without a running service. Like app.ts it joins parts and knows no rules. */

export { probeIsolation as isolationHere } from './launcher/launcher.ts';
export {
  backupDatabase,
  checkDatabase,
  databaseGlance,
  migrateDatabase,
  ownersOfRuns,
} from './store/sqlite/maintenance.ts';

/** Puts a backup in the place of the database, while no server runs; see `restoreDatabase`. */
export async function restoreBackup(config: Config, source: string): Promise<RestoreFacts> {
  const lastRunOnDisk = Math.max(0, ...(await runsOnDisk(config.runsDir)));
  return restoreDatabase(config.dbPath, source, { now: new Date(), lastRunOnDisk });
}

/** Bytes on disk that a project's salvages alone take. Throws when it takes longer than that. */
export async function salvageSize(config: Config, project: string, timeoutMs: number): Promise<number> {
  const { reposDir, worktreesDir } = config;
  if (!existsSync(join(reposDir, `${project}.git`))) return 0; // nothing was cloned yet: make nothing
  return openWorkspace({ reposDir, worktreesDir }).salvageBytes(project, timeoutMs);
}

/** Version of the git that Orch uses. Throws `workspace.git_missing`, `workspace.git_too_old`. */
export function gitVersion(): Promise<string> {
  const scratch = join(tmpdir(), `orch-git-${process.pid}`);
  return openWorkspace({ reposDir: scratch, worktreesDir: scratch })
    .gitVersion()
    .then((version) => `git ${version}`);
}

/** Start time of a live process, null when there is none: with the pid it names one for ever. */
export function startTimeOf(pid: number): string | null {
  return identify(pid)?.startTime ?? null;
}

/** What `stop` does without a server: the pause is written, and live runs are ended by their supervisors. */
export async function stopOffline(config: Config, pause: Pause, now: boolean): Promise<number> {
  const store = openSqliteStore(config.dbPath, systemClock);
  try {
    return await endLeftRuns(store, pause, now);
  } finally {
    await store.close();
  }
}
