import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Agent } from './agents/agent.ts';
import {
  buildRuntime,
  describedProject,
  liveWebhooks,
  runtimeAccount,
  scratchOf,
  searchPathOf,
  type WrapForge,
} from './app-runtime.ts';
import { REPOSITORY_FILES, readRepositoryPipeline } from './config/repository-pipeline.ts';
import type { Config } from './config/types.ts';
import { AppError } from './core/errors.ts';
import type { Pause } from './core/model.ts';
import { createEngine, type Engine } from './engine/engine.ts';
import { allowedEnvironment, networkEnvironment } from './engine/environment.ts';
import { type RehearsalStep, rehearse } from './engine/rehearsal.ts';
import { endLeftRuns } from './engine/stop-offline.ts';
import { createHttp, listen } from './http/server.ts';
import { identify } from './launcher/processes.ts';
import { runsOnDisk } from './launcher/run-directories.ts';
import { type Clock, systemClock } from './lib/clock.ts';
import type { Logger } from './lib/logger.ts';
import { webhooks } from './registry.ts';
import { repositoryNoteProblem } from './stages/agent/repository-note.ts';
import { type RestoreFacts, restoreDatabase } from './store/sqlite/restore.ts';
import { openSqliteStore } from './store/sqlite/sqlite-store.ts';
import type { Tracker } from './trackers/tracker.ts';
import type { Webhook } from './webhooks/webhook.ts';
import { openWorkspace } from './workspace/workspace.ts';

export interface AppOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly version: string;
  /** Own environment; only allow-listed names reach agents. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Stands in for an agent CLI's adapter. */
  readonly adapter?: (agent: Agent) => Agent;
  /** Stand in for the vendors' deliveries, and for the tracker of a project. */
  readonly webhooks?: readonly Webhook[];
  readonly tracker?: (project: string, tracker: Tracker) => Tracker;
  /** Stands in for the forge of a project. */
  readonly forge?: WrapForge;
  /** Called when somebody asks the service to end. */
  readonly onShutdown: (cancel: boolean) => void;
}

export interface App {
  readonly engine: Engine;
  readonly url: string;
  /** Bearer token of the CLI on this machine. */
  readonly token: string;
  /** Opens the read-only page. */
  readonly pageCode: string;
  /** Applies a changed configuration without a restart. */
  reload(config: Config): Promise<void>;
  /** A changed configuration that is not right: the last good one stays, and every surface says so. */
  reject(problem: string): void;
  /** Stops serving and dispatching; live runs go on. */
  close(): Promise<void>;
}

/** Composition root: configuration in, running service out. Nothing is left behind when it throws. */
export async function startApp(options: AppOptions): Promise<App> {
  const { config, log } = options;
  refusePublicAddress(config);
  const clock = options.clock ?? systemClock;
  for (const directory of [config.home, config.reposDir, config.worktreesDir, config.runsDir])
    await makeDirectory(directory);
  const store = openSqliteStore(config.dbPath, clock);
  try {
    await store.setMeta('orch_version', options.version); // an older build that refuses this file can then say so
    const workspace = openWorkspace({
      reposDir: config.reposDir,
      worktreesDir: config.worktreesDir,
      path: searchPathOf(options.env),
      network: { env: networkEnvironment(options.env) },
    });
    const runtime = (next: Config) =>
      buildRuntime(next, {
        store,
        workspace,
        clock,
        searchPath: searchPathOf(options.env),
        adapter: options.adapter ?? ((agent) => agent),
        tracker: options.tracker ?? ((_project, tracker) => tracker),
        forge: options.forge ?? ((forge) => forge),
      });
    const engine = createEngine({
      store,
      workspace,
      runtime: runtime(config),
      additions: {
        files: REPOSITORY_FILES,
        read: (files) => readRepositoryPipeline(files, repositoryNoteProblem),
      },
      clock,
      random: options.random ?? Math.random,
      log,
      baseEnv: allowedEnvironment(options.env),
    });
    const token = randomBytes(24).toString('base64url');
    const tokens = [token, ...(config.apiToken === null ? [] : [config.apiToken.reveal()])];
    const pageCode = randomBytes(12).toString('base64url');
    let configProblem: string | null = null;
    let inForce = config;
    const http = createHttp({
      engine,
      tokens,
      pageCode,
      configProblem: () => configProblem,
      version: options.version,
      webhooks: () => liveWebhooks(inForce, options.webhooks ?? webhooks()),
      log,
      shutdown: options.onShutdown,
    });
    const server = await listen(http, config.host, config.port);
    try {
      const { adopted } = await engine.start();
      log.info({ port: server.port, adopted }, 'orch is up');
    } catch (error) {
      await server.close();
      throw error;
    }
    return {
      engine,
      token,
      pageCode,
      url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${server.port}`,
      async reload(next) {
        await engine.reload(runtime(next));
        inForce = next;
        configProblem = null;
      },
      reject(problem) {
        configProblem = problem;
        log.error({ problem }, 'orch.yaml was not applied');
      },
      async close() {
        await server.close();
        await engine.stop();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

export { agentAccountOf, searchPathOf, type WrapForge } from './app-runtime.ts';
export type { VendorContext, VendorKind } from './clients/vendor-kind.ts';
export { agentOfKind, readerOfKind, vendors } from './registry.ts';

/** Anybody who can reach the port can try the API: another address than loopback needs an admin first. */
function refusePublicAddress(config: Config): void {
  const loopback = config.host === 'localhost' || config.host === '::1' || config.host.startsWith('127.');
  if (loopback || config.apiToken !== null) return;
  throw new AppError(`${config.host} can be reached from other machines, and there is no admin`, {
    code: 'server.public_without_admin',
    hint: 'set ORCH_API_TOKEN to a long random value, or keep ORCH_HOST=127.0.0.1',
  });
}

async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    throw directoryError(path, error);
  });
}

function directoryError(path: string, error: NodeJS.ErrnoException): AppError {
  const readOnly = error.code === 'EROFS' || error.code === 'EACCES' || error.code === 'EPERM';
  return new AppError(`cannot make the folder ${path}: ${error.message}`, {
    code: readOnly ? 'home.read_only' : error.code === 'ENOSPC' ? 'home.disk_full' : 'home.unusable',
    hint: 'set ORCH_HOME to a folder this user may write',
    cause: error,
  });
}

export type { RehearsalStep } from './engine/rehearsal.ts';

/**
 * Rehearses a project, also beside a running service: only the slots are shared with it. Throws
 * `project.unknown`.
 */
export async function* rehearseProject(
  config: Config,
  key: string,
  options: { readonly env: Readonly<Record<string, string | undefined>>; readonly signal: AbortSignal },
): AsyncGenerator<RehearsalStep> {
  const project = config.projects.find((each) => each.key === key);
  if (project === undefined)
    throw new AppError(`there is no project ${key}`, {
      code: 'project.unknown',
      hint: `one of ${config.projects.map((each) => each.key).join(', ')}`,
    });
  const searchPath = searchPathOf(options.env);
  const scratch = scratchOf(config);
  await makeDirectory(scratch);
  yield* rehearse({
    scratch,
    shared: {
      slotsDir: join(config.worktreesDir, '.slots'),
      path: searchPath,
      network: { env: networkEnvironment(options.env) },
    },
    project: describedProject(project, config),
    accounts: new Map(config.accounts.map((each) => [each.id, runtimeAccount(each, searchPath)])),
    expirySkewMs: config.preflight.expirySkewMs,
    baseEnv: allowedEnvironment(options.env),
    signal: options.signal,
    clock: systemClock,
  });
}

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
