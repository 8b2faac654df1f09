import { accountAfterRun } from './account.ts';
import type { BreakerRule } from './breaker.ts';
import type { Effects, JobChange, NewOutboxRow, RunChange, TaskChange } from './effects.ts';
import type { StageOutcome } from './evidence.ts';
import type { Judgement, ProcessEnd, Verdict } from './failure.ts';
import { type Budgets, jobAfter, resumesSession } from './job.ts';
import {
  type AccountState,
  type Job,
  jobName,
  type PullRequest,
  type Run,
  runName,
  type Task,
} from './model.ts';
import {
  advance,
  missingRules,
  type ProjectRules,
  pullRequestRow,
  sendBack,
  stranded,
  type TaskStep,
} from './task.ts';
import { usageLine } from './usage-line.ts';

/** The rows a settle decides on, read inside the settling transaction. */
export interface SettleState {
  readonly job: Job;
  readonly run: Run;
  readonly task: Task | null;
  readonly account: AccountState | null;
}

/** What the attempt came to, as the engine saw it. */
export interface SettleInput {
  readonly judgement: Judgement;
  readonly end: ProcessEnd;
  /** Evidence for a task's stage; null for a job without a task, or when the run was not ok. */
  readonly outcome: StageOutcome | null;
  /** Head of the task branch after the work was taken; null = unchanged or unknown. */
  readonly head: string | null;
  /** Set by a deploy stage that merged. */
  readonly pr: PullRequest | null;
  /** Reason code of a failure that only a person can mend: no further attempt; null = the usual budgets. */
  readonly finalCode: string | null;
  /** False when no agent process was started: then nothing was learned about the account. */
  readonly ran: boolean;
  readonly credentialFingerprint: string | null;
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

/** Turns the end of an attempt into everything that follows from it. Pure; applied once, fenced. */
export function decideSettle(state: SettleState, input: SettleInput, now: number): Effects {
  const { job, run, task } = state;
  const verdict = finalVerdict(job, input);
  const reason = verdict === input.judgement.verdict ? input.judgement.reason : refusal(input);
  const asks = verdict === 'success' && input.outcome?.kind === 'ask' ? input.outcome : null;
  const after = jobAfter(
    job,
    {
      verdict: asks === null ? verdict : 'cancelled',
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
  const jobChange: JobChange = {
    ...after,
    error: asks === null ? after.error : null,
    verdict,
    hold: asks?.code ?? null,
    cancelRequested: false,
    finishedAt: after.status === 'queued' ? null : now,
    context: {
      ...job.context,
      lastFailure: verdict === 'success' ? job.context.lastFailure : reason,
      sessionId: input.judgement.sessionId ?? job.context.sessionId,
      resume: asks !== null || resumes(job, verdict, input.judgement.sessionId),
      sessionCostMicroUsd: cost.sessionMicroUsd,
    },
  };
  const runChange: RunChange = {
    exitCode: input.end.exitCode,
    signal: input.end.signal,
    resultOk: input.judgement.resultOk,
    verdict,
    reason,
    rule: input.judgement.rule,
    sessionId: input.judgement.sessionId,
    cliVersion: input.judgement.cliVersion,
    usage: { ...input.judgement.usage, costUsd: cost.runUsd },
  };
  const step = task === null ? null : taskStep(state, task, input, verdict, after.status, reason, now);
  const account =
    state.account === null || run.account === null || !input.ran
      ? undefined
      : accountAfterRun(
          state.account,
          { startedAt: run.startedAt, judgement: input.judgement, fingerprint: input.credentialFingerprint },
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
          ...(input.head === null ? {} : { head: input.head }),
          ...(input.pr === null ? {} : { pr: input.pr }),
          addCostMicroUsd: cost.runUsd === null ? 0 : Math.round(cost.runUsd * 1e6),
        };
  return {
    job: jobChange,
    run: runChange,
    ...(taskChange === undefined ? {} : { task: taskChange }),
    ...(account === undefined ? {} : { account }),
    ...(after.status === 'failed' ? { project: 'failed' as const } : {}),
    ...(after.status === 'done' ? { project: 'succeeded' as const } : {}),
    newJobs: step?.newJobs ?? [],
    outbox: [...messages(state, input, verdict, reason, after.status), ...holdEnded, ...(step?.outbox ?? [])],
  };
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

function taskStep(
  state: SettleState,
  task: Task,
  input: SettleInput,
  verdict: Verdict,
  status: string,
  reason: string,
  now: number,
): Partial<TaskStep> & { task: TaskChange } {
  const { job } = state;
  const head = input.head ?? task.head;
  if (status === 'failed')
    return {
      task: {
        status: 'needs_you',
        reason: { code: input.finalCode ?? 'job.failed', detail: failureDetail(job, reason) },
      },
    };
  if (status === 'cancelled') return { task: {} };
  if (verdict !== 'success' || input.outcome === null) return { task: {} };
  const project = input.project;
  const { outcome } = input;
  if (outcome.kind === 'ask')
    return {
      task: { status: 'needs_you', reason: { code: outcome.code, detail: outcome.detail } },
      outbox: [incident(job, `question:${task.key}`, `${task.key} asks`, outcome.detail, true)],
    };
  if (project === null) return stranded(task, job, `${missingRules(task)} is no longer in the configuration`);
  switch (outcome.kind) {
    case 'advance':
      return withPullRequest(
        advance(task, job, project, {
          head,
          maxAttempts: input.maxAttempts,
          now,
          changed: input.changed ?? null,
        }),
        task,
        job,
        input,
      );
    case 'send_back':
      return withPullRequest(
        sendBack(task, job, project, outcome.findings, { head, maxAttempts: input.maxAttempts }),
        task,
        job,
        input,
      );
    case 'no_evidence':
      return { task: {} };
  }
}

function failureDetail(job: Job, reason: string): string {
  const same = job.error === reason && job.attempts > 1 ? ' Same error each time.' : '';
  return `${reason}.${same}`.replace('..', '.');
}

function withPullRequest(step: TaskStep, task: Task, job: Job, input: SettleInput): TaskStep {
  if (input.head === null || task.pr !== null) return step;
  return { ...step, outbox: [pullRequestRow(task, job, 'open'), ...step.outbox] };
}

function messages(
  state: SettleState,
  input: SettleInput,
  verdict: Verdict,
  reason: string,
  status: string,
): NewOutboxRow[] {
  const { job, run, task } = state;
  const name = task === null ? jobName(job.id) : `${task.key} ${job.stage ?? ''}`.trim();
  switch (verdict) {
    case 'success': {
      const rows: NewOutboxRow[] = [];
      if (job.error !== null) rows.push(resolved(job, jobName(job.id)));
      const moved = input.outcome?.kind === 'advance' || input.outcome?.kind === 'send_back';
      if (task !== null && run.agent !== null && moved) rows.push(...usageComment(task, job, run, input));
      return rows;
    }
    case 'cancelled':
      return [];
    case 'auth':
    case 'usage_limit': {
      const title =
        verdict === 'auth' ? `Account ${run.account} is signed out` : `Usage limit on ${run.account}`;
      return [
        incident(
          job,
          `account:${run.account}`,
          title,
          `${reason}\nNothing is spent while its jobs wait.`,
          verdict === 'auth',
        ),
      ];
    }
    case 'no_change':
    case 'permanent':
    case 'timeout':
    case 'stalled':
    case 'transient':
    case 'lost': {
      const title = status === 'failed' ? `${name} failed` : `${name}: attempt failed, will retry`;
      const times =
        verdict === 'transient'
          ? `transient failure ${job.transientAttempts + 1}`
          : `attempt ${job.attempts} of ${job.maxAttempts}`;
      return [incident(job, jobName(job.id), title, `${reason}\n${verdict}, ${times}`, status === 'failed')];
    }
  }
}

function usageComment(task: Task, job: Job, run: Run, input: SettleInput): NewOutboxRow[] {
  const where = input.project?.usageComments ?? 'off';
  if (where === 'off') return [];
  const body = usageLine(job.stage ?? 'job', run, {
    ...input.judgement.usage,
    costUsd: runCost(job, input.judgement).runUsd,
  });
  const key = `usage:${runName(run.id)}`;
  if (where === 'pr')
    return [
      {
        destination: `forge:${task.project}`,
        key,
        orderKey: `pr:${task.project}:${task.key}`,
        availableAt: null,
        message: { kind: 'forge.comment', project: task.project, taskId: task.id, body },
      },
    ];
  return [
    {
      destination: `tracker:${task.project}`,
      key,
      orderKey: `item:${task.project}:${task.workItemId}`,
      availableAt: null,
      message: { kind: 'tracker.comment', project: task.project, workItemId: task.workItemId, body },
    },
  ];
}

function incident(job: Job, key: string, title: string, detail: string, urgent: boolean): NewOutboxRow {
  return {
    destination: 'notify',
    key: `notify:${key}:${jobName(job.id)}:${job.fence}`,
    orderKey: `notify:${key}`,
    availableAt: null,
    message: { kind: 'notify.incident', incident: key, title, detail, urgent },
  };
}

function resolved(job: Job, key: string): NewOutboxRow {
  return {
    destination: 'notify',
    key: `resolved:${key}:${jobName(job.id)}:${job.fence}`,
    orderKey: `notify:${key}`,
    availableAt: null,
    message: { kind: 'notify.resolved', incident: key },
  };
}
