import { afterEach, beforeEach, expect, it } from 'vitest';
import { claimRequest, ENDED, newJob, project, refOf } from '../store/store-rows.contract.ts';
import { createHttpKit, type HttpKit } from './test-kit.ts';

let kit: HttpKit;
beforeEach(() => {
  kit = createHttpKit();
});
afterEach(() => kit.close());

it('metrics tell jobs, runs, claims and cost, without a label for each task', async () => {
  const { store } = kit.engine;
  await store.configure([project('api')], ['a']);
  for (let i = 0; i < 2; i++) await store.enqueue(newJob(), (id) => `orch/job-${id}`);
  await store.tell([
    {
      ...{ destination: 'notify', key: 'k', orderKey: 'o', availableAt: null },
      message: { kind: 'notify.resolved', incident: 'x' },
    },
  ]);
  const claimed = await store.claim(claimRequest({ now: kit.now }));
  if (claimed !== null)
    await store.settle(refOf(claimed), () => ({
      job: { status: 'done' },
      run: { ...ENDED, usage: { ...ENDED.usage, costUsd: 0.5 } },
    }));
  const text = await (await kit.ask('/metrics')).text();
  for (const line of [
    'orch_jobs{status="queued"} 1',
    'orch_jobs{status="done"} 1',
    'orch_claims_total 1',
    'orch_runs_total{verdict="success"} 1',
    'orch_outbox_depth{destination="notify"} 1',
    'orch_spent_today_usd{project="api"} 0.5',
  ])
    expect(text).toContain(`${line}\n`);
  expect(text).not.toContain('job_1');
});

it('metrics are not for everybody', async () => {
  expect((await kit.ask('/metrics', { token: null })).status).toBe(401);
  expect((await kit.ask('/metrics', { token: 'wrong' })).status).toBe(401);
});
