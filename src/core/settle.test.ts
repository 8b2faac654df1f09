import { describe, expect, it } from 'vitest';
import { CLOSED_BREAKER } from './breaker.ts';
import { costIsUnknown } from './budget.ts';
import type { CliVersion } from './cli-version.ts';
import type { Effects, NewOutboxRow, RunChange } from './effects.ts';
import type { StageOutcome } from './evidence.ts';
import { type Judgement, VERDICTS, type Verdict } from './failure.ts';
import { type AccountHold, EMPTY_CONTEXT, type Job, type JobContext, type Run, type Task } from './model.ts';
import { decideSettle, type SettleInput, type SettleState } from './settle.ts';
import { account, activeTask, judgement, rules, runningJob, stage } from './test-kit.ts';
import type { TraceMatrix } from './trace.ts';
import { NO_USAGE } from './usage.ts';

const NOW = 1_000_000_000;
const HEAD = 'c0ffee0123';

const RULES = rules(
  [
    stage('development', { agent: 'developer' }),
    stage('review', { agent: 'reviewer', onReject: 'development', maxRounds: 2, account: 'b' }),
    stage('deploy', { kind: 'deploy', agent: null, approval: 'required' }),
  ],
  { accounts: ['a', 'b'] },
);

function context(fields: Partial<JobContext> = {}): JobContext {
  return { ...EMPTY_CONTEXT, ...fields };
}
const job = (fields: Partial<Job> = {}) => runningJob({ priority: 2, startedAt: NOW - 1000, ...fields });
const task = (fields: Partial<Task> = {}) => activeTask({ priority: 2, urgent: true, ...fields });
function run(fields: Partial<Run> = {}): Run {
  return {
    id: 812,
    jobId: 17,
    taskId: 4,
    attempt: 1,
    fence: 1,
    agent: 'developer',
    cliKind: 'claude-code',
    cliVersion: null,
    cliBin: null,
    model: null,
    account: 'a',
    pid: 1,
    directory: '/runs/812',
    status: 'running',
    probe: false,
    exitCode: null,
    signal: null,
    resultOk: null,
    verdict: null,
    reason: null,
    rule: null,
    sessionId: null,
    usage: NO_USAGE,
    startedAt: NOW - 1000,
    finishedAt: null,
    ...fields,
  };
}
const HOLD: AccountHold = {
  reason: 'signed_out',
  since: NOW - 5000,
  until: null,
  guessed: false,
  refusals: 0,
  detail: 'x',
  fingerprint: 'f',
};

const ADVANCE: StageOutcome = { kind: 'advance', noChange: null };
const FINDING = { severity: 'high', file: 'src/a.ts', line: 1, title: 'off by one', detail: '' };

interface Given {
  readonly state?: Partial<SettleState>;
  readonly input?: Partial<SettleInput>;
  readonly judged?: Partial<Judgement>;
}
function settle(verdict: Verdict, { state = {}, input = {}, judged = {} }: Given = {}): Effects {
  return decideSettle(
    { job: job(), run: run(), task: task(), account: account(), cliVersions: [], ...state },
    {
      judgement: judgement(verdict, {
        reason: `why ${verdict}`,
        realAnswer: verdict === 'success',
        sessionId: 's1',
        ...judged,
      }),
      end: { exitCode: 0, signal: null, stoppedBy: null, vanished: false },
      outcome: verdict === 'success' ? ADVANCE : null,
      head: verdict === 'success' ? HEAD : null,
      pr: null,
      finalCode: null,
      ran: true,
      credentialFingerprint: 'f',
      project: RULES,
      maxAttempts: 3,
      budgets: { maxTransientAttempts: 8, maxLostAttempts: 3, backoff: { baseMs: 10_000, maxMs: 900_000 } },
      breaker: { threshold: 5, cooldownMs: 120_000 },
      jitter: 0,
      ...input,
    },
    NOW,
  );
}
const rows = (effects: Effects, kind: NewOutboxRow['message']['kind']) =>
  (effects.outbox ?? []).filter((row) => row.message.kind === kind);
const incidents = (effects: Effects) =>
  rows(effects, 'notify.incident').map(({ message }) =>
    message.kind === 'notify.incident' ? [message.incident, message.urgent] : [],
  );
const resolved = (effects: Effects) =>
  rows(effects, 'notify.resolved').map(({ message }) =>
    message.kind === 'notify.resolved' ? message.incident : '',
  );

describe('a success', () => {
  it('ends the job, moves the task on by one new job, comments its usage once and alerts nobody', () => {
    const effects = settle('success', {
      judged: { usage: { ...NO_USAGE, inputTokens: 1200, outputTokens: 45, costUsd: 0.12 } },
    });
    expect(effects.job).toMatchObject({
      status: 'done',
      attempts: 1,
      verdict: 'success',
      error: null,
      finishedAt: NOW,
      availableAt: null,
      hold: null,
    });
    expect(effects.run).toMatchObject({
      verdict: 'success',
      resultOk: true,
      sessionId: 's1',
      usage: { costUsd: 0.12 },
    });
    expect(effects.task).toMatchObject({
      stage: 'review',
      status: 'active',
      reason: null,
      head: HEAD,
      addCostMicroUsd: 120_000,
    });
    expect(effects.newJobs).toEqual([
      {
        taskId: 4,
        project: 'api',
        repo: 'api.git',
        branch: 'orch/api-1',
        stage: 'review',
        agent: 'reviewer',
        account: 'b',
        maxAttempts: 3,
        priority: 2,
        urgent: true,
        rework: false,
        hold: null,
        context: context({ roundHead: HEAD }),
      },
    ]);
    expect(effects.project).toBe('succeeded');
    expect(rows(effects, 'tracker.comment')).toMatchObject([
      {
        destination: 'tracker:api',
        key: 'usage:run_812',
        message: {
          workItemId: '9',
          body: expect.stringContaining('1,200 tokens in, 45 out, $0.12 (run_812, attempt 1)'),
        },
      },
    ]);
    expect(incidents(effects)).toEqual([]);
  });

  it('knows that a run which vanished without a word has cost something, if it had started', () => {
    const vanished = (fields: Partial<Run>) =>
      settle('lost', { state: { run: run(fields) }, judged: { sessionId: null } }).run;
    expect(costIsUnknown(vanished({ sessionId: 'noted' }) as RunChange)).toBe(true);
    expect(costIsUnknown(vanished({ sessionId: null }) as RunChange)).toBe(false);
  });

  it('says that a cost is unknown rather than nothing', () => {
    expect(rows(settle('success'), 'tracker.comment')[0]?.message).toMatchObject({
      body: expect.stringContaining('cost unknown'),
    });
  });

  it.each([
    ['the pull request', 'pr', ['forge.comment']],
    ['nowhere', 'off', []],
  ] as const)('comments its usage on %s when told to', (_where, usageComments, kinds) => {
    const effects = settle('success', { input: { project: { ...RULES, usageComments } } });
    expect(
      (effects.outbox ?? []).filter((row) => row.key.startsWith('usage:')).map((row) => row.message.kind),
    ).toEqual(kinds);
  });

  it('comments its usage on the pull request in an order of its own, which keeps none from being opened', () => {
    const effects = settle('success', { input: { project: { ...RULES, usageComments: 'pr' } } });
    const orders = Map.groupBy(effects.outbox ?? [], ({ orderKey }) => orderKey);
    const comment = (effects.outbox ?? []).find(({ message }) => message.kind === 'forge.comment');
    expect(orders.get(comment?.orderKey ?? '')).toEqual([comment]);
    expect(rows(effects, 'forge.pull_request')).toHaveLength(1);
  });

  it('opens the pull request once, after the first push', () => {
    const opens = (given: Given) =>
      rows(settle('success', given), 'forge.pull_request').map((row) => row.key);
    expect(opens({})).toEqual(['pr:API-1:open']);
    expect(opens({ state: { task: task({ pr: { number: 1, url: null, state: 'draft' } }) } })).toEqual([]);
    expect(opens({ input: { head: null } })).toEqual([]);
  });

  it('before a deploy that needs approval makes the pull request ready and asks, without taking a slot', () => {
    const effects = settle('success', {
      state: {
        job: job({ stage: 'review', agent: 'reviewer' }),
        task: task({ stage: 'review', head: HEAD, pr: { number: 1, url: null, state: 'draft' } }),
      },
      input: { head: null },
    });
    expect(effects.newJobs).toMatchObject([
      {
        stage: 'deploy',
        agent: null,
        account: null,
        hold: 'approval.pending',
        context: { roundHead: HEAD, approvedHead: null },
      },
    ]);
    expect(effects.task).toMatchObject({
      stage: 'deploy',
      status: 'needs_you',
      reason: { code: 'approval.pending' },
    });
    expect(incidents(effects)).toEqual([['approval:API-1:deploy', true]]);
    expect(rows(effects, 'forge.pull_request')).toMatchObject([{ message: { action: 'ready' } }]);
  });

  it('of the last stage ends the task and tells the tracker', () => {
    const effects = settle('success', {
      state: {
        job: job({ stage: 'deploy', agent: null, account: null }),
        task: task({ stage: 'deploy', head: HEAD }),
        run: run({ agent: null, account: null }),
        account: null,
      },
      input: { pr: { number: 1, url: null, state: 'merged' }, head: null },
    });
    expect(effects.task).toMatchObject({ status: 'done', reason: null, pr: { state: 'merged' } });
    expect(effects.newJobs).toEqual([]);
    expect(rows(effects, 'tracker.status')).toMatchObject([{ message: { status: 'done' } }]);
    expect(rows(effects, 'notify.digest')).toHaveLength(1);
    expect(rows(effects, 'tracker.comment')).toEqual([]);
  });

  it('with nothing to merge ends the task before the deploy', () => {
    const effects = settle('success', {
      state: { job: job({ stage: 'review', agent: 'reviewer' }), task: task({ stage: 'review' }) },
      input: { head: null },
    });
    expect(effects.task).toMatchObject({ status: 'done' });
    expect(effects.newJobs).toEqual([]);
  });

  it('of a job without a task ends the job, and neither comments nor moves anything', () => {
    const effects = settle('success', {
      state: { job: job({ taskId: null, stage: null }), run: run({ taskId: null }), task: null },
      input: { outcome: null },
    });
    expect(effects.job).toMatchObject({ status: 'done' });
    expect([effects.task, effects.newJobs, effects.outbox]).toEqual([undefined, [], []]);
  });

  it('clears the incident that the job had, and the hold that its account had', () => {
    const effects = settle('success', {
      state: { job: job({ error: 'failed before' }), account: account({ hold: HOLD }) },
    });
    expect(effects.account?.hold).toBeNull();
    expect(resolved(effects)).toEqual(['job_17', 'account:a']);
    expect(resolved(settle('success'))).toEqual([]);
  });

  it('of a run from before the hold neither ends the hold nor says that it ended', () => {
    const effects = settle('success', {
      state: { account: account({ hold: { ...HOLD, since: NOW - 500 } }) },
    });
    expect(effects.account?.hold).not.toBeNull();
    expect(resolved(effects)).toEqual([]);
  });

  it('keeps the rework in front while it walks the later stages again', () => {
    expect(settle('success', { state: { job: job({ rework: true }) } }).newJobs).toMatchObject([
      { stage: 'review', rework: true },
    ]);
  });

  it('of a stage that has left the pipeline does not pass for the end of the task', () => {
    const effects = settle('success', {
      state: { job: job({ stage: 'polish' }), task: task({ stage: 'polish' }) },
    });
    expect(effects.task?.status).not.toBe('done');
  });

  it('of a project that has left the configuration does not strand the task', () => {
    const effects = settle('success', { input: { project: null } });
    const goesOn = effects.job?.status === 'queued' || (effects.newJobs ?? []).length > 0;
    expect(goesOn || effects.task?.status === 'needs_you').toBe(true);
  });
});

describe('a result without its evidence', () => {
  it.each(['permanent', 'no_change'] as const)(
    'is %s: the job tries again, nothing advances, nothing is commented',
    (verdict) => {
      const effects = settle('success', {
        input: { outcome: { kind: 'no_evidence', verdict, reason: 'no evidence: x' } },
      });
      expect(effects.job).toMatchObject({
        status: 'queued',
        attempts: 1,
        verdict,
        error: 'no evidence: x',
        context: { lastFailure: 'no evidence: x', resume: false },
      });
      expect(effects.run).toMatchObject({ verdict, resultOk: true, reason: 'no evidence: x' });
      expect(effects.newJobs).toEqual([]);
      expect(effects.task?.status).toBeUndefined();
      expect(rows(effects, 'tracker.comment')).toEqual([]);
      expect(incidents(effects)).toEqual([['job_17', false]]);
    },
  );
});

describe('a job whose attempts are spent', () => {
  it('fails, alerts, asks a person about the task and counts against its project', () => {
    const effects = settle('permanent', { state: { job: job({ attempts: 3, error: 'something else' }) } });
    expect(effects.job).toMatchObject({
      status: 'failed',
      attempts: 3,
      error: 'why permanent',
      finishedAt: NOW,
    });
    expect(effects.task).toMatchObject({
      status: 'needs_you',
      reason: { code: 'job.failed', detail: 'why permanent.' },
    });
    expect(effects.project).toBe('failed');
    expect(incidents(effects)).toEqual([['job_17', true]]);
    expect(rows(effects, 'tracker.comment')).toEqual([]);
  });

  it('says so when it was the same error each time, to the task and to the people', () => {
    const same = settle('permanent', {
      state: {
        job: job({ attempts: 3, context: context({ failures: ['why permanent', 'why permanent'] }) }),
      },
    });
    expect(same.task?.reason?.detail).toBe('why permanent. Same error each time.');
    expect(same.outbox?.map(({ message }) => message)).toContainEqual(
      expect.objectContaining({
        incident: 'job_17',
        detail: 'why permanent\npermanent, attempt 3 of 3. Same error each time.',
      }),
    );
    expect(
      settle('permanent', {
        state: { job: job({ attempts: 3, context: context({ failures: ['another', 'why permanent'] }) }) },
      }).task?.reason?.detail,
    ).toBe('why permanent.');
  });
});

describe('a verdict that is not the fault of the job', () => {
  it('auth gives the attempt back, holds the account and feeds no breaker', () => {
    const effects = settle('auth', {
      state: { job: job({ attempts: 3 }), account: account({ breaker: { ...CLOSED_BREAKER, failures: 4 } }) },
    });
    expect(effects.job).toMatchObject({
      status: 'queued',
      attempts: 2,
      transientAttempts: 0,
      lostAttempts: 0,
      availableAt: null,
      hold: null,
      finishedAt: null,
    });
    expect(effects.account).toMatchObject({
      hold: { reason: 'signed_out', since: NOW, until: null },
      breaker: { state: 'closed', failures: 4 },
    });
    expect(effects.project).toBeUndefined();
    expect(effects.task?.status).toBeUndefined();
    expect(incidents(effects)).toEqual([['account:a', true]]);
  });

  it('a usage limit holds the account until the reset and is no alarm', () => {
    const effects = settle('usage_limit', { judged: { resetAt: NOW + 3_600_000 } });
    expect(effects.job).toMatchObject({ status: 'queued', attempts: 0 });
    expect(effects.account?.hold).toMatchObject({ reason: 'limit', until: NOW + 3_600_000 });
    expect(incidents(effects)).toEqual([['account:a', false]]);
  });

  it('a transient failure delays the job and feeds the breaker', () => {
    const effects = settle('transient', { judged: { retryAfterMs: 7000 } });
    expect(effects.job).toMatchObject({
      status: 'queued',
      attempts: 0,
      transientAttempts: 1,
      availableAt: NOW + 7000,
    });
    expect(effects.account).toMatchObject({ breaker: { failures: 1 }, notBefore: NOW + 7000 });
  });

  it('trouble of our own, without a run, teaches nothing about the account', () => {
    expect(settle('transient', { input: { ran: false } }).account).toBeUndefined();
  });

  it('a lost run feeds no breaker', () => {
    const effects = settle('lost');
    expect(effects.job).toMatchObject({ status: 'queued', attempts: 0, lostAttempts: 1 });
    expect(effects.account?.breaker).toEqual(CLOSED_BREAKER);
  });

  it('a run that was stopped without a cancel gives the job back and tells nobody', () => {
    const effects = settle('cancelled');
    expect(effects.job).toMatchObject({ status: 'queued', attempts: 0, finishedAt: null });
    expect([effects.outbox, effects.task?.status]).toEqual([[], undefined]);
  });
});

describe("a person's cancel", () => {
  it.each(VERDICTS)('wins over whatever the run came to (%s)', (verdict) => {
    const effects = settle(verdict, {
      state: { job: job({ cancelRequested: true, attempts: 2 }), task: task({ status: 'cancelled' }) },
    });
    expect(effects.job).toMatchObject({
      status: 'cancelled',
      verdict: 'cancelled',
      attempts: 1,
      cancelRequested: false,
      finishedAt: NOW,
    });
    expect([effects.newJobs, effects.outbox, effects.project]).toEqual([[], [], undefined]);
    expect(effects.task?.status).toBeUndefined();
  });

  it('keeps the work and its price: head and cost still go to the task, the account still learns', () => {
    const effects = settle('success', {
      state: { job: job({ cancelRequested: true }), account: account({ hold: HOLD }) },
      judged: { usage: { ...NO_USAGE, costUsd: 0.5 } },
    });
    expect(effects.task).toEqual({ head: HEAD, addCostMicroUsd: 500_000 });
    expect(effects.account?.hold).toBeNull();
  });
});

describe('changes are requested', () => {
  const review = (rounds: Record<string, number>) =>
    settle('success', {
      state: {
        job: job({ stage: 'review', agent: 'reviewer' }),
        task: task({ stage: 'review', head: HEAD, rounds }),
      },
      input: { head: null, outcome: { kind: 'send_back', findings: [FINDING] } },
    });

  it('the job is done, and development gets one new job with the findings, ahead of new work', () => {
    const effects = review({});
    expect(effects.job).toMatchObject({ status: 'done', verdict: 'success' });
    expect(effects.newJobs).toMatchObject([
      { stage: 'development', account: 'a', rework: true, context: { findings: [FINDING], roundHead: HEAD } },
    ]);
    expect(effects.task).toMatchObject({ stage: 'development', status: 'active', rounds: { review: 1 } });
  });

  it('the last allowed round is still a round', () => {
    expect(review({ review: 1, testing: 9 }).newJobs).toHaveLength(1);
  });

  it('a person is asked when the rounds are spent', () => {
    const effects = review({ review: 2 });
    expect(effects.newJobs).toEqual([]);
    expect(effects.task).toMatchObject({
      status: 'needs_you',
      reason: { code: 'rounds.spent', detail: expect.stringContaining('2 rounds: off by one') },
      rounds: { review: 3 },
    });
    expect(incidents(effects)).toEqual([['job_17', true]]);
  });

  it('a person is asked when no earlier stage can make them', () => {
    const effects = settle('success', { input: { outcome: { kind: 'send_back', findings: [FINDING] } } });
    expect(effects.task).toMatchObject({ status: 'needs_you', reason: { code: 'rounds.spent' } });
  });
});

describe('a question', () => {
  const asked = settle('success', {
    state: { job: job({ error: 'before' }) },
    input: { outcome: { kind: 'ask', code: 'question.pending', detail: 'Which database?' } },
  });

  it('frees the slot, spends nothing, and waits to resume the same session', () => {
    expect(asked.job).toMatchObject({
      status: 'queued',
      attempts: 0,
      hold: 'question.pending',
      error: null,
      finishedAt: null,
      context: { sessionId: 's1', resume: true },
    });
    expect(asked.task).toMatchObject({
      status: 'needs_you',
      reason: { code: 'question.pending', detail: 'Which database?' },
    });
    expect(asked.newJobs).toEqual([]);
    expect(asked.project).toBeUndefined();
    expect(incidents(asked)).toEqual([['question:API-1', true]]);
  });

  it('does not claim in a usage comment that the stage is done', () => {
    expect(
      rows(asked, 'tracker.comment').filter(
        ({ message }) => message.kind === 'tracker.comment' && message.body.includes(' done by '),
      ),
    ).toEqual([]);
  });
});

describe('the session', () => {
  it.each<[Verdict, boolean]>([
    ['transient', true],
    ['auth', true],
    ['usage_limit', true],
    ['lost', true],
    ['timeout', true],
    ['stalled', true],
    ['permanent', false],
    ['no_change', false],
  ])('after %s is resumed: %s', (verdict, resume) => {
    expect(settle(verdict).job?.context).toMatchObject({ resume, sessionId: 's1' });
  });

  it('cannot be resumed when there was none', () => {
    expect(settle('transient', { judged: { sessionId: null } }).job?.context?.resume).toBe(false);
    expect(
      settle('transient', {
        judged: { sessionId: null },
        state: { job: job({ context: context({ sessionId: 's0' }) }) },
      }).job?.context,
    ).toMatchObject({ resume: true, sessionId: 's0' });
  });

  it.each(['timeout', 'stalled'] as const)('is not resumed a second time after %s', (verdict) => {
    expect(settle(verdict, { state: { job: job({ verdict }) } }).job?.context?.resume).toBe(false);
  });

  it.each<[string, Partial<JobContext>, number | null, { run: number | null; session: number }]>([
    ['a first run costs what its session cost', {}, 0.3, { run: 0.3, session: 300_000 }],
    [
      'a resumed one costs the difference',
      { resume: true, sessionCostMicroUsd: 300_000 },
      0.5,
      { run: 0.2, session: 500_000 },
    ],
    [
      'a fresh session starts at nothing',
      { resume: false, sessionCostMicroUsd: 300_000 },
      0.25,
      { run: 0.25, session: 250_000 },
    ],
    [
      'a cost never goes below nothing',
      { resume: true, sessionCostMicroUsd: 300_000 },
      0.1,
      { run: 0, session: 100_000 },
    ],
    [
      'an unknown cost stays unknown, and the session keeps what is counted',
      { resume: true, sessionCostMicroUsd: 300_000 },
      null,
      { run: null, session: 300_000 },
    ],
    [
      'an unknown cost of a fresh session is not that of the one before',
      { resume: false, sessionCostMicroUsd: 300_000 },
      null,
      { run: null, session: 0 },
    ],
  ])('%s', (_name, fields, sessionCostUsd, expected) => {
    const effects = settle('transient', {
      state: { job: job({ context: context({ sessionId: 's1', ...fields }) }) },
      judged: { sessionCostUsd, usage: { ...NO_USAGE, costUsd: sessionCostUsd } },
    });
    expect([effects.run?.usage.costUsd, effects.job?.context?.sessionCostMicroUsd]).toEqual([
      expected.run,
      expected.session,
    ]);
    expect(effects.task?.addCostMicroUsd).toBe(Math.round((expected.run ?? 0) * 1e6));
  });
});

describe('every message', () => {
  it('has a key of its own per attempt, so that a second attempt is told too and none is told twice', () => {
    const keys = (fence: number) =>
      (settle('permanent', { state: { job: job({ fence }) } }).outbox ?? []).map((row) => row.key);
    expect(keys(1)).toEqual(keys(1));
    expect(keys(1).filter((key) => keys(2).includes(key))).toEqual([]);
  });

  it('about one incident shares an order with its resolution', () => {
    const failed = settle('permanent').outbox?.[0];
    const cleared = settle('success', { state: { job: job({ error: 'x', fence: 2 }) } }).outbox?.find(
      (row) => row.message.kind === 'notify.resolved',
    );
    expect(cleared?.orderKey).toBe(failed?.orderKey);
  });
});

describe('the session of a task', () => {
  const SESSION = { id: 's1', account: 'a', costMicroUsd: 120_000 };
  const usage = { ...NO_USAGE, costUsd: 0.12 };

  it('is that of its author, and goes on in the next stage an author does', () => {
    const RULES = rules([
      stage('analysis', { agent: 'analyst' }),
      stage('development', { agent: 'developer' }),
    ]);
    const effects = settle('success', {
      state: { job: job({ stage: 'analysis', agent: 'analyst' }) },
      judged: { usage, sessionCostUsd: 0.12 },
      input: { project: RULES },
    });
    expect(effects.task?.session).toEqual(SESSION);
    expect(effects.newJobs?.[0]?.context).toMatchObject({
      sessionId: 's1',
      resume: true,
      continues: true,
      sessionCostMicroUsd: 120_000,
    });
  });

  it('is not shared with a reviewer, nor with an author on another account', () => {
    const review = settle('success', { state: { task: task({ session: SESSION }) } });
    expect(review.newJobs?.[0]).toMatchObject({
      agent: 'reviewer',
      context: { sessionId: null, resume: false },
    });
    const other = settle('success', {
      state: { job: job({ stage: 'analysis', agent: 'analyst' }) },
      input: {
        project: rules([
          stage('analysis', { agent: 'analyst' }),
          stage('development', { agent: 'developer', account: 'b' }),
        ]),
      },
    });
    expect(other.newJobs?.[0]?.context).toMatchObject({ sessionId: null, resume: false });
  });

  it('goes on where findings send the task back, and only its new cost counts', () => {
    const back = settle('success', {
      state: {
        job: job({ stage: 'review', agent: 'reviewer' }),
        run: run({ agent: 'reviewer' }),
        task: task({ stage: 'review', session: SESSION }),
      },
      input: { outcome: { kind: 'send_back', findings: [FINDING] } },
    });
    expect(back.newJobs?.[0]).toMatchObject({
      stage: 'development',
      context: { sessionId: 's1', continues: true },
    });
    expect(back.task?.session).toBeUndefined();
    const resumed = settle('success', {
      state: {
        job: job({
          context: context({ sessionId: 's1', resume: true, continues: true, sessionCostMicroUsd: 120_000 }),
        }),
      },
      judged: { usage: { ...NO_USAGE, costUsd: 0.2 }, sessionCostUsd: 0.2 },
    });
    expect(resumed.task?.addCostMicroUsd).toBe(80_000);
  });

  it('is given the whole prompt again until the model has answered it', () => {
    const continuing = { job: job({ context: context({ sessionId: 's1', resume: true, continues: true }) }) };
    expect(settle('transient', { state: continuing }).job?.context).toMatchObject({
      resume: true,
      continues: true,
    });
    expect(
      settle('transient', { state: continuing, judged: { realAnswer: true } }).job?.context,
    ).toMatchObject({
      resume: true,
      continues: false,
    });
  });
});

describe('a run that came to the limit of turns or budget it was given', () => {
  it('is resumed once, and asks a person the second time', () => {
    const first = settle('permanent', { judged: { ownLimit: true, realAnswer: true } });
    expect(first.job).toMatchObject({
      status: 'queued',
      attempts: 1,
      context: { resume: true, limitResumed: true },
    });
    const second = settle('permanent', {
      state: { job: job({ attempts: 2, context: context({ limitResumed: true }) }) },
      judged: { ownLimit: true, realAnswer: true },
    });
    expect(second.job).toMatchObject({
      status: 'queued',
      attempts: 1,
      hold: 'question.pending',
      context: { resume: true },
    });
    expect(second.task).toMatchObject({ status: 'needs_you', reason: { code: 'question.pending' } });
    expect(incidents(second)).toEqual([['question:API-1', true]]);
  });
});

describe('a claim that no change is needed', () => {
  const NONE: StageOutcome = { kind: 'advance', noChange: 'the code does it already' };

  it('on an empty branch goes to the next reviewer, whatever lies between', () => {
    const RULES = rules([
      stage('development', { agent: 'developer' }),
      stage('build', { kind: 'command', agent: null }),
      stage('review', { agent: 'reviewer' }),
    ]);
    const effects = settle('success', { input: { outcome: NONE, head: null, project: RULES } });
    expect(effects.newJobs).toMatchObject([
      { stage: 'review', context: { noChange: 'the code does it already' } },
    ]);
    expect(rows(effects, 'forge.pull_request')).toEqual([]);
  });

  it('ends the task without a pull request once the reviewer approves', () => {
    const effects = settle('success', {
      state: {
        job: job({ stage: 'review', agent: 'reviewer', context: context({ noChange: 'does it already' }) }),
        run: run({ agent: 'reviewer' }),
        task: task({ stage: 'review' }),
      },
      input: { head: null },
    });
    expect(effects.task).toMatchObject({ status: 'done' });
    expect(effects.newJobs).toEqual([]);
    expect(rows(effects, 'forge.pull_request')).toEqual([]);
  });

  it('asks a person where nobody reviews, spending nothing', () => {
    const project = rules([stage('development', { agent: 'developer' })]);
    const effects = settle('success', { input: { outcome: NONE, head: null, project } });
    expect(effects.job).toMatchObject({ status: 'queued', attempts: 0, hold: 'question.pending' });
    expect(effects.task?.reason?.detail).toContain('the code does it already');
  });

  it('on a branch that holds work is the answer to findings, and moves on as usual', () => {
    const effects = settle('success', {
      state: { task: task({ head: HEAD }) },
      input: { outcome: NONE, head: null },
    });
    expect(effects.newJobs).toMatchObject([{ stage: 'review', context: { noChange: null } }]);
  });
});

describe('rounds that would not help', () => {
  it('ask a person, with what the rounds came to', () => {
    const facts = { head: HEAD, touched: ['src/a.ts'], changedSince: ['src/a.ts'] };
    const reviewing = (loops: Task['loops']) => ({
      job: job({ stage: 'review', agent: 'reviewer' }),
      run: run({ agent: 'reviewer' }),
      task: task({ stage: 'review', head: HEAD, loops }),
    });
    const outcome: StageOutcome = { kind: 'send_back', findings: [FINDING], facts };
    const first = settle('success', { state: reviewing({}), input: { outcome } });
    expect(first.newJobs).toHaveLength(1);
    const second = settle('success', { state: reviewing(first.task?.loops ?? {}), input: { outcome } });
    expect(second.newJobs).toEqual([]);
    expect(second.task).toMatchObject({
      status: 'needs_you',
      reason: { code: 'rounds.stuck', detail: expect.stringContaining('off by one') },
    });
  });
});

describe('a job that failed over refused tools', () => {
  it('says so', () => {
    const effects = settle('success', {
      state: { job: job({ attempts: 3 }) },
      input: { outcome: { kind: 'no_evidence', verdict: 'no_change', reason: 'no evidence: nothing' } },
      judged: { denials: ['Bash(npm test)'] },
    });
    expect(effects.task?.reason).toEqual({
      code: 'agent.denied',
      detail: 'no evidence: nothing. Refused tools: Bash(npm test).',
    });
    expect(effects.job?.context?.denials).toEqual(['Bash(npm test)']);
    expect(effects.run?.reason).toBe('no evidence: nothing (refused tools: Bash(npm test))');
  });
});

describe('the matrix of a settle', () => {
  const trace: TraceMatrix = {
    head: null,
    criteria: [
      {
        id: 'AC-1',
        text: 'looks good',
        requirements: [],
        tests: [{ id: 'TC-1', kind: 'manual', what: 'open the page', state: 'to_tick', detail: '' }],
      },
    ],
  };
  const project = rules([
    stage('testing', { agent: 'tester' }),
    stage('deploy', { kind: 'deploy', agent: null }),
  ]);
  const state = { job: job({ stage: 'testing', agent: 'tester' }) };

  it('is kept with the head that was taken, and holds the deploy for what is to be ticked', () => {
    const effects = settle('success', { state, input: { trace, project } });
    expect(effects.task).toMatchObject({
      trace: { ...trace, head: HEAD },
      ticked: [],
      stage: 'deploy',
      status: 'needs_you',
      reason: { code: 'approval.pending', detail: expect.stringContaining('orch tick API-1 TC-1') },
    });
    expect(effects.newJobs).toMatchObject([{ stage: 'deploy', hold: 'approval.pending' }]);
  });

  it('keeps the ticks that the task has by now, at the same head', () => {
    const ticked = { head: HEAD, trace: { ...trace, head: HEAD }, ticked: ['TC-1'] };
    const effects = settle('success', {
      state: { ...state, task: task(ticked) },
      input: { trace, project, head: null },
    });
    expect(effects.task).toMatchObject({ ticked: ['TC-1'], status: 'active' });
    expect(effects.newJobs).toMatchObject([{ hold: null }]);
  });

  it.each<[string, Given]>([
    ['whose work was not taken', { input: { trace, outcome: null } }],
    ['that is cancelled', { state: { job: job({ cancelRequested: true }) }, input: { trace } }],
    ['that proved nothing', { input: {} }],
  ])('stays as it was after a run %s', (_name, given) => {
    expect(settle(given.input?.outcome === null ? 'permanent' : 'success', given).task).not.toHaveProperty(
      'trace',
    );
  });
});

describe('an end that no rule of the adapter knows', () => {
  it('is told once per shape, whichever jobs meet it', () => {
    const met = (id: number) =>
      settle('permanent', { state: { job: job({ id }) }, judged: { unknownShape: 'ab12' } }).outbox ?? [];
    const told = [...met(17), ...met(18)].filter((row) => row.key === 'notify:shape:ab12');
    expect(told).toHaveLength(2); // one key: the outbox keeps one
    expect(told[0]?.message).toMatchObject({
      incident: 'shape:ab12',
      title: 'claude-code ended in a way that no rule knows',
    });
    expect(incidents(settle('permanent'))).toEqual([['job_17', false]]);
  });
});

describe('the version of the CLI that ran', () => {
  const recorded = ['2.1.330'];
  const known = (version: string, fields: Partial<CliVersion> = {}): CliVersion => ({
    kind: 'claude-code',
    version,
    bin: '/opt/claude',
    firstSuccessAt: 1,
    lastSuccessAt: 1,
    trustedBy: null,
    trustedAt: null,
    ...fields,
  });
  const ended = (
    verdict: Verdict,
    version: string | null,
    judged: Partial<Judgement> = {},
    { state = {}, input = {} }: Given = {},
  ) =>
    settle(verdict, {
      judged,
      state: { run: run({ cliVersion: version, cliBin: '/opt/claude-new' }), ...state },
      input: { recordedVersions: recorded, ...input },
    });
  const odd = { unknownShape: 'claude-code:ab', reason: 'thing went odd' };

  it('is proven by a success, with the path of its binary', () => {
    expect(ended('success', '2.1.400').proofs).toEqual([
      { kind: 'claude-code', version: '2.1.400', at: NOW, bin: '/opt/claude-new', by: null },
    ]);
  });

  it('is proven under both its names when the log says another than the binary, without the path', () => {
    const proofs = ended('success', 'wrapper 1', { cliVersion: '2.1.400' }).proofs ?? [];
    expect(proofs.map(({ version, bin }) => [version, bin])).toEqual([
      ['wrapper 1', null],
      ['2.1.400', null],
    ]);
  });

  it.each<[string, Effects]>([
    ['another end than success', ended('transient', '2.1.400')],
    [
      'a result without evidence',
      ended(
        'success',
        '2.1.400',
        {},
        { input: { outcome: { kind: 'no_evidence', verdict: 'permanent', reason: 'no evidence: x' } } },
      ),
    ],
    ['a run of a program without a vendor', ended('success', '1', {}, { input: { recordedVersions: null } })],
    ['a stage that started no agent', ended('success', '2.1.400', {}, { input: { ran: false } })],
    ['a version nobody knows', ended('success', null)],
  ])('is not proven by %s', (_name, effects) => {
    expect(effects.proofs ?? []).toEqual([]);
  });

  it('new, and ended in a way no rule knows: the account is held, and the job has lost nothing', () => {
    const effects = ended('permanent', '2.1.400', odd, { state: { cliVersions: [known('2.1.330')] } });
    expect(effects.account?.hold).toMatchObject({
      reason: 'unproven_version',
      cli: { kind: 'claude-code', versions: ['2.1.400'] },
      detail:
        'claude-code 2.1.400 is new here, and run_812 ended in a way that no rule knows (thing went odd); last good version: 2.1.330',
    });
    expect(effects.job).toMatchObject({ status: 'queued', attempts: 0, verdict: 'permanent' });
    expect(effects.job?.context?.failures).toEqual([]);
    expect(effects.run?.verdict).toBe('permanent');
    expect(incidents(effects)).toEqual([
      ['account:a', true],
      ['shape:claude-code:ab', false],
    ]);
    expect(effects.project).toBeUndefined();
  });

  it('says so when nothing has succeeded here before', () => {
    expect(ended('permanent', '2.1.400', odd).account?.hold?.detail).toContain(
      'none has succeeded here before',
    );
  });

  it('new, and cancelled by a person: the account is held all the same', () => {
    const effects = ended('permanent', '2.1.400', odd, { state: { job: job({ cancelRequested: true }) } });
    expect(effects.account?.hold?.reason).toBe('unproven_version');
    expect(effects.job?.status).toBe('cancelled');
  });

  it.each<[string, Effects]>([
    ['a recorded version', ended('permanent', '2.1.330', odd)],
    [
      'a version that succeeded here',
      ended('permanent', '2.1.400', odd, { state: { cliVersions: [known('2.1.400')] } }),
    ],
    ['a program without a vendor', ended('permanent', '1', odd, { input: { recordedVersions: null } })],
    ['a version nobody knows', ended('permanent', null, odd)],
    ['a new version that ended in a known way', ended('permanent', '2.1.400', { unknownShape: null })],
  ])('does not hold the account of %s: the attempt is spent', (_name, effects) => {
    expect(effects.account?.hold).toBeNull();
    expect(effects.job).toMatchObject({ status: 'queued', attempts: 1 });
  });

  it('tells where the end of a log that no rule knows is kept', () => {
    const effects = ended('permanent', '2.1.330', odd, { input: { shapeLog: '/srv/orch/unknown-shapes/x' } });
    const told = rows(effects, 'notify.incident').find(({ key }) => key.startsWith('notify:shape:'));
    expect(told?.message).toMatchObject({ detail: expect.stringContaining('/srv/orch/unknown-shapes/x') });
  });
});

describe('a deploy that waits for the forge', () => {
  const deploying = {
    job: job({ stage: 'deploy', agent: null, account: null, context: context({ approvedHead: 'old' }) }),
    run: run({ agent: null, account: null }),
    task: task({ stage: 'deploy', head: 'old' }),
    account: null,
  };
  const awaits = { detail: '2 checks still run on 9c41f0e', merges: false };
  const waits = settle('success', {
    state: deploying,
    input: { outcome: { kind: 'wait', awaits }, head: HEAD, carriedTo: HEAD, ran: false },
  });

  it('is held, gives its attempt back and asks nobody', () => {
    expect(waits.job).toMatchObject({ status: 'queued', hold: 'checks.pending', attempts: 0, error: null });
    expect(waits.job?.context).toMatchObject({ awaits });
    expect(waits.task).toMatchObject({ head: HEAD });
    expect(waits.task?.status).toBeUndefined();
    expect(waits.outbox).toEqual([]);
  });

  it('keeps the yes for the same change on a newer base, and remembers what was seen', () => {
    expect(waits.job?.context).toMatchObject({ approvedHead: HEAD, carriedFrom: 'old' });
  });
});

describe('a review that has settled', () => {
  const review = { summary: 'Two things.', findings: [FINDING] };
  const reviewing = {
    job: job({ stage: 'review', agent: 'reviewer' }),
    run: run({ agent: 'reviewer' }),
    task: task({ stage: 'review', head: HEAD }),
  };
  const told = (outcome: StageOutcome, fields: Partial<SettleInput> = {}) =>
    rows(
      settle('success', {
        state: reviewing,
        input: { outcome, project: { ...RULES, tellsForge: true }, ...fields },
      }),
      'forge.review',
    );

  it.each<[string, StageOutcome, string]>([
    ['approves', { ...ADVANCE, review }, 'approve'],
    ['requests changes', { kind: 'send_back', findings: [FINDING], review }, 'request_changes'],
  ])('that %s is told on the pull request, of that head once', (words, outcome, event) => {
    const [row, ...more] = told(outcome);
    expect(more).toEqual([]);
    expect(row?.key).toBe(`review:API-1:job_17:${HEAD}`);
    expect(row?.message).toMatchObject({ event, head: HEAD, findings: [FINDING] });
    expect(row?.message).toMatchObject({ body: expect.stringContaining(words) });
    expect(row?.message).toMatchObject({ body: expect.stringContaining('Two things.') });
  });

  it('is told nowhere where there is no forge, and not of a branch without a commit', () => {
    const approves = { ...ADVANCE, review };
    expect(told(approves, { project: RULES })).toEqual([]);
    const empty = { ...reviewing, task: task({ stage: 'review' }) };
    const input = { outcome: approves, head: null, project: { ...RULES, tellsForge: true } };
    expect(rows(settle('success', { state: empty, input }), 'forge.review')).toEqual([]);
  });
});
