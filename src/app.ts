import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Agent, AgentAccount } from './agents/agent.ts';
import { REPOSITORY_FILES, readRepositoryPipeline } from './config/repository-pipeline.ts';
import { reserveAt } from './config/reserve.ts';
import { secretsOf } from './config/secrets-of.ts';
import type { Config, ProjectConfig } from './config/types.ts';
import { pipelinesOf } from './config/walks.ts';
import { AppError } from './core/errors.ts';
import { isUsableAdmin } from './core/users.ts';
import { createEngine, type Engine } from './engine/engine.ts';
import { allowedEnvironment, networkEnvironment } from './engine/environment.ts';
import { type RehearsalParts, type RehearsalStep, rehearse } from './engine/rehearsal.ts';
import type { Runtime, RuntimeAccount, RuntimeProject } from './engine/runtime.ts';
import { createLocalForge } from './forges/local/local-forge.ts';
import { createHttp, type HttpOptions, listen } from './http/server.ts';
import { readWebFiles } from './http/web-files.ts';
import { type Clock, systemClock } from './lib/clock.ts';
import type { Logger } from './lib/logger.ts';
import { revealEnv } from './lib/secret.ts';
import type { Notifier } from './notifiers/notifier.ts';
import { createTelegramNotifier } from './notifiers/telegram.ts';
import { agentOfKind, STAGE_KINDS } from './registry.ts';
import { repositoryNoteProblem } from './stages/agent/repository-note.ts';
import { openSqliteStore } from './store/sqlite/sqlite-store.ts';
import type { Store } from './store/store.ts';
import { createLocalTracker } from './trackers/local/local-tracker.ts';
import { openWorkspace, type Repository, type Workspace } from './workspace/workspace.ts';

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
  readonly looks?: Pick<HttpOptions, 'config' | 'check'>;
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
    });
    const runtime = (next: Config) =>
      buildRuntime(next, {
        store,
        workspace,
        clock,
        searchPath: searchPathOf(options.env),
        adapter: options.adapter ?? ((agent) => agent),
      });
    let current = config;
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
      secrets: () => secretsOf(current),
    });
    const token = randomBytes(24).toString('base64url');
    const tokens = [token, ...(config.apiToken === null ? [] : [config.apiToken.reveal()])];
    let configProblem: string | null = null;
    let url = '';
    const http = createHttp({
      engine,
      tokens,
      publicUrl: config.publicUrl,
      url: () => url,
      configProblem: () => configProblem,
      ...(options.looks ?? { config: () => [], check: async function* () {} }),
      version: options.version,
      web: readWebFiles(webDirectory()),
      log,
      shutdown: options.onShutdown,
    });
    const server = await listen(http, config.host, config.port);
    url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${server.port}`;
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
      url,
      setupCode: (await engine.people.setup())?.code ?? null,
      async reload(next) {
        current = next;
        await engine.reload(runtime(next));
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

function buildRuntime(
  config: Config,
  parts: {
    store: Store;
    workspace: Workspace;
    clock: Clock;
    searchPath: string;
    adapter: (agent: Agent) => Agent;
  },
): Runtime {
  return {
    projects: new Map(config.projects.map((project) => [project.key, runtimeProject(project, parts)])),
    accounts: new Map(
      config.accounts.map((each) => {
        const account = runtimeAccount(each, parts.searchPath);
        return [account.account.id, { ...account, agent: parts.adapter(account.agent) }];
      }),
    ),
    stageKinds: new Map(STAGE_KINDS.map((kind) => [kind.kind, kind])),
    notifiers: notifiersOf(config),
    slots: config.maxConcurrency,
    maxAttempts: config.limits.maxAttempts,
    budgets: {
      maxTransientAttempts: config.limits.maxTransientAttempts,
      maxLostAttempts: config.limits.maxLostAttempts,
      backoff: config.backoff,
    },
    accountRules: {
      ...config.breaker,
      probeIntervalMs: config.probeIntervalMs,
      expirySkewMs: config.preflight.expirySkewMs,
      checkAuth: config.preflight.checkAuth,
      authStrict: config.preflight.authStrict,
    },
    preflight: config.preflight,
    runTimeoutMs: config.runTimeoutMs,
    stallTimeoutMs: config.stallTimeoutMs,
    runsDir: config.runsDir,
    worktreesDir: config.worktreesDir,
    shapesDir: join(config.home, 'unknown-shapes'),
    scratchDir: scratchOf(config),
    disks: [dirname(config.dbPath), config.reposDir, config.worktreesDir, config.runsDir],
    retention: config.retention,
  };
}

/** The built page: beside this file in a build, in the build's folder when this file runs as it is. */
function webDirectory(): string {
  const beside = join(import.meta.dirname, 'web');
  return existsSync(beside) ? beside : join(import.meta.dirname, '../dist/web');
}

function scratchOf(config: Config): string {
  return join(config.home, 'tmp');
}

function runtimeProject(
  project: ProjectConfig,
  { store, workspace, clock }: { store: Store; workspace: Workspace; clock: Clock },
): RuntimeProject {
  const described = describedProject(project);
  const { repository } = described;
  return {
    ...described,
    tracker: createLocalTracker(project.key, store.board, clock),
    forge: createLocalForge(repository, { workspace, book: store.board, clock }),
    branchTemplate: project.git.branch,
    weight: project.weight,
    maxConcurrency: project.maxConcurrency,
    failover: project.failover,
    openPrs: project.openPrs,
    budget: project.budget,
  };
}

/** What a project is without a store: enough to work in its worktrees. */
function describedProject(project: ProjectConfig): RehearsalParts['project'] {
  const repository: Repository = {
    project: project.key,
    url: project.repo,
    base: project.base,
    author: { name: project.git.name, email: project.git.email },
  };
  return {
    rules: {
      key: project.key,
      repo: project.repo,
      accounts: project.accounts,
      usageComments: project.usageComments,
    },
    pipelines: pipelinesOf(project),
    repository,
    base: project.base,
    setup: project.workspace.setup,
    teardown: project.workspace.teardown,
    checks: project.checks,
    env: project.workspace.env,
    envFile: project.workspace.envFile,
    copy: project.workspace.copy,
    artefacts: project.artefacts,
    reports: project.reports,
    trace: project.trace,
  };
}

export { agentOfKind, readerOfKind } from './registry.ts';

/** Where a bare binary name is looked up. */
export function searchPathOf(env: Readonly<Record<string, string | undefined>>): string {
  return env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin';
}

/** An account as its adapter sees it. */
export function agentAccountOf(account: Config['accounts'][number]): AgentAccount {
  return {
    id: account.id,
    home: account.home,
    bin: account.bin ?? account.agent,
    env: revealEnv(account.env),
    ...(account.credentialsPath === null ? {} : { credentialsPath: account.credentialsPath }),
  };
}

function runtimeAccount(account: Config['accounts'][number], searchPath: string): RuntimeAccount {
  return {
    agent: agentOfKind(account.agent, searchPath),
    account: agentAccountOf(account),
    slots: account.slots,
    isolation: account.isolation,
    unsafe: account.unsafe,
    reserve: (now) => reserveAt(account.reserve, now),
  };
}

function notifiersOf(config: Config): Notifier[] {
  const { botToken, chatId, apiUrl } = config.telegram;
  return botToken === null || chatId === null
    ? []
    : [createTelegramNotifier({ token: botToken.reveal(), chatId, apiUrl })];
}

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
  yield* rehearse({
    scratch,
    shared: {
      slotsDir: join(config.worktreesDir, '.slots'),
      path: searchPath,
      network: { env: networkEnvironment(options.env) },
    },
    project: describedProject(project),
    accounts: new Map(config.accounts.map((each) => [each.id, runtimeAccount(each, searchPath)])),
    expirySkewMs: config.preflight.expirySkewMs,
    baseEnv: allowedEnvironment(options.env),
    signal: options.signal,
    clock: systemClock,
  });
}
