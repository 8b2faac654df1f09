import type { Agent, AgentAccount } from '../agents/agent.ts';
import type { AccountRules } from '../core/account-gate.ts';
import type { Budget } from '../core/budget.ts';
import type { ChannelRules } from '../core/incident-plan.ts';
import type { Budgets } from '../core/job.ts';
import type { PipelineWhen } from '../core/pipeline-choice.ts';
import type { ReserveNow } from '../core/reserve.ts';
import type { ProjectRules } from '../core/task.ts';
import type { Forge } from '../forges/forge.ts';
import type { Chat, Notifier } from '../notifiers/notifier.ts';
import type { StageKind, StageSettings } from '../stages/stage.ts';
import type { Tracker } from '../trackers/tracker.ts';
import type { Repository } from '../workspace/workspace.ts';
import type { PreflightOptions } from './preflight.ts';

/** The configuration made concrete: adapters created, paths resolved. Replaced whole on a reload. */
export interface Runtime {
  readonly projects: ReadonlyMap<string, RuntimeProject>;
  readonly accounts: ReadonlyMap<string, RuntimeAccount>;
  readonly stageKinds: ReadonlyMap<string, StageKind>;
  readonly notifiers: readonly Notifier[];
  /** Where people write to Orch; each belongs to a notifier with the same channel. */
  readonly chats?: readonly Chat[];
  /** What a kind of notifier is to be told. */
  readonly notifyRules?: (kind: string) => ChannelRules;
  /** Address of the page that people can reach; null = none. */
  readonly publicUrl?: string | null;
  readonly slots: number;
  readonly maxAttempts: number;
  readonly budgets: Budgets;
  readonly accountRules: AccountRules;
  readonly preflight: PreflightOptions;
  readonly runTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly runsDir: string;
  readonly worktreesDir: string;
  /** Where the ends of logs that no rule knows are kept. */
  readonly shapesDir: string;
  /** Where project checks work. */
  readonly scratchDir: string;
  /** Folders that must not run out of disk. */
  readonly disks: readonly string[];
  readonly retention: Retention;
}

/** Milliseconds, or kept for ever. */
export type Age = number | 'never';

/** How long what nobody needs any more is kept. */
export interface Retention {
  readonly worktreesMs: Age;
  readonly runsMs: Age;
  readonly ledgerMs: Age;
  readonly outboxMs: Age;
  readonly unknownShapesMs: Age;
  readonly salvageMs: Age;
}

/** One pipeline of orch.yaml, merge included; what the repository adds is not in it. */
export interface RuntimePipeline {
  readonly name: string;
  readonly when: PipelineWhen | null;
  readonly stages: readonly StageSettings[];
}

export interface RuntimeProject {
  readonly rules: Omit<ProjectRules, 'pipeline'>;
  /** In the order in which they are chosen from; `full` and `quick` are always there. */
  readonly pipelines: readonly RuntimePipeline[];
  readonly repository: Repository;
  readonly tracker: Tracker;
  readonly forge: Forge;
  readonly base: string;
  readonly branchTemplate: string;
  readonly weight: number;
  readonly maxConcurrency: number;
  readonly failover: 'never' | 'on_hold';
  readonly openPrs: number;
  readonly budget: Budget;
  readonly setup: readonly string[];
  readonly teardown: readonly string[];
  readonly checks: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Absolute; null = none. */
  readonly envFile: string | null;
  readonly copy: readonly { readonly from: string; readonly to: string }[];
  readonly artefacts: 'off' | 'branch';
  readonly reports: readonly string[];
  readonly trace: 'auto' | 'off';
}

export interface RuntimeAccount {
  readonly agent: Agent;
  readonly account: AgentAccount;
  readonly slots: number;
  readonly isolation: 'auto' | 'none';
  readonly unsafe: boolean;
  /** Share of the plan that is kept for people at an instant; null = none. */
  readonly reserve: (now: number) => ReserveNow | null;
}
