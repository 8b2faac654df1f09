import type { CliProof } from './cli-version.ts';
import type { Verdict } from './failure.ts';
import type { NotifyEvent } from './matter.ts';
import type {
  AccountState,
  Checked,
  Finding,
  ForgeMemory,
  JobContext,
  JobStatus,
  LoopState,
  PullRequest,
  TaskSession,
  TaskStatus,
} from './model.ts';
import type { TraceMatrix } from './trace.ts';
import type { Usage } from './usage.ts';

/**
 * What a decision changes, as data: a store applies one `Effects` value in one transaction, all or
 * nothing. Deciders are pure; stores know no rules.
 */
export interface Effects {
  readonly job?: JobChange;
  readonly run?: RunChange;
  readonly task?: TaskChange;
  readonly account?: AccountState;
  /** Versions of CLIs that are proven from now on. */
  readonly proofs?: readonly CliProof[];
  /** How the end of the job counts for `project.slowed`. */
  readonly project?: 'failed' | 'succeeded';
  readonly newJobs?: readonly NewJob[];
  readonly outbox?: readonly NewOutboxRow[];
}

export interface JobChange {
  readonly status?: JobStatus;
  readonly attempts?: number;
  readonly maxAttempts?: number;
  readonly transientAttempts?: number;
  readonly lostAttempts?: number;
  readonly availableAt?: number | null;
  readonly hold?: string | null;
  readonly urgent?: boolean;
  readonly priority?: number;
  readonly account?: string | null;
  readonly cancelRequested?: boolean;
  readonly error?: string | null;
  readonly verdict?: Verdict | null;
  readonly context?: JobContext;
  readonly finishedAt?: number | null;
}

export interface RunChange {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly resultOk: boolean;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly rule: string;
  readonly sessionId: string | null;
  readonly cliVersion: string | null;
  readonly usage: Usage;
}

export interface TaskChange {
  readonly title?: string;
  readonly body?: string;
  readonly thread?: string;
  readonly stage?: string;
  readonly status?: TaskStatus;
  readonly urgent?: boolean;
  readonly priority?: number;
  readonly reason?: { readonly code: string; readonly detail: string } | null;
  readonly head?: string | null;
  readonly pr?: PullRequest | null;
  readonly rounds?: Readonly<Record<string, number>>;
  readonly trace?: TraceMatrix;
  readonly ticked?: readonly string[];
  readonly session?: TaskSession;
  readonly checked?: Checked;
  readonly loops?: Readonly<Record<string, LoopState>>;
  readonly forge?: ForgeMemory;
  /** Added to the task's cost. */
  readonly addCostMicroUsd?: number;
  readonly budgetFromMicroUsd?: number;
}

export interface NewJob {
  readonly taskId: number | null;
  readonly project: string;
  readonly repo: string;
  readonly branch: string;
  readonly stage: string | null;
  readonly agent: string | null;
  readonly account: string | null;
  readonly maxAttempts: number;
  readonly priority: number;
  readonly urgent: boolean;
  readonly rework: boolean;
  readonly hold: string | null;
  readonly context: JobContext;
}

/** A promise to tell the outside world something, written with the state it speaks of. */
export interface NewOutboxRow {
  /** Who receives it: `tracker:<project>`, `forge:<project>`, `notify` (what there is to tell), `notify:<channel>` (telling it there). A slow one delays only itself. */
  readonly destination: string;
  /** The same key is delivered once, however often it is written. */
  readonly key: string;
  /** Rows of one order key are delivered in the order they were written. */
  readonly orderKey: string;
  readonly message: OutboxMessage;
  /** Not before this instant; null = now. */
  readonly availableAt: number | null;
}

export type OutboxMessage =
  | {
      readonly kind: 'tracker.comment';
      readonly project: string;
      readonly workItemId: string;
      readonly body: string;
    }
  /** Its text is made when it is delivered, of what is so then: one that waits tells of what came after it, too. */
  | {
      readonly kind: 'tracker.report';
      readonly project: string;
      readonly workItemId: string;
      readonly taskId: number;
    }
  | {
      readonly kind: 'tracker.status';
      readonly project: string;
      readonly workItemId: string;
      readonly status: 'in_progress' | 'done' | 'cancelled' | 'needs_you';
      readonly stage: string;
    }
  | {
      readonly kind: 'forge.pull_request';
      readonly project: string;
      readonly taskId: number;
      readonly action: 'open' | 'ready';
    }
  | {
      readonly kind: 'forge.comment';
      readonly project: string;
      readonly taskId: number;
      readonly body: string;
    }
  | {
      readonly kind: 'forge.status';
      readonly project: string;
      readonly head: string;
      /** The stage it speaks of. */
      readonly stage: string;
      readonly state: 'pending' | 'success' | 'failure' | 'error';
      readonly description: string;
    }
  | {
      readonly kind: 'forge.review';
      readonly project: string;
      readonly taskId: number;
      readonly head: string;
      readonly event: 'approve' | 'request_changes';
      readonly body: string;
      readonly findings: readonly Finding[];
    }
  | {
      readonly kind: 'notify.incident';
      readonly incident: string;
      readonly title: string;
      readonly detail: string;
      readonly urgent: boolean;
      /** What the rules about events go by; without, the key says it. */
      readonly event?: NotifyEvent;
      /** Null or left out: of the whole installation. */
      readonly project?: string | null;
      /** Account whose trouble it may be a consequence of. */
      readonly cause?: string | null;
      /** Head that an approval is asked for. */
      readonly commit?: string | null;
      /** True: it does not wait for siblings. */
      readonly atOnce?: boolean;
    }
  /** `outcome`: how a person ended it, such as "Approved by mara". */
  | { readonly kind: 'notify.resolved'; readonly incident: string; readonly outcome?: string }
  | {
      readonly kind: 'notify.digest';
      readonly line: string;
      readonly project?: string;
      readonly event?: 'done' | 'run';
    }
  /** Has one channel show a matter as it then stands. */
  | { readonly kind: 'notify.show'; readonly incident: string; readonly title: string };
