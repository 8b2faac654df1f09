import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  costIsUnknown,
  dayBudget,
  dayOf,
  endOfDay,
  leftOfTask,
  liftBudget,
  NOTHING_SPENT,
  paceOf,
  withinBudget,
} from './budget.ts';
import type { Effects, NewJob, RunChange } from './effects.ts';
import { activeTask, queuedJob, runningJob } from './test-kit.ts';
import { NO_USAGE } from './usage.ts';

const BUDGET = { usdPerTask: 10, usdPerDay: 100, tokensPerDay: 1000 };
const NEXT = { agent: 'reviewer', hold: null, stage: 'review' } as NewJob;
const spends = (usd: number, more: Effects = {}): Effects => ({
  ...more,
  task: { ...more.task, addCostMicroUsd: usd * 1e6 },
});
const incidents = ({ outbox = [] }: Effects) =>
  outbox.map(({ message }) => (message.kind === 'notify.incident' ? message.title : message.kind));

describe('the budget of a day', () => {
  it.each([
    ['nothing', {}, 'within', ''],
    ['a little', { microUsd: 79.9e6, tokens: 799 }, 'within', ''],
    ['80 % of the money', { microUsd: 80e6 }, 'near', '$80.00 of $100.00 today'],
    ['80 % of the tokens', { tokens: 800 }, 'near', '800 of 1 000 tokens today'],
    ['all of the money', { microUsd: 100e6, tokens: 900 }, 'reached', '$100.00 of $100.00 today'],
    ['more than all tokens', { microUsd: 90e6, tokens: 1200 }, 'reached', '1 200 of 1 000 tokens today'],
    [
      'all that is known, and some that is not',
      { microUsd: 100e6, unknownCosts: 2 },
      'reached',
      '$100.00 of $100.00 today, and the unknown cost of 2 runs beside it',
    ],
    ['only what nobody knows', { unknownCosts: 9 }, 'within', ''],
  ])('after %s', (_name, spent, level, detail) => {
    expect(dayBudget(BUDGET, { ...NOTHING_SPENT, ...spent })).toEqual({ level, detail });
  });

  it('is never reached without a limit', () => {
    const none = { usdPerTask: null, usdPerDay: null, tokensPerDay: null };
    expect(dayBudget(none, { microUsd: 1e15, tokens: 1e15, unknownCosts: 9 }).level).toBe('within');
  });

  it('is that of the UTC day', () => {
    const noon = Date.UTC(2026, 2, 4, 12);
    expect([dayOf(noon), endOfDay(noon)]).toEqual([
      dayOf(Date.UTC(2026, 2, 4, 23, 59, 59, 999)),
      Date.UTC(2026, 2, 5),
    ]);
  });
});

describe('a cost that nobody told', () => {
  const run = (fields: Partial<RunChange>) =>
    costIsUnknown({ usage: NO_USAGE, verdict: 'success', sessionId: 's', ...fields } as RunChange);
  it.each([
    ['is unknown when tokens were used', { usage: { ...NO_USAGE, outputTokens: 1 } }, true],
    ['is unknown when the run was cut off', { verdict: 'lost' as const }, true],
    [
      'is none when no run got as far as a session',
      { verdict: 'cancelled' as const, sessionId: null },
      false,
    ],
    ['is none when the sign-in was refused', { verdict: 'auth' as const }, false],
    ['is known when it is told, be it 0', { usage: { ...NO_USAGE, outputTokens: 1, costUsd: 0 } }, false],
  ])('%s', (_name, fields, unknown) => {
    expect(run(fields)).toBe(unknown);
  });
});

describe('the budget of a task', () => {
  const state = (usd: number, from = 0) => ({
    task: activeTask({ costMicroUsd: usd * 1e6, budgetFromMicroUsd: from * 1e6 }),
    job: runningJob(),
  });

  it('leaves what is below the warning alone', () => {
    const effects = spends(3, { newJobs: [NEXT] });
    expect(withinBudget(effects, state(4), BUDGET)).toBe(effects);
  });

  it('warns once, when 80 % are crossed, and goes on', () => {
    const crossed = withinBudget(spends(1, { newJobs: [NEXT] }), state(7), BUDGET);
    expect(incidents(crossed)).toEqual(['API-1 has spent 80 % of its budget']);
    expect(crossed.newJobs).toEqual([NEXT]);
    expect(incidents(withinBudget(spends(1), state(8), BUDGET))).toEqual([]);
  });

  it('lets no further agent start once it is spent, and asks', () => {
    const asked = withinBudget(spends(2, { newJobs: [NEXT], task: { status: 'active' } }), state(8), BUDGET);
    expect(asked.newJobs).toEqual([{ ...NEXT, hold: 'budget.reached' }]);
    expect(asked.task).toMatchObject({
      status: 'needs_you',
      reason: { code: 'budget.reached', detail: '$10.00 of $10.00 for API-1' },
      addCostMicroUsd: 2e6,
    });
    expect(incidents(asked)).toEqual(['API-1 has reached its budget']);
  });

  it('holds the next attempt of the same job too', () => {
    const asked = withinBudget(spends(5, { job: { status: 'queued' } }), state(8), BUDGET);
    expect(asked.job).toMatchObject({ status: 'queued', hold: 'budget.reached' });
  });

  it.each<[string, Effects]>([
    ['a task that is done', spends(5, { job: { status: 'done' }, task: { status: 'done' } })],
    [
      'a stage that spends nothing',
      spends(5, { job: { status: 'done' }, newJobs: [{ ...NEXT, agent: null }] }),
    ],
    ['a job that waits for an answer', spends(5, { job: { status: 'queued', hold: 'question.pending' } })],
    ['a job that failed', spends(5, { job: { status: 'failed' }, task: { status: 'needs_you' } })],
  ])('does not stop %s', (_name, effects) => {
    expect(withinBudget(effects, state(8), BUDGET)).toBe(effects);
  });

  it('is no matter of a job without a task, or without a limit', () => {
    const effects = spends(99, { newJobs: [NEXT] });
    expect(withinBudget(effects, { ...state(1), task: null }, BUDGET)).toBe(effects);
    expect(withinBudget(effects, state(1), { ...BUDGET, usdPerTask: null })).toBe(effects);
  });

  it('is as much again after a person let it go on', () => {
    const held = { ...state(12), job: queuedJob({ hold: 'budget.reached' }) };
    const lifted = liftBudget({ job: { hold: null } }, held, BUDGET);
    expect(lifted.task).toEqual({ budgetFromMicroUsd: 12e6 });
    expect(incidents(lifted)).toEqual(['notify.resolved']);
    expect(leftOfTask(state(12, 12).task, BUDGET)).toBe(10);
    expect(withinBudget(spends(7, { newJobs: [NEXT] }), state(12, 12), BUDGET).newJobs).toEqual([NEXT]);
    expect(withinBudget(spends(10, { newJobs: [NEXT] }), state(12, 12), BUDGET).newJobs?.[0]?.hold).toBe(
      'budget.reached',
    );
  });

  it('stays what it is for a retry of a task that has some left', () => {
    const effects: Effects = { job: { status: 'queued' } };
    expect(liftBudget(effects, { ...state(9), job: queuedJob() }, BUDGET)).toBe(effects);
  });

  it('never lets a start through that is past it, whatever was spent in which steps', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 4_000_000 }), { maxLength: 20 }), (costs) => {
        let task = activeTask();
        for (const cost of costs) {
          const effects = withinBudget(
            { job: { status: 'done' }, newJobs: [NEXT], task: { addCostMicroUsd: cost } },
            { task, job: runningJob() },
            BUDGET,
          );
          task = { ...task, costMicroUsd: task.costMicroUsd + cost };
          expect(effects.newJobs?.[0]?.hold === 'budget.reached').toBe((leftOfTask(task, BUDGET) ?? 1) <= 0);
        }
      }),
    );
  });
});

describe('the pace of a span', () => {
  const HOUR = 3_600_000;
  const at = (hour: number) => ({ from: 0, to: 24 * HOUR, now: hour * HOUR });
  it.each([
    ['goes on as it did', 6, null, 12, { atEnd: 12, reachedAt: null }],
    ['reaches its limit before the end', 6, 9, 12, { atEnd: 12, reachedAt: 18 * HOUR }],
    ['stays within its limit', 6, 13, 12, { atEnd: 12, reachedAt: null }],
    ['has reached it already', 6, 5, 12, { atEnd: 12, reachedAt: null }],
    ['is that of a single run at first', 6, 9, 0.9, { atEnd: null, reachedAt: null }],
    ['is none where nothing was spent', 0, 9, 12, { atEnd: null, reachedAt: null }],
  ])('%s', (_what, spent, limit, hour, found) => {
    expect(paceOf(spent, limit, at(hour))).toEqual(found);
  });
});
