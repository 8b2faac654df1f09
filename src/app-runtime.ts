import { dirname, join } from 'node:path';
import type { Agent, AgentAccount } from './agents/agent.ts';
import { reserveAt } from './config/reserve.ts';
import type { Config, ProjectConfig } from './config/types.ts';
import { pipelinesOf } from './config/walks.ts';
import type { RehearsalParts } from './engine/rehearsal.ts';
import type { Runtime, RuntimeAccount, RuntimeProject } from './engine/runtime.ts';
import type { Forge } from './forges/forge.ts';
import { createLocalForge } from './forges/local/local-forge.ts';
import type { LiveWebhook } from './http/routes/webhooks.ts';
import { type Clock, systemClock } from './lib/clock.ts';
import { revealEnv } from './lib/secret.ts';
import { notifiersOf } from './notifying.ts';
import { agentOfKind, forgeOf, gitCredentialsOf, stageKinds, trackerOf } from './registry.ts';
import type { Store } from './store/store.ts';
import { createLocalTracker } from './trackers/local/local-tracker.ts';
import type { Tracker } from './trackers/tracker.ts';
import type { Webhook } from './webhooks/webhook.ts';
import type { Repository, Workspace } from './workspace/workspace.ts';

/** Stands between the engine and a project's forge; only tests do. */
export type WrapForge = (forge: Forge, project: string) => Forge;

/** The configuration made concrete: every adapter created, every path resolved. */
export async function buildRuntime(
  config: Config,
  parts: {
    store: Store;
    workspace: Workspace;
    clock: Clock;
    searchPath: string;
    adapter: (agent: Agent) => Agent;
    tracker: (project: string, tracker: Tracker) => Tracker;
    forge: WrapForge;
  },
): Promise<Runtime> {
  const made = new Map<string, unknown>();
  function once<T>(name: string, make: () => T): T {
    if (!made.has(name)) made.set(name, make());
    return made.get(name) as T;
  }
  const projects = config.projects.map((each) => runtimeProject(each, config, { ...parts, once }));
  const accounts = config.accounts.map((each) => runtimeAccount(each, parts.searchPath));
  return {
    projects: new Map((await Promise.all(projects)).map((each) => [each.rules.key, each])),
    accounts: new Map(
      (await Promise.all(accounts)).map((each) => [
        each.account.id,
        { ...each, agent: parts.adapter(each.agent) },
      ]),
    ),
    stageKinds: new Map((await stageKinds()).map((kind) => [kind.kind, kind])),
    ...(await notifiersOf(config, parts.store, parts.clock)),
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

/** The webhooks whose secret is set. */
export function liveWebhooks(config: Config, webhooks: readonly Webhook[]): LiveWebhook[] {
  const secrets = {
    gitea: config.gitea.webhookSecret,
    github: config.github.webhookSecret,
    plane: config.plane.webhookSecret,
  };
  return webhooks.flatMap((webhook) => {
    const secret =
      Object.entries(secrets)
        .find(([kind]) => kind === webhook.kind)?.[1]
        ?.reveal() ?? '';
    return secret === '' ? [] : [{ webhook, secret }];
  });
}

export function scratchOf(config: Config): string {
  return join(config.home, 'tmp');
}

async function runtimeProject(
  project: ProjectConfig,
  config: Config,
  parts: {
    store: Store;
    workspace: Workspace;
    clock: Clock;
    tracker: (project: string, tracker: Tracker) => Tracker;
    forge: WrapForge;
    once<T>(name: string, make: () => T): T;
  },
): Promise<RuntimeProject> {
  const { store, workspace, clock } = parts;
  const described = describedProject(project, config);
  const { repository } = described;
  const context = { project: project.key, repo: project.repo, access: config, clock, once: parts.once };
  const tracker = parts.tracker(
    project.key,
    await trackerOf(project.tracker.kind, { ...context, config: project.tracker }, () =>
      createLocalTracker(project.key, store.board, clock),
    ),
  );
  const forge = parts.forge(
    await forgeOf(project.forge.kind, { ...context, config: project.forge }, () =>
      createLocalForge(repository, { workspace, book: store.board, clock }),
    ),
    project.key,
  );
  return {
    ...described,
    rules: { ...described.rules, hears: tracker.feed !== null, tellsForge: forge.feed !== null },
    tracker,
    forge,
    branchTemplate: project.git.branch,
    weight: project.weight,
    maxConcurrency: project.maxConcurrency,
    failover: project.failover,
    openPrs: project.openPrs,
    budget: project.budget,
  };
}

/** What a project is without a store: enough to work in its worktrees. */
export function describedProject(project: ProjectConfig, config: Config): RehearsalParts['project'] {
  const credentials = gitCredentialsOf(project.forge.kind, {
    ...{ project: project.key, repo: project.repo, config: project.forge, access: config },
    ...{ clock: systemClock, once: (_name, make) => make() },
  });
  const repository: Repository = {
    ...(credentials === null ? {} : { credentials }),
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

export async function runtimeAccount(
  account: Config['accounts'][number],
  searchPath: string,
): Promise<RuntimeAccount> {
  return {
    agent: await agentOfKind(account.agent, searchPath),
    account: agentAccountOf(account),
    slots: account.slots,
    isolation: account.isolation,
    unsafe: account.unsafe,
    reserve: (now) => reserveAt(account.reserve, now),
  };
}
