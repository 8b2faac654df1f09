import type { Agent, AgentAccount } from '../agents/agent.ts';
import type { CheckCount } from '../core/checks.ts';
import type { StageOutcome } from '../core/evidence.ts';
import type { Judgement, ProcessEnd } from '../core/failure.ts';
import type { Job, PullRequest, Run, Task } from '../core/model.ts';
import type { Stage } from '../core/pipeline.ts';
import type { TraceMatrix } from '../core/trace.ts';
import type { Forge } from '../forges/forge.ts';
import type { LiveRun } from '../launcher/launcher.ts';
import type { Repository, Workspace } from '../workspace/workspace.ts';

/** A stage's settings as a stage kind needs them; configuration objects fit structurally. */
export interface StageSettings extends Stage {
  readonly tools: 'read' | 'write';
  readonly model: string | null;
  readonly fallbackModel: string | null;
  readonly effort: string | null;
  readonly timeoutMs: number | null;
  readonly stallMs: number | null;
  readonly maxTurns: number | null;
  readonly merge: 'auto' | 'manual';
  readonly command: string | null;
  readonly permission: 'default' | 'bypass';
  readonly prompt: string | null;
  readonly checks: readonly string[] | null;
}

/** Everything one attempt of one stage may use. Built by the engine, once per attempt. */
export interface StageContext {
  readonly job: Job;
  readonly run: Run;
  readonly task: Task | null;
  readonly stage: StageSettings;
  readonly repository: Repository;
  readonly project: {
    readonly key: string;
    readonly base: string;
    readonly setup: readonly string[];
    readonly teardown: readonly string[];
    readonly checks: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly copy: readonly { readonly from: string; readonly to: string }[];
    /** Patterns of the JUnit files that the checks write, inside the clone. */
    readonly reports: readonly string[];
    /** Whether the documents of a task are committed too. */
    readonly artefacts: 'off' | 'branch';
    /** Whether criteria are traced to tests. */
    readonly traced: boolean;
  };
  readonly account: {
    readonly agent: Agent;
    readonly account: AgentAccount;
    readonly isolation: 'auto' | 'none';
    readonly unsafe: boolean;
    readonly cliVersion: string | null;
    /** Real path of the binary; null when it cannot be told. */
    readonly cliBin: string | null;
  } | null;
  /** What the repository's base branch adds to the prompt of this stage; null = nothing. */
  readonly repositoryNote: string | null;
  readonly forge: Forge;
  readonly workspace: Workspace;
  /** US dollars that the task may still spend; null = no limit. */
  readonly budgetUsd: number | null;
  readonly limits: { readonly timeoutMs: number; readonly stallMs: number };
  /** Environment every process of this attempt starts from: allow-listed, without our secrets. */
  readonly baseEnv: Readonly<Record<string, string>>;
  /** Notes facts of the started run; false when the claim is no longer ours and the attempt must end. */
  readonly note: (facts: {
    pid?: number;
    cliKind?: string;
    cliVersion?: string;
    cliBin?: string;
    model?: string;
    sessionId?: string;
    roundHead?: string;
  }) => Promise<boolean>;
  /** Registers the live agent so that cancel and stop reach it. */
  readonly watch: (live: LiveRun) => void;
  /** Aborted when the attempt is to end; commands stop on it. */
  readonly signal: AbortSignal;
  /** One at a time under one name, over all attempts of this process. */
  readonly exclusive: <T>(name: string, work: () => Promise<T>) => Promise<T>;
  readonly clock: () => number;
}

export interface StageResult {
  readonly judgement: Judgement;
  readonly end: ProcessEnd;
  /** Null for jobs without a task, and when the run was not ok. */
  readonly outcome: StageOutcome | null;
  readonly head: string | null;
  /** The project's checks, when none refused that head (or the head as it was); absent or null = they did, or were not run. */
  readonly checked?: CheckCount | null;
  /** What this stage proved of the criteria; absent or null leaves the task's as it is. */
  readonly trace?: TraceMatrix | null;
  /** Head that the approval of the job's head holds for as well; absent or null = none. */
  readonly carriedTo?: string | null;
  readonly pr: PullRequest | null;
  /** Reason code when only a person can mend this failure; null otherwise. */
  readonly finalCode: string | null;
  /** False when no agent process was started. */
  readonly ran: boolean;
}

/** A kind of stage. Both ways end in the same judging, so a run adopted after a crash is settled like any other. */
export interface StageKind {
  readonly kind: Stage['kind'];
  /** Does the stage from the start. */
  start(context: StageContext): Promise<StageResult>;
  /** Goes on with a run that an earlier process started; `gone` runs are judged lost. */
  adopt(context: StageContext): Promise<StageResult>;
}
