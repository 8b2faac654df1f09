import type { Changed } from './brief.ts';
import {
  type CommandContext,
  type CommandState,
  knownStageOf,
  resolvedRow,
  rulesOf,
  stageOf,
} from './command.ts';
import type { Effects } from './effects.ts';
import { AppError } from './errors.ts';
import { EMPTY_CONTEXT, type Finding, type Job, jobName, type Task } from './model.ts';
import { sendBackTarget } from './pipeline.ts';
import { advance, approvalReason, jobForStage, sendBack, tickCommand, toTick } from './task.ts';

/** How large a change is and what its checks said, as every message that asks for an approval has it; empty when nothing is known. */
export function sizeLine({ head, checked }: Task, stat: Changed | null): string {
  const at = checked === null || checked.head === head ? '' : ` at ${checked.head.slice(0, 7)}`;
  return [
    ...(stat === null
      ? []
      : [`${stat.files} ${stat.files === 1 ? 'file' : 'files'} +${stat.added} −${stat.deleted}`]),
    ...(checked === null || checked.total === 0 ? [] : [`checks ${checked.green}/${checked.total}${at}`]),
  ].join(' · ');
}

/** A yes, bound to a commit where one is named: lets a held stage start, or a stopped loop go on. */
export function approve({ task, job }: CommandState, commit: string | null, c: CommandContext): Effects {
  if (task !== null && loopStopped(task)) return acceptAsItIs(task, job, commit, c);
  const waiting = awaitingApproval(task, job);
  checkReviewer(waiting, job, c);
  checkCommit(waiting, commit);
  const stage = knownStageOf(c, waiting, job);
  const open = toTick(waiting, stage);
  if (open.length > 0)
    throw new AppError(`${waiting.key} has manual tests that nobody has ticked: ${open.join(', ')}`, {
      code: 'approval.unticked',
      hint: `look, then ${tickCommand(waiting, open)}`,
    });
  const resolved = resolvedRow(job, `approval:${waiting.key}:${job.stage}`, `Approved by ${c.by}`);
  if (stage.kind === 'human') {
    const step = advance(waiting, job, rulesOf(c, waiting), {
      head: waiting.head,
      maxAttempts: c.maxAttempts,
      now: c.now,
      changed: c.changed?.head === waiting.head ? c.changed.paths : null,
    });
    return {
      job: {
        status: 'done',
        hold: null,
        finishedAt: c.now,
        error: null,
        context: approvedContext(job, waiting, c.by),
      },
      task: step.task,
      newJobs: step.newJobs,
      outbox: [resolved, ...step.outbox],
    };
  }
  return {
    job: { hold: null, context: approvedContext(job, waiting, c.by) },
    task: { status: 'active', reason: null },
    outbox: [resolved],
  };
}

/** A loop of findings that asked a person: approving it goes on in spite of them. */
function loopStopped(task: Task): boolean {
  return task.status === 'needs_you' && /^rounds\.(?:spent|stuck)$/.test(task.reason?.code ?? '');
}

function acceptAsItIs(task: Task, job: Job, commit: string | null, c: CommandContext): Effects {
  checkCommit(task, commit);
  const { head } = task;
  const stage = stageOf(c, job);
  // A merge is never passed over: it is tried anew, with this yes.
  if (stage?.kind === 'deploy') {
    const context = { approvedHead: head, approvedBy: c.by };
    const next = jobForStage(task, stage, rulesOf(c, task), {
      ...{ maxAttempts: c.maxAttempts, rework: true, context },
    });
    const hold = toTick(task, stage).length > 0 ? next.hold : null;
    return {
      task: {
        status: hold === null ? 'active' : 'needs_you',
        reason: hold === null ? null : approvalReason(task, stage),
        rounds: {},
        loops: {},
      },
      newJobs: [{ ...next, hold }],
      outbox: [resolvedRow(job, jobName(job.id))],
    };
  }
  const step = advance(task, job, rulesOf(c, task), {
    head,
    maxAttempts: c.maxAttempts,
    now: c.now,
    changed: c.changed?.head === task.head ? c.changed.paths : null,
  });
  return {
    ...step,
    outbox: [resolvedRow(job, jobName(job.id), `Accepted by ${c.by}`), ...step.outbox],
  };
}

function checkCommit(task: Task, commit: string | null): void {
  if (commit === null || (task.head ?? '').startsWith(commit)) return;
  throw new AppError(`${task.key} moved: its head is ${task.head?.slice(0, 7) ?? 'none'}, not ${commit}`, {
    code: 'approval.stale',
    hint: `orch task show ${task.key}`,
  });
}

/** Where a stage names its reviewers, only they decide. */
function checkReviewer(task: Task, job: Job, c: CommandContext): void {
  const reviewers = stageOf(c, job)?.reviewers ?? [];
  if (reviewers.length === 0 || [c.by, ...(c.names ?? [])].some((name) => reviewers.includes(name))) return;
  throw new AppError(`${c.by} is not among the reviewers of ${job.stage}`, {
    code: 'approval.not_reviewer',
    hint: `${reviewers.join(' or ')} may decide on ${task.key}`,
  });
}

/** A no, with its reason as a finding for the stage that can act on it. */
export function reject({ task, job }: CommandState, reason: string, c: CommandContext): Effects {
  const waiting = awaitingApproval(task, job);
  checkReviewer(waiting, job, c);
  if (reason.trim() === '')
    throw new AppError('a rejection needs a reason: it goes to the agent', {
      code: 'usage.reason_missing',
      hint: `orch reject ${waiting.key} --reason "..."`,
    });
  const finding: Finding = {
    severity: 'person',
    file: null,
    line: null,
    title: reason,
    detail: `Rejected by ${c.by}.`,
  };
  const project = rulesOf(c, waiting);
  if (sendBackTarget(project.pipeline, job.stage ?? '') === null)
    throw new AppError(`no earlier stage can act on a rejection of ${job.stage}`, {
      code: 'approval.no_target',
      hint: `orch cancel ${waiting.key}`,
    });
  const step = sendBack({ ...waiting, rounds: {} }, job, project, [finding], {
    head: waiting.head,
    maxAttempts: c.maxAttempts,
  });
  return {
    job: { status: 'done', hold: null, finishedAt: c.now, error: null },
    task: { ...step.task, rounds: waiting.rounds },
    newJobs: step.newJobs,
    outbox: [
      resolvedRow(job, `approval:${waiting.key}:${job.stage}`, `Rejected by ${c.by}: ${reason}`),
      ...step.outbox,
    ],
  };
}

function awaitingApproval(task: Task | null, job: Job): Task {
  if (task !== null && job.status === 'queued' && job.hold === 'approval.pending') return task;
  const name = task?.key ?? jobName(job.id);
  throw new AppError(`${name} does not wait for an approval`, {
    code: 'approval.none',
    hint: `orch why ${name}`,
  });
}

function approvedContext(job: Job, task: Task, by: string) {
  return { ...EMPTY_CONTEXT, ...job.context, approvedHead: task.head, approvedBy: by, carriedFrom: null };
}
