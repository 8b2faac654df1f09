import { type ClosedGates, scopeKey } from './closed-gates.ts';
import type { Reason } from './dispatch-state.ts';
import { standInKey } from './failover.ts';
import { URGENT_EVERY } from './fairness.ts';
import { DEPENDENCY } from './feed.ts';
import { type Job, jobName, runName } from './model.ts';
import { reasonCodeOf } from './reason-codes.ts';

/** What the reason of a queued job depends on. */
export type WaitingJob = Pick<
  Job,
  | 'id'
  | 'taskId'
  | 'project'
  | 'branch'
  | 'stage'
  | 'agent'
  | 'account'
  | 'fresh'
  | 'hold'
  | 'holdSince'
  | 'availableAt'
  | 'transientAttempts'
  | 'error'
  | 'createdAt'
  | 'context'
>;

/** One gate: the reason that it is closed for this job, or null. */
type Gate = (job: WaitingJob, gates: ClosedGates, name: string) => Reason | null;

/**
 * The one reason of a queued job: the first closed gate in the dispatcher's order. `ahead` is how many
 * claimable jobs come before it in its project, for `queue.position` (null = not known), and `urgent` how many
 * of other projects may; `name` is what people call it, its task's key.
 */
export function reasonFor(
  job: WaitingJob,
  gates: ClosedGates,
  ahead: number | null,
  name: string = jobName(job.id),
  urgent = 0,
): Reason {
  for (const gate of ORDER) {
    const reason = gate(job, gates, name);
    if (reason !== null) return reason;
  }
  return {
    ...ofJob(job, name),
    code: 'queue.position',
    title: positionTitle(ahead, urgent),
    detail: urgent === 0 ? '' : `At most 1 of ${URGENT_EVERY} starts takes urgent work out of turn.`,
    clearsWhen: 'No action needed: it starts when its turn comes.',
  };
}

function positionTitle(ahead: number | null, urgent: number): string {
  if (ahead === null) return 'Its turn had not come';
  const place = ahead === 0 ? 'Next in the queue' : `Behind ${ahead} other ${ahead === 1 ? 'job' : 'jobs'}`;
  if (urgent === 0) return place;
  return `${place}; ${urgent} urgent ${urgent === 1 ? 'job' : 'jobs'} of other projects may go first`;
}

/** The scheduler was away: nothing is known of what would have held the job back. */
const staleGate: Gate = (_job, gates) => closedAt(gates, 'worker', 'local', ['scheduler.stale']);

const pausedGate: Gate = (job, gates) =>
  closedAt(gates, 'all', '', ['dispatch.paused']) ??
  closedAt(gates, 'project', job.project, ['dispatch.paused']) ??
  (job.account === null ? null : closedAt(gates, 'account', job.account, ['dispatch.paused']));

const hostGate: Gate = (_job, gates) => closedAt(gates, 'host', 'host');

/** Nobody here could ever run it, whatever else opens. */
const workerMatchGate: Gate = (job, gates) => {
  if (job.agent === null || (job.account !== null && gates.accounts.has(job.account))) return null;
  const id = job.account ?? '';
  return {
    ...ofJob(job, id),
    code: 'worker.no_match',
    scope: { kind: 'account', id, label: id },
    state: 'needs_you',
    title:
      job.account === null
        ? `No account is configured for ${job.project}`
        : `Account ${job.account} is not configured`,
    clearsWhen:
      job.account === null
        ? 'A person adds an account to the project.'
        : `A person adds ${job.account} to orch.yaml.`,
  };
};

const ownHoldGate: Gate = (job, _gates, name) => {
  if (job.hold === null) return null;
  const own = {
    ...ofJob(job, name),
    code: reasonCodeOf(job.hold),
    state: 'needs_you',
    since: job.holdSince ?? job.createdAt,
  } as const;
  if (job.hold === DEPENDENCY)
    return {
      ...own,
      state: 'waiting',
      title: `Depends on ${job.context.dependsOn.join(', ')}`,
      detail: `${name} starts when ${job.context.dependsOn.length === 1 ? 'that is' : 'those are'} done or closed`,
      clearsWhen: 'No action needed: it starts when what it depends on is done.',
    };
  if (job.hold === 'budget.reached')
    return {
      ...own,
      title: `${name} has reached its budget`,
      clearsWhen: 'A person lets it go on with as much again.',
      fix: `orch retry ${name}`,
    };
  if (job.hold === 'checks.pending') {
    const line = job.context.awaits?.detail ?? 'the forge has not got on yet';
    return {
      ...own,
      state: 'waiting',
      title: `${line.charAt(0).toUpperCase()}${line.slice(1)}`,
      detail: `${job.stage ?? 'job'} of ${name} waits for the forge: ${line}.`,
      clearsWhen: 'No action needed: the forge is looked at again and again.',
    };
  }
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
const budgetGate: Gate = (job, gates) =>
  job.agent === null ? null : closedAt(gates, 'project', job.project, ['budget.reached']);

/** Work on an open pull request goes on; what would open another waits. */
const reviewGate: Gate = (job, gates) =>
  job.fresh ? closedAt(gates, 'project', job.project, ['cap.review']) : null;

/** Merging, deploying, and commands on what was merged need the forge now; what an agent does can be told to it later. */
const forgeGate: Gate = (job, gates) =>
  job.agent === null ? closedAt(gates, 'project', job.project, ['forge.unreachable']) : null;

/** With failover in force, the account is no matter of its own any more. */
const accountGate: Gate = (job, gates) => {
  if (job.account === null || gates.standIns.has(standInKey(job.project, job.account))) return null;
  return closedAt(
    gates,
    'account',
    job.account,
    (code) => code !== 'cap.account' && code !== 'dispatch.paused',
  );
};

const backoffGate: Gate = (job, gates) => {
  if (job.availableAt === null || job.availableAt <= gates.at) return null;
  return {
    ...ofJob(job, jobName(job.id)),
    code: 'retry.backoff',
    title: `Retry ${job.transientAttempts + 1} is delayed`,
    detail: job.error ?? '',
    since: job.holdSince ?? job.createdAt,
    clearsAt: job.availableAt,
    clearsWhen: 'No action needed: it retries by itself.',
    fix: `orch retry job_${job.id}`,
  };
};

/** One running job per task and per branch. */
const lockGate: Gate = (job, gates, name) => {
  const lock = gates.locks.find(
    (each) =>
      each.jobId !== job.id &&
      each.project === job.project &&
      (each.branch === job.branch || (each.taskId !== null && each.taskId === job.taskId)),
  );
  if (lock === undefined) return null;
  return {
    ...ofJob(job, name),
    code: 'lock.worktree',
    title: `${runName(lock.runId)} uses this branch`,
    detail: `${jobName(lock.jobId)} works on ${lock.branch}`,
    since: lock.since,
    clearsWhen: 'No action needed: it clears when that run ends.',
  };
};

const projectGate: Gate = (job, gates) => {
  if (!gates.projects.has(job.project))
    return {
      ...ofJob(job, job.project),
      code: 'gate.failed',
      scope: { kind: 'project', id: job.project, label: job.project },
      state: 'needs_you',
      title: `Project ${job.project} is not in the configuration`,
      clearsWhen: 'A person adds it to orch.yaml.',
    };
  return closedAt(gates, 'project', job.project, ['project.slowed', 'cap.project']);
};

const accountFullGate: Gate = (job, gates) => {
  if (job.account === null) return null;
  const places = gates.standIns.get(standInKey(job.project, job.account)) ?? [job.account];
  const full = places.map((id) => closedAt(gates, 'account', id, ['cap.account']));
  return full.includes(null) ? null : (full[0] ?? null);
};

const workerGate: Gate = (_job, gates) => closedAt(gates, 'worker', 'local', ['worker.full']);

const ORDER: readonly Gate[] = [
  staleGate,
  pausedGate,
  hostGate,
  workerMatchGate,
  ownHoldGate,
  budgetGate,
  reviewGate,
  forgeGate,
  accountGate,
  backoffGate,
  lockGate,
  projectGate,
  accountFullGate,
  workerGate,
];

/** The closed gate of a scope; of several the first named. */
function closedAt(
  gates: ClosedGates,
  kind: Reason['scope']['kind'],
  id: string,
  codes?: readonly string[] | ((code: string) => boolean),
): Reason | null {
  const reasons = gates.byScope.get(scopeKey(kind, id));
  if (reasons === undefined) return null;
  if (codes === undefined) return reasons[0] ?? null;
  if (typeof codes === 'function') return reasons.find(({ code }) => codes(code)) ?? null;
  for (const wanted of codes) {
    const found = reasons.find(({ code }) => code === wanted);
    if (found !== undefined) return found;
  }
  return null;
}

function ofJob(job: WaitingJob, label: string): Omit<Reason, 'code' | 'title' | 'clearsWhen'> {
  return {
    scope: { kind: 'job', id: String(job.id), label },
    state: 'waiting',
    detail: '',
    since: job.createdAt,
    clearsAt: null,
    fix: null,
  };
}
