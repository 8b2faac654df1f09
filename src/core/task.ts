import { judgeRound, type RoundFacts } from './convergence.ts';
import type { NewJob, NewOutboxRow, TaskChange } from './effects.ts';
import { EMPTY_CONTEXT, type Finding, type Job, type JobContext, jobName, type Task } from './model.ts';
import { type Stage, sendBackTarget, stageAfter, stageNamed, waitsForPerson } from './pipeline.ts';
import { FULL } from './pipeline-choice.ts';
import { unticked } from './trace.ts';

/** A project as the rules need it; configuration objects fit structurally. */
export interface ProjectRules {
  readonly key: string;
  readonly repo: string;
  /** The first account is used unless a stage names its own. */
  readonly accounts: readonly string[];
  readonly pipeline: readonly Stage[];
  readonly usageComments: 'tracker' | 'pr' | 'off';
  /** Comments on its work items are read: a person can answer there. */
  readonly hears?: boolean;
  /** Whether a forge is told of stages and reviews; left out = there is none. */
  readonly tellsForge?: boolean;
}

/** What a move of a task writes: the task's change, the next job if any, and what to tell the world. */
export interface TaskStep {
  readonly task: TaskChange;
  readonly newJobs: readonly NewJob[];
  readonly outbox: readonly NewOutboxRow[];
}

export function accountFor(stage: Stage, project: Pick<ProjectRules, 'accounts'>): string | null {
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
  const account = accountFor(stage, project);
  return {
    taskId: task.id,
    project: task.project,
    repo: task.repo,
    branch: task.branch,
    stage: stage.stage,
    agent: stage.agent,
    account,
    maxAttempts: options.maxAttempts,
    priority: task.priority,
    urgent: task.urgent,
    rework: options.rework,
    hold: waitsForPerson(stage) || toTick(task, stage).length > 0 ? 'approval.pending' : null,
    context: {
      ...EMPTY_CONTEXT,
      ...ownSession(task, stage, account),
      ...options.context,
      findings: [...(options.context.findings ?? []), ...(stage.kind === 'agent' ? task.forge.inbox : [])],
    },
  };
}

/** What people asked for meanwhile goes with the job of the next agent. */
export function emptied(task: Task, stage: Stage): Pick<TaskChange, 'forge'> {
  if (stage.kind !== 'agent' || task.forge.inbox.length === 0) return {};
  return { forge: { ...task.forge, inbox: [] } };
}

/** Manual tests that a person has to tick before this stage may start: all of them before a deploy. */
export function toTick(task: Task, stage: Stage): readonly string[] {
  return stage.kind === 'deploy' ? unticked(task.trace) : [];
}

/** What a stage that is held for a person waits for. */
export function approvalReason(task: Task, stage: Stage): { readonly code: string; readonly detail: string } {
  const open = toTick(task, stage);
  const tick = open.length === 0 ? '' : `${open.join(', ')} to be ticked: ${tickCommand(task, open)}`;
  return {
    code: 'approval.pending',
    detail: waitsForPerson(stage)
      ? `${stage.stage} of ${task.key} waits for approval${tick === '' ? '' : `, and before it for ${tick}`}`
      : `${stage.stage} of ${task.key} waits for ${tick}`,
  };
}

export function tickCommand(task: Task, tests: readonly string[]): string {
  return `orch tick ${task.key} ${tests.join(' ')}`;
}

/** Who writes the change keeps one CLI session over all its stages; who judges it starts afresh. */
const AUTHORS: readonly (string | null)[] = ['analyst', 'architect', 'developer'];

export function isAuthor(role: string | null): boolean {
  return AUTHORS.includes(role);
}

function ownSession(task: Task, stage: Stage, account: string | null): Partial<JobContext> {
  const { session } = task;
  if (session === null || session.account !== account || !isAuthor(stage.agent)) return {};
  return {
    sessionId: session.id,
    sessionAccount: session.account,
    resume: true,
    continues: true,
    sessionCostMicroUsd: session.costMicroUsd,
  };
}

const MAX_SAID = 4000;

/** The stage is done and proven: on to the next one that applies, or the task is done. */
export function advance(
  task: Task,
  job: Job,
  project: ProjectRules,
  after: {
    head: string | null;
    maxAttempts: number;
    now: number;
    said?: string;
    changed?: readonly string[] | null;
  },
): TaskStep {
  if (job.stage !== null && stageNamed(project.pipeline, job.stage) === null)
    return stranded(task, job, `stage ${job.stage} is no longer in the pipeline of ${task.project}`);
  if (job.context.noChange !== null && task.head === null) return finish(task, job, after.now);
  const facts = { labels: task.labels, changed: after.head === null ? [] : (after.changed ?? null) };
  const next = job.stage === null ? null : stageAfter(project.pipeline, job.stage, facts);
  if (next === null || (next.kind === 'deploy' && after.head === null)) return finish(task, job, after.now);
  const asked = task.forge.inbox.filter(({ severity }) => severity === 'person');
  if (
    next.kind !== 'agent' &&
    asked.length > 0 &&
    sendBackTarget(project.pipeline, job.stage ?? '') !== null
  ) {
    const heard = { ...task, rounds: {}, forge: { ...task.forge, inbox: [] } };
    const { head, maxAttempts } = after;
    const step = sendBack(heard, job, project, task.forge.inbox, { head, maxAttempts });
    return { ...step, task: { ...step.task, rounds: task.rounds, forge: heard.forge } };
  }
  const open = toTick(task, next);
  const approval = waitsForPerson(next) || open.length > 0;
  const outbox: NewOutboxRow[] = [];
  if (approval) {
    outbox.push(pullRequestRow(task, job, 'ready'), {
      ...notifyRow(job, task, `approval:${task.key}:${next.stage}`),
      message: {
        kind: 'notify.incident',
        incident: `approval:${task.key}:${next.stage}`,
        title: `Approve ${next.stage}? ${task.key}`,
        detail: `${task.title}\ncommit ${after.head?.slice(0, 7) ?? 'none'}\n${open.length === 0 ? '' : `${tickCommand(task, open)}\n`}orch approve ${task.key}`,
        urgent: true,
        project: task.project,
        commit: after.head,
      },
    });
  } else if (next.kind === 'deploy') {
    outbox.push(pullRequestRow(task, job, 'ready'));
  }
  return {
    task: {
      stage: next.stage,
      status: approval ? 'needs_you' : 'active',
      reason: approval ? approvalReason(task, next) : null,
      ...emptied(task, next),
    },
    newJobs: [
      jobForStage(task, next, project, {
        maxAttempts: after.maxAttempts,
        rework: job.rework,
        context: { roundHead: after.head, said: after.said?.slice(0, MAX_SAID) ?? null },
      }),
    ],
    outbox,
  };
}

/**
 * The developer says that no change is needed, and nothing was changed so far: the next reviewer of the
 * pipeline confirms it or sends it back. Null when there is none to ask.
 */
export function reviewerOf(project: ProjectRules, from: string | null): Stage | null {
  const at = project.pipeline.findIndex((stage) => stage.stage === from);
  return project.pipeline.slice(at + 1).find((stage) => stage.agent === 'reviewer') ?? null;
}

export function confirmNoChange(
  task: Task,
  job: Job,
  project: ProjectRules,
  reviewer: Stage,
  why: { noChange: string; maxAttempts: number },
): TaskStep {
  return {
    task: { stage: reviewer.stage, status: 'active', reason: null, ...emptied(task, reviewer) },
    newJobs: [
      jobForStage(task, reviewer, project, {
        maxAttempts: why.maxAttempts,
        rework: job.rework,
        context: { noChange: why.noChange },
      }),
    ],
    outbox: [],
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

/**
 * Changes are requested: a new job of the earlier stage with the findings; or a person, when another
 * round would not help or the rounds are spent. Findings without `facts` are a person's: always heard.
 */
export function sendBack(
  task: Task,
  job: Job,
  project: ProjectRules,
  findings: readonly Finding[],
  after: {
    head: string | null;
    maxAttempts: number;
    facts?: RoundFacts;
    conflict?: { readonly files: readonly string[] };
  },
): TaskStep {
  const from = job.stage ?? task.stage;
  const stage = project.pipeline.find((s) => s.stage === from) ?? null;
  const target = sendBackTarget(project.pipeline, from);
  const spent = (task.rounds[from] ?? 0) + 1;
  const rounds = { ...task.rounds, [from]: spent };
  const round =
    after.facts === undefined ? null : judgeRound(task.loops[from] ?? null, findings, after.facts);
  const loops = round === null ? task.loops : { ...task.loops, [from]: round.loop };
  const ask = (code: string, detail: string): TaskStep => ({
    task: { status: 'needs_you', reason: { code, detail }, rounds, loops },
    newJobs: [],
    outbox: [needsYouRow(task, job, detail)],
  });
  if (target === null || stage === null)
    return ask('rounds.spent', `${from} requests changes, and no earlier stage can make them`);
  if (round?.kind === 'stuck') return ask('rounds.stuck', `${from} stopped in round ${spent}: ${round.why}`);
  if (spent > stage.maxRounds)
    return ask(
      'rounds.spent',
      `${from} still requests changes after ${stage.maxRounds} rounds: ${findings[0]?.title ?? ''}`,
    );
  return {
    task: { stage: target.stage, status: 'active', reason: null, rounds, loops, ...emptied(task, target) },
    newJobs: [
      jobForStage(task, target, project, {
        maxAttempts: after.maxAttempts,
        rework: true,
        context: { roundHead: after.head, findings, conflict: after.conflict ?? null },
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
        message: { kind: 'notify.digest', line: `${task.key} done: ${task.title}`, project: task.project },
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
      project: task.project,
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

/** Has the item's living report say how the task stands. */
export function reportRow(task: Task, event: string): NewOutboxRow {
  return {
    destination: `tracker:${task.project}`,
    key: `report:${task.key}:${event}`,
    // Of its own: a report that waits keeps nothing else back.
    orderKey: `report:${task.project}:${task.workItemId}`,
    availableAt: null,
    message: {
      kind: 'tracker.report',
      project: task.project,
      workItemId: task.workItemId,
      taskId: task.id,
    },
  };
}

export function pullRequestRow(task: Task, job: Job, action: 'open' | 'ready'): NewOutboxRow {
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
