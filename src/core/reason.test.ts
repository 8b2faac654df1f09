import { describe, expect, it } from 'vitest';
import type { AccountEntry } from './account-gate.ts';
import { closedGates } from './closed-gates.ts';
import type { DestinationTrouble } from './delivery.ts';
import { type DispatchState, isPaused, type ProjectEntry } from './dispatch-state.ts';
import { gatesAt, type LedgerRow, ledgerEntries } from './ledger.ts';
import { EMPTY_CONTEXT, type Job, type Pause } from './model.ts';
import { reasonFor } from './reason.ts';
import { queuedJob } from './test-kit.ts';

const NOW = 1_000_000;

const PROJECT: ProjectEntry = {
  running: 0,
  cap: 2,
  failedInRow: 0,
  failover: [],
  unmerged: 0,
  openPrs: 3,
  budget: { level: 'within', detail: '' },
};

const OPEN: DispatchState = {
  tickAt: NOW,
  pauses: [],
  host: null,
  accounts: new Map([['a', { kind: 'open', running: 0, slots: 2, probing: false }]]),
  projects: new Map([['api', PROJECT]]),
  workers: { running: 0, slots: 2 },
  locks: [],
  troubles: [],
  since: new Map(),
};
const why = (job: Job, state: DispatchState, ahead: number | null, name?: string, urgent?: number) =>
  reasonFor(job, closedGates(state), ahead, name, urgent);
const lock = { runId: 812, jobId: 3, taskId: 4, project: 'api', branch: 'orch/api-1', since: 6 };
const account = (gate: object) => ({
  accounts: new Map([
    ['a', { kind: 'open', running: 0, slots: 2, probing: false, ...gate }],
  ]) as DispatchState['accounts'],
});
const project = (fields: Partial<ProjectEntry>) => ({
  projects: new Map([['api', { ...PROJECT, ...fields }]]),
});
const pause = (fields: Partial<Pause> = {}): Pause => ({
  scope: 'all',
  id: '',
  note: '',
  by: 'mara',
  since: 5,
  until: null,
  ...fields,
});
const closed = {
  kind: 'closed',
  code: 'account.limit',
  detail: 'resets at noon',
  state: 'waiting',
  since: 3,
  clearsAt: NOW + 9,
  held: true,
  guessed: false,
};

/** What a gate's case changes about the project. */
function closedIn({ projects }: Partial<DispatchState>): Partial<ProjectEntry> {
  const entries = Object.entries(projects?.get('api') ?? {});
  return Object.fromEntries(entries.filter(([key, value]) => PROJECT[key as keyof ProjectEntry] !== value));
}

const away = (name: string, since = NOW - 2 * 60_000): DestinationTrouble => ({
  name,
  dead: null,
  retried: false,
  unanswered: { since, failures: 3, error: '503', triedAt: NOW - 5000, nextTryAt: NOW + 5000 },
});

/** Each gate of the specification's order that this version has, closed on its own. */
const GATES: readonly [code: string, dispatch: Partial<DispatchState>, own: Partial<Job>][] = [
  ['dispatch.paused', { pauses: [pause()] }, {}],
  ['host.disk', { host: { code: 'host.disk', detail: '1 GB left' } }, {}],
  ['worker.no_match', { accounts: new Map() }, {}],
  ['question.pending', {}, { hold: 'question.pending', holdSince: 7 }],
  ['budget.reached', project({ budget: { level: 'reached', detail: '$5.00 of $5.00 today' } }), {}],
  ['cap.review', project({ unmerged: 3 }), { fresh: true }],
  ['forge.unreachable', { troubles: [away('forge:api')] }, { agent: null, account: null }],
  ['account.limit', account(closed), {}],
  ['retry.backoff', {}, { availableAt: NOW + 5 }],
  ['lock.worktree', { locks: [lock] }, {}],
  ['cap.project', project({ running: 2 }), {}],
  ['cap.account', account({ running: 2 }), {}],
  ['worker.full', { workers: { running: 2, slots: 2 } }, {}],
];

describe('the one reason why a job waits', () => {
  it.each(GATES)('is %s when only that gate is closed', (code, dispatch, own) => {
    expect(why(queuedJob(own), { ...OPEN, ...dispatch }, 0).code).toBe(code);
  });

  it.each(GATES)('is %s also as the ledger remembers it', (code, dispatch, own) => {
    const gates = closedGates({ ...OPEN, ...dispatch });
    const rows = ledgerEntries(gates).map(
      (entry): LedgerRow => ({ ...entry, firstSince: NOW, since: NOW, until: null }),
    );
    const read = gatesAt(JSON.parse(JSON.stringify(rows)) as LedgerRow[], gates.locks, NOW);
    expect(reasonFor(queuedJob(own), read, 0)).toEqual(reasonFor(queuedJob(own), gates, 0));
    expect(reasonFor(queuedJob(own), read, 0).code).toBe(code);
  });

  const pairs = GATES.flatMap((first, i) =>
    GATES.slice(i + 1).map((second) => [first[0], second[0], first, second] as const),
  ).filter(
    // Both speak of the same account entry, or one of agents and one of what runs none: they cannot be closed at once.
    ([first, second]) =>
      !(first === 'worker.no_match' && (second === 'account.limit' || second === 'cap.account')) &&
      !((first === 'worker.no_match' || first === 'budget.reached') && second === 'forge.unreachable'),
  );
  it.each(pairs)('is %s before %s', (code, _later, [, first, own], [, second, alsoOwn]) => {
    const merged: DispatchState = { ...OPEN, ...second, ...first };
    const both =
      first.accounts !== undefined && second.accounts !== undefined
        ? account({ ...first.accounts.get('a'), running: 2 })
        : {};
    const projects = project({ ...closedIn(second), ...closedIn(first) });
    expect(why(queuedJob({ ...alsoOwn, ...own }), { ...merged, ...both, ...projects }, 0).code).toBe(code);
  });

  it('is the forge only for what needs it now, and after a minute without an answer', () => {
    const merge = queuedJob({ agent: null, account: null, stage: 'deploy' });
    const codeOf = (job: Job, trouble: DestinationTrouble) =>
      why(job, { ...OPEN, troubles: [trouble] }, 0).code;
    expect(codeOf(queuedJob(), away('forge:api'))).toBe('queue.position');
    expect(codeOf(merge, away('forge:web'))).toBe('queue.position');
    expect(codeOf(merge, away('forge:api', NOW - 59_000))).toBe('queue.position');
    expect(codeOf(merge, { name: 'forge:api', unanswered: null, dead: null, retried: false })).toBe(
      'queue.position',
    );
    expect([codeOf(merge, away('tracker:api')), codeOf(merge, away('notify'))]).toEqual([
      'queue.position',
      'queue.position',
    ]);
  });

  it('says since when the forge has not answered, and asks a person after 15 minutes', () => {
    const merge = queuedJob({ agent: null, account: null, stage: 'deploy' });
    const reasonAfter = (minutes: number) =>
      why(merge, { ...OPEN, troubles: [away('forge:api', NOW - minutes * 60_000)] }, 0);
    expect(reasonAfter(14)).toMatchObject({
      state: 'waiting',
      title: 'The forge of api has not answered since 00:02 UTC',
      detail: '503 (3 tries, the next at 00:16 UTC)',
      since: NOW - 14 * 60_000,
      clearsWhen: 'No action needed: it is asked again, and clears when it answers.',
    });
    expect(reasonAfter(15)).toMatchObject({
      state: 'needs_you',
      fix: 'orch outbox retry --all --destination forge:api',
    });
  });

  it('is its place in the queue when every gate is open', () => {
    expect(why(queuedJob(), OPEN, 0)).toMatchObject({
      code: 'queue.position',
      title: 'Next in the queue',
      state: 'waiting',
      fix: null,
    });
    expect(why(queuedJob(), OPEN, 0, 'API-1', 1)).toMatchObject({
      title: 'Next in the queue; 1 urgent job of other projects may go first',
      detail: 'At most 1 of 4 starts takes urgent work out of turn.',
    });
    expect([1, 2].map((ahead) => why(queuedJob(), OPEN, ahead).title)).toEqual([
      'Behind 1 other job',
      'Behind 2 other jobs',
    ]);
  });

  it('is a pause of everything, of its project or of its account, and of nobody else', () => {
    const by = (p: Partial<Pause>) => why(queuedJob(), { ...OPEN, pauses: [pause(p)] }, 0).code;
    expect([by({}), by({ scope: 'project', id: 'api' }), by({ scope: 'account', id: 'a' })]).toEqual([
      'dispatch.paused',
      'dispatch.paused',
      'dispatch.paused',
    ]);
    expect([by({ scope: 'project', id: 'web' }), by({ scope: 'account', id: 'b' })]).toEqual([
      'queue.position',
      'queue.position',
    ]);
  });

  it('ends with the pause that has an end, and says how to end one that has none', () => {
    expect([
      isPaused(pause({ until: NOW }), NOW),
      isPaused(pause({ until: NOW + 1 }), NOW),
      isPaused(pause(), NOW),
    ]).toEqual([false, true, true]);
    expect(
      why(queuedJob(), { ...OPEN, pauses: [pause({ scope: 'project', id: 'api', note: 'release' })] }, 0),
    ).toMatchObject({
      title: 'Project api is paused by mara: "release"',
      state: 'needs_you',
      since: 5,
      clearsAt: null,
      fix: 'orch resume --project api',
    });
    expect(why(queuedJob(), { ...OPEN, pauses: [pause({ until: NOW + 1 })] }, 0)).toMatchObject({
      state: 'waiting',
      clearsAt: NOW + 1,
      fix: 'orch resume',
    });
  });

  it('is the approval or the question the job itself waits for', () => {
    expect(
      why(
        queuedJob({ hold: 'approval.pending', holdSince: 7, agent: null, account: null }),
        OPEN,
        0,
        'API-1',
      ),
    ).toMatchObject({ code: 'approval.pending', state: 'needs_you', since: 7, fix: 'orch approve API-1' });
  });

  it('is what it waits for on the forge, which clears by itself', () => {
    const awaits = { detail: '2 checks still run on 9c41f0e', merges: false };
    const deploy = { stage: 'deploy', agent: null, account: null };
    const job = queuedJob({
      ...{ ...deploy, hold: 'checks.pending', holdSince: 7 },
      context: { ...EMPTY_CONTEXT, awaits },
    });
    const told = { code: 'checks.pending', state: 'waiting', since: 7, fix: null } as const;
    expect(why(job, OPEN, 0, 'API-1')).toMatchObject({
      ...told,
      title: '2 checks still run on 9c41f0e',
      detail: 'deploy of API-1 waits for the forge: 2 checks still run on 9c41f0e.',
      clearsWhen: expect.stringContaining('No action needed'),
    });
    const before = queuedJob({ ...deploy, hold: 'checks.pending', holdSince: 7 });
    expect(why(before, OPEN, 0, 'API-1')).toMatchObject({ ...told, title: 'The forge has not got on yet' });
  });

  it('is no matter of accounts for a stage that runs no agent', () => {
    expect(why(queuedJob({ agent: null, account: null }), { ...OPEN, ...account(closed) }, 0).code).toBe(
      'queue.position',
    );
  });

  it('is that nobody can do it, when the project names no account or one that is not configured', () => {
    expect(why(queuedJob({ account: null }), OPEN, 0)).toMatchObject({
      code: 'worker.no_match',
      state: 'needs_you',
      title: 'No account is configured for api',
    });
    expect(why(queuedJob({ account: 'gone' }), OPEN, 0)).toMatchObject({
      code: 'worker.no_match',
      title: 'Account gone is not configured',
    });
  });

  it('names the login command when the account is signed out', () => {
    const gate = { ...closed, code: 'account.signed_out', state: 'needs_you', clearsAt: null };
    expect(why(queuedJob(), { ...OPEN, ...account(gate) }, 0)).toMatchObject({
      state: 'needs_you',
      since: 3,
      fix: 'orch accounts login a',
    });
  });

  it('is the single start of an account only while another run lives on it', () => {
    const single = { kind: 'single', probe: true, held: false, code: 'account.probing', detail: '' };
    const codeOf = (fields: object) =>
      why(queuedJob(), { ...OPEN, ...account({ ...single, ...fields }) }, 0).code;
    expect(codeOf({ alone: true, running: 1 })).toBe('account.probing');
    expect(codeOf({ alone: true })).toBe('queue.position');
    expect(codeOf({ alone: false, running: 1 })).toBe('queue.position');
    expect(codeOf({ alone: false, running: 1, probing: true })).toBe('account.probing');
  });

  it('is a run on its branch or of its task, and of no other project', () => {
    const codeOf = (fields: Partial<typeof lock>) =>
      why(queuedJob(), { ...OPEN, locks: [{ ...lock, ...fields }] }, 0);
    expect(codeOf({ taskId: 9 })).toMatchObject({
      code: 'lock.worktree',
      title: 'run_812 uses this branch',
      detail: 'job_3 works on orch/api-1',
      since: 6,
    });
    expect(codeOf({ branch: 'other' }).code).toBe('lock.worktree');
    expect(codeOf({ branch: 'other', taskId: 9 }).code).toBe('queue.position');
    expect(codeOf({ project: 'web', taskId: 9 }).code).toBe('queue.position');
    expect(codeOf({ jobId: 17 }).code).toBe('queue.position');
  });

  it('is over for a backoff the moment it is due', () => {
    expect(why(queuedJob({ availableAt: NOW }), OPEN, 0).code).toBe('queue.position');
    expect(why(queuedJob({ availableAt: NOW + 1, error: 'overloaded' }), OPEN, 0)).toMatchObject({
      clearsAt: NOW + 1,
      detail: 'overloaded',
      fix: 'orch retry job_17',
    });
  });

  it('is the slowed project, not its cap, after five failures in a row', () => {
    expect(why(queuedJob(), { ...OPEN, ...project({ failedInRow: 5, running: 1 }) }, 0).code).toBe(
      'project.slowed',
    );
    expect(why(queuedJob(), { ...OPEN, ...project({ failedInRow: 5, running: 0 }) }, 0).code).toBe(
      'queue.position',
    );
    expect(why(queuedJob(), { ...OPEN, ...project({ failedInRow: 4, running: 1 }) }, 0).code).toBe(
      'queue.position',
    );
  });

  it('says since when the gate is closed, as the ledger remembers it', () => {
    expect(
      why(
        queuedJob(),
        { ...OPEN, ...project({ running: 2 }), since: new Map([['cap.project:project:api', 42]]) },
        0,
      ).since,
    ).toBe(42);
    expect(why(queuedJob(), { ...OPEN, ...project({ running: 2 }) }, 0).since).toBe(NOW);
  });

  it('is the budget of the day until it ends, for agents alone', () => {
    const spent = project({ budget: { level: 'reached', detail: '$5.00 of $5.00 today' } });
    expect(why(queuedJob(), { ...OPEN, ...spent }, 0)).toMatchObject({
      state: 'waiting',
      detail: '$5.00 of $5.00 today',
      clearsAt: 24 * 60 * 60 * 1000,
      title: 'api has reached its budget of today',
    });
    expect(why(queuedJob({ agent: null, account: null }), { ...OPEN, ...spent }, 0).code).toBe(
      'queue.position',
    );
  });

  it('is the budget of its task until a person lets it go on', () => {
    expect(why(queuedJob({ hold: 'budget.reached', holdSince: 7 }), OPEN, 0, 'API-1')).toMatchObject({
      code: 'budget.reached',
      state: 'needs_you',
      since: 7,
      title: 'API-1 has reached its budget',
      fix: 'orch retry API-1',
    });
  });

  it('is the open pull requests only for work that has none yet', () => {
    expect(why(queuedJob(), { ...OPEN, ...project({ unmerged: 3 }) }, 0).code).toBe('queue.position');
    expect(why(queuedJob({ fresh: true }), { ...OPEN, ...project({ unmerged: 2 }) }, 0).code).toBe(
      'queue.position',
    );
    expect(why(queuedJob({ fresh: true }), { ...OPEN, ...project({ unmerged: 3 }) }, 0)).toMatchObject({
      state: 'waiting',
      title: 'api has 3 pull requests open, 3 allowed',
    });
  });

  describe('with failover', () => {
    const inTurn = project({ failover: ['a', 'b', 'c'] });
    const open = { kind: 'open', running: 0, slots: 1, probing: false } as const;
    const held = { ...closed, code: 'account.limit', running: 0, slots: 2, probing: false } as AccountEntry;
    const codeOf = (entries: Record<string, AccountEntry>, more: Partial<DispatchState> = {}) => {
      const accounts = new Map(Object.entries(entries));
      const { code, scope } = why(queuedJob(), { ...OPEN, ...inTurn, accounts, ...more }, 0);
      return [code, scope.id];
    };

    it('is no matter of the first account while a later one may start something', () => {
      expect(codeOf({ a: held, b: open, c: open })[0]).toBe('queue.position');
    });
    it('is the later account when that is full, and not while another one is free', () => {
      expect(codeOf({ a: held, b: { ...open, running: 1 }, c: held })).toEqual(['cap.account', 'b']);
      expect(codeOf({ a: held, b: { ...open, running: 1 }, c: open })[0]).toBe('queue.position');
    });
    it('is the first account when all are held, or the later ones are paused', () => {
      expect(codeOf({ a: held, b: held, c: held })).toEqual(['account.limit', 'a']);
      const pauses = [pause({ scope: 'account', id: 'b' }), pause({ scope: 'account', id: 'c' })];
      expect(codeOf({ a: held, b: open, c: open }, { pauses })).toEqual(['account.limit', 'a']);
    });
    it('is the first account when that only pauses for a moment', () => {
      expect(codeOf({ a: { ...held, held: false } as AccountEntry, b: open, c: open })).toEqual([
        'account.limit',
        'a',
      ]);
    });
    it('is the account itself for a job that waits for another than the first', () => {
      const dispatch = {
        ...OPEN,
        ...inTurn,
        accounts: new Map(Object.entries({ a: open, b: held, c: open })),
      };
      expect(why(queuedJob({ account: 'b' }), dispatch, 0).code).toBe('account.limit');
    });
    it('and without it, the held account is the reason', () => {
      expect(codeOf({ a: held, b: open, c: open }, project({}))).toEqual(['account.limit', 'a']);
    });
  });
});
