import { describe, expect, it } from 'vitest';
import { approve } from './approvals.ts';
import type { CommandContext } from './command.ts';
import { retry } from './commands.ts';
import {
  type CheckSeen,
  deciding,
  hear,
  mergedElsewhere,
  newsOf,
  type PullSeen,
  pendingLine,
  type ReviewSeen,
} from './forge-news.ts';
import { EMPTY_CONTEXT, type ForgeMemory, type Job, NOTHING_HEARD, type Task } from './model.ts';
import { advance } from './task.ts';
import { activeTask, queuedJob, rules, runningJob, stage } from './test-kit.ts';

const HEAD = '9c41f0e1234567';
const NOW = 10_000_000;
const RULES = rules([
  stage('development', { agent: 'developer' }),
  stage('review', { agent: 'reviewer', onReject: 'development' }),
  stage('accept', { kind: 'human', agent: null, reviewers: ['mara'] }),
  stage('deploy', { kind: 'deploy', agent: null, approval: 'required', maxRounds: 2 }),
]);
const C: CommandContext = { project: RULES, maxAttempts: 3, by: 'orch', now: NOW };

const task = (fields: Partial<Task> = {}) =>
  activeTask({ stage: 'deploy', status: 'needs_you', head: HEAD, ...fields });
const waiting = (fields: Partial<Job> = {}) =>
  queuedJob({ stage: 'deploy', agent: null, account: null, hold: 'approval.pending', ...fields });
const memory = (fields: Partial<ForgeMemory>): ForgeMemory => ({ ...NOTHING_HEARD, ...fields });
const review = (state: ReviewSeen['state'], fields: Partial<ReviewSeen> = {}): ReviewSeen => ({
  ...{ id: '12', by: { name: 'mara', mayWrite: true }, state, commit: HEAD, body: '', comments: [] },
  ...fields,
});
const check = (state: CheckSeen['state'], fields: Partial<CheckSeen> = {}): CheckSeen => ({
  ...{ name: 'build', state, required: null, url: 'https://ci/1', detail: 'exit 1' },
  ...fields,
});
const pull = (fields: Partial<PullSeen> = {}): PullSeen => ({
  ...{ head: HEAD, reviews: [], checks: [], conflict: null },
  ...fields,
});
const kindOf = (seen: PullSeen, on: { task?: Task; job?: Job } = {}) =>
  newsOf({ task: on.task ?? task(), job: on.job ?? waiting() }, seen, RULES, NOW)?.kind ?? null;
const heard = (seen: PullSeen, on: { task?: Task; job?: Job } = {}) =>
  hear({ task: on.task ?? task(), job: on.job ?? waiting() }, seen, C);

describe('what decides over a merge', () => {
  it.each([
    ['all, where the forge does not tell', [check('failure'), check('pending', { name: 'lint' })], 1, 1],
    [
      'the required ones, where it does',
      [check('failure', { required: false }), check('pending', { name: 'lint', required: true })],
      0,
      1,
    ],
    [
      'nothing, where none is required',
      [check('failure', { required: false }), check('pending', { required: false })],
      0,
      0,
    ],
  ])('is %s', (_name, checks, red, pending) => {
    const found = deciding(checks);
    expect([found.red.length, found.pending.length]).toEqual([red, pending]);
  });

  it('is told in one line', () => {
    const two = [check('pending'), check('pending', { name: 'lint' })];
    expect(pendingLine(HEAD, two)).toBe('2 checks still run on 9c41f0e');
    expect(pendingLine(HEAD, two.slice(1))).toBe('1 check still runs on 9c41f0e');
    expect(pendingLine(HEAD, [check('success')])).toBeNull();
  });
});

describe('a look at the forge', () => {
  const yes = review('approved');
  const no = review('changes_requested', { body: 'not so' });
  const red = [check('failure')];
  const atHuman = waiting({ stage: 'accept' });
  it.each<[string, PullSeen, { task?: Task; job?: Job }, string | null]>([
    ['an approval of exactly this head', pull({ reviews: [yes] }), {}, 'approved'],
    ['an approval of an older head', pull({ reviews: [{ ...yes, commit: 'old' }] }), {}, null],
    ['an approval while the branch is elsewhere', pull({ head: 'new', reviews: [yes] }), {}, null],
    [
      'an approval by somebody without write access',
      pull({ reviews: [{ ...yes, by: { name: 'eve', mayWrite: false } }] }),
      {},
      null,
    ],
    ['an approval by a named reviewer', pull({ reviews: [yes] }), { job: atHuman }, 'approved'],
    [
      'an approval by another than the named',
      pull({ reviews: [{ ...yes, by: { name: 'ben', mayWrite: true } }] }),
      { job: atHuman },
      null,
    ],
    [
      'an approval that was heard for this stage',
      pull({ reviews: [yes] }),
      { task: task({ forge: memory({ heard: [`approved:12:${HEAD}:deploy`] }) }) },
      null,
    ],
    [
      'an approval while checks are waited for',
      pull({ reviews: [yes], checks: [check('pending')] }),
      { job: waiting({ hold: 'checks.pending' }) },
      null,
    ],
    ['changes requested', pull({ reviews: [no, yes] }), {}, 'review'],
    [
      'changes requested by a stranger',
      pull({ reviews: [{ ...no, by: { name: 'eve', mayWrite: false } }] }),
      {},
      null,
    ],
    [
      'changes requested that were heard',
      pull({ reviews: [no] }),
      { task: task({ forge: memory({ heard: ['review:12'] }) }) },
      null,
    ],
    ['changes requested while an agent works', pull({ reviews: [no] }), { job: runningJob() }, 'review'],
    ['a review without a word', pull({ reviews: [review('commented')] }), {}, null],
    ['a red check', pull({ checks: red }), {}, 'red'],
    ['a red check of an older head', pull({ head: 'old', checks: red }), {}, null],
    ['a red check while an agent works', pull({ checks: red }), { job: runningJob() }, null],
    ['a red check while one waits for an agent', pull({ checks: red }), { job: queuedJob() }, null],
    [
      'a red check that was heard of this head',
      pull({ checks: red }),
      { task: task({ forge: memory({ heard: [`red:${HEAD}:build`] }) }) },
      null,
    ],
    [
      'another red check of the same head',
      pull({ checks: [...red, check('failure', { name: 'lint' })] }),
      { task: task({ forge: memory({ heard: [`red:${HEAD}:build`] }) }) },
      'red',
    ],
    ['a red check that comes with an approval', pull({ checks: red, reviews: [yes] }), {}, 'red'],
    ['a conflict', pull({ conflict: true, checks: red }), {}, 'conflict'],
    ['what is not known of a conflict yet', pull({ conflict: null }), {}, null],
    [
      'checks that have ended',
      pull({ checks: [check('success')] }),
      { job: waiting({ hold: 'checks.pending' }) },
      'settled',
    ],
    [
      'checks that still run',
      pull({ checks: [check('pending')] }),
      { job: waiting({ hold: 'checks.pending' }) },
      null,
    ],
    [
      'a merge that the forge has promised',
      pull(),
      {
        job: waiting({
          ...{ hold: 'checks.pending', holdSince: NOW - 60_000 },
          context: { ...EMPTY_CONTEXT, awaits: { detail: 'later', merges: true } },
        }),
      },
      null,
    ],
    [
      'a merge that it promised long ago',
      pull(),
      {
        job: waiting({
          ...{ hold: 'checks.pending', holdSince: NOW - 3_600_000 },
          context: { ...EMPTY_CONTEXT, awaits: { detail: 'later', merges: true } },
        }),
      },
      'settled',
    ],
  ])('%s', (_name, seen, on, expected) => {
    expect(kindOf(seen, on)).toBe(expected);
  });

  it('hears each thing once: what a decision leaves is no news any more', () => {
    for (const seen of [
      pull({ reviews: [review('changes_requested', { body: 'x' })] }),
      pull({ checks: [check('failure')] }),
      pull({ conflict: true }),
      pull({ reviews: [review('approved')] }),
    ]) {
      const effects = heard(seen);
      const after = task({ forge: effects.task?.forge ?? NOTHING_HEARD });
      expect(kindOf(seen, { task: after })).toBeNull();
      expect(() => heard(seen, { task: after })).toThrow(
        expect.objectContaining({ code: 'forge.nothing_new' }),
      );
    }
  });
});

describe('changes that a person requests', () => {
  const asked = pull({
    reviews: [
      review('changes_requested', {
        body: 'Not yet\nThe name is wrong.',
        comments: [{ file: 'src/a.ts', line: 3, body: 'off by one' }],
      }),
    ],
  });

  it('send a task that waits back to development, with the words and where they stand', () => {
    const effects = heard(asked, { task: task({ rounds: { deploy: 2 } }) });
    expect(effects.job).toMatchObject({ status: 'done', hold: null });
    expect(effects.task).toMatchObject({ stage: 'development', status: 'active', rounds: { deploy: 2 } });
    expect(effects.newJobs?.[0]).toMatchObject({ stage: 'development', rework: true });
    expect(effects.newJobs?.[0]?.context.findings).toEqual([
      {
        severity: 'person',
        file: null,
        line: null,
        title: 'Not yet',
        detail: 'By mara.\nNot yet\nThe name is wrong.',
      },
      { severity: 'person', file: 'src/a.ts', line: 3, title: 'off by one', detail: 'By mara.' },
    ]);
    expect(effects.outbox?.[0]?.message).toEqual({
      kind: 'notify.resolved',
      incident: 'approval:API-1:deploy',
    });
  });

  it('go with the job of an agent that has not begun', () => {
    const effects = heard(asked, { job: queuedJob({ stage: 'review', agent: 'reviewer' }) });
    expect(effects.job?.context?.findings.map(({ title }) => title)).toEqual(['Not yet', 'off by one']);
    expect(effects.newJobs).toBeUndefined();
  });

  it('wait for the next agent while one works, and then are its findings', () => {
    const effects = heard(asked, { job: runningJob() });
    expect(effects.job).toBeUndefined();
    const forge = effects.task?.forge ?? NOTHING_HEARD;
    expect(forge.inbox).toHaveLength(2);
    const step = advance(activeTask({ forge }), runningJob(), RULES, {
      head: HEAD,
      maxAttempts: 3,
      now: NOW,
    });
    expect(step.newJobs[0]).toMatchObject({ stage: 'review', context: { findings: forge.inbox } });
    expect(step.task.forge).toMatchObject({ heard: ['review:12'], inbox: [] });
  });

  it('go back to development when no agent comes before a person', () => {
    const forge = heard(asked, { job: runningJob() }).task?.forge ?? NOTHING_HEARD;
    const reviewed = activeTask({ stage: 'review', forge });
    const job = runningJob({ stage: 'review', agent: 'reviewer' });
    const step = advance(reviewed, job, RULES, { head: HEAD, maxAttempts: 3, now: NOW });
    expect(step.newJobs[0]).toMatchObject({ stage: 'development', context: { findings: forge.inbox } });
    expect(step.task).toMatchObject({ stage: 'development', forge: { inbox: [] } });
  });

  it('go with a retry of the agent that had failed meanwhile', () => {
    const forge = heard(asked, { job: runningJob() }).task?.forge ?? NOTHING_HEARD;
    const options = { note: null, fromStage: null, account: null };
    const effects = retry({ task: activeTask({ forge }), job: queuedJob({ status: 'failed' }) }, options, C);
    expect(effects.job?.context?.findings).toHaveLength(2);
    expect(effects.task?.forge?.inbox).toEqual([]);
  });
});

describe('a check of others that failed', () => {
  const red = pull({ checks: [check('failure', { detail: 'expected 1 to be 2' })] });

  it('goes back to development with its name, address and the end of its log', () => {
    expect(heard(red).newJobs?.[0]?.context.findings).toEqual([
      {
        ...{ severity: 'high', file: null, line: null, title: 'CI: build failed: expected # to be #' },
        detail: 'https://ci/1\nexpected 1 to be 2',
      },
    ]);
  });

  it('that fails again in the same way on another head asks a person, and a yes has the merge tried', () => {
    const first = heard(red).task;
    const next = 'a11ce';
    const later = task({ ...first, head: next, stage: 'deploy', status: 'needs_you' });
    const again = heard({ ...red, head: next }, { task: { ...later, head: next } });
    expect(again.task).toMatchObject({ status: 'needs_you', reason: { code: 'rounds.stuck' } });
    expect(again.newJobs).toEqual([]);
    const stuck = { ...later, head: next, reason: { code: 'rounds.stuck', detail: '' } };
    const job = waiting({ status: 'done', hold: null });
    expect(approve({ task: stuck, job }, null, { ...C, by: 'mara' }).newJobs).toMatchObject([
      { stage: 'deploy', hold: null, context: { approvedHead: next, approvedBy: 'mara' } },
    ]);
  });
});

describe('a conflict with the base', () => {
  it('is a round of development that is told so, and is counted', () => {
    const effects = heard(pull({ conflict: true }));
    expect(effects.newJobs?.[0]).toMatchObject({
      stage: 'development',
      context: { conflict: { files: [] } },
    });
    expect(effects.task?.rounds).toEqual({ deploy: 1 });
    const spent = heard(pull({ conflict: true }), { task: task({ rounds: { deploy: 2 } }) });
    expect(spent.task).toMatchObject({ status: 'needs_you', reason: { code: 'rounds.spent' } });
  });
});

describe('an approval on the forge', () => {
  it('counts as one, by whoever gave it, for exactly that head', () => {
    expect(heard(pull({ reviews: [review('approved')] }))).toMatchObject({
      job: { hold: null, context: { approvedHead: HEAD, approvedBy: 'mara' } },
      task: { status: 'active' },
    });
    expect(
      heard(pull({ reviews: [review('approved')] }), { job: waiting({ stage: 'accept' }) }),
    ).toMatchObject({
      job: { status: 'done' },
      newJobs: [{ stage: 'deploy', hold: 'approval.pending' }],
    });
  });
});

describe('a branch that somebody merged', () => {
  it.each<[string, Job, object]>([
    ['waits for a yes to its deploy', waiting(), { job: { hold: null } }],
    [
      'waits for a person',
      waiting({ stage: 'accept' }),
      { job: { status: 'done' }, newJobs: [{ stage: 'deploy', hold: null }] },
    ],
    [
      'waits for an agent',
      queuedJob({ stage: 'review' }),
      { job: { status: 'done' }, newJobs: [{ stage: 'deploy', hold: null }] },
    ],
    [
      'has failed',
      queuedJob({ stage: 'review', status: 'failed' }),
      { newJobs: [{ stage: 'deploy', hold: null }] },
    ],
  ])('goes on to its deploy when it %s', (_name, job, expected) => {
    const effects = mergedElsewhere({ task: task({ stage: job.stage ?? '' }), job }, C);
    expect(effects).toMatchObject({ ...expected, task: { status: 'active', reason: null } });
  });

  it('lets an agent that works come to its end', () => {
    expect(() => mergedElsewhere({ task: task(), job: runningJob() }, C)).toThrow(
      expect.objectContaining({ code: 'forge.nothing_new' }),
    );
  });
});
