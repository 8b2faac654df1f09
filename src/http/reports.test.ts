import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimRequest, ENDED, newJob, newTask, project, refOf } from '../store/store-rows.contract.ts';
import type { ApprovalWire, NowWire, OneRunWire, UsageWire } from './contract.ts';
import { createHttpKit, type HttpKit, T0 } from './test-kit.ts';

const HEAD = 'b'.repeat(40);
const BASE = 'a'.repeat(40);
const PROJECT = {
  repository: {},
  copy: [],
  tracker: {
    survey: async () => ({ source: 'board', rule: '', lookedAt: T0, seen: 0, matching: 0, nearest: [] }),
  },
  rules: { key: 'api' },
  budget: { usdPerTask: null, usdPerDay: null, tokensPerDay: null },
  pipelines: [{ name: 'full', when: null, stages: [] }],
};
const PATCH =
  'diff --git a/package.json b/package.json\n--- a/package.json\n+++ b/package.json\n@@ -1 +1 @@\n+  "postinstall": "x"\n';

let kit: HttpKit;
beforeEach(async () => {
  const workspace = {
    baseHead: async () => BASE,
    clones: async () => ['API-1', 'job-7'],
    forkPoint: async () => BASE,
    patch: async () => ({ text: PATCH, cut: false }),
    readWork: async (_p: string, _k: string, name: string) => (name === 'review.md' ? 'Looks right.' : null),
    diff: async () => ({
      files: [
        { path: 'src/a.ts', status: 'modified', added: 1, deleted: 0 },
        { path: 'package.json', status: 'modified', added: 1, deleted: 0 },
      ],
      stat: { files: 2, added: 2, deleted: 0 },
    }),
  };
  const runtime = { projects: new Map([['api', PROJECT as never]]) };
  kit = createHttpKit({
    workspace,
    runtime,
    config: () => [
      { key: 'port', path: ['port'], value: 8044, origin: 'default', env: 'ORCH_PORT', locked: 'machine' },
    ],
  });
  await kit.engine.store.configure([project('api', { maxConcurrency: 9 })], ['a']);
});
afterEach(() => kit.close());

const enqueue = (fields = {}) => kit.engine.store.enqueue(newJob(fields), (id) => `orch/job-${id}`);
async function endOne(run: object = {}, job: object = { status: 'done' }) {
  const claimed = await kit.engine.store.claim(claimRequest({ now: kit.now }));
  if (claimed === null) throw new Error('nothing was claimed');
  await kit.engine.store.settle(refOf(claimed), () => ({ job, run: { ...ENDED, ...run } }));
}

describe('bulk', () => {
  it('does each by itself and says which were refused, and why', async () => {
    for (let i = 0; i < 3; i++) await enqueue();
    const body = { action: 'urgent', ids: ['job_1', '2', 'job_99', 'job_1'] };
    const bulk = await kit.json<{ results: { id: string; ok: boolean; error: { code: string } }[] }>(
      '/api/v1/bulk',
      { body },
    );
    expect(bulk).toMatchObject({ status: 200, done: 2, refused: 1, more: false });
    expect(bulk.results.map(({ id, ok, error }) => [id, ok, error?.code])).toEqual([
      ['job_1', true, undefined],
      ['2', true, undefined],
      ['job_99', false, 'not_found'],
    ]);
    const urgent = (await kit.store.jobs({ limit: 9 })).items.map((job) => job.urgent);
    expect(urgent).toEqual([true, true, false]);
  });

  it('moves nothing that has no stages to go back to', async () => {
    await enqueue();
    const bulk = await kit.json('/api/v1/bulk', {
      body: { action: 'move', ids: ['job_1'], stage: 'review' },
    });
    expect(bulk).toMatchObject({ done: 0, refused: 1, results: [{ error: { code: 'usage.no_task' } }] });
  });

  it('takes what a list would show, and writes each down with who did it', async () => {
    for (const stage of ['review', 'testing', 'review']) await enqueue({ stage });
    const body = { action: 'priority', filter: { stage: 'review', status: 'queued' }, priority: 7 };
    const headers = { 'x-orch-by': 'otto' };
    expect(await kit.json('/api/v1/bulk', { body, headers })).toMatchObject({ done: 2, refused: 0 });
    expect((await kit.store.jobs({ limit: 9 })).items.map(({ priority }) => priority)).toEqual([7, 0, 7]);
    const { items } = await kit.store.audits({ action: 'priority', limit: 9 });
    expect(items.map(({ by, target }) => [by, target])).toEqual([
      ['otto', 'job_3 7'],
      ['otto', 'job_1 7'],
    ]);
  });

  it.each([
    [{ action: 'retry' }, 'body'],
    [{ action: 'retry', ids: ['job_1'], filter: {} }, 'body'],
    [{ action: 'priority', ids: ['job_1'] }, 'priority'],
    [{ action: 'move', ids: ['job_1'] }, 'stage'],
    [{ action: 'explode', ids: ['job_1'] }, 'action'],
    [{ action: 'retry', filter: { status: 'nope' } }, 'status'],
  ])('%j is refused with the field', async (body, field) => {
    expect(await kit.json('/api/v1/bulk', { body })).toMatchObject({ status: 422, errors: [{ field }] });
  });
});

describe('lists', () => {
  it('of what people see: what is next apart from what waits for itself or for somebody', async () => {
    await kit.close();
    kit = createHttpKit({ isTicking: true });
    await kit.engine.store.configure([project('api', { maxConcurrency: 9 })], ['a']);
    await enqueue();
    await enqueue({ hold: 'approval.pending', agent: null, account: null });
    await endOne();
    await kit.engine.start();
    try {
      await expect
        .poll(async () => (await kit.json('/api/v1/jobs?state=needs_you'))['jobs'], { timeout: 10_000 })
        .toMatchObject([{ id: 'job_2', hold: { code: 'approval.pending', state: 'needs_you' } }]);
      expect(await kit.json('/api/v1/jobs?reason=approval.pending')).toMatchObject({
        jobs: [{ id: 'job_2' }],
      });
      expect(await kit.json('/api/v1/jobs?state=waiting')).toMatchObject({ jobs: [] });
      expect(await kit.json('/api/v1/jobs?state=done')).toMatchObject({ jobs: [{ id: 'job_1' }] });
      expect(await kit.json('/api/v1/jobs?state=needs_you,done')).toMatchObject({ jobs: [{}, {}] });
      const now = await kit.json<NowWire>('/api/v1/now');
      expect(now.inbox).toMatchObject([{ kind: 'approval', code: 'approval.pending', jobsHeld: 1 }]);
    } finally {
      await kit.engine.stop();
    }
  });

  it('are sorted, filtered and paged', async () => {
    for (const stage of ['review', 'testing', 'review', 'review']) await enqueue({ stage });
    const first = await kit.json<{ jobs: { id: string }[]; next: number }>(
      '/api/v1/jobs?stage=review&sort=-id&limit=2',
    );
    expect(first.jobs.map(({ id }) => id)).toEqual(['job_4', 'job_3']);
    const rest = await kit.json(`/api/v1/jobs?stage=review&sort=-id&limit=2&after=${first.next}`);
    expect(rest).toMatchObject({ jobs: [{ id: 'job_1' }], next: null });
    expect(await kit.json('/api/v1/jobs?q=JOB-2')).toMatchObject({ jobs: [{ id: 'job_2' }] });
    expect(await kit.json('/api/v1/jobs?account=nobody')).toMatchObject({ jobs: [] });
  });

  it('of runs and tasks too', async () => {
    await kit.engine.store.submit(newTask({ labels: ['web'], title: 'Greeting' }), ({ id }) =>
      newJob({ taskId: id }),
    );
    await endOne({ verdict: 'permanent' });
    expect(await kit.json('/api/v1/runs?verdict=permanent,auth&project=api')).toMatchObject({
      runs: [{ id: 'run_1' }],
    });
    expect(await kit.json('/api/v1/runs?verdict=success')).toMatchObject({ runs: [] });
    expect(await kit.json('/api/v1/tasks?label=web&q=greet')).toMatchObject({ tasks: [{ key: 'API-1' }] });
    expect(await kit.json('/api/v1/tasks?label=we')).toMatchObject({ tasks: [] });
  });
});

describe('usage', () => {
  it('is summed by what was asked, by day and in all, also as CSV', async () => {
    await enqueue({ stage: '=cmd()' });
    await endOne({ usage: { ...ENDED.usage, inputTokens: 5, costUsd: 0.25 } });
    kit.now += 1000;
    const span = `since=${new Date(T0 - 1000).toISOString()}&until=${new Date(kit.now).toISOString()}`;
    const usage = await kit.json<UsageWire>(`/api/v1/usage?by=project&${span}`);
    expect(usage.rows).toMatchObject([
      { key: 'api', runs: 1, inputTokens: 5, costUsd: 0.25, unknownCosts: 0 },
    ]);
    expect(usage.total).toMatchObject({
      ...{ runs: 1, costUsd: 0.25, planUsd: 0 },
      finished: { tasks: 0, costUsd: 0, unknownCosts: 0 },
    });
    expect(usage.days[0]?.day).toBe('2026-01-05');
    const response = await kit.ask(`/api/v1/usage?by=stage&format=csv&${span}`);
    expect(response.headers.get('content-disposition')).toContain('usage-by-stage.csv');
    expect((await response.text()).split('\r\n')[1]).toMatch(/^2026-01-05,'=cmd\(\),1,0,5,/);
    expect(await kit.json('/api/v1/usage?since=2020-01-01&until=2026-01-01')).toMatchObject({ status: 422 });
  });
});

describe('usage of accounts', () => {
  it('is an estimate on a plan, and says what each finished task took, once however many worked on it', async () => {
    const { store } = kit.engine;
    await store.configure([project('api', { maxConcurrency: 9 })], ['a', 'b']);
    const { task } = await store.submit(newTask(), ({ id }) => newJob({ taskId: id }));
    const usage = { ...ENDED.usage, costUsd: 0.5 };
    await endOne({ usage });
    await enqueue({ account: 'b', taskId: task.id });
    const claimed = await store.claim(claimRequest({ now: kit.now }));
    if (claimed === null) throw new Error('nothing was claimed');
    const windows = [{ name: '5h', utilization: 0.6, resetAt: null, seenAt: kit.now }];
    const known = (await store.accounts()).find(({ id }) => id === 'b');
    if (known === undefined) throw new Error('no account');
    await store.settle(refOf(claimed), () => ({
      ...{ job: { status: 'done' }, task: { status: 'done' }, run: { ...ENDED, usage } },
      account: { ...known, windows },
    }));
    kit.now += 1000;
    const span = `since=${new Date(T0 - 1000).toISOString()}&until=${new Date(kit.now).toISOString()}`;
    const { rows, total } = await kit.json<UsageWire>(`/api/v1/usage?by=account&${span}`);
    const finished = { tasks: 1, costUsd: 0.5, unknownCosts: 0 };
    expect(rows).toMatchObject([
      { key: 'a', costUsd: 0.5, planUsd: 0, finished },
      { key: 'b', costUsd: 0.5, planUsd: 0.5, finished },
    ]);
    expect(total).toMatchObject({ costUsd: 1, planUsd: 0.5, finished: { tasks: 1, costUsd: 1 } });
  });
});

describe('the audit log', () => {
  it('is filtered and exported', async () => {
    await kit.ask('/api/v1/pause', {
      body: { scope: 'all', note: 'a, "b"' },
      headers: { 'x-orch-by': 'otto' },
    });
    await kit.ask('/api/v1/resume', { body: { scope: 'all' } });
    const found = await kit.json('/api/v1/audit?by=otto&action=pause');
    expect(found).toMatchObject({
      entries: [{ by: 'otto', surface: 'cli', after: { note: 'a, "b"' } }],
      next: null,
    });
    const text = await (await kit.ask('/api/v1/audit?format=csv')).text();
    expect(text.split('\r\n')[0]).toBe('at,by,surface,action,target,before,after');
    expect(text).toContain('"{""note"":""a, \\""b\\"""",""until"":null}"');
    expect(await (await kit.ask('/api/v1/audit?format=csv&limit=1')).text()).toBe(text);
  });
});

describe('the history of a task', () => {
  it('is what people did to it, its jobs and runs, for everybody who may look', async () => {
    await kit.engine.store.submit(newTask(), ({ id }) => newJob({ taskId: id }));
    await kit.engine.store.submit(newTask({ key: 'API-12', workItemId: '12' }), ({ id }) =>
      newJob({ taskId: id }),
    );
    for (const target of ['API-1', 'job_1', 'API-12'])
      await kit.ask('/api/v1/urgent', { body: { target }, headers: { 'x-orch-by': 'otto' } });
    const history = await kit.json<{ entries: { target: string; after: unknown }[] }>(
      '/api/v1/tasks/API-1/history',
    );
    expect(history.entries.map(({ target }) => target)).toEqual(['job_1', 'API-1']);
    expect(history.entries[0]?.after).toMatchObject({ job: 'job_1', task: 'active' });
  });
});

describe('an approval', () => {
  it('shows what exactly is allowed: the commit, what to look at twice, what was said', async () => {
    const { task } = await kit.engine.store.submit(newTask(), ({ id }) =>
      newJob({ taskId: id, stage: 'development', hold: 'approval.pending' }),
    );
    await kit.engine.store.command(
      { kind: 'task', key: task.key },
      () => ({ task: { head: HEAD, checked: { head: HEAD, green: 3, total: 4 } } }),
      { by: 'x', surface: 'cli', action: 'test', target: 'x', at: T0 },
    );
    const { approval } = await kit.json<{ approval: ApprovalWire }>('/api/v1/approvals/API-1');
    expect(approval).toMatchObject({
      commit: HEAD,
      reviewers: [],
      mayDecide: true,
      checks: { green: true, passed: 3, total: 4 },
      change: { from: BASE, to: HEAD, stat: { files: 2 }, risks: ['scripts'] },
      summary: { name: 'review.md', text: 'Looks right.' },
    });
    expect(approval.change?.files.map(({ path, risks }) => [path, risks])).toEqual([
      ['package.json', ['scripts']],
      ['src/a.ts', []],
    ]);
    expect(await kit.json('/api/v1/tasks/API-1/diff')).toMatchObject({ diff: { patch: PATCH, cut: false } });
    expect(await kit.json('/api/v1/approvals/API-2')).toMatchObject({ status: 404 });
  });
});

describe('a run', () => {
  it('tells the gates that it passed, and of what does not live here no proof', async () => {
    await enqueue();
    await kit.engine.store.claim(claimRequest({ now: kit.now }));
    const { run, proof, gates } = await kit.json<OneRunWire>('/api/v1/runs/run_1?look=1');
    expect(run.id).toBe('run_1');
    expect(proof).toBeNull();
    expect(gates.map(({ gate }) => gate)).toEqual([
      ...['dispatch', 'host', 'budget', 'account', 'breaker', 'cap', 'worker'],
    ]);
    expect(gates).toContainEqual({ gate: 'account', text: 'Signed in to a' });
  });
});

describe('the first page', () => {
  it('has all in one answer', async () => {
    for (let i = 0; i < 9; i++) await enqueue();
    await endOne();
    await kit.engine.store.claim(claimRequest({ now: kit.now }));
    const now = await kit.json<NowWire>('/api/v1/now');
    expect(now).toMatchObject({
      schema: 'orch.now/1',
      explain: { schema: 'orch.explain/1', verdict: 'unknown' },
      running: [{ run: { id: 'run_2' }, state: 'running', logBytes: 0, lastTool: null }],
      lastDay: { runs: [{ verdict: 'success', runs: 1 }] },
      pauses: [],
    });
    expect(now.next.map(({ id }) => id)).toEqual([3, 4, 5, 6, 7, 8, 9].map((id) => `job_${id}`));
    expect(now.next[0]?.hold?.code).toBe('scheduler.stale');
    kit.now += 16 * 60_000;
    kit.engine.changes.note('explain'); // within half a second, only a change makes another answer
    const later = await kit.json<NowWire>('/api/v1/now');
    expect(later.running[0]?.state).toBe('stalled');
    // Nothing ticks here, and that needs a person too.
    expect(later.inbox).toMatchObject([
      { code: 'scheduler.stale', about: 'local' },
      { kind: 'stalled', about: 'run_2' },
    ]);
  });
});

describe('health and settings', () => {
  it('are those of the command line, for those who may', async () => {
    expect(await kit.json('/api/v1/config')).toMatchObject({
      problem: null,
      settings: [{ key: 'port', value: 8044 }],
    });
    expect(await kit.json('/api/v1/health')).toMatchObject({
      findings: [],
      errors: 0,
      database: { engine: 'sqlite' },
      workers: [{ id: 'local', version: '0.0.0-test', slots: 2, used: 0, lastHeartbeatAt: null }],
      queue: { ready: 0, oldest: null },
      disk: { freeBytes: null, worktrees: 2 },
    });
  });
});
