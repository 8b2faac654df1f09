import type { DestinationKind } from '../core/destination-kind.ts';
import type { NotifyEvent } from '../core/matter.ts';
import type { PipelineWhen } from '../core/pipeline-choice.ts';
import type { Secret } from '../lib/secret.ts';
import type { WeeklyHours } from './hours.ts';

/** What this build can plug in; the registry passes it, so config names no adapter itself. */
export interface Kinds {
  readonly agents: readonly string[];
  /** Agents whose runs and sign-ins this build judges; it may start fewer. */
  readonly judgedAgents?: readonly string[];
  readonly trackers: readonly DestinationKind[];
  readonly forges: readonly DestinationKind[];
  readonly notifiers: readonly string[];
  /** Sandboxes beside `none`; empty when this build has no other. */
  readonly sandboxes?: readonly string[];
}

export type Origin = 'default' | 'file' | 'environment';

/** One thing wrong (or doubtful) in the configuration; safe to print, secrets are masked. */
export interface Problem {
  /** `ORCH_PORT` in the environment, `projects.api.pipeline[1].effort` in the file. */
  readonly key: string;
  readonly value: string | null;
  readonly problem: string;
  readonly fix: string;
  readonly source: 'file' | 'environment';
  /** Line in the file, where it is known. */
  readonly line: number | null;
}

export type Role = 'analyst' | 'architect' | 'developer' | 'reviewer' | 'tester' | 'deployer';
export type Effort = 'low' | 'medium' | 'high' | 'xhigh' | 'max';
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface AccountConfig {
  readonly id: string;
  readonly agent: string;
  readonly home: string;
  readonly slots: number;
  /** A path, or a bare name that is looked up on PATH; null = the adapter's own default. */
  readonly bin: string | null;
  readonly credentialsPath: string | null;
  readonly env: Readonly<Record<string, Secret>>;
  readonly reserve: ReserveConfig | null;
  readonly isolation: 'auto' | 'none';
  readonly sandbox: string;
  readonly unsafe: boolean;
}

/** Shares (0 to 1) of the plan's windows kept for people, and the hours in which they are kept. */
export interface ReserveConfig {
  readonly fiveHour: number | null;
  readonly sevenDay: number | null;
  readonly hours: WeeklyHours | null;
}

export interface StageConfig {
  readonly stage: string;
  readonly kind: 'agent' | 'human' | 'command' | 'deploy';
  readonly agent: Role | null;
  readonly tools: 'read' | 'write';
  readonly model: string | null;
  readonly fallbackModel: string | null;
  readonly effort: Effort | null;
  /** null = `runTimeoutMs` of the whole configuration. */
  readonly timeoutMs: number | null;
  /** null = `stallTimeoutMs` of the whole configuration. */
  readonly stallMs: number | null;
  /** null = the CLI's own. */
  readonly maxTurns: number | null;
  readonly onReject: string | null;
  readonly maxRounds: number;
  readonly account: string | null;
  readonly reviewers: readonly string[];
  readonly approval: 'required' | 'none';
  readonly merge: 'auto' | 'manual';
  readonly command: string | null;
  readonly permission: 'default' | 'bypass';
  /** Text of the Liquid template, already read from its file; null = the stage's own default. */
  readonly prompt: string | null;
  /** null = the project's checks. */
  readonly checks: readonly string[] | null;
  readonly when: { readonly labels: readonly string[]; readonly paths: readonly string[] } | null;
}

export interface ProjectConfig {
  readonly key: string;
  readonly repo: string;
  readonly base: string;
  /** With the keys of its kind, checked and with their defaults. */
  readonly tracker: Readonly<Record<string, unknown>> & { readonly kind: string };
  readonly forge: Readonly<Record<string, unknown>> & { readonly kind: string };
  readonly accounts: readonly string[];
  readonly failover: 'never' | 'on_hold';
  readonly weight: number;
  readonly maxConcurrency: number;
  readonly openPrs: number;
  readonly budget: {
    readonly usdPerTask: number | null;
    readonly usdPerDay: number | null;
    readonly tokensPerDay: number | null;
  };
  readonly workspace: {
    readonly setup: readonly string[];
    readonly teardown: readonly string[];
    /** `from` is absolute, `to` is relative to the worktree. */
    readonly copy: readonly { readonly from: string; readonly to: string }[];
    readonly env: Readonly<Record<string, string>>;
    readonly envFile: string | null;
  };
  readonly checks: readonly string[];
  readonly reports: readonly string[];
  readonly artefacts: 'off' | 'branch';
  /** `auto`: on when the pipeline has analysis and testing. */
  readonly trace: 'auto' | 'off';
  readonly usageComments: 'tracker' | 'pr' | 'off';
  readonly git: { readonly name: string; readonly email: string; readonly branch: string };
  readonly pipeline: readonly StageConfig[];
  /** By name, in the order of the file; `quick` is always there. */
  readonly pipelines: Readonly<Record<string, PipelineConfig>>;
}

export interface PipelineConfig {
  /** null = taken only when asked for by name; `full` is also taken for what no other one asks for. */
  readonly when: PipelineWhen | null;
  /** null = the project's `pipeline`; only for `full`. */
  readonly stages: readonly StageConfig[] | null;
}

export interface NotifyRules {
  readonly events: Readonly<Record<NotifyEvent, 'on' | 'digest' | 'off'>>;
  readonly quietHours: WeeklyHours | null;
  /** null = every project. */
  readonly projects: readonly string[] | null;
}

export interface NotifyConfig {
  readonly telegram: NotifyRules & { readonly topic: number | null };
  readonly webhook: (NotifyRules & { readonly url: string; readonly secret: Secret }) | null;
}

/** Milliseconds, or kept for ever. */
export type Age = number | 'never';

export interface RetentionConfig {
  readonly worktreesMs: Age;
  readonly runsMs: Age;
  readonly ledgerMs: Age;
  readonly outboxMs: Age;
  readonly unknownShapesMs: Age;
  readonly salvageMs: Age;
}

/** The whole configuration: frozen, absolute paths, milliseconds, null where nothing is set. */
export interface Config {
  readonly home: string;
  readonly dbPath: string;
  readonly reposDir: string;
  readonly worktreesDir: string;
  readonly runsDir: string;
  readonly host: string;
  readonly port: number;
  readonly publicUrl: string | null;
  readonly logLevel: LogLevel;
  readonly agentHome: string | null;
  readonly claudeBin: string;
  readonly claudeCredentialsPath: string | null;
  readonly preflight: {
    readonly checkAuth: boolean;
    readonly cacheTtlMs: number;
    readonly expirySkewMs: number;
    readonly authStrict: boolean;
  };
  readonly probeIntervalMs: number;
  readonly maxConcurrency: number;
  readonly limits: {
    readonly maxAttempts: number;
    readonly maxTransientAttempts: number;
    readonly maxLostAttempts: number;
  };
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
  readonly breaker: { readonly threshold: number; readonly cooldownMs: number };
  readonly runTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly leaseMs: number;
  readonly gitea: VendorConfig;
  readonly plane: {
    readonly url: string | null;
    readonly workspace: string | null;
    readonly apiToken: Secret | null;
    readonly webhookSecret: Secret | null;
  };
  readonly github: VendorConfig;
  readonly telegram: {
    readonly botToken: Secret | null;
    readonly chatId: string | null;
    readonly apiUrl: string;
  };
  readonly apiToken: Secret | null;
  readonly accounts: readonly AccountConfig[];
  readonly projects: readonly ProjectConfig[];
  readonly notify: NotifyConfig;
  readonly retention: RetentionConfig;
}

export interface VendorConfig {
  readonly url: string | null;
  readonly token: Secret | null;
  readonly reviewerToken: Secret | null;
  readonly webhookSecret: Secret | null;
}
