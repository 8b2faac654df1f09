import type { AccountGate } from './account.ts';
import { type Job, jobName, type Pause } from './model.ts';

/** Why a queued job waits. Codes are the closed list that web, CLI, Telegram and JSON share. */
export interface Reason {
  readonly code: string;
  readonly scope: {
    readonly kind: 'all' | 'host' | 'worker' | 'project' | 'account' | 'job';
    readonly id: string;
    readonly label: string;
  };
  readonly state: 'waiting' | 'needs_you';
  readonly title: string;
  readonly detail: string;
  readonly since: number;
  readonly clearsAt: number | null;
  readonly clearsWhen: string;
  /** Command that clears it, if a person has to act. */
  readonly fix: string | null;
}

/** Everything the dispatcher looked at in one tick; the claim and the explanation read the same value. */
export interface DispatchState {
  readonly tickAt: number;
  readonly pauses: readonly Pause[];
  readonly host: { readonly code: 'host.disk' | 'host.memory'; readonly detail: string } | null;
  readonly accounts: ReadonlyMap<string, AccountGate & { readonly running: number; readonly slots: number }>;
  readonly projects: ReadonlyMap<
    string,
    { readonly running: number; readonly cap: number; readonly failedInRow: number }
  >;
  readonly workers: { readonly running: number; readonly slots: number };
  /** First time each closed gate was seen, by `code:scope`; survives restarts in the store. */
  readonly since: ReadonlyMap<string, number>;
}

/** After this many failed jobs in a row a project runs one job at a time. */
export const SLOW_AFTER_FAILURES = 5;

export function isPaused(pause: Pause, now: number): boolean {
  return pause.until === null || now < pause.until;
}

/**
 * The one reason of a queued job: the first closed gate in the dispatcher's order. `ahead` is how many
 * claimable jobs come before it, for `queue.position`; `name` is what people call it, its task's key.
 */
export function reasonFor(
  job: Job,
  dispatch: DispatchState,
  ahead: number,
  name: string = jobName(job.id),
): Reason {
  const now = dispatch.tickAt;
  for (const gate of [
    pausedGate,
    hostGate,
    workerMatchGate,
    ownHoldGate,
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
    title: ahead === 0 ? 'Next in the queue' : `Behind ${ahead} other ${ahead === 1 ? 'job' : 'jobs'}`,
    detail: '',
    since: job.createdAt,
    clearsAt: null,
    clearsWhen: 'No action needed: it starts when its turn comes.',
    fix: null,
  };
}

type Gate = (job: Job, d: DispatchState, now: number, name: string) => Reason | null;

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
  const question = job.hold === 'question.pending';
  return {
    code: job.hold,
    scope: { kind: 'job', id: String(job.id), label: name },
    state: 'needs_you',
    title: question
      ? `The agent of ${name} asks a question`
      : `${job.stage ?? 'job'} of ${name} waits for approval`,
    detail: '',
    since: job.holdSince ?? job.createdAt,
    clearsAt: null,
    clearsWhen: question ? 'A person answers.' : 'A person approves or rejects.',
    fix: question ? `orch answer ${name} "..."` : `orch approve ${name}`,
  };
};

/** Nobody here could ever run it, whatever else opens. */
const workerMatchGate: Gate = (job, d) => {
  if (job.agent === null || (job.account !== null && d.accounts.has(job.account))) return null;
  return accountReason(
    job,
    'worker.no_match',
    'needs_you',
    job.account === null
      ? `No account is configured for ${job.project}`
      : `Account ${job.account} is not configured`,
    '',
    job.createdAt,
    null,
    job.account === null
      ? 'A person adds an account to the project.'
      : `A person adds ${job.account} to orch.yaml.`,
    null,
  );
};

const accountClosedGate: Gate = (job, d, now) => {
  const gate = job.account === null ? undefined : d.accounts.get(job.account);
  if (job.account === null || gate === undefined) return null;
  if (gate.kind === 'closed') {
    const since = gate.since ?? sinceOf(d, gate.code, job.account, now);
    const signedOut = gate.code === 'account.signed_out';
    const clears =
      gate.state === 'needs_you'
        ? signedOut
          ? 'A person signs in; the jobs start by themselves.'
          : 'A person acts.'
        : 'No action needed.';
    return accountReason(
      job,
      gate.code,
      gate.state,
      accountTitle(gate.code, job.account),
      gate.detail,
      since,
      gate.clearsAt,
      clears,
      signedOut ? `orch accounts login ${job.account}` : null,
    );
  }
  if (gate.kind === 'single' && gate.running > 0)
    return accountReason(
      job,
      gate.code,
      'waiting',
      `Account ${job.account} runs one job at a time for now`,
      gate.detail,
      sinceOf(d, gate.code, job.account, now),
      null,
      'No action needed: it clears when that run has answered.',
      null,
    );
  return null;
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

const accountFullGate: Gate = (job, d, now) => {
  const gate = job.account === null ? undefined : d.accounts.get(job.account);
  if (gate === undefined || gate.running < gate.slots) return null;
  return accountReason(
    job,
    'cap.account',
    'waiting',
    `Account ${job.account} uses all ${gate.slots} of its slots`,
    '',
    sinceOf(d, 'cap.account', job.account ?? '', now),
    null,
    'No action needed: it clears when a run ends.',
    null,
  );
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

function accountTitle(code: string, account: string): string {
  switch (code) {
    case 'account.signed_out':
      return `Account ${account} is signed out`;
    case 'account.limit':
      return `Usage limit on ${account}`;
    case 'account.probing':
      return `Account ${account} is being checked`;
    case 'breaker.open':
      return `Breaker for ${account} is open`;
    default:
      return `Preflight of account ${account} failed`;
  }
}

function accountReason(
  job: Job,
  code: string,
  state: Reason['state'],
  title: string,
  detail: string,
  since: number,
  clearsAt: number | null,
  clearsWhen: string,
  fix: string | null,
): Reason {
  const id = job.account ?? '';
  return {
    code,
    scope: { kind: 'account', id, label: id },
    state,
    title,
    detail,
    since,
    clearsAt,
    clearsWhen,
    fix,
  };
}

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

function sinceOf(d: DispatchState, code: string, scope: string, now: number): number {
  return d.since.get(`${code}:${scope}`) ?? now;
}
