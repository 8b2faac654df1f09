import { resolve } from 'node:path';
import { FULL, QUICK } from '../core/pipeline-choice.ts';
import type { AccountInput } from './accounts.ts';
import { isRepositoryUrl } from './fields.ts';
import type { NotifyInput } from './notify.ts';
import type { ProjectInput } from './projects.ts';
import type { RetentionInput } from './retention.ts';
import type { FileConfig } from './schema.ts';
import type { Settings } from './settings.ts';
import {
  defaultRole,
  defaultTools,
  promptFile,
  QUICK_PIPELINE,
  type StageInput,
  stageSchema,
} from './stages.ts';
import type {
  AccountConfig,
  Config,
  NotifyConfig,
  NotifyRules,
  PipelineConfig,
  ProjectConfig,
  RetentionConfig,
  StageConfig,
} from './types.ts';

/** Where relative paths and `~/` lead, and how the text of a prompt file is found. */
export interface Places {
  readonly directory: string;
  readonly userHome: string;
  promptText(path: string): string;
}

/** A path as written, made absolute. */
export function absolute(
  path: string,
  { directory, userHome }: Pick<Places, 'directory' | 'userHome'>,
): string {
  if (path === '~') return userHome;
  return path.startsWith('~/') ? resolve(userHome, path.slice(2)) : resolve(directory, path);
}

/** A program: a bare name stays one and is looked up on PATH. */
export function program(bin: string, places: Pick<Places, 'directory' | 'userHome'>): string {
  return bin.includes('/') || bin === '~' ? absolute(bin, places) : bin;
}

/** Settings whose paths are absolute already, with nothing left to derive. */
export type FinalSettings = Settings & {
  readonly [K in 'home' | 'db_path' | 'repos_dir' | 'worktrees_dir' | 'runs_dir']: string;
};

/** The validated file and settings as the rest of the program reads them. */
export function buildConfig(s: FinalSettings, file: FileConfig, places: Places): Config {
  return deepFreeze({
    home: s.home,
    dbPath: s.db_path,
    reposDir: s.repos_dir,
    worktreesDir: s.worktrees_dir,
    runsDir: s.runs_dir,
    host: s.host,
    port: s.port,
    publicUrl: s.public_url ?? null,
    logLevel: s.log_level,
    agentHome: s.agent_home ?? null,
    claudeBin: s.claude_bin,
    claudeCredentialsPath: s.claude_credentials_path ?? null,
    preflight: {
      checkAuth: s.preflight_check_auth,
      cacheTtlMs: ms(s.preflight_cache_ttl),
      expirySkewMs: ms(s.auth_expiry_skew_seconds),
      authStrict: s.preflight_auth_strict,
    },
    probeIntervalMs: ms(s.probe_interval_seconds),
    maxConcurrency: s.max_concurrency,
    limits: {
      maxAttempts: s.max_attempts,
      maxTransientAttempts: s.max_transient_attempts,
      maxLostAttempts: s.max_lost_attempts,
    },
    backoff: { baseMs: ms(s.backoff_base_seconds), maxMs: ms(s.backoff_max_seconds) },
    breaker: { threshold: s.breaker_threshold, cooldownMs: ms(s.breaker_cooldown_seconds) },
    runTimeoutMs: ms(s.run_timeout_seconds),
    stallTimeoutMs: ms(s.stall_timeout_seconds),
    leaseMs: ms(s.lease_seconds),
    gitea: {
      url: s.gitea_url ?? null,
      token: s.gitea_token ?? null,
      reviewerToken: s.gitea_reviewer_token ?? null,
      webhookSecret: s.gitea_webhook_secret ?? null,
    },
    plane: {
      url: s.plane_url ?? null,
      workspace: s.plane_workspace ?? null,
      apiToken: s.plane_api_token ?? null,
      webhookSecret: s.plane_webhook_secret ?? null,
    },
    github: {
      url: s.github_url ?? null,
      token: s.github_token ?? null,
      reviewerToken: s.github_reviewer_token ?? null,
      webhookSecret: s.github_webhook_secret ?? null,
    },
    telegram: {
      botToken: s.telegram_bot_token ?? null,
      chatId: s.telegram_chat_id ?? null,
      apiUrl: s.telegram_api_url,
    },
    apiToken: s.api_token ?? null,
    accounts: Object.entries(file.accounts).map(([id, account]) => buildAccount(id, account, s, places)),
    projects: Object.entries(file.projects).map(([key, project]) => buildProject(key, project, places)),
    notify: buildNotify(file.notify),
    retention: buildRetention(file.retention),
  });
}

function buildAccount(id: string, a: AccountInput, s: FinalSettings, places: Places): AccountConfig {
  // The ORCH_CLAUDE_* settings speak for every account of that CLI that says nothing itself.
  const claude = a.agent === 'claude-code';
  return {
    id,
    agent: a.agent,
    home: a.home === undefined ? (s.agent_home ?? '') : absolute(a.home, places),
    slots: a.slots,
    bin: a.bin === undefined ? (claude ? s.claude_bin : null) : program(a.bin, places),
    credentialsPath:
      a.credentials_path === undefined
        ? ((claude ? s.claude_credentials_path : null) ?? null)
        : absolute(a.credentials_path, places),
    env: a.env,
    reserve:
      a.reserve === undefined
        ? null
        : {
            fiveHour: a.reserve.five_hour ?? null,
            sevenDay: a.reserve.seven_day ?? null,
            hours: a.reserve.hours ?? null,
          },
    isolation: a.isolation,
    sandbox: a.sandbox,
    unsafe: a.unsafe,
  };
}

function buildProject(key: string, p: ProjectInput, places: Places): ProjectConfig {
  const { budget, workspace } = p;
  const stages = (list: readonly StageInput[]) => list.map((stage) => buildStage(stage, places));
  return {
    key,
    repo: isRepositoryUrl(p.repo) ? p.repo : absolute(p.repo, places),
    base: p.base,
    tracker: p.tracker,
    forge: p.forge,
    accounts: p.accounts,
    failover: p.failover,
    weight: p.weight,
    maxConcurrency: p.max_concurrency,
    openPrs: p.open_prs,
    budget: {
      usdPerTask: budget.usd_per_task ?? null,
      usdPerDay: budget.usd_per_day ?? null,
      tokensPerDay: budget.tokens_per_day ?? null,
    },
    workspace: {
      setup: workspace.setup,
      teardown: workspace.teardown,
      copy: workspace.copy.map((to) => ({ from: absolute(to, places), to })),
      env: workspace.env,
      envFile: workspace.env_file === undefined ? null : absolute(workspace.env_file, places),
    },
    checks: p.checks,
    reports: p.reports,
    artefacts: p.artefacts,
    trace: p.trace,
    usageComments: p.usage_comments,
    git: p.git,
    pipeline: stages(p.pipelines[FULL]?.stages ?? p.pipeline),
    pipelines: buildPipelines(p.pipelines, stages),
  };
}

function buildPipelines(
  given: ProjectInput['pipelines'],
  stages: (list: readonly StageInput[]) => readonly StageConfig[],
): Record<string, PipelineConfig> {
  const all = Object.hasOwn(given, QUICK) ? given : { ...given, [QUICK]: {} };
  return Object.fromEntries(
    Object.entries(all).map(([name, { when, stages: list }]) => [
      name,
      {
        when: when ?? null,
        stages:
          name === FULL ? null : stages(list ?? QUICK_PIPELINE.map((stage) => stageSchema.parse(stage))),
      },
    ]),
  );
}

/** One stage as the rest of the program reads it. */
export function buildStage(s: StageInput, places: Places): StageConfig {
  const agent = s.kind === 'agent';
  const file = s.prompt === undefined ? null : promptFile(s.prompt);
  return {
    stage: s.stage,
    kind: s.kind,
    agent: agent ? (s.agent ?? defaultRole(s.stage)) : null,
    tools: agent ? (s.tools ?? defaultTools(s.stage)) : 'read',
    model: s.model ?? null,
    fallbackModel: s.fallback_model ?? null,
    effort: s.effort ?? null,
    timeoutMs: s.timeout ?? null,
    stallMs: s.stall ?? null,
    maxTurns: s.max_turns ?? null,
    onReject: s.on_reject ?? null,
    maxRounds: s.max_rounds,
    account: s.account ?? null,
    reviewers: s.reviewers,
    approval: s.approval ?? (s.kind === 'deploy' ? 'required' : 'none'),
    merge: s.merge ?? (s.kind === 'deploy' ? 'auto' : 'manual'),
    command: s.command ?? null,
    permission: s.permission,
    prompt: file === null ? (s.prompt ?? null) : places.promptText(absolute(file, places)),
    checks: s.checks ?? null,
    when: s.when ?? null,
  };
}

function buildNotify({ telegram, webhook }: NotifyInput): NotifyConfig {
  const rules = (of: NotifyInput['telegram']): NotifyRules => ({
    events: of.events,
    quietHours: of.quiet_hours ?? null,
    projects: of.projects ?? null,
  });
  return {
    telegram: { ...rules(telegram), topic: telegram.topic ?? null },
    webhook: webhook === undefined ? null : { ...rules(webhook), url: webhook.url, secret: webhook.secret },
  };
}

function buildRetention(r: RetentionInput): RetentionConfig {
  return {
    worktreesMs: r.worktrees,
    runsMs: r.runs,
    ledgerMs: r.ledger,
    outboxMs: r.outbox,
    unknownShapesMs: r.unknown_shapes,
    salvageMs: r.salvage,
  };
}

function ms(seconds: number): number {
  return Math.round(seconds * 1000);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
