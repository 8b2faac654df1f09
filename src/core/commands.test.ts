import { describe, expect, it } from 'vitest';
import { approve, reject, sizeLine } from './approvals.ts';
import { type CommandContext } from './command.ts';
import { answer, cancel, comment, moveBack, type RetryOptions, retry } from './commands.ts';
import { EMPTY_CONTEXT, type Job, type Task } from './model.ts';
import { activeTask, queuedJob, rules, stage } from './test-kit.ts';

const HEAD = '9c41f0e1234567';

const PROJECT = rules([
  stage('development', { agent: 'developer' }),
  stage('accept', { kind: 'human', agent: null }),
  stage('deploy', { kind: 'deploy', agent: null, approval: 'required' }),
]);
const CONTEXT: CommandContext = { project: PROJECT, maxAttempts: 3, by: 'mara', now: 500 };

/** With something of every budget spent, so that a refill shows. */
const job = (fields: Partial<Job> = {}) =>
  queuedJob({
    attempts: 1,
    transientAttempts: 2,
    lostAttempts: 1,
    fence: 5,
    availableAt: 900,
    error: 'why',
    ...fields,
  });
const task = (fields: Partial<Task> = {}) => activeTask({ head: HEAD, ...fields });
const waiting = (name: 'deploy' | 'accept', fields: Partial<Job> = {}) => ({
  task: task({ stage: name, status: 'needs_you' }),
  job: job({
    stage: name,
    agent: null,
    account: null,
    availableAt: null,
    hold: 'approval.pending',
    holdSince: 3,
    attempts: 0,
    ...fields,
  }),
});
const code = (expected: string) => expect.objectContaining({ code: expected });
const PLAIN: RetryOptions = { note: null, fromStage: null, account: null };

describe('approve', () => {
  it('lets a deploy start, bound to the commit and with the name of who decided', () => {
    const effects = approve(waiting('deploy'), HEAD, CONTEXT);
    expect(effects.job).toMatchObject({ hold: null, context: { approvedHead: HEAD, approvedBy: 'mara' } });
    expect(effects.job?.status).toBeUndefined();
    expect(effects.task).toEqual({ status: 'active', reason: null });
    expect(effects.outbox).toMatchObject([
      { message: { kind: 'notify.resolved', incident: 'approval:API-1:deploy' } },
    ]);
    expect(effects.newJobs).toBeUndefined();
  });

  it.each(['accept', 'deploy'] as const)(
    'changes nothing while the %s that waits is not in the configuration: it would start as something else',
    (name) => {
      const lost = { ...CONTEXT, project: null };
      const changed = { ...CONTEXT, project: rules([stage('development', { agent: 'developer' })]) };
      const cancelled = {
        ...waiting(name),
        job: { ...waiting(name).job, status: 'cancelled', hold: null } as const,
      };
      expect(() => approve(waiting(name), null, lost)).toThrow(code('project.unknown'));
      expect(() => approve(waiting(name), null, changed)).toThrow(code('stage.unknown'));
      for (const state of [waiting(name), cancelled]) {
        expect(() => retry(state, PLAIN, lost)).toThrow(code('project.unknown'));
        expect(() => retry(state, PLAIN, changed)).toThrow(code('stage.unknown'));
      }
    },
  );

  it('needs no commit, and takes a short one', () => {
    expect(approve(waiting('deploy'), null, CONTEXT).job?.context?.approvedHead).toBe(HEAD);
    expect(approve(waiting('deploy'), HEAD.slice(0, 7), CONTEXT).job?.hold).toBeNull();
  });

  it('refuses a commit that is not the head any more', () => {
    expect(() => approve(waiting('deploy'), 'beef123', CONTEXT)).toThrow(code('approval.stale'));
    expect(() => approve({ ...waiting('deploy'), task: task({ head: null }) }, HEAD, CONTEXT)).toThrow(
      code('approval.stale'),
    );
  });

  it('ends a human stage and moves the task on', () => {
    const effects = approve(waiting('accept'), null, CONTEXT);
    expect(effects.job).toMatchObject({ status: 'done', finishedAt: 500, error: null });
    expect(effects.newJobs).toMatchObject([
      { stage: 'deploy', hold: 'approval.pending', context: { approvedHead: null } },
    ]);
    expect(effects.task).toMatchObject({ stage: 'deploy', status: 'needs_you' });
  });

  it.each([
    ['waits for something else', { hold: 'question.pending' }],
    ['waits for nothing', { hold: null }],
    ['is over', { status: 'done', hold: null }],
  ] as const)('refuses a job that %s', (_name, fields) => {
    expect(() => approve(waiting('deploy', fields), null, CONTEXT)).toThrow(code('approval.none'));
  });

  it('refuses a job without a task', () => {
    expect(() => approve({ task: null, job: job({ hold: 'approval.pending' }) }, null, CONTEXT)).toThrow(
      code('approval.none'),
    );
  });
});

describe('the line that says how large an approval is', () => {
  const stat = { files: 9, added: 214, deleted: 38 };
  it.each([
    [{ head: HEAD, green: 3, total: 4 }, stat, '9 files +214 −38 · checks 3/4'],
    [{ head: 'aaaaaaaa11', green: 4, total: 4 }, stat, '9 files +214 −38 · checks 4/4 at aaaaaaa'],
    [{ head: HEAD, green: 0, total: 0 }, { ...stat, files: 1 }, '1 file +214 −38'],
    [null, null, ''],
  ])('tells what is known of %j and %j', (checked, size, line) => {
    expect(sizeLine(task({ checked }), size)).toBe(line);
  });
});

describe('a loop of findings that asked a person', () => {
  const stopped = (code: string) => ({
    task: task({ stage: 'review', status: 'needs_you', reason: { code, detail: 'x' }, loops: {} }),
    job: job({ stage: 'development', status: 'done', hold: null }),
  });

  it.each(['rounds.spent', 'rounds.stuck'])('goes on in spite of them when approved: %s', (reason) => {
    const effects = approve(stopped(reason), HEAD, CONTEXT);
    expect(effects.task).toMatchObject({ stage: 'accept' });
    expect(effects.newJobs).toMatchObject([{ stage: 'accept', hold: 'approval.pending' }]);
    expect(() => approve(stopped(reason), 'dead', CONTEXT)).toThrow(code('approval.stale'));
  });

  it('begins anew when work is sent back by a person', () => {
    const state = {
      task: task({ rounds: { review: 4 }, status: 'needs_you' }),
      job: job({ status: 'done' }),
    };
    expect(retry(state, { ...PLAIN, fromStage: 'development' }, CONTEXT).task).toMatchObject({
      rounds: {},
      loops: {},
    });
  });
});

describe('a stage that names its reviewers', () => {
  const c: CommandContext = {
    ...CONTEXT,
    project: rules([
      stage('development', { agent: 'developer' }),
      stage('accept', { kind: 'human', agent: null, reviewers: ['mara'] }),
    ]),
  };
  it('is decided by them and by nobody else', () => {
    expect(approve(waiting('accept'), null, c).job).toMatchObject({ status: 'done' });
    expect(reject(waiting('accept'), 'no', c).newJobs).toHaveLength(1);
    const other = { ...c, by: 'tom' };
    expect(() => approve(waiting('accept'), null, other)).toThrow(code('approval.not_reviewer'));
    expect(() => reject(waiting('accept'), 'no', other)).toThrow(code('approval.not_reviewer'));
  });
});

describe('reject', () => {
  it.each(['', '  \n'])('needs a reason, for it goes to the agent (%j)', (reason) => {
    expect(() => reject(waiting('deploy'), reason, CONTEXT)).toThrow(code('usage.reason_missing'));
  });

  it.each(['accept', 'deploy'] as const)(
    'sends the task back from %s with the reason as a finding, however many rounds are spent',
    (name) => {
      const { task: t, job: j } = waiting(name);
      const effects = reject({ task: { ...t, rounds: { [name]: 7 } }, job: j }, 'wrong colour', CONTEXT);
      expect(effects.job).toMatchObject({ status: 'done', hold: null, finishedAt: 500 });
      expect(effects.newJobs).toMatchObject([
        {
          stage: 'development',
          rework: true,
          context: { roundHead: HEAD, findings: [{ title: 'wrong colour', detail: 'Rejected by mara.' }] },
        },
      ]);
      expect(effects.task).toMatchObject({ stage: 'development', status: 'active', rounds: { [name]: 7 } });
      expect(effects.outbox).toMatchObject([{ message: { incident: `approval:API-1:${name}` } }]);
    },
  );

  it('refuses when no earlier stage can act on it, or the project is gone', () => {
    const alone = { ...PROJECT, pipeline: PROJECT.pipeline.slice(1) };
    expect(() => reject(waiting('accept'), 'no', { ...CONTEXT, project: alone })).toThrow(
      code('approval.no_target'),
    );
    expect(() => reject(waiting('accept'), 'no', { ...CONTEXT, project: null })).toThrow(
      code('project.unknown'),
    );
  });
});

describe('retry', () => {
  it('refuses a job that its task has left behind', () => {
    const stale = { task: task({ status: 'active' }), job: job({ status: 'failed' }), superseded: true };
    expect(() => retry(stale, PLAIN, CONTEXT)).toThrow(expect.objectContaining({ code: 'job.superseded' }));
  });

  it.each(['failed', 'cancelled'] as const)(
    'refills every budget of a %s job and revives its task',
    (status) => {
      const effects = retry(
        {
          task: task({ status: status === 'failed' ? 'needs_you' : 'cancelled' }),
          job: job({ status, attempts: 3, finishedAt: 9 }),
        },
        { ...PLAIN, note: 'mock the clock' },
        CONTEXT,
      );
      expect(effects.job).toMatchObject({
        status: 'queued',
        attempts: 0,
        transientAttempts: 0,
        lostAttempts: 0,
        availableAt: null,
        finishedAt: null,
        cancelRequested: false,
        context: { note: 'mock the clock' },
      });
      expect(effects.task).toEqual({ status: 'active', reason: null });
    },
  );

  it('lets a delayed job start now and leaves its budgets as they are', () => {
    const effects = retry({ task: task(), job: job() }, PLAIN, CONTEXT);
    expect(effects.job).toMatchObject({ status: 'queued', availableAt: null });
    expect(effects.job).not.toHaveProperty('attempts');
  });

  it('goes on without the answer to a question, but never without an approval', () => {
    expect(
      retry({ task: task({ status: 'needs_you' }), job: job({ hold: 'question.pending' }) }, PLAIN, CONTEXT),
    ).toMatchObject({ job: { hold: null }, task: { status: 'active' } });
    const approval = retry(waiting('deploy'), PLAIN, CONTEXT);
    expect(approval.job?.hold).toBe('approval.pending');
    expect(approval.task).toBeUndefined();
  });

  it.each(['accept', 'deploy'] as const)(
    'asks for the approval again when the cancelled job is a %s that nobody approved',
    (name) => {
      const cancelled = {
        ...waiting(name),
        job: job({
          stage: name,
          agent: null,
          account: null,
          status: 'cancelled',
          hold: null,
          context: EMPTY_CONTEXT,
        }),
      };
      const effects = retry(cancelled, PLAIN, CONTEXT);
      expect(effects.job).toMatchObject({ status: 'queued', hold: 'approval.pending' });
      expect(effects.task?.status ?? 'needs_you').toBe('needs_you');
    },
  );

  it('moves the job to another account when told to', () => {
    expect(retry({ task: task(), job: job() }, { ...PLAIN, account: 'b' }, CONTEXT).job?.account).toBe('b');
    expect(retry({ task: task(), job: job() }, PLAIN, CONTEXT).job).not.toHaveProperty('account');
  });

  it.each([
    ['queued', { status: 'cancelled', hold: null, finishedAt: 500 }],
    ['failed', undefined],
    ['done', undefined],
  ] as const)(
    'from a stage makes a new job of that stage, and lets the %s one not run besides',
    (status, expected) => {
      const effects = retry(
        { task: task({ status: 'needs_you' }), job: job({ status }) },
        { note: 'again', fromStage: 'development', account: 'b' },
        CONTEXT,
      );
      expect(effects.job).toEqual(expected);
      expect(effects.newJobs).toMatchObject([
        {
          stage: 'development',
          account: 'b',
          rework: true,
          maxAttempts: 3,
          hold: null,
          context: { note: 'again', roundHead: HEAD },
        },
      ]);
      expect(effects.task).toMatchObject({ stage: 'development', status: 'active', reason: null });
    },
  );

  it('from a stage that waits for a person asks that person', () => {
    const effects = retry(
      { task: task({ status: 'done' }), job: job({ status: 'done' }) },
      { ...PLAIN, fromStage: 'deploy' },
      CONTEXT,
    );
    expect(effects.newJobs).toMatchObject([{ stage: 'deploy', hold: 'approval.pending' }]);
    expect(effects.task).toMatchObject({ status: 'needs_you', reason: { code: 'approval.pending' } });
  });

  it.each([
    ['a running job', { task: task(), job: job({ status: 'running' }) }, PLAIN, 'job.running'],
    [
      'a running job, also from a stage',
      { task: task(), job: job({ status: 'running' }) },
      { ...PLAIN, fromStage: 'deploy' },
      'job.running',
    ],
    [
      'a task that is done',
      { task: task({ status: 'done' }), job: job({ status: 'done' }) },
      PLAIN,
      'task.ended',
    ],
    ['a job that is done', { task: task(), job: job({ status: 'done' }) }, PLAIN, 'job.done'],
    ['a job without a task that is done', { task: null, job: job({ status: 'done' }) }, PLAIN, 'job.done'],
    [
      'a stage that does not exist',
      { task: task(), job: job() },
      { ...PLAIN, fromStage: 'polish' },
      'usage.unknown_stage',
    ],
  ] as const)('refuses %s', (_name, state, options, expected) => {
    expect(() => retry(state, options, CONTEXT)).toThrow(code(expected));
  });
});

describe('cancel', () => {
  it('of a task ends its waiting job, keeps the branch and tells the tracker', () => {
    const effects = cancel({ task: task(), job: job({ hold: 'question.pending' }) }, true, CONTEXT);
    expect(effects.job).toEqual({ status: 'cancelled', hold: null, finishedAt: 500, verdict: 'cancelled' });
    expect(effects.task).toEqual({ status: 'cancelled', reason: null });
    expect(effects.outbox?.map((row) => row.message.kind)).toEqual([
      'tracker.status',
      'notify.resolved',
      'notify.resolved',
    ]);
    expect(effects.newJobs).toBeUndefined();
  });

  it('of a task leaves its pull request open, with a comment', () => {
    const effects = cancel(
      { task: task({ pr: { number: 3, url: null, state: 'open' } }), job: job() },
      true,
      CONTEXT,
    );
    expect(effects.outbox?.at(-1)).toMatchObject({
      destination: 'forge:api',
      message: { kind: 'forge.comment', body: expect.stringContaining('Cancelled by mara') },
    });
    expect(effects.task).not.toHaveProperty('pr');
  });

  it('of a running task asks the run to end; the settle does the rest', () => {
    const effects = cancel({ task: task(), job: job({ status: 'running' }) }, true, CONTEXT);
    expect(effects.job).toEqual({ cancelRequested: true });
    expect(effects.task?.status).toBe('cancelled');
  });

  it.each([
    ['waiting', 'queued', { status: 'cancelled', hold: null, finishedAt: 500, verdict: 'cancelled' }],
    ['running', 'running', { cancelRequested: true }],
  ] as const)('of a %s job asks a person about its task', (_name, status, expected) => {
    const effects = cancel({ task: task(), job: job({ status }) }, false, CONTEXT);
    expect(effects.job).toEqual(expected);
    expect(effects.task).toMatchObject({
      status: 'needs_you',
      reason: { code: 'job.cancelled', detail: 'development was cancelled by mara' },
    });
    expect(effects.outbox).toEqual([]);
  });

  it('of a job without a task touches the job alone', () => {
    expect(cancel({ task: null, job: job() }, false, CONTEXT)).toEqual({
      job: { status: 'cancelled', hold: null, finishedAt: 500, verdict: 'cancelled' },
    });
  });

  it.each(['done', 'failed', 'cancelled'] as const)('of a %s job changes nothing', (status) => {
    expect(cancel({ task: task(), job: job({ status }) }, false, CONTEXT)).toEqual({});
  });

  it('of a task twice changes nothing, and of one that is done is refused', () => {
    expect(
      cancel({ task: task({ status: 'cancelled' }), job: job({ status: 'cancelled' }) }, true, CONTEXT),
    ).toEqual({});
    expect(() =>
      cancel({ task: task({ status: 'done' }), job: job({ status: 'done' }) }, true, CONTEXT),
    ).toThrow(code('task.ended'));
  });

  it('of a task whose job has failed still ends the task', () => {
    const effects = cancel(
      { task: task({ status: 'needs_you' }), job: job({ status: 'failed' }) },
      true,
      CONTEXT,
    );
    expect(effects.job).toBeUndefined();
    expect(effects.task?.status).toBe('cancelled');
  });
});

describe('answer', () => {
  it('lets the job go on, with the answer and the name of who gave it', () => {
    const asked = job({
      hold: 'question.pending',
      context: { ...EMPTY_CONTEXT, sessionId: 's1', resume: true },
    });
    const reason = { code: 'question.pending', detail: 'Which database?' };
    const effects = answer(
      { task: task({ status: 'needs_you', reason }), job: asked },
      'PostgreSQL',
      CONTEXT,
    );
    expect(effects.job).toEqual({
      hold: null,
      context: { ...asked.context, note: 'Answer by mara: PostgreSQL', answered: ['Which database?'] },
    });
    expect(effects.task).toEqual({ status: 'active', reason: null });
    expect(effects.outbox).toMatchObject([
      { message: { kind: 'notify.resolved', incident: 'question:API-1' } },
      { message: { kind: 'tracker.comment', body: 'mara answers: PostgreSQL' } },
    ]);
  });

  it('has to say something', () => {
    const asked = { task: task({ status: 'needs_you' }), job: job({ hold: 'question.pending' }) };
    expect(() => answer(asked, ' ', CONTEXT)).toThrow(code('usage.answer'));
  });

  it('counts once: the second answer finds nothing asked', () => {
    expect(() => answer({ task: task(), job: job() }, 'MySQL', CONTEXT)).toThrow(code('question.none'));
  });
});

describe('comment', () => {
  const said = (state: Parameters<typeof comment>[0], text = 'Use UTC.') => comment(state, text, CONTEXT);

  it('reaches whoever works on the task next, and stands on its item', () => {
    const effects = said({ task: task(), job: job() });
    expect(effects.task).toEqual({ thread: 'mara: Use UTC.' });
    expect(effects.job?.context?.heard).toEqual([{ by: 'mara', text: 'Use UTC.' }]);
    expect(effects.outbox).toMatchObject([
      { key: `said:API-1:${CONTEXT.now}:mara`, message: { kind: 'tracker.comment', body: 'mara: Use UTC.' } },
    ]);
  });

  it('is the answer where the agent waits for one', () => {
    const asked = { task: task({ status: 'needs_you' }), job: job({ hold: 'question.pending' }) };
    expect(said(asked, 'MIT')).toEqual(answer(asked, 'MIT', CONTEXT));
  });

  it('counts once when it is sent twice', () => {
    for (const thread of ['mara: Use UTC.', 'ada: Which?\n\nmara: Use UTC.'])
      expect(said({ task: task({ thread }), job: job() })).toEqual({});
    expect(said({ task: task({ thread: 'ada: mara: Use UTC.' }), job: job() })).not.toEqual({});
  });

  it('is refused where nobody would read it, or it says nothing', () => {
    expect(() => said({ task: null, job: job() })).toThrow(code('usage.no_task'));
    for (const status of ['done', 'cancelled'] as const)
      expect(() => said({ task: task({ status }), job: job() })).toThrow(code('task.over'));
    expect(() => said({ task: task(), job: job(), superseded: true })).toThrow(code('job.superseded'));
    expect(() => said({ task: task(), job: job() }, ' \n')).toThrow(code('usage.comment'));
  });
});

describe('move', () => {
  const to = (stage: string, note: string | null = null) => ({ stage, note });

  it('sends a task back to an earlier stage, with a note to the agent', () => {
    const effects = moveBack(waiting('deploy'), to('development', 'once more'), CONTEXT);
    expect(effects.job).toMatchObject({ status: 'cancelled' });
    expect(effects.task).toMatchObject({ stage: 'development', status: 'active', rounds: {} });
    expect(effects.newJobs).toMatchObject([
      { stage: 'development', rework: true, context: { note: 'once more', roundHead: HEAD } },
    ]);
  });

  it('changes nothing when it is repeated', () => {
    const there = { task: task({ stage: 'development' }), job: job({ stage: 'development' }) };
    expect(moveBack(there, to('development'), CONTEXT)).toEqual({});
    const failed = { ...there, job: job({ stage: 'development', status: 'failed' }) };
    expect(moveBack(failed, to('development'), CONTEXT).newJobs).toHaveLength(1);
  });

  it('skips nothing, and leaves what runs, has gone on, or has no such stage', () => {
    const early = { task: task({ stage: 'development' }), job: job({ stage: 'development' }) };
    expect(() => moveBack(early, to('deploy'), CONTEXT)).toThrow(code('stage.not_earlier'));
    expect(() => moveBack(waiting('deploy'), to('polish'), CONTEXT)).toThrow(code('usage.unknown_stage'));
    expect(() => moveBack({ task: null, job: job() }, to('development'), CONTEXT)).toThrow(
      code('usage.no_task'),
    );
    const running = waiting('deploy', { status: 'running' });
    expect(() => moveBack(running, to('development'), CONTEXT)).toThrow(code('job.running'));
    const old = { ...waiting('deploy'), superseded: true };
    expect(() => moveBack(old, to('development'), CONTEXT)).toThrow(code('job.superseded'));
  });
});
