import type { NewJob, NewOutboxRow, TaskChange } from './effects.ts';
import { EMPTY_CONTEXT, type Finding, type Job, type JobContext, jobName, type Task } from './model.ts';
import { type Stage, sendBackTarget, stageAfter, stageNamed, waitsForPerson } from './pipeline.ts';
import { FULL } from './pipeline-choice.ts';

/** A project as the rules need it; configuration objects fit structurally. */
export interface ProjectRules {
  readonly key: string;
  readonly repo: string;
  /** The first account is used unless a stage names its own. */
  readonly accounts: readonly string[];
  readonly pipeline: readonly Stage[];
  readonly usageComments: 'tracker' | 'pr' | 'off';
}

/** What a move of a task writes: the task's change, the next job if any, and what to tell the world. */
export interface TaskStep {
  readonly task: TaskChange;
  readonly newJobs: readonly NewJob[];
  readonly outbox: readonly NewOutboxRow[];
}

export function accountFor(stage: Stage, project: ProjectRules): string | null {
  if (stage.kind !== 'agent') return null;
  return stage.account ?? project.accounts[0] ?? null;
}

/** The job that does a stage. A stage that waits for a person starts held, so it never takes a slot. */
export function jobForStage(
  task: Task,
  stage: Stage,
  project: ProjectRules,
  options: { maxAttempts: number; rework: boolean; context: Partial<JobContext> },
): NewJob {
  return {
    taskId: task.id,
    project: task.project,
    repo: task.repo,
    branch: task.branch,
    stage: stage.stage,
    agent: stage.agent,
    account: accountFor(stage, project),
    maxAttempts: options.maxAttempts,
    priority: task.priority,
    rework: options.rework,
    hold: waitsForPerson(stage) ? 'approval.pending' : null,
    context: { ...EMPTY_CONTEXT, ...options.context },
  };
}

/** The stage is done and proven: on to the next one that applies, or the task is done. */
export function advance(
  task: Task,
  job: Job,
  project: ProjectRules,
  after: { head: string | null; maxAttempts: number; now: number; changed?: readonly string[] | null },
): TaskStep {
  if (job.stage !== null && stageNamed(project.pipeline, job.stage) === null)
    return stranded(task, job, `stage ${job.stage} is no longer in the pipeline of ${task.project}`);
  const facts = { labels: task.labels, changed: after.head === null ? [] : (after.changed ?? null) };
  const next = job.stage === null ? null : stageAfter(project.pipeline, job.stage, facts);
  if (next === null || (next.kind === 'deploy' && after.head === null)) return finish(task, job, after.now);
  const approval = waitsForPerson(next);
  const outbox: NewOutboxRow[] = [];
  if (approval) {
    outbox.push(pullRequestRow(task, job, 'ready'), {
      ...notifyRow(job, task, `approval:${task.key}:${next.stage}`),
      message: {
        kind: 'notify.incident',
        incident: `approval:${task.key}:${next.stage}`,
        title: `Approve ${next.stage}? ${task.key}`,
        detail: `${task.title}\ncommit ${after.head?.slice(0, 7) ?? 'none'}\norch approve ${task.key}`,
        urgent: true,
      },
    });
  } else if (next.kind === 'deploy') {
    outbox.push(pullRequestRow(task, job, 'ready'));
  }
  return {
    task: {
      stage: next.stage,
      status: approval ? 'needs_you' : 'active',
      reason: approval
        ? { code: 'approval.pending', detail: `${next.stage} of ${task.key} waits for approval` }
        : null,
    },
    newJobs: [
      jobForStage(task, next, project, {
        maxAttempts: after.maxAttempts,
        rework: job.rework,
        context: { roundHead: after.head },
      }),
    ],
    outbox,
  };
}

/** What a task has lost when it has no rules any more. */
export function missingRules(task: Task): string {
  const pipeline = task.pipeline === FULL ? '' : `, or its pipeline ${task.pipeline},`;
  return `project ${task.project}${pipeline}`;
}

/** The work is done, but the configuration no longer says what comes next: a person decides. */
export function stranded(task: Task, job: Job, detail: string): TaskStep {
  return {
    task: { status: 'needs_you', reason: { code: 'gate.failed', detail } },
    newJobs: [],
    outbox: [needsYouRow(task, job, detail)],
  };
}

/** Changes are requested: a new job of the earlier stage with the findings, or a person when the rounds are spent. */
export function sendBack(
  task: Task,
  job: Job,
  project: ProjectRules,
  findings: readonly Finding[],
  after: { head: string | null; maxAttempts: number },
): TaskStep {
  const from = job.stage ?? task.stage;
  const stage = project.pipeline.find((s) => s.stage === from) ?? null;
  const target = sendBackTarget(project.pipeline, from);
  const spent = (task.rounds[from] ?? 0) + 1;
  const rounds = { ...task.rounds, [from]: spent };
  if (target === null || stage === null || spent > stage.maxRounds) {
    const detail =
      target === null
        ? `${from} requests changes, and no earlier stage can make them`
        : `${from} still requests changes after ${stage?.maxRounds ?? 0} rounds: ${findings[0]?.title ?? ''}`;
    return {
      task: { status: 'needs_you', reason: { code: 'rounds.spent', detail }, rounds },
      newJobs: [],
      outbox: [needsYouRow(task, job, detail)],
    };
  }
  return {
    task: { stage: target.stage, status: 'active', reason: null, rounds },
    newJobs: [
      jobForStage(task, target, project, {
        maxAttempts: after.maxAttempts,
        rework: true,
        context: { roundHead: after.head, findings },
      }),
    ],
    outbox: [],
  };
}

/** Good news is not urgent: it is told in one message per window. */
const DIGEST_WINDOW_MS = 10 * 60 * 1000;

function finish(task: Task, job: Job, now: number): TaskStep {
  return {
    task: { status: 'done', reason: null },
    newJobs: [],
    outbox: [
      statusRow(task, `${jobName(job.id)}:done`, 'done', task.stage),
      {
        ...notifyRow(job, task),
        key: `notify:done:${task.key}:${jobName(job.id)}`,
        availableAt: Math.ceil((now + 1) / DIGEST_WINDOW_MS) * DIGEST_WINDOW_MS,
        message: { kind: 'notify.digest', line: `${task.key} done: ${task.title}` },
      },
    ],
  };
}

function needsYouRow(task: Task, job: Job, detail: string): NewOutboxRow {
  return {
    ...notifyRow(job, task),
    message: {
      kind: 'notify.incident',
      incident: jobName(job.id),
      title: `${task.key} needs you`,
      detail,
      urgent: true,
    },
  };
}

export function statusRow(
  task: Task,
  event: string,
  status: 'in_progress' | 'done' | 'cancelled' | 'needs_you',
  stage: string,
): NewOutboxRow {
  return {
    destination: `tracker:${task.project}`,
    key: `status:${task.key}:${event}`,
    orderKey: `item:${task.project}:${task.workItemId}`,
    availableAt: null,
    message: { kind: 'tracker.status', project: task.project, workItemId: task.workItemId, status, stage },
  };
}

export function pullRequestRow(task: Task, job: Job, action: 'open' | 'ready' | 'close'): NewOutboxRow {
  return {
    destination: `forge:${task.project}`,
    key: action === 'open' ? `pr:${task.key}:open` : `pr:${task.key}:${action}:${jobName(job.id)}`,
    orderKey: `pr:${task.project}:${task.key}`,
    availableAt: null,
    message: { kind: 'forge.pull_request', project: task.project, taskId: task.id, action },
  };
}

/** Messages of one incident go out in the order they were written. */
function notifyRow(job: Job, task: Task, incident: string = jobName(job.id)): Omit<NewOutboxRow, 'message'> {
  return {
    destination: 'notify',
    key: `notify:${task.key}:${jobName(job.id)}:${job.fence}:${job.status}`,
    orderKey: `notify:${incident}`,
    availableAt: null,
  };
}
