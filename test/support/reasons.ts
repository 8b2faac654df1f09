/**
 * One fixture per reason code: what has to be so for Orch to give it. `reasonsOf` asks the explanation itself, so that
 * what the surfaces are given to show is what people see. The codes of gates that do not exist yet are written by hand.
 */
import type { AccountEntry } from '../../src/core/account-gate.ts';
import { expiringWarning } from '../../src/core/account-warning.ts';
import { closedGates } from '../../src/core/closed-gates.ts';
import type { DispatchState, ProjectEntry, Reason } from '../../src/core/dispatch-state.ts';
import { type Explainable, type Explanation, explain } from '../../src/core/explain.ts';
import { EMPTY_CONTEXT, type Job } from '../../src/core/model.ts';
import type { ReasonCode } from '../../src/core/reason-codes.ts';
import { activeTask, queuedJob } from '../../src/core/test-kit.ts';

export const REASONS_AT = Date.UTC(2026, 0, 5, 9, 30);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const OPEN: AccountEntry = { kind: 'open', running: 0, slots: 1, probing: false };
const PROJECT: ProjectEntry = {
  running: 0,
  cap: 2,
  failedInRow: 0,
  failover: [],
  unmerged: 0,
  openPrs: 3,
  budget: { level: 'within', detail: '' },
};

interface World {
  readonly state?: Partial<DispatchState>;
  readonly project?: Partial<ProjectEntry>;
  readonly account?: AccountEntry;
  /** Of the one job that waits. */
  readonly job?: Partial<Job>;
  readonly asked?: Partial<Explainable>;
}

function explainIn({ state, project, account, job, asked }: World): Explanation {
  return explain({
    queued: job === undefined ? [] : [queuedJob({ createdAt: REASONS_AT - HOUR, ...job })],
    isWhole: true,
    running: 0,
    gates: closedGates({
      tickAt: REASONS_AT,
      pauses: [],
      host: null,
      accounts: new Map([['a', account ?? OPEN]]),
      projects: new Map([['api', { ...PROJECT, ...project }]]),
      workers: { running: 0, slots: 2 },
      locks: [],
      troubles: [],
      since: new Map(),
      ...state,
    }),
    tickAt: REASONS_AT,
    now: REASONS_AT,
    keys: new Map([[4, 'API-1']]),
    project: null,
    stuck: [],
    surveys: [],
    ...asked,
  });
}

const shut = (
  code: ReasonCode,
  state: Reason['state'],
  detail: string,
  clearsAt: number | null = null,
): World => ({
  job: {},
  account: {
    ...{ kind: 'closed', code, state, detail, clearsAt, held: true, guessed: false, probeAt: null },
    ...{ since: REASONS_AT - HOUR, running: 0, slots: 1, probing: false },
  },
});

const single = (code: ReasonCode, detail: string): World => ({
  job: {},
  account: {
    ...{ kind: 'single', code, detail, probe: true, alone: false, held: true },
    ...{ running: 1, slots: 2, probing: true },
  },
});

const stuck = (code: ReasonCode, detail: string): World => ({
  asked: {
    stuck: [
      activeTask({ status: 'needs_you', reason: { code, detail }, updatedAt: REASONS_AT - 5 * MINUTE }),
    ],
  },
});

const hold = (code: ReasonCode, context: Partial<Job['context']> = {}): World => ({
  job: { hold: code, holdSince: REASONS_AT - HOUR, context: { ...EMPTY_CONTEXT, ...context } },
});

const silent = (name: string): World => ({
  job: name.startsWith('forge') ? { agent: null, account: null, stage: 'deploy' } : {},
  state: {
    troubles: [
      {
        name,
        unanswered: {
          since: REASONS_AT - 5 * MINUTE,
          failures: 9,
          error: '503 from the other side',
          triedAt: REASONS_AT,
          nextTryAt: REASONS_AT + MINUTE,
        },
        dead: null,
        retried: false,
      },
    ],
  },
});

/** No gate gives this code yet; the surfaces are ready for it. */
const planned = (reason: Pick<Reason, 'code' | 'state' | 'title' | 'clearsWhen'>): Explanation => ({
  ...explainIn({}),
  reasons: [
    {
      reason: {
        ...{ scope: { kind: 'worker', id: 'local', label: 'This worker' }, detail: '', fix: null },
        ...{ since: REASONS_AT - HOUR, clearsAt: null, ...reason },
      },
      jobs: [queuedJob()],
    },
  ],
});

export const REASON_FIXTURES: Readonly<Record<ReasonCode, World | Explanation>> = {
  'scheduler.stale': { job: {}, asked: { gates: null, tickAt: REASONS_AT - 45_000 } },
  'dispatch.paused': {
    job: {},
    state: {
      pauses: [
        { scope: 'all', id: '', note: 'release freeze', by: 'mara', since: REASONS_AT - HOUR, until: null },
      ],
    },
  },
  'host.disk': { job: {}, state: { host: { code: 'host.disk', detail: '1.8 GB disk left, 5 GB needed' } } },
  'host.memory': {
    job: {},
    state: { host: { code: 'host.memory', detail: '200 MB memory left, 500 MB needed' } },
  },
  'worker.none': planned({
    ...{ code: 'worker.none', state: 'needs_you', title: 'No worker is online' },
    clearsWhen: 'A person starts one.',
  }),
  'worker.no_match': { job: { account: 'gone' } },
  'dependency.open': hold('dependency.open', { dependsOn: ['API-226'] }),
  'approval.pending': hold('approval.pending'),
  'question.pending': hold('question.pending'),
  'checks.pending': hold('checks.pending'),
  'window.closed': planned({
    ...{ code: 'window.closed', state: 'waiting', title: 'Outside working hours, opens Mon 07:00' },
    clearsWhen: 'No action needed: it opens by itself.',
  }),
  'budget.reached': { job: {}, project: { budget: { level: 'reached', detail: '$400 of $400 today' } } },
  'cap.review': { job: { fresh: true }, project: { unmerged: 3 } },
  'tracker.unreachable': silent('tracker:api'),
  'forge.unreachable': silent('forge:api'),
  'gate.failed': shut('gate.failed', 'needs_you', 'claude: not found'),
  'account.signed_out': shut('account.signed_out', 'needs_you', 'the credentials file is gone'),
  'account.limit': shut('account.limit', 'waiting', 'five-hour limit', REASONS_AT + HOUR),
  'account.probing': single('account.probing', 'held: five-hour limit'),
  'account.reserved': shut('account.reserved', 'waiting', '61 % of 60 % used', REASONS_AT + HOUR),
  'agent.unproven_version': shut(
    'agent.unproven_version',
    'needs_you',
    'codex 0.170.0: its first run said nothing known',
  ),
  'breaker.open': shut('breaker.open', 'waiting', '5 transient failures in a row', REASONS_AT + 2 * MINUTE),
  'breaker.probing': single('breaker.probing', 'one probe at a time until it succeeds'),
  'retry.backoff': {
    job: { availableAt: REASONS_AT + MINUTE, transientAttempts: 1, error: '529 overloaded' },
  },
  'lock.worktree': {
    job: {},
    state: {
      locks: [
        ...[{ runId: 812, jobId: 16, taskId: 4, project: 'api', branch: 'orch/api-1', since: REASONS_AT }],
      ],
    },
  },
  'project.slowed': { job: {}, project: { failedInRow: 5, running: 1 } },
  'cap.project': { job: {}, project: { running: 2 } },
  'cap.stage': planned({
    ...{ code: 'cap.stage', state: 'waiting', title: 'Development is at its cap, 2 of 2' },
    clearsWhen: 'No action needed: it clears when a run ends.',
  }),
  'cap.repo': planned({
    ...{ code: 'cap.repo', state: 'waiting', title: 'api.git is at its cap, 2 of 2' },
    clearsWhen: 'No action needed: it clears when a run ends.',
  }),
  'cap.account': { job: {}, account: { ...OPEN, running: 1 } },
  'worker.full': { job: {}, state: { workers: { running: 2, slots: 2 } } },
  'queue.position': planned({
    ...{ code: 'queue.position', state: 'waiting', title: 'Behind 3 other jobs' },
    clearsWhen: 'No action needed: it starts when its turn comes.',
  }),
  'job.failed': stuck('job.failed', 'no result JSON. Same error each time.'),
  'job.cancelled': stuck('job.cancelled', 'development was cancelled by mara'),
  'agent.denied': stuck('agent.denied', 'no evidence. Refused tools: Bash.'),
  'rounds.spent': stuck('rounds.spent', 'review still requests changes after 3 rounds: the name'),
  'rounds.stuck': stuck('rounds.stuck', 'review stopped in round 2: nothing was resolved'),
  'workspace.setup_failed': stuck('workspace.setup_failed', 'npm ci: exit 1'),
  'workspace.no_slot': stuck('workspace.no_slot', 'every port base is taken'),
  'forge.conflict': stuck('forge.conflict', 'src/a.ts is contradicted by the base'),
  'forge.refused': stuck('forge.refused', 'the branch is protected'),
  'branch.moved': stuck('branch.moved', 'jon pushed 9c41f0e'),
  'deploy.command_failed': stuck('deploy.command_failed', './deploy.sh: exit 1'),
  'nothing.queued': {
    asked: {
      surveys: [
        {
          ...{ project: 'api', source: 'Plane', rule: 'label `agent`, state Todo', seen: 31, matching: 0 },
          ...{ lookedAt: REASONS_AT - 12_000, nearest: [{ key: 'API-240', why: 'label missing' }] },
        },
      ],
    },
  },
  'intake.pending': {
    asked: {
      intakes: [
        {
          ...{ project: 'api', rule: 'label `agent`', since: REASONS_AT - HOUR },
          ...{ pending: ['API-7', 'API-8'], refused: [] },
        },
      ],
    },
  },
  'intake.failed': {
    asked: {
      intakes: [
        {
          ...{ project: 'api', rule: 'label `agent`', since: REASONS_AT - HOUR, pending: [] },
          refused: [
            { key: 'API-9', error: 'no pipeline fits the label `size/xl`', since: REASONS_AT - HOUR },
          ],
        },
      ],
    },
  },
  'account.expiring': {
    asked: {
      warnings: [
        expiringWarning('a', { endsAt: REASONS_AT + 48 * HOUR + MINUTE, level: 'soon' }, REASONS_AT),
      ],
    },
  },
};

/** The explanation that gives the reason, and the reason. */
export function explainedBy(code: ReasonCode): { explanation: Explanation; reason: Reason } {
  const fixture = REASON_FIXTURES[code];
  const explanation = 'headline' in fixture ? fixture : explainIn(fixture);
  const found = explanation.reasons.find(({ reason }) => reason.code === code);
  if (found === undefined)
    throw new Error(`the fixture of ${code} gives ${explanation.reasons.map(({ reason }) => reason.code)}`);
  return { explanation, reason: found.reason };
}

/** All of them in one explanation, for a surface that is costly to open. */
export function explainedByAll(codes: readonly ReasonCode[]): Explanation {
  const all = codes.map((code) => explainedBy(code).explanation.reasons);
  return { ...explainIn({}), verdict: 'needs_you', reasons: all.flat() };
}
