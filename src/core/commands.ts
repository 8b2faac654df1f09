import type { Effects } from './effects.ts';
import { AppError } from './errors.ts';
import { EMPTY_CONTEXT, type Finding, type Job, jobName, type Task } from './model.ts';
import { sendBackTarget, stageNamed, waitsForPerson } from './pipeline.ts';
import {
  advance,
  approvalReason,
  jobForStage,
  missingRules,
  type ProjectRules,
  pullRequestRow,
  sendBack,
  statusRow,
  tickCommand,
  toTick,
} from './task.ts';
import { manualTests, testsOf, unticked, withTicks } from './trace.ts';

/**
 * What people may do to a task or job. Each decider is pure, checks that the command fits the state,
 * and throws an `AppError` with the fix when it does not. Repeating a command that already holds
 * changes nothing.
 */
export interface CommandState {
  readonly task: Task | null;
  /** The job meant, or the task's latest job. */
  readonly job: Job;
  /** True when the task has a newer job than this one. */
  readonly superseded?: boolean;
}

export interface CommandContext {
  /** The rules of the task's pipeline. */
  readonly project: ProjectRules | null;
  /** Files the task changed at a head, where a later stage asks for them; another head means not measured. */
  readonly changed?: { readonly head: string; readonly paths: readonly string[] } | null;
  readonly maxAttempts: number;
  readonly by: string;
  readonly now: number;
}

export function approve({ task, job }: CommandState, commit: string | null, c: CommandContext): Effects {
  if (task !== null && loopStopped(task)) return acceptAsItIs(task, job, commit, c);
  const waiting = awaitingApproval(task, job);
  checkReviewer(waiting, job, c);
  checkCommit(waiting, commit);
  const stage = stageOf(c, job);
  const open = stage === null ? [] : toTick(waiting, stage);
  if (open.length > 0)
    throw new AppError(`${waiting.key} has manual tests that nobody has ticked: ${open.join(', ')}`, {
      code: 'approval.unticked',
      hint: `look, then ${tickCommand(waiting, open)}`,
    });
  const resolved = resolvedRow(job, `approval:${waiting.key}:${job.stage}`);
  if (stage?.kind === 'human') {
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
  const step = advance(task, job, rulesOf(c, task), {
    head,
    maxAttempts: c.maxAttempts,
    now: c.now,
    changed: c.changed?.head === task.head ? c.changed.paths : null,
  });
  return { ...step, outbox: [resolvedRow(job, jobName(job.id)), ...step.outbox] };
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
  if (reviewers.length === 0 || reviewers.includes(c.by)) return;
  throw new AppError(`${c.by} is not among the reviewers of ${job.stage}`, {
    code: 'approval.not_reviewer',
    hint: `${reviewers.join(' or ')} may decide on ${task.key}`,
  });
}

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
    outbox: [resolvedRow(job, `approval:${waiting.key}:${job.stage}`), ...step.outbox],
  };
}

export interface RetryOptions {
  readonly note: string | null;
  readonly fromStage: string | null;
  readonly account: string | null;
}

/** A failed or cancelled job gets its budgets back; a waiting one stops waiting for its backoff. */
export function retry(
  { task, job, superseded = false }: CommandState,
  options: RetryOptions,
  c: CommandContext,
): Effects {
  if (task !== null && superseded)
    throw new AppError(`${task.key} has gone on since ${jobName(job.id)}`, {
      code: 'job.superseded',
      hint: `orch retry ${task.key}, with --from-stage ${job.stage} to go back`,
    });
  if (job.status === 'running')
    throw new AppError(`${jobName(job.id)} is running`, {
      code: 'job.running',
      hint: `orch cancel ${jobName(job.id)} first, or wait`,
    });
  if (
    task !== null &&
    (task.status === 'done' || task.status === 'cancelled') &&
    options.fromStage === null &&
    job.status === 'done'
  )
    throw new AppError(`${task.key} is ${task.status}`, {
      code: 'task.ended',
      hint: `orch retry ${task.key} --from-stage STAGE`,
    });
  const active = task === null ? {} : { task: { status: 'active' as const, reason: null } };
  if (options.fromStage !== null && task !== null) {
    const project = rulesOf(c, task);
    const stage = stageNamed(project.pipeline, options.fromStage);
    if (stage === null)
      throw new AppError(
        `no stage ${options.fromStage} in the pipeline ${task.pipeline} of ${task.project}`,
        {
          code: 'usage.unknown_stage',
          hint: `one of ${project.pipeline.map((s) => s.stage).join(', ')}`,
        },
      );
    const next = jobForStage(task, stage, project, {
      maxAttempts: c.maxAttempts,
      rework: true,
      context: { roundHead: task.head, note: options.note },
    });
    return {
      ...(job.status === 'queued' ? { job: { status: 'cancelled', hold: null, finishedAt: c.now } } : {}),
      task: {
        stage: stage.stage,
        status: next.hold === null ? 'active' : 'needs_you',
        reason: next.hold === null ? null : approvalReason(task, stage),
        // A person has looked: the rounds begin anew.
        rounds: {},
        loops: {},
      },
      newJobs: [options.account === null ? next : { ...next, account: options.account }],
    };
  }
  if (job.status === 'done')
    throw new AppError(`${jobName(job.id)} is done`, {
      code: 'job.done',
      hint: 'orch retry KEY --from-stage STAGE',
    });
  const hold = holdAfterRetry(task, job, c);
  return {
    job: {
      status: 'queued',
      ...(job.status === 'queued' ? {} : { attempts: 0, transientAttempts: 0, lostAttempts: 0 }),
      availableAt: null,
      hold,
      cancelRequested: false,
      finishedAt: null,
      ...(options.account === null ? {} : { account: options.account }),
      context: {
        ...job.context,
        note: options.note ?? job.context.note,
        limitResumed: false,
        failures: [],
      },
    },
    ...(hold === null ? active : hold === job.hold ? {} : asksAgain(task, job, hold, c)),
  };
}

function asksAgain(task: Task | null, job: Job, hold: string, c: CommandContext): Effects {
  const stage = stageOf(c, job);
  const reason =
    task === null || stage === null
      ? { code: hold, detail: `${job.stage} waits for approval` }
      : approvalReason(task, stage);
  return { task: { status: 'needs_you', reason } };
}

/** A stage that waits for a person asks again, unless this very head was approved. */
function holdAfterRetry(task: Task | null, job: Job, c: CommandContext): string | null {
  const stage = stageOf(c, job);
  if (task === null || stage === null) return null;
  if (toTick(task, stage).length > 0) return 'approval.pending';
  if (!waitsForPerson(stage)) return null;
  return task.head !== null && job.context.approvedHead === task.head ? null : 'approval.pending';
}

/** Cancelling a task ends its job and keeps branch and worktree; cancelling a job asks a person. */
export function cancel({ task, job }: CommandState, whole: boolean, c: CommandContext): Effects {
  const running = job.status === 'running';
  const over = job.status === 'done' || job.status === 'failed' || job.status === 'cancelled';
  const jobChange = over
    ? {}
    : {
        job: running
          ? { cancelRequested: true }
          : { status: 'cancelled' as const, hold: null, finishedAt: c.now, verdict: 'cancelled' as const },
      };
  if (task === null) return jobChange;
  const settled = waitedFor(task, job).map((incident) => resolvedRow(job, incident));
  if (whole) {
    if (task.status === 'done') throw new AppError(`${task.key} is done`, { code: 'task.ended' });
    if (task.status === 'cancelled') return {};
    return {
      ...jobChange,
      task: { status: 'cancelled', reason: null },
      outbox: [
        statusRow(task, `${jobName(job.id)}:cancelled:${c.now}`, 'cancelled', task.stage),
        resolvedRow(job, jobName(job.id)),
        ...settled,
        ...(task.pr === null
          ? []
          : [
              {
                ...pullRequestRow(task, job, 'close'),
                message: {
                  kind: 'forge.comment' as const,
                  project: task.project,
                  taskId: task.id,
                  body: `Cancelled by ${c.by}. The branch is kept.`,
                },
              },
            ]),
      ],
    };
  }
  if (over) return {};
  return {
    ...jobChange,
    outbox: settled,
    task: {
      status: 'needs_you',
      reason: { code: 'job.cancelled', detail: `${job.stage} was cancelled by ${c.by}` },
    },
  };
}

/** The incidents that told people what this job waits for. */
function waitedFor(task: Task, job: Job): string[] {
  if (job.hold === 'approval.pending') return [`approval:${task.key}:${job.stage}`];
  return job.hold === 'question.pending' ? [`question:${task.key}`] : [];
}

const MAX_ANSWERED = 50;

/** The first answer resumes the session that asked. */
export function answer({ task, job }: CommandState, text: string, c: CommandContext): Effects {
  if (job.hold !== 'question.pending')
    throw new AppError(`${task?.key ?? jobName(job.id)} asks nothing`, {
      code: 'question.none',
      hint: `orch why ${task?.key ?? jobName(job.id)}`,
    });
  return {
    job: {
      hold: null,
      context: {
        ...job.context,
        note: `Answer by ${c.by}: ${text}`,
        limitResumed: false,
        answered: [...job.context.answered, task?.reason?.detail ?? ''].slice(-MAX_ANSWERED),
      },
    },
    task: { status: 'active', reason: null },
    outbox: task === null ? [] : [resolvedRow(job, `question:${task.key}`)],
  };
}

/**
 * A person has looked at manual tests. A deploy that needs no approval starts with the last of them; any other
 * still waits for its approval. Ticking one again changes nothing.
 */
export function tick({ task, job }: CommandState, tests: readonly string[], c: CommandContext): Effects {
  if (task === null)
    throw new AppError(`${jobName(job.id)} belongs to no task`, {
      code: 'usage.no_task',
      hint: 'orch tick KEY TC-1: name a task',
    });
  const manual = manualTests(task.trace);
  const unknown = tests.find((id) => !manual.includes(id));
  if (task.trace === null || unknown !== undefined) throw notManual(task, unknown ?? '', manual);
  const added = [...new Set(tests)].filter((id) => !task.ticked.includes(id));
  if (added.length === 0) return {};
  const ticked = [...task.ticked, ...added];
  const trace = withTicks(task.trace, ticked);
  const stage = stageOf(c, job);
  const held = stage?.kind === 'deploy' && job.status === 'queued' && job.hold === 'approval.pending';
  const starts = held && !waitsForPerson(stage) && unticked(trace).length === 0;
  const reason = held ? approvalReason({ ...task, trace }, stage) : task.reason;
  return {
    ...(starts ? { job: { hold: null } } : {}),
    task: { ticked, trace, ...(starts ? { status: 'active', reason: null } : { reason }) },
    outbox: [
      ...(starts ? [resolvedRow(job, `approval:${task.key}:${job.stage}`)] : []),
      ...(task.pr?.state === 'open'
        ? [
            {
              ...pullRequestRow(task, job, 'ready'),
              key: `pr:${task.key}:ticked:${added.join(',')}:${c.now}`,
            },
          ]
        : []),
    ],
  };
}

function notManual(task: Task, id: string, manual: readonly string[]): AppError {
  const other = testsOf(task.trace).some((test) => test.id === id);
  const what = other
    ? `${id} of ${task.key} is not manual: Orch proves it itself`
    : `${task.key} has no test ${id}`;
  return new AppError(what, {
    code: 'usage.unknown_test',
    hint:
      manual.length === 0
        ? `${task.key} has no manual tests${task.trace === null ? ' yet' : ''}: orch task show ${task.key}`
        : `its manual tests are ${manual.join(', ')}`,
  });
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
  return { ...EMPTY_CONTEXT, ...job.context, approvedHead: task.head, approvedBy: by };
}

function stageOf(c: CommandContext, job: Job) {
  return c.project === null || job.stage === null ? null : stageNamed(c.project.pipeline, job.stage);
}

function rulesOf(c: CommandContext, task: Task): ProjectRules {
  if (c.project !== null) return c.project;
  throw new AppError(`${missingRules(task)} is not in the configuration`, {
    code: 'project.unknown',
    hint: `put it back into orch.yaml, or orch cancel ${task.key}`,
  });
}

function resolvedRow(job: Job, incident: string) {
  return {
    destination: 'notify',
    key: `resolved:${incident}:${jobName(job.id)}:${job.fence}`,
    orderKey: `notify:${incident}`,
    availableAt: null,
    message: { kind: 'notify.resolved' as const, incident },
  };
}
