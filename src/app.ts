import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
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
import { secretsOf } from './config/secrets-of.ts';
import type { Config } from './config/types.ts';
import { AppError } from './core/errors.ts';
import { isUsableAdmin } from './core/users.ts';
import { createEngine, type Engine } from './engine/engine.ts';
import { allowedEnvironment, networkEnvironment } from './engine/environment.ts';
import { type RehearsalStep, rehearse } from './engine/rehearsal.ts';
import type { HttpOptions } from './http/server.ts';
import { type Clock, systemClock } from './lib/clock.ts';
import type { Logger } from './lib/logger.ts';
import { createProgramThreads } from './lib/program-threads.ts';
import { webhooks } from './registry.ts';
import { repositoryNoteProblem } from './stages/agent/repository-note.ts';
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
  /** What the command line knows of the configuration and of the health of this installation. */
  readonly looks?: Pick<HttpOptions, 'config' | 'check' | 'settings'>;
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
  /** Makes the first admin, once; null when there is one. */
  readonly setupCode: string | null;
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
  // Before anything is made: without a database there can be no admin in it.
  if (!existsSync(config.dbPath)) refusePublicAddress(config, false);
  const clock = options.clock ?? systemClock;
  for (const directory of [config.home, config.reposDir, config.worktreesDir, config.runsDir])
    await makeDirectory(directory);
  const store = openSqliteStore(config.dbPath, clock);
  try {
    refusePublicAddress(config, (await store.users.all()).some(isUsableAdmin));
    await store.setMeta('orch_version', options.version); // an older build that refuses this file can then say so
    const workspace = openWorkspace({
      reposDir: config.reposDir,
      worktreesDir: config.worktreesDir,
      path: searchPathOf(options.env),
      network: { env: networkEnvironment(options.env) },
      run: createProgramThreads(),
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
    let current = config;
    const engine = createEngine({
      store,
      workspace,
      runtime: await runtime(config),
      additions: {
        files: REPOSITORY_FILES,
        read: (files) => readRepositoryPipeline(files, repositoryNoteProblem),
      },
      clock,
      random: options.random ?? Math.random,
      log,
      baseEnv: allowedEnvironment(options.env),
      secrets: () => secretsOf(current),
    });
    const token = randomBytes(24).toString('base64url');
    const tokens = [token, ...(config.apiToken === null ? [] : [config.apiToken.reveal()])];
    let configProblem: string | null = null;
    const { adopted } = await engine.takeOver();
    // Read only now: nobody is to look at a page before somebody looks at the live runs.
    const { createHttp, listen } = await import('./http/server.ts');
    const { readWebFiles } = await import('./http/web-files.ts');
    let url = '';
    const http = createHttp({
      engine,
      tokens,
      publicUrl: config.publicUrl,
      url: () => url,
      configProblem: () => configProblem,
      ...(options.looks ?? { config: () => [], check: async function* () {}, settings: null }),
      version: options.version,
      webhooks: () => liveWebhooks(current, options.webhooks ?? webhooks()),
      web: readWebFiles(webDirectory()),
      log,
      shutdown: options.onShutdown,
    });
    const server = await listen(http, config.host, config.port);
    url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${server.port}`;
    try {
      await engine.start();
      log.info({ port: server.port, adopted }, 'orch is up');
    } catch (error) {
      await server.close();
      throw error;
    }
    return {
      engine,
      token,
      url,
      setupCode: (await engine.people.setup())?.code ?? null,
      async reload(next) {
        current = next;
        await engine.reload(await runtime(next));
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

/** The built page: beside this file in a build, in the build's folder when this file runs as it is. */
function webDirectory(): string {
  const beside = join(import.meta.dirname, 'web');
  return existsSync(beside) ? beside : join(import.meta.dirname, '../dist/web');
}

export { agentAccountOf, searchPathOf, type WrapForge } from './app-runtime.ts';
export type { VendorContext, VendorKind } from './clients/vendor-kind.ts';
export { inspectChat } from './notifying.ts';
export { agentOfKind, readerOfKind, vendors } from './registry.ts';

/** Anybody who can reach the port can try the API: another address than loopback needs an admin first. */
function refusePublicAddress(config: Config, hasAdmin: boolean): void {
  const loopback = config.host === 'localhost' || config.host === '::1' || config.host.startsWith('127.');
  if (loopback || hasAdmin || config.apiToken !== null) return;
  throw new AppError(`${config.host} can be reached from other machines, and there is no admin`, {
    code: 'server.public_without_admin',
    hint: 'start it once on ORCH_HOST=127.0.0.1 and make an admin with the code it prints, or set ORCH_API_TOKEN to a long random value',
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
  const accounts = await Promise.all(config.accounts.map((each) => runtimeAccount(each, searchPath)));
  yield* rehearse({
    scratch,
    shared: {
      slotsDir: join(config.worktreesDir, '.slots'),
      path: searchPath,
      network: { env: networkEnvironment(options.env) },
    },
    project: describedProject(project, config),
    accounts: new Map(accounts.map((each) => [each.account.id, each])),
    expirySkewMs: config.preflight.expirySkewMs,
    baseEnv: allowedEnvironment(options.env),
    signal: options.signal,
    clock: systemClock,
  });
}
