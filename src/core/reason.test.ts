import { describe, expect, it } from 'vitest';
import type { Job, Pause } from './model.ts';
import { type DispatchState, isPaused, reasonFor } from './reason.ts';
import { queuedJob } from './test-kit.ts';

const NOW = 1_000_000;

const OPEN: DispatchState = {
  tickAt: NOW,
  pauses: [],
  host: null,
  accounts: new Map([['a', { kind: 'open', running: 0, slots: 2 }]]),
  projects: new Map([['api', { running: 0, cap: 2, failedInRow: 0 }]]),
  workers: { running: 0, slots: 2 },
  since: new Map(),
};
const account = (gate: object) => ({
  accounts: new Map([['a', { kind: 'open', running: 0, slots: 2, ...gate }]]) as DispatchState['accounts'],
});
const project = (fields: object) => ({
  projects: new Map([['api', { running: 0, cap: 2, failedInRow: 0, ...fields }]]),
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
};

/** Each gate of the specification's order that this version has, closed on its own. */
const GATES: readonly [code: string, dispatch: Partial<DispatchState>, own: Partial<Job>][] = [
  ['dispatch.paused', { pauses: [pause()] }, {}],
  ['host.disk', { host: { code: 'host.disk', detail: '1 GB left' } }, {}],
  ['worker.no_match', { accounts: new Map() }, {}],
  ['question.pending', {}, { hold: 'question.pending', holdSince: 7 }],
  ['account.limit', account(closed), {}],
  ['retry.backoff', {}, { availableAt: NOW + 5 }],
  ['cap.project', project({ running: 2 }), {}],
  ['cap.account', account({ running: 2 }), {}],
  ['worker.full', { workers: { running: 2, slots: 2 } }, {}],
];

describe('the one reason why a job waits', () => {
  it.each(GATES)('is %s when only that gate is closed', (code, dispatch, own) => {
    expect(reasonFor(queuedJob(own), { ...OPEN, ...dispatch }, 0).code).toBe(code);
  });

  const pairs = GATES.flatMap((first, i) =>
    GATES.slice(i + 1).map((second) => [first[0], second[0], first, second] as const),
  ).filter(
    // Both speak of the same account entry: they cannot be closed at once.
    ([first, second]) =>
      !(first === 'worker.no_match' && (second === 'account.limit' || second === 'cap.account')),
  );
  it.each(pairs)('is %s before %s', (code, _later, [, first, own], [, second, alsoOwn]) => {
    const merged: DispatchState = { ...OPEN, ...second, ...first };
    const both =
      first.accounts !== undefined && second.accounts !== undefined
        ? account({ ...first.accounts.get('a'), running: 2 })
        : {};
    expect(reasonFor(queuedJob({ ...alsoOwn, ...own }), { ...merged, ...both }, 0).code).toBe(code);
  });

  it('is its place in the queue when every gate is open', () => {
    expect(reasonFor(queuedJob(), OPEN, 0)).toMatchObject({
      code: 'queue.position',
      title: 'Next in the queue',
      state: 'waiting',
      fix: null,
    });
    expect([1, 2].map((ahead) => reasonFor(queuedJob(), OPEN, ahead).title)).toEqual([
      'Behind 1 other job',
      'Behind 2 other jobs',
    ]);
  });

  it('is a pause of everything, of its project or of its account, and of nobody else', () => {
    const by = (p: Partial<Pause>) => reasonFor(queuedJob(), { ...OPEN, pauses: [pause(p)] }, 0).code;
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
      reasonFor(
        queuedJob(),
        { ...OPEN, pauses: [pause({ scope: 'project', id: 'api', note: 'release' })] },
        0,
      ),
    ).toMatchObject({
      title: 'Project api is paused by mara: "release"',
      state: 'needs_you',
      since: 5,
      clearsAt: null,
      fix: 'orch resume --project api',
    });
    expect(reasonFor(queuedJob(), { ...OPEN, pauses: [pause({ until: NOW + 1 })] }, 0)).toMatchObject({
      state: 'waiting',
      clearsAt: NOW + 1,
      fix: 'orch resume',
    });
  });

  it('is the approval or the question the job itself waits for', () => {
    expect(
      reasonFor(
        queuedJob({ hold: 'approval.pending', holdSince: 7, agent: null, account: null }),
        OPEN,
        0,
        'API-1',
      ),
    ).toMatchObject({ code: 'approval.pending', state: 'needs_you', since: 7, fix: 'orch approve API-1' });
  });

  it('is no matter of accounts for a stage that runs no agent', () => {
    expect(
      reasonFor(queuedJob({ agent: null, account: null }), { ...OPEN, ...account(closed) }, 0).code,
    ).toBe('queue.position');
  });

  it('is that nobody can do it, when the project names no account or one that is not configured', () => {
    expect(reasonFor(queuedJob({ account: null }), OPEN, 0)).toMatchObject({
      code: 'worker.no_match',
      state: 'needs_you',
      title: 'No account is configured for api',
    });
    expect(reasonFor(queuedJob({ account: 'gone' }), OPEN, 0)).toMatchObject({
      code: 'worker.no_match',
      title: 'Account gone is not configured',
    });
  });

  it('names the login command when the account is signed out', () => {
    const gate = { ...closed, code: 'account.signed_out', state: 'needs_you', clearsAt: null };
    expect(reasonFor(queuedJob(), { ...OPEN, ...account(gate) }, 0)).toMatchObject({
      state: 'needs_you',
      since: 3,
      fix: 'orch accounts login a',
    });
  });

  it('is the single start of an account only while another run lives on it', () => {
    const single = { kind: 'single', probe: true, code: 'account.probing', detail: '' };
    expect(reasonFor(queuedJob(), { ...OPEN, ...account({ ...single, running: 1 }) }, 0)).toMatchObject({
      code: 'account.probing',
      state: 'waiting',
    });
    expect(reasonFor(queuedJob(), { ...OPEN, ...account(single) }, 0).code).toBe('queue.position');
  });

  it('is over for a backoff the moment it is due', () => {
    expect(reasonFor(queuedJob({ availableAt: NOW }), OPEN, 0).code).toBe('queue.position');
    expect(reasonFor(queuedJob({ availableAt: NOW + 1, error: 'overloaded' }), OPEN, 0)).toMatchObject({
      clearsAt: NOW + 1,
      detail: 'overloaded',
      fix: 'orch retry job_17',
    });
  });

  it('is the slowed project, not its cap, after five failures in a row', () => {
    expect(reasonFor(queuedJob(), { ...OPEN, ...project({ failedInRow: 5, running: 1 }) }, 0).code).toBe(
      'project.slowed',
    );
    expect(reasonFor(queuedJob(), { ...OPEN, ...project({ failedInRow: 5, running: 0 }) }, 0).code).toBe(
      'queue.position',
    );
    expect(reasonFor(queuedJob(), { ...OPEN, ...project({ failedInRow: 4, running: 1 }) }, 0).code).toBe(
      'queue.position',
    );
  });

  it('says since when the gate is closed, as the ledger remembers it', () => {
    expect(
      reasonFor(
        queuedJob(),
        { ...OPEN, ...project({ running: 2 }), since: new Map([['cap.project:api', 42]]) },
        0,
      ).since,
    ).toBe(42);
    expect(reasonFor(queuedJob(), { ...OPEN, ...project({ running: 2 }) }, 0).since).toBe(NOW);
  });
});
