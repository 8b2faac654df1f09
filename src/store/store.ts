import type { Audit, AuditEntry, AuditFilter } from '../core/audit.ts';
import type { Spending } from '../core/budget.ts';
import type { CliProof, CliVersion } from '../core/cli-version.ts';
import type { DestinationTrouble, Undelivered } from '../core/delivery.ts';
import type { Effects, NewJob, NewOutboxRow, OutboxMessage } from '../core/effects.ts';
import type { FeedMarks } from '../core/feed.ts';
import type { JobFilter, RunFilter, TaskFilter } from '../core/filters.ts';
import type { LedgerEntry, LedgerPage } from '../core/ledger.ts';
import type { AccountState, Job, Pause, PullRequest, Run, Task } from '../core/model.ts';
import type { SettleState } from '../core/settle.ts';
import type { TalkStore } from '../core/talk.ts';
import type { FeedStore } from './feed-store.ts';
import type { ReportStore } from './report-store.ts';
import type { UserStore } from './user-store.ts';

/**
 * The durable state, as intents. Every method is one transaction: all of it happened, or none. Methods
 * are async because PostgreSQL will be; SQLite answers at once. Deciders passed in are pure functions
 * of the rows they get and may run again after a serialisation failure.
 */
export interface Store extends FeedStore {
  /**
   * Makes projects and accounts known: caps, weights. Rows that vanish from the configuration stop being served.
   * A new weight counts at once, also for the turn that a project already waits for.
   */
  configure(projects: readonly ProjectRow[], accounts: readonly string[]): Promise<void>;

  /** Takes a work item on: task and first job. Safe to repeat: the same item returns its existing task. */
  submit(item: NewTask, firstJob: (task: Task) => NewJob): Promise<{ task: Task; created: boolean }>;
  /** Queues a job without a task; increments nothing. `branchFor` names the branch from the job's id. */
  enqueue(job: Omit<NewJob, 'branch'>, branchFor: (id: number) => string): Promise<Job>;

  /**
   * Takes the next job: `running`, `attempts + 1`, a new fence and a run row, atomically; null when nothing may
   * start. Projects take turns by weight; at most one claim of any four in a row serves an urgent job before its
   * project's turn, which the project pays back.
   */
  claim(request: ClaimRequest): Promise<Claimed | null>;
  /** Notes what is known of the started process. Fenced: false when the claim is no longer ours. */
  started(run: RunRef, facts: StartFacts): Promise<boolean>;
  /** The only way out of `running`. A stale fence changes nothing and answers `stale`. */
  settle(run: RunRef, decide: (state: SettleState) => Effects): Promise<'ok' | 'stale'>;

  /**
   * Applies a person's command to a task's latest job or to one job. Throws what the decider throws; then nothing
   * changed. One with a key (`Audit.once`) that was handled before is not decided on again.
   */
  command(
    target: Target,
    decide: (state: { task: Task | null; job: Job; superseded: boolean }) => Effects,
    audit: Audit & { readonly once?: string },
  ): Promise<{ task: Task | null; job: Job; repeated?: boolean }>;
  updateAccount(id: string, change: (account: AccountState) => AccountState): Promise<AccountState>;
  /** Applies a person's decision on an account, and what it proves. Throws what the decider throws; then nothing changed. */
  commandAccount(
    id: string,
    decide: (account: AccountState) => {
      readonly account: AccountState;
      readonly proofs: readonly CliProof[];
    },
    audit: Audit,
  ): Promise<AccountState>;
  /** What the forge says of a task's pull request. One that was merged or closed stays so: an older answer changes nothing. */
  setPullRequest(taskId: number, pr: PullRequest): Promise<void>;
  pause(pause: Pause, audit: Audit): Promise<void>;
  resume(scope: Pause['scope'], id: string, audit: Audit): Promise<boolean>;

  /**
   * Writes the decision ledger: what is so now, ending what is not any more; returns the first `since` of
   * each by `gateKey`. The time since the last note is `scheduler.stale` when it is longer than `staleAfterMs`.
   * Costs what changed, however many jobs wait.
   */
  noteGates(
    entries: readonly LedgerEntry[],
    now: number,
    staleAfterMs: number,
  ): Promise<ReadonlyMap<string, number>>;
  /**
   * What the ledger knows of an instant: the entries that covered it, and of one job, of the jobs of a task
   * or of the jobs that had not ended then (of all or one project, at most `limit`) what was theirs up to it.
   */
  history(at: number, filter: HistoryFilter, limit: number): Promise<LedgerPage>;
  /** Deletes what ended before an instant, a bounded number of rows; returns how many. Repeat until 0. */
  forget(before: number): Promise<number>;

  job(id: number): Promise<Job | null>;
  run(id: number): Promise<Run | null>;
  task(key: string): Promise<Task | null>;
  taskById(id: number): Promise<Task | null>;
  jobs(filter: JobFilter): Promise<Page<Job>>;
  runs(filter: RunFilter): Promise<Page<Run>>;
  tasks(filter: TaskFilter): Promise<Page<Task>>;
  running(): Promise<readonly { run: Run; job: Job }[]>;
  accounts(): Promise<readonly AccountState[]>;
  /** Every version of a CLI that has been proven on this installation. */
  cliVersions(): Promise<readonly CliVersion[]>;
  pauses(): Promise<readonly Pause[]>;
  counts(): Promise<Counts>;
  /** What each project's runs that ended on this UTC day (days since 1970) consumed; absent = nothing. */
  spending(day: number): Promise<ReadonlyMap<string, Spending>>;
  /**
   * What may start before this job, for `queue.position`: claimable jobs before it in its project, and urgent
   * ones of other projects (0 for a job that is urgent itself: those take turns with it).
   */
  ahead(job: Job): Promise<{ readonly jobs: number; readonly urgent: number }>;

  /** When the next deferred job or message becomes due, or a destination is to be asked again, after this instant; null when none does. */
  nextDue(after: number): Promise<number | null>;
  /** Destinations with a row due, except those that are not yet to be asked again. */
  dueDestinations(now: number): Promise<readonly string[]>;
  /**
   * Due rows of a destination, the first of each order key, longest due first; none while it is not to be asked
   * again. A comment on a pull request is not due while its task is under way and has no commit to open one with.
   */
  dueMessages(destination: string, now: number, limit: number): Promise<readonly OutboxRow[]>;
  /**
   * A try begins: counted, and from now on the row is `unsure` until its outcome is noted. To be called
   * before anything is sent. False: the row waits no more, leave it.
   */
  trying(id: number): Promise<boolean>;
  /** Delivered; its destination answers. */
  delivered(id: number, now: number): Promise<void>;
  /** Notes a try that failed, and how the destination stands. */
  undelivered(id: number, outcome: Undelivered, now: number): Promise<void>;
  /** Takes a try back that was not made: the row waits until an instant, `unsure` as it was before. */
  postpone(id: number, until: number, unsure: boolean): Promise<void>;
  /** Destinations that do not answer, or have messages that were given up and that nobody dropped. */
  troubles(): Promise<readonly DestinationTrouble[]>;
  /** Messages that were given up (`dead`) or were tried in vain so far (`stuck`), oldest first. */
  letters(filter: LetterFilter): Promise<Page<Letter>>;
  /**
   * Has messages tried anew, now, with all their time before them; in their old order. One that tells a state
   * of which a later one of its order was delivered is dropped instead. Throws `not_found`.
   */
  retryLetters(
    which: readonly number[] | { readonly destination: string | null },
    now: number,
    audit: Audit,
  ): Promise<{ readonly retried: number; readonly overtaken: number }>;
  /** Gives a message up for good; what waits behind it goes on. Throws `not_found`. */
  dropLetter(id: number, reason: string, now: number, audit: Audit): Promise<void>;
  /** Writes messages that belong to no other change; once per key. */
  tell(rows: readonly NewOutboxRow[]): Promise<void>;
  /**
   * Forgets messages delivered before an instant (those that remember a told shape of CLI output before
   * another) and incidents that were over by then, a bounded number of rows from the one `after` on. Repeat
   * with `next` until it is null. A forgotten key can be written again.
   */
  forgetMessages(
    before: { readonly messages: number; readonly shapes: number },
    after: number,
  ): Promise<{ readonly forgotten: number; readonly next: number | null }>;
  /** What people were told, and what they may answer to. */
  talk: TalkStore;

  /** Local board. */
  board: BoardStore;
  /** What people look at that no single row tells. */
  reports: ReportStore;
  /** Who may sign in. */
  users: UserStore;

  /** Writes down what a person did that changes nothing else here. */
  audit(entry: Audit): Promise<void>;
  /** Newest first; \`next\` goes back in time. */
  audits(filter: AuditFilter): Promise<Page<AuditEntry>>;

  meta(key: string): Promise<string | null>;
  setMeta(key: string, value: string): Promise<void>;
  /** Called after every change that may let a job start or a message be due; a hint. Returns the unsubscriber. */
  onWake(callback: () => void): () => void;
  info(): Promise<StoreInfo>;
  close(): Promise<void>;
}

export interface ProjectRow {
  readonly key: string;
  readonly weight: number;
  readonly maxConcurrency: number;
}

export interface NewTask {
  readonly project: string;
  readonly workItemId: string;
  readonly key: string;
  readonly repo: string;
  readonly branch: string;
  readonly title: string;
  readonly body: string;
  readonly stage: string;
  readonly priority: number;
  readonly urgent: boolean;
  readonly pipeline: string;
  readonly labels: readonly string[];
  readonly size: string | null;
  /** Where the item is looked at; left out = nowhere. */
  readonly url?: string | null;
  /** Of an item that a tracker told of: what is to be remembered of it, and its comments that are seen with it. */
  readonly feed?: { readonly marks: FeedMarks; readonly seen: readonly string[]; readonly thread: string };
}

/**
 * What the caller's look allows. The claim looks again at what a person or another run may have changed since:
 * what is paused at `now` starts nothing, and an account that is held, nothing but the canary of that hold.
 */
export interface ClaimRequest {
  /** Accounts that may start a run now, with the number of runs that may live on each. */
  readonly accounts: readonly { readonly id: string; readonly slots: number }[];
  /** Projects that may not start anything now (paused). */
  readonly closedProjects: readonly string[];
  /** Projects that may start no agent now (budget); what needs no account goes on. */
  readonly withoutAgents: readonly string[];
  /** Projects that may start agents alone (their forge does not answer). */
  readonly agentsOnly: readonly string[];
  /** Projects that may start no task that has no commit yet (open pull requests). */
  readonly withoutNewWork: readonly string[];
  /**
   * Jobs of `project` that wait for `from` may run on `to`, one of `accounts`, for this claim: the job then
   * says so (`account`, `movedFrom`). The first that has a free slot is taken.
   */
  readonly failover: readonly { readonly project: string; readonly from: string; readonly to: string }[];
  /** Runs that may live on this worker in all. */
  readonly slots: number;
  /** The run is the single probe of its account: takes the oldest job instead of the fair one. */
  readonly probe: boolean;
  /** The probe is the canary of a hold; left out = of something else (a new login or version, a breaker). */
  readonly ofHold?: boolean;
  /** False leaves out stages that need no account (deploy, command). */
  readonly withoutAccount: boolean;
  /** Names the run directory of a run id. */
  readonly directoryFor: (runId: number) => string;
  readonly now: number;
}

export interface Claimed {
  readonly job: Job;
  readonly run: Run;
  readonly task: Task | null;
}

export interface RunRef {
  readonly runId: number;
  readonly jobId: number;
  readonly fence: number;
}

export interface StartFacts {
  readonly pid?: number;
  readonly cliKind?: string;
  readonly cliVersion?: string;
  readonly cliBin?: string;
  readonly model?: string;
  readonly sessionId?: string;
  /** Head the round is measured from, kept in the job so that later attempts measure from it too. */
  readonly roundHead?: string;
  /** Told with it, once per key. */
  readonly outbox?: readonly NewOutboxRow[];
}

export type Target =
  | { readonly kind: 'task'; readonly key: string }
  | { readonly kind: 'job'; readonly id: number };

export type HistoryFilter =
  | { readonly jobId: number }
  | { readonly taskId: number }
  | { readonly project: string | null };

export interface Page<T> {
  readonly items: readonly T[];
  /** Pass as `after` for the next page; null at the end. */
  readonly next: number | null;
}

export interface Counts {
  readonly jobs: Readonly<Record<Job['status'], number>>;
  readonly tasks: Readonly<Record<Task['status'], number>>;
  readonly runningByProject: ReadonlyMap<string, number>;
  readonly runningByAccount: ReadonlyMap<string, number>;
  readonly failedInRow: ReadonlyMap<string, number>;
  /** Open pull requests of tasks that are under way. */
  readonly unmergedByProject: ReadonlyMap<string, number>;
  readonly lastRunEndedAt: number | null;
}

export interface OutboxRow {
  readonly id: number;
  readonly destination: string;
  readonly key: string;
  readonly message: OutboxMessage;
  /** Begun so far. */
  readonly tries: number;
  /** One of them may have acted: its outcome is not known. */
  readonly unsure: boolean;
  /** When it was written, or a person had it tried anew. */
  readonly dueFrom: number;
  readonly createdAt: number;
}

/** A message that was not delivered, as a person looks at it. */
export interface Letter extends OutboxRow {
  readonly state: 'dead' | 'stuck';
  /** Key of the task it speaks of. */
  readonly task: string | null;
  readonly error: string;
  /** When it was given up; of a stuck one null. */
  readonly deadAt: number | null;
  /** When it is tried again, at the earliest; of a dead one null. */
  readonly nextTryAt: number | null;
}

export interface LetterFilter {
  readonly state?: Letter['state'];
  readonly destination?: string;
  readonly after?: number;
  readonly limit: number;
}

export interface WorkItem {
  readonly id: string;
  readonly project: string;
  readonly key: string;
  readonly title: string;
  readonly body: string;
  readonly status: string;
  readonly comments: readonly { readonly body: string; readonly at: number }[];
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface BoardStore {
  /** Creates an item on Orch's own board; the same key returns the existing one. */
  create(
    item: { project: string; key: string | null; title: string; body: string },
    now: number,
  ): Promise<WorkItem>;
  item(project: string, id: string): Promise<WorkItem | null>;
  /** How many items there are, how many of them are not over, and the latest `limit` of those that are. */
  survey(
    project: string,
    limit: number,
  ): Promise<{
    readonly items: number;
    readonly open: number;
    readonly nearest: readonly { readonly key: string; readonly status: string }[];
  }>;
  /** Safe to repeat with the same key: the comment is there once. */
  comment(project: string, id: string, key: string, body: string, now: number): Promise<void>;
  /** Gives the item's one living comment this text; it is there once, in its first place. */
  report(project: string, id: string, body: string, now: number): Promise<void>;
  setStatus(project: string, id: string, status: string, now: number): Promise<void>;
  /** The pull request that a branch has, whatever its state. */
  pullRequestOf(project: string, branch: string): Promise<PullRequest | null>;
  openPullRequest(
    project: string,
    branch: string,
    title: string,
    body: string,
    state: 'draft' | 'open',
    now: number,
  ): Promise<PullRequest>;
  setPullRequestState(
    project: string,
    number: number,
    state: PullRequest['state'],
    now: number,
  ): Promise<void>;
  /** Opens a draft to people, with this text; one that is merged or closed is returned as it is. */
  readyPullRequest(project: string, number: number, body: string, now: number): Promise<PullRequest>;
  pullRequestComment(project: string, number: number, key: string, body: string, now: number): Promise<void>;
}

export interface StoreInfo {
  readonly engine: 'sqlite';
  readonly engineVersion: string;
  readonly schema: number;
  readonly path: string;
  readonly bytes: number;
}
