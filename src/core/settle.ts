import { accountAfterRun } from './account.ts';
import { announce, resolved, SAME } from './announce.ts';
import type { BreakerRule } from './breaker.ts';
import type { CheckCount } from './checks.ts';
import { type CliVersion, proofsOf, unprovenBy } from './cli-version.ts';
import type { Effects, JobChange, NewOutboxRow, RunChange, TaskChange } from './effects.ts';
import type { StageOutcome } from './evidence.ts';
import type { Judgement, ProcessEnd, Verdict } from './failure.ts';
import { failureFingerprint } from './fingerprint.ts';
import { reviewRow } from './forge-words.ts';
import { type Budgets, jobAfter, resumesSession } from './job.ts';
import {
  type AccountState,
  type Job,
  type JobContext,
  type PullRequest,
  type Run,
  type Task,
  type TaskSession,
} from './model.ts';
import { withMoves } from './moves.ts';
import { asked, needsConfirmation, type Question, questionOf } from './question.ts';
import {
  advance,
  confirmNoChange,
  isAuthor,
  missingRules,
  type ProjectRules,
  pullRequestRow,
  reviewerOf,
  sendBack,
  stranded,
  type TaskStep,
} from './task.ts';
import { type TraceMatrix, traceAfter } from './trace.ts';

/** The rows a settle decides on, read inside the settling transaction. */
export interface SettleState {
  readonly job: Job;
  readonly run: Run;
  readonly task: Task | null;
  readonly account: AccountState | null;
  /** What is known of the versions of the run's CLI. */
  readonly cliVersions: readonly CliVersion[];
}

/** What the attempt came to, as the engine saw it. */
export interface SettleInput {
  readonly judgement: Judgement;
  readonly end: ProcessEnd;
  /** Evidence for a task's stage; null for a job without a task, or when the run was not ok. */
  readonly outcome: StageOutcome | null;
  /** Head of the task branch after the work was taken; null = unchanged or unknown. */
  readonly head: string | null;
  /** What the stage proved of the criteria; absent or null = nothing new. */
  readonly trace?: TraceMatrix | null;
  /** The project's checks, when none refused that head (or the head as it was); absent or null = they did, or were not run. */
  readonly checked?: CheckCount | null;
  /** Head that the approval of the job's head holds for as well: the same patch on a newer base. */
  readonly carriedTo?: string | null;
  /** Set by a deploy stage that merged. */
  readonly pr: PullRequest | null;
  /** Reason code of a failure that only a person can mend: no further attempt; null = the usual budgets. */
  readonly finalCode: string | null;
  /** False when no agent process was started: then nothing was learned about the account. */
  readonly ran: boolean;
  readonly credentialFingerprint: string | null;
  /** The same at the run's end; left out = as at its start. */
  readonly endFingerprint?: string | null;
  /** `AgentReader.recordedVersions` of the run's adapter; null or left out = any version is proven. */
  readonly recordedVersions?: readonly string[] | null;
  /** Where the end of a log that no rule knows is kept; null or left out = nowhere. */
  readonly shapeLog?: string | null;
  /** The rules of the task's pipeline; null when project or pipeline is not configured any more. */
  readonly project: ProjectRules | null;
  /** Files changed against the base at `head`, where a later stage asks for them; null or left out = not measured. */
  readonly changed?: readonly string[] | null;
  readonly maxAttempts: number;
  readonly budgets: Budgets;
  readonly breaker: BreakerRule;
  /** Random number in [0, 1) for the backoff. */
  readonly jitter: number;
}

/** Ends that spend one of the job's attempts. */
const SPENDING: readonly Verdict[] = ['permanent', 'no_change', 'timeout', 'stalled'];
const MAX_FAILURES = 20;

/** Turns the end of an attempt into everything that follows from it. Pure; applied once, fenced. */
export function decideSettle(state: SettleState, input: SettleInput, now: number): Effects {
  const hears = input.project?.hears ?? input.project === null;
  return withMoves(decided(state, input, now), state, { hears, now });
}

function decided(state: SettleState, input: SettleInput, now: number): Effects {
  const { job, run, task } = state;
  const verdict = finalVerdict(job, input);
  const reason = verdict === input.judgement.verdict ? input.judgement.reason : refusal(input);
  const limited = verdict === 'permanent' && input.judgement.ownLimit;
  const asks = questionOf(state, input, verdict, limited && job.context.limitResumed);
  const ofCli = {
    run,
    judgement: input.judgement,
    recorded: input.ran ? (input.recordedVersions ?? null) : null,
    known: state.cliVersions,
  };
  const unproven = state.account === null ? null : unprovenBy(ofCli);
  // The version is to blame, not the job.
  const isHeld = unproven !== null && verdict === 'permanent';
  const after = jobAfter(
    job,
    {
      verdict: asks === null && !isHeld ? verdict : 'cancelled',
      reason,
      retryAfterMs: input.judgement.retryAfterMs,
      released: asks !== null || !job.cancelRequested,
      final: input.finalCode !== null,
    },
    input.budgets,
    now,
    input.jitter,
  );
  const cost = runCost(job, input.judgement);
  const spends = asks === null && !isHeld && SPENDING.includes(verdict);
  const failures = spends
    ? [...job.context.failures, failureFingerprint(reason)].slice(-MAX_FAILURES)
    : job.context.failures;
  const sessionId = input.judgement.sessionId ?? job.context.sessionId;
  const jobChange: JobChange = {
    ...after,
    // The next claim decides anew which account it goes to.
    ...(after.status === 'queued' && job.movedFrom !== null ? { account: job.movedFrom } : {}),
    error: asks === null ? after.error : null,
    verdict,
    hold: asks?.code ?? null,
    cancelRequested: false,
    finishedAt: after.status === 'queued' ? null : now,
    context: {
      ...job.context,
      lastFailure: verdict === 'success' ? job.context.lastFailure : reason,
      sessionId,
      resume: asks !== null || limited || resumes(job, verdict, input.judgement.sessionId),
      // Until the model has answered, the session may not have heard this stage's prompt.
      continues: job.context.continues && !input.judgement.realAnswer,
      sessionCostMicroUsd: cost.sessionMicroUsd,
      limitResumed: job.context.limitResumed || limited,
      failures,
      denials: verdict === 'success' ? job.context.denials : input.judgement.denials,
      awaits: asks?.awaits ?? null,
      ...carried(job, input),
    },
  };
  const runChange: RunChange = {
    exitCode: input.end.exitCode,
    signal: input.end.signal,
    resultOk: input.judgement.resultOk,
    verdict,
    reason: verdict === 'success' ? reason : reason + refusedTools(input.judgement.denials),
    rule: input.judgement.rule,
    // What was noted at the start tells of a run that came to no words of its own.
    sessionId: input.judgement.sessionId ?? run.sessionId,
    cliVersion: input.judgement.cliVersion,
    usage: { ...input.judgement.usage, costUsd: cost.runUsd },
  };
  const session: TaskSession | null =
    verdict === 'success' && isAuthor(job.agent) && run.account !== null && sessionId !== null
      ? { id: sessionId, account: run.account, costMicroUsd: cost.sessionMicroUsd }
      : null;
  const learned = { ...provenBy(task, input, verdict), ...(session === null ? {} : { session }) };
  const step =
    task === null
      ? null
      : taskStep(
          state,
          { ...task, ...learned },
          input,
          { verdict, status: after.status, reason, asks, failures },
          now,
        );
  const account =
    state.account === null || run.account === null || !input.ran
      ? undefined
      : accountAfterRun(
          state.account,
          {
            startedAt: run.startedAt,
            judgement: input.judgement,
            fingerprint: input.credentialFingerprint,
            unproven,
            ...(input.endFingerprint === undefined ? {} : { endFingerprint: input.endFingerprint }),
          },
          input.breaker,
          now,
        );
  const holdEnded =
    state.account?.hold != null && account?.hold === null ? [resolved(job, `account:${run.account}`)] : [];
  const taskChange: TaskChange | undefined =
    task === null
      ? undefined
      : {
          ...step?.task,
          ...learned,
          ...(input.head === null ? {} : { head: input.head }),
          ...checkedAt(task, input),
          ...(input.pr === null ? {} : { pr: input.pr }),
          addCostMicroUsd: cost.runUsd === null ? 0 : Math.round(cost.runUsd * 1e6),
        };
  return {
    job: jobChange,
    run: runChange,
    ...(taskChange === undefined ? {} : { task: taskChange }),
    ...(account === undefined ? {} : { account }),
    ...(verdict === 'success' ? { proofs: proofsOf(ofCli, now) } : {}),
    ...(after.status === 'failed' ? { project: 'failed' as const } : {}),
    ...(after.status === 'done' ? { project: 'succeeded' as const } : {}),
    newJobs: step?.newJobs ?? [],
    outbox: [
      ...announce({
        job,
        run,
        task,
        // A question is told by itself.
        verdict: asks === null ? verdict : 'success',
        reason,
        sameEachTime: spends && isSame(failures),
        status: after.status,
        moved:
          verdict === 'success' && (input.outcome?.kind === 'advance' || input.outcome?.kind === 'send_back'),
        usage: runChange.usage,
        usageComments: input.project?.usageComments ?? 'off',
        unknownShape: input.judgement.unknownShape,
        shapeLog: input.shapeLog ?? null,
        unproven: isHeld ? unproven.detail : null,
      }),
      ...holdEnded,
      ...(step?.outbox ?? []),
      ...reviewTold(state, input, verdict),
    ],
  };
}

/** The yes holds for the same change on a newer base. */
function carried({ context }: Job, { carriedTo }: SettleInput): Partial<JobContext> {
  if (carriedTo == null) return {};
  return { approvedHead: carriedTo, carriedFrom: context.carriedFrom ?? context.approvedHead };
}

/** A review of a head goes to the pull request as well. */
function reviewTold({ job, task }: SettleState, input: SettleInput, verdict: Verdict): NewOutboxRow[] {
  const { outcome, project } = input;
  const head = input.head ?? task?.head ?? null;
  if (task === null || head === null || verdict !== 'success' || project?.tellsForge !== true) return [];
  if (outcome?.kind !== 'advance' && outcome?.kind !== 'send_back') return [];
  if (outcome.review === undefined) return [];
  const event = outcome.kind === 'advance' ? 'approve' : 'request_changes';
  return [reviewRow(task, job, head, { event, ...outcome.review })];
}

/** Only a stage that advances leaves its matrix; the task as it is now decides which ticks still count. */
function provenBy(task: Task | null, input: SettleInput, verdict: Verdict) {
  const matrix = input.trace ?? null;
  if (task === null || matrix === null || verdict !== 'success' || input.outcome?.kind !== 'advance')
    return {};
  return traceAfter(task, matrix, input.head ?? task.head);
}

/** Where the checks passed. */
function checkedAt(task: Task, input: SettleInput): Pick<TaskChange, 'checked'> {
  const head = input.head ?? task.head;
  return input.checked != null && head !== null ? { checked: { head, ...input.checked } } : {};
}

/** A person's cancel wins over whatever the run came to; the work itself stays on the branch. */
function finalVerdict(job: Job, input: SettleInput): Verdict {
  if (job.cancelRequested) return 'cancelled';
  if (input.judgement.verdict !== 'success') return input.judgement.verdict;
  return input.outcome?.kind === 'no_evidence' ? input.outcome.verdict : 'success';
}

function refusal(input: SettleInput): string {
  return input.outcome?.kind === 'no_evidence' ? input.outcome.reason : 'cancelled by a person';
}

function resumes(job: Job, verdict: Verdict, sessionId: string | null): boolean {
  if (sessionId === null && job.context.sessionId === null) return false;
  const again = (verdict === 'timeout' || verdict === 'stalled') && job.verdict === verdict;
  return resumesSession(verdict) && !again;
}

/** A resumed session reports the cost of all its runs: only the difference is this run's. */
function runCost(job: Job, judgement: Judgement): { runUsd: number | null; sessionMicroUsd: number } {
  const counted = job.context.resume ? job.context.sessionCostMicroUsd : 0;
  if (judgement.sessionCostUsd === null) return { runUsd: judgement.usage.costUsd, sessionMicroUsd: counted };
  const total = Math.round(judgement.sessionCostUsd * 1e6);
  return { runUsd: Math.max(0, total - counted) / 1e6, sessionMicroUsd: total };
}

interface Ended {
  readonly verdict: Verdict;
  readonly status: string;
  readonly reason: string;
  readonly asks: Question | null;
  readonly failures: readonly string[];
}

function taskStep(
  state: SettleState,
  task: Task,
  input: SettleInput,
  { verdict, status, reason, asks, failures }: Ended,
  now: number,
): Partial<TaskStep> & { task: TaskChange } {
  const { job } = state;
  const head = input.head ?? task.head;
  if (status === 'failed')
    return {
      task: {
        status: 'needs_you',
        reason: { code: failureCode(input), detail: failureDetail(input, reason, failures) },
      },
    };
  if (asks?.awaits !== undefined) return { task: {} };
  if (asks !== null)
    return {
      task: { status: 'needs_you', reason: { code: asks.code, detail: asks.detail } },
      outbox: asked(job, task, asks, input.project?.hears === true),
    };
  if (status === 'cancelled' || verdict !== 'success' || input.outcome === null) return { task: {} };
  const { project, outcome, maxAttempts } = input;
  if (project === null) return stranded(task, job, `${missingRules(task)} is no longer in the configuration`);
  const withHead = { ...task, head };
  switch (outcome.kind) {
    case 'advance': {
      const reviewer = needsConfirmation(outcome, head) ? reviewerOf(project, job.stage) : null;
      const step =
        reviewer === null
          ? advance(withHead, job, project, {
              head,
              maxAttempts,
              now,
              changed: input.changed ?? null,
              ...(outcome.said === undefined ? {} : { said: outcome.said }),
            })
          : confirmNoChange(task, job, project, reviewer, { noChange: outcome.noChange ?? '', maxAttempts });
      return withPullRequest(step, task, job, input);
    }
    case 'send_back': {
      const facts = outcome.facts === undefined ? {} : { facts: outcome.facts };
      const conflict = outcome.conflict === undefined ? {} : { conflict: outcome.conflict };
      const step = sendBack(withHead, job, project, outcome.findings, {
        ...{ head, maxAttempts, ...facts, ...conflict },
      });
      return withPullRequest(step, task, job, input);
    }
    case 'ask':
    case 'wait':
    case 'no_evidence':
      return { task: {} };
  }
}

function refusedTools(denials: readonly string[]): string {
  return denials.length === 0 ? '' : ` (refused tools: ${denials.slice(0, 5).join(', ')})`;
}

/** Tools that were refused explain a run that came to nothing better than its missing evidence does. */
function failureCode(input: SettleInput): string {
  if (input.finalCode !== null) return input.finalCode;
  const isDenied = input.outcome?.kind === 'no_evidence' && input.judgement.denials.length > 0;
  return isDenied ? 'agent.denied' : 'job.failed';
}

function failureDetail(input: SettleInput, reason: string, failures: readonly string[]): string {
  const { denials } = input.judgement;
  const told = [
    `${reason}.`.replace('..', '.'),
    ...(isSame(failures) ? [SAME] : []),
    ...(denials.length > 0 ? [`Refused tools: ${denials.slice(0, 5).join(', ')}.`] : []),
  ];
  return told.join(' ');
}

function isSame(failures: readonly string[]): boolean {
  return failures.length > 1 && new Set(failures).size === 1;
}

function withPullRequest(step: TaskStep, task: Task, job: Job, input: SettleInput): TaskStep {
  if (input.head === null || task.pr !== null) return step;
  return { ...step, outbox: [pullRequestRow(task, job, 'open'), ...step.outbox] };
}
