import { describe, expect, it } from 'vitest';
import { closedGates } from './closed-gates.ts';
import type { DispatchState } from './dispatch-state.ts';
import { type Explainable, explain, type Survey } from './explain.ts';
import { activeTask, queuedJob } from './test-kit.ts';

const NOW = 1_000_000;
const STATE: DispatchState = {
  tickAt: NOW,
  pauses: [],
  host: null,
  accounts: new Map([['a', { kind: 'open', running: 0, slots: 1, probing: false }]]),
  projects: new Map([
    [
      'api',
      {
        running: 0,
        cap: 1,
        failedInRow: 0,
        failover: [],
        unmerged: 0,
        openPrs: 3,
        budget: { level: 'within', detail: '' },
      },
    ],
  ]),
  workers: { running: 0, slots: 1 },
  locks: [],
  troubles: [],
  since: new Map(),
};
const of = (fields: Partial<Explainable>) =>
  explain({
    queued: [],
    isWhole: true,
    running: 0,
    gates: closedGates(STATE),
    tickAt: NOW,
    now: NOW,
    keys: new Map(),
    project: null,
    stuck: [],
    surveys: [],
    ...fields,
  });
const survey: Survey = {
  project: 'api',
  source: 'Plane',
  rule: 'label `agent`, state Todo',
  lookedAt: NOW - 12_000,
  seen: 31,
  matching: 0,
  nearest: [{ key: 'API-240', why: 'label missing' }],
};
const stuck = activeTask({
  status: 'needs_you',
  reason: { code: 'job.failed', detail: 'no result JSON' },
  updatedAt: 7,
});

describe('the explanation', () => {
  it('knows which job waits the longest that nothing holds', () => {
    const queued = [
      queuedJob({ id: 1, createdAt: 1, hold: 'question.pending', holdSince: 5 }),
      queuedJob({ id: 2, createdAt: 2, availableAt: NOW - 10 }),
      queuedJob({ id: 3, createdAt: 30 }),
      queuedJob({ id: 4, createdAt: 20 }),
    ];
    expect(of({ queued }).oldestReady?.id).toBe(4);
    expect(of({ queued: queued.slice(0, 1) }).oldestReady).toBeNull();
    expect(of({ queued, gates: null }).oldestReady).toBeNull();
  });

  it('counts every queued job once: in its turn, or with its one reason', () => {
    const jobs = [
      queuedJob({ id: 1 }),
      queuedJob({ id: 2, hold: 'question.pending', holdSince: 5 }),
      queuedJob({ id: 3, availableAt: NOW + 9 }),
      queuedJob({ id: 4, account: 'gone' }),
      queuedJob({ id: 5, account: 'gone' }),
      queuedJob({ id: 6 }),
    ];
    const { counts, reasons, verdict, headline, nextChange } = of({
      queued: jobs,
      keys: new Map([[4, 'API-1']]),
    });
    expect(counts).toEqual({ running: 0, queued: 2, waiting: 1, needsYou: 3 });
    expect(reasons.map(({ reason, jobs: held }) => [reason.code, held.length])).toEqual([
      ['worker.no_match', 2],
      ['question.pending', 1],
      ['retry.backoff', 1],
    ]);
    expect([verdict, headline]).toEqual([
      'working',
      '0 running, 2 queued. 4 jobs wait: 3 need you, 1 clears by itself.',
    ]);
    expect(nextChange).toEqual({ at: NOW + 9, what: 'Retry 1 is delayed' });
  });

  it('says so when there are more jobs than it looked at', () => {
    expect(of({ queued: [queuedJob()], isWhole: false }).headline).toBe(
      '0 running, 1 queued, all clear. There are more than 1 queued: the rest was not looked at.',
    );
  });

  it('is unknown, and claims no other reason, when the scheduler has not ticked for too long', () => {
    expect(of({ queued: [queuedJob()], gates: null, tickAt: NOW - 45_000 })).toEqual({
      verdict: 'unknown',
      headline: 'Unknown: the scheduler has not ticked for 45 s.',
      counts: { running: 0, queued: 1, waiting: 0, needsYou: 0 },
      reasons: [
        {
          reason: expect.objectContaining({
            code: 'scheduler.stale',
            title: 'The scheduler has not ticked for 45 s',
            since: NOW - 45_000,
          }),
          jobs: [],
        },
      ],
      nextChange: null,
      oldestReady: null,
    });
    expect(of({ gates: null, tickAt: null }).headline).toBe(
      'Unknown: the scheduler has not ticked since the start.',
    );
  });

  it('of an empty line shows the rule and what comes nearest to it', () => {
    const { verdict, reasons } = of({ surveys: [survey] });
    expect(verdict).toBe('idle');
    expect(reasons.map(({ reason }) => reason)).toMatchObject([
      {
        code: 'nothing.queued',
        title: 'Nothing is queued for api. Plane was looked at 12 s ago, 0 of 31 items match',
        detail: 'Rule: label `agent`, state Todo. Nearest: API-240: label missing',
      },
    ]);
    expect(of({ surveys: [survey], running: 1 }).reasons).toEqual([]);
    expect(of({ surveys: [survey], queued: [queuedJob()] }).reasons).toEqual([]);
  });

  it('tells of a tracker that does not answer, though no job waits for it', () => {
    const unanswered = { since: NOW - 120_000, failures: 9, error: '503', triedAt: NOW, nextTryAt: NOW + 1 };
    const gates = closedGates({
      ...STATE,
      troubles: ['tracker:api', 'forge:api', 'notify'].map((name) => ({
        name,
        unanswered,
        dead: null,
        retried: false,
      })),
    });
    const codesOf = (fields: Partial<Explainable>) =>
      of({ gates, ...fields }).reasons.map(({ reason, jobs }) => [reason.code, jobs.length]);
    expect(codesOf({ queued: [queuedJob()] })).toEqual([
      ['tracker.unreachable', 0],
      ['forge.unreachable', 0],
    ]);
    expect(codesOf({ queued: [queuedJob({ agent: null, account: null })], project: 'api' })).toEqual([
      ['forge.unreachable', 1],
      ['tracker.unreachable', 0],
    ]);
    expect(codesOf({ project: 'web' })).toEqual([]);
    expect(of({ gates, queued: [queuedJob()] })).toMatchObject({
      verdict: 'working',
      counts: { waiting: 0 },
    });
  });

  it('is never idle while a task waits for a person', () => {
    const idle = of({ stuck: [stuck], surveys: [survey] });
    expect([idle.verdict, idle.headline]).toEqual(['needs_you', 'Nothing is running. 1 task needs you.']);
    expect(idle.counts.needsYou).toBe(0);
    expect(idle.reasons[0]?.reason).toMatchObject({
      code: 'job.failed',
      scope: { kind: 'task', id: 'API-1' },
      detail: 'no result JSON',
      since: 7,
      fix: 'orch retry API-1',
    });
    const working = of({ stuck: [stuck, stuck], running: 1 });
    expect([working.verdict, working.headline]).toEqual([
      'working',
      '1 running, 0 queued. 2 tasks need you.',
    ]);
  });
});
