import type { Breaker } from './breaker.ts';
import type { PlanWindow, Verdict } from './failure.ts';
import type { Remark } from './feed.ts';
import type { TraceMatrix } from './trace.ts';
import type { Usage } from './usage.ts';

/** The rows of the durable state, as every store returns them. Instants are epoch milliseconds. */

export type JobStatus = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
export type TaskStatus = 'active' | 'needs_you' | 'done' | 'cancelled';

export interface Finding {
  readonly severity: string;
  readonly file: string | null;
  readonly line: number | null;
  readonly title: string;
  readonly detail: string;
}

/** What a job carries from stage to stage and attempt to attempt; stored as one JSON value. */
export interface JobContext {
  /** Commit at which this round started: changes are measured against it. */
  readonly roundHead: string | null;
  /** Findings that sent the task here. */
  readonly findings: readonly Finding[];
  /** A person's note for the next attempt. */
  readonly note: string | null;
  /** What went wrong last time, for the next prompt. */
  readonly lastFailure: string | null;
  /** CLI session of the last attempt; resumed when `resume` is true. */
  readonly sessionId: string | null;
  /** Account in whose home the session lies; it is not resumed on another. Null = not known. */
  readonly sessionAccount: string | null;
  readonly resume: boolean;
  /** Head a person approved (deploy) and who did. */
  readonly approvedHead: string | null;
  readonly approvedBy: string | null;
  /** The head that they saw, where the yes was carried on to the same change on a newer base; else null. */
  readonly carriedFrom: string | null;
  /** Sum of the CLI's cumulative session cost already counted, in micro-USD. */
  readonly sessionCostMicroUsd: number;
  /** True when `sessionId` is of an earlier stage of the task: resumed, but given this stage's whole prompt. */
  readonly continues: boolean;
  /** True once a run ended at its limit of turns or budget and the session was resumed: the next time a person is asked. */
  readonly limitResumed: boolean;
  /** Fingerprints of the failures that spent this job's attempts, oldest first. */
  readonly failures: readonly string[];
  /** Tools the last attempt was refused, as `Tool(first words of the input)`. */
  readonly denials: readonly string[];
  /** Closing words of the stage before, for the one that judges it; null when there are none. */
  readonly said: string | null;
  /** Questions of this job's agent that a person has answered. */
  readonly answered: readonly string[];
  /** The developer's reason why no change is needed, which a reviewer has to confirm; null otherwise. */
  readonly noChange: string | null;
  /** What people said in tracker or forge, for this job's next attempt. */
  readonly heard: readonly Remark[];
  /** What they said since it began: for its next attempt, or the job that follows it. */
  readonly unheard: readonly Remark[];
  /** Items that the task waits for before its first stage, by key. */
  readonly dependsOn: readonly string[];
  /** A person let it start in spite of those. */
  readonly ignoresDependencies: boolean;
  /** The round is about a conflict with the base: Orch brings the base in, the agent resolves what contradicts. */
  readonly conflict: { readonly files: readonly string[] } | null;
  /** What the forge is waited for, while the job's hold is `checks.pending`. */
  readonly awaits: ForgeWait | null;
}

/** What has to happen on the forge before a merge goes on. */
export interface ForgeWait {
  /** One line: "2 checks still run on 9c41f0e". */
  readonly detail: string;
  /** The forge merges by itself: only its merge, or a long time, lets the job look again. */
  readonly merges: boolean;
}

export const EMPTY_CONTEXT: JobContext = {
  roundHead: null,
  findings: [],
  note: null,
  lastFailure: null,
  sessionId: null,
  sessionAccount: null,
  resume: false,
  approvedHead: null,
  approvedBy: null,
  carriedFrom: null,
  sessionCostMicroUsd: 0,
  continues: false,
  limitResumed: false,
  failures: [],
  denials: [],
  said: null,
  answered: [],
  noChange: null,
  heard: [],
  unheard: [],
  dependsOn: [],
  ignoresDependencies: false,
  conflict: null,
  awaits: null,
};

export interface Job {
  readonly id: number;
  readonly taskId: number | null;
  readonly project: string;
  readonly repo: string;
  readonly branch: string;
  readonly stage: string | null;
  /** Role (`developer`, ...); null for stages that run no agent. */
  readonly agent: string | null;
  readonly account: string | null;
  readonly status: JobStatus;
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly transientAttempts: number;
  readonly lostAttempts: number;
  /** Grows on every claim, never goes back; every write of a run names it. */
  readonly fence: number;
  readonly priority: number;
  /** First in its project, and at times before the turn of other projects; carried from job to job of a task. */
  readonly urgent: boolean;
  /** True for work sent back to an earlier stage: served before new work of the same priority. */
  readonly rework: boolean;
  readonly availableAt: number | null;
  /** Own hold of this one job (`approval.pending`, `question.pending`); scope holds are derived. */
  readonly hold: string | null;
  readonly holdSince: number | null;
  readonly cancelRequested: boolean;
  readonly error: string | null;
  readonly verdict: Verdict | null;
  readonly context: JobContext;
  /** The account that a failover took it from when it was claimed; null when it runs where it belongs. */
  readonly movedFrom: string | null;
  /** True while its task has no commit yet: the new work that `open_prs` holds back. */
  readonly fresh: boolean;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
}

export interface PullRequest {
  readonly number: number;
  readonly url: string | null;
  readonly state: 'draft' | 'open' | 'merged' | 'closed';
}

export interface Task {
  readonly id: number;
  readonly key: string;
  readonly project: string;
  readonly workItemId: string;
  readonly repo: string;
  readonly branch: string;
  readonly title: string;
  readonly body: string;
  /** Where the item is looked at in its tracker, http or https; null = nowhere, or not known yet. */
  readonly url: string | null;
  /** Comments on the item by people with write access, oldest first; empty = none, or none are read. */
  readonly thread: string;
  readonly stage: string;
  readonly status: TaskStatus;
  /** Why it needs a person: a reason code and one line; null while active or done. */
  readonly reason: { readonly code: string; readonly detail: string } | null;
  /** Head of the branch that Orch last took; null before the first commit. */
  readonly head: string | null;
  readonly pr: PullRequest | null;
  /** Rounds spent per stage that sent work back. */
  readonly rounds: Readonly<Record<string, number>>;
  /** What is known of it: runs of unknown cost are counted in `unknownCosts`. */
  readonly costMicroUsd: number;
  readonly unknownCosts: number;
  /** Cost at which a person last let it go on: its budget counts from there. */
  readonly budgetFromMicroUsd: number;
  readonly priority: number;
  readonly urgent: boolean;
  /** Name of the pipeline it walks: `full`, or one of `pipelines:`. Chosen when it was taken on. */
  readonly pipeline: string;
  readonly labels: readonly string[];
  readonly size: string | null;
  /** Criteria, requirements and tests as last proven; null before there is a `trace.json`, and without traceability. */
  readonly trace: TraceMatrix | null;
  /** Manual test cases that a person has ticked, by id. */
  readonly ticked: readonly string[];
  /** The CLI session of analysis, architecture and development, to go on in; null before the first. */
  readonly session: TaskSession | null;
  /** Where the project's checks last passed; null before they did. */
  readonly checked: Checked | null;
  /** What each stage that sends work back has asked for so far, by stage. */
  readonly loops: Readonly<Record<string, LoopState>>;
  readonly forge: ForgeMemory;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** The project's checks at a head that none of them refused. */
export interface Checked {
  readonly head: string;
  /** Green, of so many: the others fail on the base in the same way. Both 0 when there are no checks, or it is not known. */
  readonly green: number;
  readonly total: number;
}

/** What a task has heard from its forge, and what it has told it. */
export interface ForgeMemory {
  /** Marks of what was acted on and is not to be acted on again, oldest first. */
  readonly heard: readonly string[];
  /** What people asked for while an agent worked: for the next agent. */
  readonly inbox: readonly Finding[];
  /** The last word on each stage, by its name. */
  readonly told: Readonly<Record<string, StageWord>>;
  /** Head that was told them; null before there was one. */
  readonly toldAt: string | null;
  /** Words said so far. */
  readonly words: number;
}

export const NOTHING_HEARD: ForgeMemory = { heard: [], inbox: [], told: {}, toldAt: null, words: 0 };

export interface StageWord {
  readonly state: 'pending' | 'success' | 'failure' | 'error';
  readonly line: string;
  /** Number of the word: a stage may come to the same one again. */
  readonly n: number;
}

export interface TaskSession {
  readonly id: string;
  readonly account: string;
  /** The session's cumulative cost already counted, in micro-USD. */
  readonly costMicroUsd: number;
}

/** Rounds of findings, by fingerprint. */
export interface LoopState {
  /** Findings of the last round. */
  readonly open: readonly string[];
  /** Findings of earlier rounds that a later round no longer had. */
  readonly resolved: readonly string[];
  /** Head that the last round looked at. */
  readonly head: string | null;
}

export type RunStatus = 'running' | 'ended';

export interface Run {
  readonly id: number;
  readonly jobId: number;
  readonly taskId: number | null;
  readonly attempt: number;
  readonly fence: number;
  readonly agent: string | null;
  readonly cliKind: string | null;
  readonly cliVersion: string | null;
  /** Real path of its binary when it was started; null = not known. */
  readonly cliBin: string | null;
  /** The model that was asked for; null = the CLI's own choice, or not known. */
  readonly model: string | null;
  readonly account: string | null;
  readonly pid: number | null;
  readonly directory: string;
  readonly status: RunStatus;
  /** Started as the single probe of a held, unproven or half-open account. */
  readonly probe: boolean;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly resultOk: boolean | null;
  readonly verdict: Verdict | null;
  readonly reason: string | null;
  readonly rule: string | null;
  readonly sessionId: string | null;
  readonly usage: Usage;
  readonly startedAt: number;
  readonly finishedAt: number | null;
}

/** A CLI whose output a run showed, as `--version` answered first, then as its log says when that differs. */
export interface CliSeen {
  readonly kind: string;
  readonly versions: readonly string[];
}

export interface AccountHold {
  readonly reason: 'signed_out' | 'limit' | 'unproven_version';
  readonly since: number;
  /** When it ends by itself; null = needs a person or a canary. */
  readonly until: number | null;
  /** True when `until` is our guess, not the vendor's word. */
  readonly guessed: boolean;
  /** Canaries that this limit has refused. */
  readonly refusals: number;
  readonly detail: string;
  /** Fingerprint of the credential files when the hold began; a change since can end it. */
  readonly fingerprint: string | null;
  /** With `unproven_version`: the CLI that is not trusted. */
  readonly cli?: CliSeen;
}

/** A person's choice that an account runs the binary of an earlier version. */
export interface PinnedCli {
  readonly version: string;
  /** Real path. */
  readonly bin: string;
  /** The binary that the configuration named then, and its versions that are not trusted. */
  readonly insteadOf: { readonly bin: string; readonly versions: readonly string[] };
  readonly by: string;
  readonly since: number;
}

export interface AccountState {
  readonly id: string;
  readonly hold: AccountHold | null;
  readonly breaker: Breaker;
  /** A stated 429 delay: no new start before this instant. */
  readonly notBefore: number | null;
  readonly lastProbeAt: number | null;
  /** Credential fingerprint under which an `unknown` sign-in has answered; counts as ready. */
  readonly provenFingerprint: string | null;
  readonly windows: readonly SeenWindow[];
  /** In force while the configuration names the binary it stands in for; null = none. */
  readonly pinned: PinnedCli | null;
}

/** A plan window with when it was last reported. */
export interface SeenWindow extends PlanWindow {
  readonly seenAt: number;
}

export interface Pause {
  readonly scope: 'all' | 'project' | 'account';
  /** Empty for `all`. */
  readonly id: string;
  readonly note: string;
  readonly by: string;
  readonly since: number;
  readonly until: number | null;
}

export function jobName(id: number): string {
  return `job_${id}`;
}

export function runName(id: number): string {
  return `run_${id}`;
}

/** Names the worktree: the task's key, or the job's number. */
export function worktreeKey(task: Pick<Task, 'key'> | null, job: Pick<Job, 'id'>): string {
  return task?.key ?? `job-${job.id}`;
}

/** Names the worktree in which a deploy command runs: it is of one run only. */
export function deployKey(task: Pick<Task, 'key'>, run: Pick<Run, 'id'>): string {
  return `${task.key}-deploy-${runName(run.id)}`;
}
