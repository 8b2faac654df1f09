import { commentRow } from './announce.ts';
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
import { DEPENDENCY, hear, remarkOf, wasSaidLast } from './feed.ts';
import { type Job, jobName, type Task } from './model.ts';
import { stageNamed, waitsForPerson } from './pipeline.ts';
import { approvalReason, emptied, jobForStage, pullRequestRow, statusRow, toTick } from './task.ts';
import { manualTests, testsOf, unticked, withTicks } from './trace.ts';

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
        ...emptied(task, stage),
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
  const account = options.account ?? job.movedFrom;
  const inbox = job.agent === null || task === null ? [] : task.forge.inbox;
  return {
    job: {
      status: 'queued',
      ...(job.status === 'queued' ? {} : { attempts: 0, transientAttempts: 0, lostAttempts: 0 }),
      availableAt: null,
      hold,
      cancelRequested: false,
      finishedAt: null,
      ...(account === null ? {} : { account }),
      context: {
        ...job.context,
        note: options.note ?? job.context.note,
        limitResumed: false,
        failures: [],
        ignoresDependencies: job.context.ignoresDependencies || job.hold === DEPENDENCY,
        awaits: null,
        findings: [...job.context.findings, ...inbox],
      },
    },
    ...withInbox(
      hold === null ? active : hold === job.hold ? {} : asksAgain(task, job, hold, c),
      inbox.length === 0 ? null : task,
    ),
    // What is told of it next is another story.
    ...(job.status === 'failed' ? { outbox: [resolvedRow(job, jobName(job.id), `Retried by ${c.by}`)] } : {}),
  };
}

/**
 * Sends a task back to an earlier stage of its pipeline, as `retry` from there does. Never forward: what lies
 * between would be skipped. Repeated, it changes nothing: the task waits there already.
 */
export function moveBack(
  state: CommandState,
  { stage, note }: { readonly stage: string; readonly note: string | null },
  c: CommandContext,
): Effects {
  const { task, job } = state;
  if (task === null)
    throw new AppError(`${jobName(job.id)} belongs to no task and has no stages`, {
      code: 'usage.no_task',
      hint: `orch retry ${jobName(job.id)}`,
    });
  const { pipeline } = rulesOf(c, task);
  const place = (name: string) => pipeline.findIndex((each) => each.stage === name);
  if (place(stage) > place(task.stage))
    throw new AppError(`${stage} is not before ${task.stage}, where ${task.key} is`, {
      code: 'stage.not_earlier',
      hint: `one of ${pipeline
        .slice(0, place(task.stage) + 1)
        .map((each) => each.stage)
        .join(', ')}`,
    });
  const isThere = job.stage === stage && job.status === 'queued' && state.superseded !== true;
  return isThere && note === null ? {} : retry(state, { note, fromStage: stage, account: null }, c);
}

/** What people asked for meanwhile is with the job now. */
function withInbox(effects: Effects, task: Task | null): Effects {
  if (task === null) return effects;
  return { task: { ...effects.task, forge: { ...task.forge, inbox: [] } } };
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
  // What starts without an agent may be a person's to decide, so it has to be known what it is.
  const stage = task === null || job.agent !== null ? stageOf(c, job) : knownStageOf(c, task, job);
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
  const settled = waitedFor(task, job).map((incident) => resolvedRow(job, incident, `Cancelled by ${c.by}`));
  if (whole) {
    if (task.status === 'done') throw new AppError(`${task.key} is done`, { code: 'task.ended' });
    if (task.status === 'cancelled') return {};
    return {
      ...jobChange,
      task: { status: 'cancelled', reason: null },
      outbox: [
        statusRow(task, `${jobName(job.id)}:cancelled:${c.now}`, 'cancelled', task.stage),
        resolvedRow(job, jobName(job.id), `Cancelled by ${c.by}`),
        ...settled,
        ...(task.pr === null
          ? []
          : [
              {
                ...pullRequestRow(task, job, 'ready'),
                key: `pr:${task.key}:close:${jobName(job.id)}`,
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
  if (job.hold === 'budget.reached') return [`budget:${task.key}`];
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
  if (text.trim() === '')
    throw new AppError('the answer is empty', {
      code: 'usage.answer',
      hint: `orch answer ${task?.key ?? jobName(job.id)} TEXT`,
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
    outbox:
      task === null
        ? []
        : [
            resolvedRow(job, `question:${task.key}`, `Answered by ${c.by}`),
            commentRow(
              task,
              `answer:${task.key}:${jobName(job.id)}:${job.fence}`,
              `${c.by} answers: ${text}`,
            ),
          ],
  };
}

/**
 * A person says something about a task, here and not on its item: the answer where its agent waits for one, else for
 * whoever works on it next; see `hear`. It is written on the item too. The same words as the last ones that were
 * said, by the same person, change nothing.
 */
export function comment(state: CommandState, text: string, c: CommandContext): Effects {
  const { task, job } = state;
  if (task === null)
    throw new AppError(`${jobName(job.id)} belongs to no task`, {
      code: 'usage.no_task',
      hint: 'orch comment KEY TEXT: name a task',
    });
  if (text.trim() === '')
    throw new AppError('the comment is empty', {
      code: 'usage.comment',
      hint: `orch comment ${task.key} TEXT`,
    });
  if (state.superseded === true)
    throw new AppError(`${task.key} has gone on since ${jobName(job.id)}`, {
      code: 'job.superseded',
      hint: `orch comment ${task.key} TEXT`,
    });
  if (task.status === 'done' || task.status === 'cancelled')
    throw new AppError(`${task.key} is ${task.status}: nobody would read it`, {
      code: 'task.over',
      hint: `orch retry ${task.key} --note TEXT`,
    });
  if (job.hold === 'question.pending') return answer(state, text, c);
  const remark = remarkOf(c.by, text.trim());
  if (wasSaidLast(task.thread, remark)) return {};
  return {
    ...hear({ task, job }, remark),
    outbox: [commentRow(task, `said:${task.key}:${c.now}:${c.by}`, `${remark.by}: ${remark.text}`)],
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
      ...(starts ? [resolvedRow(job, `approval:${task.key}:${job.stage}`, `Ticked by ${c.by}`)] : []),
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
