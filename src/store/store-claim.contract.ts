import { describe, expect, it } from 'vitest';
import type { Claimed } from './store.ts';
import type { StoreKit } from './store-kit.contract.ts';
import { ENDED, MINUTE, newJob, project, SECOND, T0 } from './store-rows.contract.ts';

/** What a claim takes, in which order, and what it leaves alone. */
export function claims(kit: StoreKit): void {
  const { enqueue, claim, claimed, end, finish, fail, release, submit, command } = kit;

  describe('claiming', () => {
    it('sets the job running, spends an attempt, raises the fence and opens a run, all at once', async () => {
      const job = await enqueue();
      kit.now += SECOND;
      const { job: taken, run, task } = await claimed();
      expect(taken).toMatchObject({
        id: job.id,
        status: 'running',
        attempts: 1,
        fence: 1,
        startedAt: kit.now,
      });
      expect(run).toMatchObject({
        jobId: job.id,
        attempt: 1,
        fence: 1,
        account: 'a',
        agent: 'developer',
        status: 'running',
        probe: false,
        startedAt: kit.now,
        directory: `/runs/${run.id}`,
      });
      expect(task).toBeNull();
      expect(await kit.store.running()).toEqual([{ run, job: taken }]);
    });

    it('grows the fence and the ordinal of the run with every claim, whatever was given back', async () => {
      await enqueue();
      for (const n of [1, 2, 3]) {
        const taken = await claimed();
        expect(taken.job).toMatchObject({ fence: n, attempts: 1 });
        expect(taken.run).toMatchObject({ fence: n, attempt: n });
        await release(taken);
      }
    });

    it('starts the jobs of a project by priority, then rework, then age', async () => {
      const plain = await enqueue();
      const later = await enqueue();
      const rework = await enqueue({ rework: true });
      const urgent = await enqueue({ priority: 1 });
      const urgentRework = await enqueue({ priority: 1, rework: true });
      const order: number[] = [];
      for (let i = 0; i < 5; i++) {
        const taken = await claimed();
        order.push(taken.job.id);
        await finish(taken);
      }
      expect(order).toEqual([urgentRework.id, urgent.id, rework.id, plain.id, later.id]);
    });

    it('starts urgent work of a project before all other work of it, whatever its priority', async () => {
      await enqueue({ priority: 9, rework: true });
      const late = await enqueue({ urgent: true });
      const high = await enqueue({ urgent: true, priority: 1 });
      const order: number[] = [];
      for (let i = 0; i < 2; i++) {
        const taken = await claimed();
        order.push(taken.job.id);
        await finish(taken);
      }
      expect(order).toEqual([high.id, late.id]);
    });

    it('makes a job urgent, and no longer', async () => {
      await enqueue();
      const second = await enqueue();
      await command(second.id, { job: { urgent: true } });
      expect(await kit.store.ahead((await kit.store.job(second.id)) ?? second)).toMatchObject({ jobs: 0 });
      const taken = await claimed();
      expect(taken.job).toMatchObject({ id: second.id, urgent: true });
      await release(taken);
      await command(second.id, { job: { urgent: false } });
      expect((await claimed()).job.id).not.toBe(second.id);
    });

    it('remembers that a task is urgent', async () => {
      const { task } = await submit({ urgent: true });
      expect(task.urgent).toBe(true);
      await command(1, { task: { urgent: false } });
      expect((await kit.store.task('API-1'))?.urgent).toBe(false);
      await command(1, { task: { stage: 'review' } });
      expect((await kit.store.task('API-1'))?.urgent).toBe(false);
    });

    it('puts a retried job back in its old place', async () => {
      const first = await enqueue();
      await enqueue();
      await release(await claimed());
      expect((await claimed()).job.id).toBe(first.id);
    });

    it.each([
      ['no account is open', { accounts: [] }],
      ['its account has no slot', { accounts: [{ id: 'a', slots: 0 }] }],
      ['only another account is open', { accounts: [{ id: 'b', slots: 1 }] }],
      ['its project is paused', { closedProjects: ['api'] }],
      ['its project may start no agent', { withoutAgents: ['api'] }],
      [
        'another project may fail over',
        { accounts: [{ id: 'b', slots: 1 }], failover: [{ project: 'web', from: 'a', to: 'b' }] },
      ],
      [
        'the account it may move to is not open',
        { accounts: [], failover: [{ project: 'api', from: 'a', to: 'b' }] },
      ],
      ['the worker has no slot', { slots: 0 }],
    ] as const)('claims nothing when %s', async (_why, request) => {
      const job = await enqueue();
      expect(await claim(request)).toBeNull();
      expect(await kit.store.job(job.id)).toEqual(job);
      expect(await claim()).not.toBeNull();
    });

    it('keeps the caps of project, account and worker exact, counted from what runs', async () => {
      await kit.store.configure(
        [project('api', { maxConcurrency: 2 }), project('web', { maxConcurrency: 9 })],
        ['a', 'b'],
      );
      for (let i = 0; i < 4; i++) {
        await enqueue();
        await enqueue({ project: 'web' });
        await enqueue({ project: 'web', account: 'b' });
      }
      const request = {
        accounts: [
          { id: 'a', slots: 3 },
          { id: 'b', slots: 2 },
        ],
        slots: 5,
      };
      const taken: Claimed[] = [];
      for (let next = await claim(request); next !== null; next = await claim(request)) taken.push(next);
      const { runningByAccount, runningByProject } = await kit.store.counts();
      expect(taken).toHaveLength(5);
      expect(runningByAccount).toEqual(
        new Map([
          ['a', 3],
          ['b', 2],
        ]),
      );
      expect(runningByProject.get('api') ?? 0).toBeLessThanOrEqual(2);
      await finish(taken[0] as Claimed);
      expect(await claim(request)).not.toBeNull();
      expect(await claim(request)).toBeNull();
    });

    it('runs one job per branch at a time', async () => {
      await kit.store.configure([project('api', { maxConcurrency: 9 })], ['a']);
      await enqueue({ branch: 'orch/same' });
      const second = await enqueue({ branch: 'orch/same' });
      const other = await enqueue();
      const first = await claimed();
      expect((await claimed()).job.id).toBe(other.id);
      expect(await claim()).toBeNull();
      await finish(first);
      expect((await claimed()).job.id).toBe(second.id);
    });

    it('runs one job per task at a time, even on branches of two names', async () => {
      await kit.store.configure([project('api', { maxConcurrency: 9 })], ['a']);
      const { task } = await submit();
      await enqueue({ taskId: task.id, branch: 'orch/other' });
      const first = await claimed();
      expect(await claim()).toBeNull();
      await finish(first);
      expect(await claim()).not.toBeNull();
    });

    it('runs one job at a time in a project after five failures in a row, until one succeeds', async () => {
      await kit.store.configure([project('api', { maxConcurrency: 3 })], ['a']);
      for (let i = 0; i < 12; i++) await enqueue();
      for (let i = 0; i < 5; i++) await fail(await claimed());
      expect((await kit.store.counts()).failedInRow.get('api')).toBe(5);
      const slow = await claimed();
      expect(await claim()).toBeNull();
      await finish(slow);
      expect((await kit.store.counts()).failedInRow.get('api') ?? 0).toBe(0);
      expect(
        [await claim(), await claim(), await claim(), await claim()].filter((c) => c !== null),
      ).toHaveLength(3);
    });

    it('leaves a delayed job alone until it is due, and then starts it at its old age', async () => {
      const delayed = await enqueue();
      await enqueue();
      await end(await claimed(), {
        job: { status: 'queued', attempts: 0, availableAt: kit.now + MINUTE },
        run: ENDED,
      });
      expect(await kit.store.nextDue(kit.now)).toBe(kit.now + MINUTE);
      kit.now += MINUTE - 1;
      expect((await kit.store.ahead(await enqueue())).jobs).toBe(1);
      await release(await claimed());
      kit.now += 1;
      const due = await claimed();
      expect(due.job).toMatchObject({ id: delayed.id, availableAt: null });
      expect(await kit.store.nextDue(kit.now)).toBeNull();
    });

    it('never starts a held job, whatever its priority, and starts it once a person lets it go', async () => {
      const held = await enqueue({ hold: 'approval.pending', priority: 9 });
      expect(held).toMatchObject({ hold: 'approval.pending', holdSince: T0 });
      kit.now += MINUTE;
      expect(await claim()).toBeNull();
      await command(held.id, { job: { hold: null } });
      expect((await claimed()).job).toMatchObject({ id: held.id, hold: null, holdSince: null });
    });

    it('does not wake up for a held job whose delay is over', async () => {
      const held = await enqueue();
      await end(await claimed(), {
        job: { status: 'queued', hold: 'question.pending', availableAt: kit.now + SECOND },
        run: ENDED,
      });
      kit.now += MINUTE;
      expect(await kit.store.nextDue(kit.now)).toBeNull();
      expect(await claim()).toBeNull();
      await command(held.id, { job: { hold: null } });
      expect(await claim()).not.toBeNull();
    });

    it("never starts an agent's job that has no account", async () => {
      await enqueue({ account: null });
      expect(await claim({ withoutAccount: true })).toBeNull();
      const deploy = await enqueue({ agent: null, account: null, stage: 'deploy' });
      expect(await claim({ withoutAccount: false })).toBeNull();
      expect((await claimed({ accounts: [] })).job.id).toBe(deploy.id);
    });

    it('serves only the projects of the configuration', async () => {
      await enqueue();
      await kit.store.configure([project('web')], ['a']);
      expect(await claim()).toBeNull();
      await kit.store.configure([project('api')], ['a']);
      expect(await claim()).not.toBeNull();
    });

    it('starts no new work where there are open pull requests enough, but what has begun, and jobs without a task', async () => {
      await kit.store.configure([project('api', { maxConcurrency: 9 })], ['a']);
      const { task } = await submit({ workItemId: '1', key: 'API-1', branch: 'orch/1' });
      await submit({ workItemId: '2', key: 'API-2', branch: 'orch/2' });
      const free = await enqueue();
      const request = { withoutNewWork: ['api'] };
      expect((await claimed(request)).job.id).toBe(free.id);
      expect(await claim(request)).toBeNull();
      expect(await claim({ ...request, probe: true })).toBeNull();

      const first = await claimed();
      expect(first.job).toMatchObject({ taskId: task.id, fresh: true });
      await end(first, {
        job: { status: 'queued', attempts: 0 },
        run: ENDED,
        task: { head: 'c0ffee' },
        newJobs: [newJob({ taskId: task.id, branch: 'orch/1', stage: 'review' })],
      });
      const begun = await claimed({ ...request, probe: true });
      expect(begun.job).toMatchObject({ id: first.job.id, fresh: false });
      await finish(begun);
      expect((await claimed(request)).job).toMatchObject({
        taskId: task.id,
        stage: 'review',
        fresh: false,
      });
      expect(await claim(request)).toBeNull();
    });

    it('counts the open pull requests of tasks that are under way', async () => {
      const { task } = await submit();
      const pr = { number: 1, url: null };
      const unmerged = async () => Object.fromEntries((await kit.store.counts()).unmergedByProject);
      await kit.store.setPullRequest(task.id, { ...pr, state: 'draft' });
      expect(await unmerged()).toEqual({ api: 1 });
      await kit.store.setPullRequest(task.id, { ...pr, state: 'open' });
      expect(await unmerged()).toEqual({ api: 1 });
      await command(1, { task: { status: 'cancelled' } });
      expect(await unmerged()).toEqual({});
      await command(1, { task: { status: 'needs_you' } });
      await kit.store.setPullRequest(task.id, { ...pr, state: 'merged' });
      expect(await unmerged()).toEqual({});
    });

    it('moves a job to the first free account of its failover, and the job says so while it runs', async () => {
      await kit.store.configure([project('api', { maxConcurrency: 9 })], ['a', 'b', 'c']);
      await enqueue({ priority: 1 });
      await enqueue();
      const request = {
        accounts: [
          { id: 'b', slots: 1 },
          { id: 'c', slots: 1 },
        ],
        failover: [
          { project: 'api', from: 'a', to: 'b' },
          { project: 'api', from: 'a', to: 'c' },
        ],
      };
      const first = await claimed(request);
      expect([first.job.account, first.job.movedFrom, first.run.account]).toEqual(['b', 'a', 'b']);
      const second = await claimed(request);
      expect([second.job.account, second.job.movedFrom]).toEqual(['c', 'a']);
      expect(await claim(request)).toBeNull();
      expect(Object.fromEntries((await kit.store.counts()).runningByAccount)).toEqual({ b: 1, c: 1 });
      await end(first, { job: { status: 'queued', account: 'a' }, run: ENDED });
      expect(await kit.store.job(first.job.id)).toMatchObject({ account: 'a', movedFrom: null });
      await finish(second);
      expect(await kit.store.job(second.job.id)).toMatchObject({ account: 'c', movedFrom: 'a' });
      expect((await claimed()).job).toMatchObject({ id: first.job.id, account: 'a', movedFrom: null });
    });

    it('tells how many jobs come before one in its project', async () => {
      await enqueue({ priority: 1 });
      await enqueue({ rework: true });
      await enqueue();
      await enqueue({ hold: 'approval.pending' });
      await enqueue({ project: 'web', priority: 9 });
      expect(await kit.store.ahead(await enqueue())).toEqual({ jobs: 3, urgent: 0 });
    });

    it('tells how many urgent jobs of other projects may go before one', async () => {
      const plain = await enqueue();
      const urgent = await enqueue({ urgent: true });
      await enqueue({ project: 'web', urgent: true });
      await enqueue({ project: 'web', urgent: true, hold: 'approval.pending' });
      expect(await kit.store.ahead(plain)).toEqual({ jobs: 1, urgent: 1 });
      expect(await kit.store.ahead(urgent)).toEqual({ jobs: 0, urgent: 0 });
    });
  });
}
