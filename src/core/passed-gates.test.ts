import { describe, expect, it } from 'vitest';
import type { Budget } from './budget.ts';
import { passedGates } from './passed-gates.ts';
import { activeTask, endedRun, runningJob } from './test-kit.ts';

const NONE: Budget = { usdPerTask: null, usdPerDay: null, tokensPerDay: null };
const run = endedRun({ status: 'running' });
const base = { run, job: runningJob(), task: activeTask(), budget: NONE, checkAuth: true };
const textOf = (gate: string, of: Partial<Parameters<typeof passedGates>[0]> = {}) =>
  passedGates({ ...base, ...of }).find((each) => each.gate === gate)?.text;

describe('the gates that a run has passed', () => {
  it('come in the order of the dispatcher', () => {
    expect(passedGates(base).map(({ gate }) => gate)).toEqual([
      ...['dispatch', 'host', 'dependency', 'budget', 'account', 'breaker', 'cap', 'worker'],
    ]);
  });

  it('tell of the account what its gate was', () => {
    expect(textOf('account')).toBe('Signed in to a');
    expect(textOf('account', { checkAuth: false })).toBe('The CLI of a answers; its sign-in is not checked');
    const probe = { ...run, probe: true };
    expect(textOf('account', { run: probe })).toBe('The one start on a that finds out whether it works');
    expect(textOf('breaker', { run: probe })).toBeUndefined();
  });

  it('tell of the budget what was left, while that is known', () => {
    const budget = { ...NONE, usdPerTask: 10 };
    const task = activeTask({ costMicroUsd: 14_910_000, budgetFromMicroUsd: 11_000_000 });
    expect(textOf('budget', { task, budget })).toBe('$6.09 of $10 left for the task');
    expect(textOf('budget', { task, budget, run: endedRun() })).toBe('Not reached');
    expect(textOf('budget')).toBe('None is set');
  });

  it('are fewer for what runs no agent', () => {
    expect(
      passedGates({
        ...base,
        job: runningJob({ agent: null }),
        run: { ...run, account: null },
        task: null,
      }).map(({ gate }) => gate),
    ).toEqual(['dispatch', 'host', 'cap', 'worker']);
  });
});
