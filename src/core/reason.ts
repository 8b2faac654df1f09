import { accountClosedGate, accountFullGate, workerMatchGate } from './account-reason.ts';
import { endOfDay } from './budget.ts';
import { type DispatchState, type Gate, isPaused, type Reason, sinceOf } from './dispatch-state.ts';
import { URGENT_EVERY } from './fairness.ts';
import { type Job, jobName } from './model.ts';

/** After this many failed jobs in a row a project runs one job at a time. */
export const SLOW_AFTER_FAILURES = 5;

/**
 * The one reason of a queued job: the first closed gate in the dispatcher's order. `ahead` is how many
 * claimable jobs come before it in its project, for `queue.position`, and `urgent` how many of other projects
 * may; `name` is what people call it, its task's key.
 */
export function reasonFor(
  job: Job,
  dispatch: DispatchState,
  ahead: number,
  name: string = jobName(job.id),
  urgent = 0,
): Reason {
  const now = dispatch.tickAt;
  for (const gate of [
    pausedGate,
    hostGate,
    workerMatchGate,
    ownHoldGate,
    budgetGate,
    reviewGate,
    accountClosedGate,
    backoffGate,
    projectGate,
    accountFullGate,
    workerGate,
  ]) {
    const reason = gate(job, dispatch, now, name);
    if (reason !== null) return reason;
  }
  return {
    code: 'queue.position',
    scope: { kind: 'job', id: String(job.id), label: `job_${job.id}` },
    state: 'waiting',
    title: positionTitle(ahead, urgent),
    detail: urgent === 0 ? '' : `At most 1 of ${URGENT_EVERY} starts takes urgent work out of turn.`,
    since: job.createdAt,
    clearsAt: null,
    clearsWhen: 'No action needed: it starts when its turn comes.',
    fix: null,
  };
}

function positionTitle(ahead: number, urgent: number): string {
  const place = ahead === 0 ? 'Next in the queue' : `Behind ${ahead} other ${ahead === 1 ? 'job' : 'jobs'}`;
  if (urgent === 0) return place;
  return `${place}; ${urgent} urgent ${urgent === 1 ? 'job' : 'jobs'} of other projects may go first`;
}

const pausedGate: Gate = (job, d, now) => {
  const pause = d.pauses.find(
    (p) =>
      isPaused(p, now) &&
      (p.scope === 'all' ||
        (p.scope === 'project' && p.id === job.project) ||
        (p.scope === 'account' && p.id === job.account)),
  );
  if (pause === undefined) return null;
  const what =
    pause.scope === 'all' ? 'Dispatch' : `${pause.scope === 'project' ? 'Project' : 'Account'} ${pause.id}`;
  const note = pause.note === '' ? '' : `: "${pause.note}"`;
  return {
    code: 'dispatch.paused',
    scope: { kind: pause.scope, id: pause.id, label: what },
    state: pause.until === null ? 'needs_you' : 'waiting',
    title: `${what} is paused by ${pause.by}${note}`,
    detail: '',
    since: pause.since,
    clearsAt: pause.until,
    clearsWhen: pause.until === null ? 'A person resumes it.' : 'No action needed: it resumes by itself.',
    fix: pause.scope === 'all' ? 'orch resume' : `orch resume --${pause.scope} ${pause.id}`,
  };
};

const hostGate: Gate = (_job, d, now) => {
  if (d.host === null) return null;
  return {
    code: d.host.code,
    scope: { kind: 'host', id: 'host', label: 'This machine' },
    state: 'needs_you',
    title: d.host.detail,
    detail: '',
    since: sinceOf(d, d.host.code, 'host', now),
    clearsAt: null,
    clearsWhen: 'A person makes room.',
    fix: 'orch doctor --only machine',
  };
};

const ownHoldGate: Gate = (job, _d, _now, name) => {
  if (job.hold === null) return null;
  const own = {
    code: job.hold,
    scope: { kind: 'job', id: String(job.id), label: name },
    state: 'needs_you',
    detail: '',
    since: job.holdSince ?? job.createdAt,
    clearsAt: null,
  } as const;
  if (job.hold === 'budget.reached')
    return {
      ...own,
      title: `${name} has reached its budget`,
      clearsWhen: 'A person lets it go on with as much again.',
      fix: `orch retry ${name}`,
    };
  const question = job.hold === 'question.pending';
  return {
    ...own,
    title: question
      ? `The agent of ${name} asks a question`
      : `${job.stage ?? 'job'} of ${name} waits for approval`,
    clearsWhen: question ? 'A person answers.' : 'A person approves or rejects.',
    fix: question ? `orch answer ${name} "..."` : `orch approve ${name}`,
  };
};

/** A day's budget keeps agents from starting; what spends nothing goes on. */
const budgetGate: Gate = (job, d, now) => {
  const budget = d.projects.get(job.project)?.budget;
  if (job.agent === null || budget === undefined || budget.level !== 'reached') return null;
  return {
    ...projectReason(
      job,
      'budget.reached',
      'waiting',
      `${job.project} has reached its budget of today`,
      sinceOf(d, 'budget.reached', job.project, now),
      `No action needed: it clears when the day ends (UTC). To go on now, raise projects.${job.project}.budget in orch.yaml.`,
    ),
    detail: budget.detail,
    clearsAt: endOfDay(now),
  };
};

/** Work on an open pull request goes on; what would open another waits. */
const reviewGate: Gate = (job, d, now) => {
  const project = d.projects.get(job.project);
  if (!job.fresh || project === undefined || project.unmerged < project.openPrs) return null;
  return projectReason(
    job,
    'cap.review',
    'waiting',
    `${job.project} has ${project.unmerged} pull requests open, ${project.openPrs} allowed`,
    sinceOf(d, 'cap.review', job.project, now),
    'No action needed: it clears when one of them is merged or closed.',
  );
};

const backoffGate: Gate = (job, _d, now) => {
  if (job.availableAt === null || job.availableAt <= now) return null;
  return {
    code: 'retry.backoff',
    scope: { kind: 'job', id: String(job.id), label: `job_${job.id}` },
    state: 'waiting',
    title: `Retry ${job.transientAttempts + 1} is delayed`,
    detail: job.error ?? '',
    since: job.createdAt,
    clearsAt: job.availableAt,
    clearsWhen: 'No action needed: it retries by itself.',
    fix: `orch retry job_${job.id}`,
  };
};

const projectGate: Gate = (job, d, now) => {
  const project = d.projects.get(job.project);
  if (project === undefined)
    return projectReason(
      job,
      'gate.failed',
      'needs_you',
      `Project ${job.project} is not in the configuration`,
      now,
      'A person adds it to orch.yaml.',
    );
  if (project.failedInRow >= SLOW_AFTER_FAILURES && project.running >= 1)
    return projectReason(
      job,
      'project.slowed',
      'waiting',
      `${job.project} runs one job at a time after ${project.failedInRow} failures in a row`,
      sinceOf(d, 'project.slowed', job.project, now),
      'No action needed: one success ends it.',
    );
  if (project.running >= project.cap)
    return projectReason(
      job,
      'cap.project',
      'waiting',
      `${job.project} is at its cap, ${project.running} of ${project.cap}`,
      sinceOf(d, 'cap.project', job.project, now),
      'No action needed: it clears when a run ends.',
    );
  return null;
};

const workerGate: Gate = (_job, d, now) => {
  if (d.workers.running < d.workers.slots) return null;
  return {
    code: 'worker.full',
    scope: { kind: 'worker', id: 'local', label: 'This worker' },
    state: 'waiting',
    title: `All ${d.workers.slots} slots are in use`,
    detail: '',
    since: sinceOf(d, 'worker.full', 'local', now),
    clearsAt: null,
    clearsWhen: 'No action needed: it clears when a run ends.',
    fix: null,
  };
};

function projectReason(
  job: Job,
  code: string,
  state: Reason['state'],
  title: string,
  since: number,
  clearsWhen: string,
): Reason {
  return {
    code,
    scope: { kind: 'project', id: job.project, label: job.project },
    state,
    title,
    detail: '',
    since,
    clearsAt: null,
    clearsWhen,
    fix: null,
  };
}
