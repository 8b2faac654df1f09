import { describe, expect, it } from 'vitest';
import type { Effects } from './effects.ts';
import { dependencies, edited, hear, itemStanding, NO_MARKS, withThread } from './feed.ts';
import { intakeReasons, withLooks } from './intake.ts';
import { EMPTY_CONTEXT } from './model.ts';
import { withMoves } from './moves.ts';
import { activeTask, queuedJob } from './test-kit.ts';

const RULE = { text: 'label `agent`, state Todo', fingerprint: 'r1' };
const MARKS = { ...NO_MARKS, rule: 'r1', labels: ['agent', 'bug'] };
const ITEM = {
  ...{ key: 'API-1', title: 'First', body: '', isOpen: true, mismatch: null, author: { mayWrite: true } },
  ...{ labels: ['agent', 'bug'], blockedBy: [] },
};
const said = { by: 'mara', text: 'Use UTC.' };

describe('what becomes of an item', () => {
  it.each([
    ['matches', ITEM, 'wanted'],
    ['is gone', null, 'unwanted'],
    ['is closed', { ...ITEM, isOpen: false }, 'unwanted'],
    [
      'lost the label of the rule',
      { ...ITEM, labels: ['bug'], mismatch: 'label agent is missing' },
      'unwanted',
    ],
    ['lost it, and is in another state', { ...ITEM, labels: [], mismatch: 'state is Doing' }, 'unwanted'],
    ['lost another label', { ...ITEM, labels: ['agent'], mismatch: 'state is Doing' }, 'drifted'],
    ['is in another state', { ...ITEM, mismatch: 'state is Doing' }, 'drifted'],
  ])('that %s', (_what, item, kind) => {
    expect(itemStanding(item, MARKS, RULE).kind).toBe(kind);
  });

  it('that only the new rule does not want is not that anybody took it away', () => {
    const item = { ...ITEM, labels: ['bug'], mismatch: 'label agent is missing' };
    expect(itemStanding(item, { ...MARKS, rule: 'r0' }, RULE).kind).toBe('drifted');
  });
});

describe('what people say', () => {
  const state = (fields = {}) => ({ task: activeTask(), job: queuedJob(fields) });
  const move = (effects: Effects, of: ReturnType<typeof state>, hears = true) =>
    withMoves(effects, of, { hears, now: 7 });

  it('goes to the attempt that waits, and of one that runs to the next', () => {
    expect(hear(state(), said).job?.context).toMatchObject({ heard: [said], unheard: [] });
    expect(hear(state({ status: 'running' }), said).job?.context).toMatchObject({
      heard: [],
      unheard: [said],
    });
  });

  it('while a run was under way reaches its next attempt, or the stage behind it', () => {
    const running = state({ status: 'running', context: { ...EMPTY_CONTEXT, unheard: [said] } });
    const again = move({ job: { status: 'queued' } }, running);
    expect(again.job?.context).toMatchObject({ heard: [said], unheard: [] });
    const { id: _id, ...next } = queuedJob({ stage: 'review' });
    const on = move({ job: { status: 'done' }, newJobs: [next] }, running);
    expect([on.job?.context?.unheard, on.newJobs?.[0]?.context.heard]).toEqual([[], [said]]);
    // It ended for good: whoever retries it hears it.
    expect(move({ job: { status: 'failed' } }, running).job?.context).toBeUndefined();
  });

  it('concerns nobody once the task is over', () => {
    expect(hear({ task: activeTask({ status: 'done' }), job: queuedJob() }, said)).toEqual({});
  });

  it('is kept as a thread that does not grow without end', () => {
    let thread = '';
    for (let i = 0; i < 100; i++)
      thread = withThread(thread, { by: 'mara', text: `${i} ${'x'.repeat(1000)}` });
    expect(thread.length).toBeLessThan(31_000);
    expect(thread).toContain('mara: 99 ');
    expect(thread.startsWith('(earlier comments are left out)')).toBe(true);
  });

  it('by editing the item is no news when nothing is different', () => {
    expect(edited({ task: activeTask(), job: queuedJob() }, { title: 'First', body: '' }, 'gitea')).toEqual(
      {},
    );
  });
});

describe('what a tracker is told of a move', () => {
  const kinds = (effects: Effects, task = activeTask(), hears = true) =>
    (withMoves(effects, { task, job: queuedJob() }, { hears, now: 7 }).outbox ?? []).map(({ message }) =>
      message.kind === 'tracker.status' ? message.status : message.kind,
    );
  const asks = { status: 'needs_you', reason: { code: 'x', detail: '' } } as const;

  it.each<[string, Effects, Parameters<typeof activeTask>[0], string[]]>([
    ['a person is needed', { task: asks }, {}, ['needs_you', 'tracker.report']],
    ['it goes on', { task: { status: 'active', reason: null } }, asks, ['in_progress', 'tracker.report']],
    ['another stage', { task: { stage: 'review' } }, {}, ['tracker.report']],
    ['the end, which says its own status', { task: { status: 'done' } }, {}, ['tracker.report']],
    ['nothing that shows', { task: { head: 'abc' } }, {}, []],
    ['nothing of the task', { job: { hold: null } }, {}, []],
  ])('%s', (_what, effects, task, wanted) => {
    expect(kinds(effects, activeTask(task))).toEqual(wanted);
    expect(kinds(effects, activeTask(task), false)).toEqual(
      wanted.filter((kind) => kind !== 'tracker.report'),
    );
  });
});

describe('what an item depends on', () => {
  const first = { task: activeTask(), job: queuedJob() };
  const held = {
    task: activeTask(),
    job: queuedJob({ hold: 'dependency.open', context: { ...EMPTY_CONTEXT, dependsOn: ['A-1'] } }),
  };

  it('holds a first job, says what for, and lets it go', () => {
    expect(dependencies(first, ['A-1'], null).job).toMatchObject({
      hold: 'dependency.open',
      context: { dependsOn: ['A-1'] },
    });
    expect(dependencies(held, ['A-1'], null)).toEqual({});
    expect(dependencies(held, ['A-2'], null).job?.context?.dependsOn).toEqual(['A-2']);
    expect(dependencies(held, [], 'approval.pending')).toEqual({ job: { hold: 'approval.pending' } });
    expect(dependencies(first, [], null)).toEqual({});
  });

  it.each([
    ['has begun', { fence: 1 }],
    ['is a later one', { createdAt: 5 }],
    ['waits for a person', { hold: 'approval.pending' }],
    ['runs', { status: 'running' as const }],
    ['was let go by a person', { context: { ...EMPTY_CONTEXT, ignoresDependencies: true } }],
  ])('holds no job that %s', (_what, fields) => {
    expect(dependencies({ task: activeTask(), job: queuedJob(fields) }, ['A-1'], null)).toEqual({});
  });
});

describe('items outside', () => {
  const wait = { project: 'api', rule: 'label `agent`', pending: [], since: 5, refused: [] };

  it('are one reason per project, with the word that lets them in', () => {
    const pending = Array.from({ length: 7 }, (_, i) => `API-${i}`);
    expect(intakeReasons([wait])).toEqual([]);
    expect(intakeReasons([{ ...wait, pending }])).toMatchObject([
      {
        ...{ code: 'intake.pending', state: 'needs_you', since: 5 },
        title: '7 items of api match label `agent`: nobody let them in yet',
        fix: 'orch intake accept --project api',
      },
    ]);
    const refused = [{ key: 'API-9', error: 'project api has no account', since: 6 }];
    expect(intakeReasons([{ ...wait, refused }])).toMatchObject([
      { code: 'intake.failed', detail: 'project api has no account' },
    ]);
  });

  it('of a tracker that does not answer: the earlier story of two stands', () => {
    const silent = { since: 5, failures: 1, error: 'x', triedAt: 9, nextTryAt: 10 };
    const row = { name: 'tracker:api', dead: null, retried: false };
    const looks = new Map([['tracker:api', silent]]);
    expect(withLooks([], looks)).toEqual([{ ...row, unanswered: silent }]);
    expect(withLooks([{ ...row, unanswered: { ...silent, since: 3 } }], looks)[0]?.unanswered?.since).toBe(3);
    expect(withLooks([{ ...row, unanswered: { ...silent, since: 8 } }], looks)[0]?.unanswered?.since).toBe(5);
  });
});
