import { expect, it } from 'vitest';
import { claimRequest, ENDED, newJob, project, refOf } from '../store/store-rows.contract.ts';
import type { BudgetsWire } from './contract.ts';
import { createHttpKit } from './test-kit.ts';

it('tells of every project what it may spend, what it did, and which file says so', async () => {
  const budget = { usdPerTask: 20, usdPerDay: 2, tokensPerDay: null };
  const kit = createHttpKit({
    isTicking: true,
    runtime: { projects: new Map([['api', { budget } as never]]) },
    config: () => [
      {
        ...{ key: 'projects.api.budget.usd_per_day', path: ['projects', 'api', 'budget', 'usd_per_day'] },
        ...{ value: 2, origin: 'orch.yaml', env: null, locked: null },
      },
    ],
  });
  const { store } = kit.engine;
  await store.configure([project('api')], ['a']);
  await store.enqueue(newJob(), (id) => `orch/job-${id}`);
  const claimed = await store.claim(claimRequest({ now: Date.now() }));
  if (claimed === null) throw new Error('nothing was claimed');
  const usage = { ...ENDED.usage, costUsd: 1.75 };
  await store.settle(refOf(claimed), () => ({ job: { status: 'done' }, run: { ...ENDED, usage } }));

  const budgets = await kit.json<BudgetsWire>('/api/v1/budgets');
  expect(budgets.month).toBe(budgets.day.slice(0, 7));
  expect(budgets.projects).toMatchObject([
    {
      ...{ project: 'api', level: 'near', monthUsd: 1.75, unknownCosts: { day: 0, month: 0 } },
      perTask: { usd: 20, key: 'projects.api.budget.usd_per_task', origin: 'default' },
      perDay: { usd: 2, spentUsd: 1.75, origin: 'orch.yaml' },
      tokensPerDay: { tokens: null, spent: expect.any(Number), reachedAt: null },
    },
  ]);
  const [api] = budgets.projects;
  const isEarly = Date.now() % 86_400_000 < 3_600_000;
  expect(api?.perDay.projectedUsd ?? null).toEqual(isEarly ? null : expect.any(Number));
  if (!isEarly) expect(api?.perDay.projectedUsd).toBeGreaterThanOrEqual(1.75);
  await kit.close();
});
