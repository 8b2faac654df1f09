import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CLOSED_BREAKER } from '../core/breaker.ts';
import type { Unanswered, Undelivered } from '../core/delivery.ts';
import type { Effects, NewJob, NewOutboxRow } from '../core/effects.ts';
import { AppError } from '../core/errors.ts';
import { EMPTY_CONTEXT } from '../core/model.ts';
import { account as makeAccount } from '../core/test-kit.ts';
import { NO_USAGE } from '../core/usage.ts';
import type { Claimed, ClaimRequest, LetterFilter, NewTask, Store } from './store.ts';
import { followsTheModel } from './store-model.contract.ts';
import {
  AUDIT,
  claimRequest,
  ENDED,
  EVERYTHING,
  MINUTE,
  message,
  newJob,
  newTask,
  type OpenedStore,
  type OpenStore,
  project,
  refOf,
  SECOND,
  T0,
} from './store-rows.contract.ts';

/** The suite every store passes. */
export function storeContract(name: string, open: OpenStore): void {
  describe(`${name}: store contract`, () => {
    let now: number;
    let opened: OpenedStore;
    let store: Store;

    beforeEach(async () => {
      now = T0;
      opened = await open(() => now);
      store = opened.store;
      await store.configure([project('api'), project('web')], ['a', 'b']);
    });
    afterEach(() => opened.discard());

    const enqueue = (fields: Partial<NewJob> = {}) =>
      store.enqueue(newJob(fields), (id) => fields.branch ?? `orch/job-${id}`);
    const claim = (fields: Partial<ClaimRequest> = {}) => store.claim(claimRequest({ now, ...fields }));
    const claimed = async (fields: Partial<ClaimRequest> = {}): Promise<Claimed> => {
      const result = await claim(fields);
      if (result === null) throw new Error('nothing was claimed');
      return result;
    };
    const end = (ref: Claimed, effects: Effects) => store.settle(refOf(ref), () => effects);
    const finish = (ref: Claimed) =>
      end(ref, { job: { status: 'done', finishedAt: now }, run: ENDED, project: 'succeeded' });
    const fail = (ref: Claimed) =>
      end(ref, { job: { status: 'failed', finishedAt: now }, run: ENDED, project: 'failed' });
    const release = (ref: Claimed) =>
      end(ref, { job: { status: 'queued', attempts: ref.job.attempts - 1 }, run: ENDED });
    const submit = (fields: Partial<NewTask> = {}) =>
      store.submit(newTask(fields), (task) =>
        newJob({ taskId: task.id, branch: task.branch, stage: task.stage }),
      );
    const command = (id: number, effects: Effects) =>
      store.command({ kind: 'job', id }, () => effects, AUDIT);

    describe('taking work on', () => {
      it('queues a job without spending anything, on a branch named by its id', async () => {
        const job = await enqueue({ priority: 2 });
        expect(job).toMatchObject({
          status: 'queued',
          attempts: 0,
          transientAttempts: 0,
          lostAttempts: 0,
          fence: 0,
          priority: 2,
          availableAt: null,
          error: null,
          createdAt: T0,
        });
        expect(job.branch).toBe(`orch/job-${job.id}`);
        expect(await store.job(job.id)).toEqual(job);
      });

      it('takes the same work item on once: one task, one job, one word to its tracker', async () => {
        const first = await submit();
        const second = await submit({ key: 'API-99', title: 'seen again' });
        expect([first.created, second.created]).toEqual([true, false]);
        expect(second.task).toEqual(first.task);
        expect((await store.jobs({ limit: EVERYTHING })).items).toHaveLength(1);
        expect(
          (await store.dueMessages('tracker:api', now, EVERYTHING)).map((row) => row.destination),
        ).toEqual(['tracker:api']);
      });

      it('refuses a key that another work item has, and writes nothing', async () => {
        await submit();
        const before = await dump(store);
        await expect(submit({ workItemId: 'another' })).rejects.toMatchObject({ code: 'task.key_taken' });
        expect(await dump(store)).toEqual(before);
      });

      it('takes nothing on when the first job cannot be made', async () => {
        const refused = store.submit(newTask(), () => {
          throw new AppError('no pipeline', { code: 'pipeline.empty' });
        });
        await expect(refused).rejects.toMatchObject({ code: 'pipeline.empty' });
        expect(await store.task('API-1')).toBeNull();
        expect((await submit()).created).toBe(true);
      });
    });

    describe('claiming', () => {
      it('sets the job running, spends an attempt, raises the fence and opens a run, all at once', async () => {
        const job = await enqueue();
        now += SECOND;
        const { job: taken, run, task } = await claimed();
        expect(taken).toMatchObject({ id: job.id, status: 'running', attempts: 1, fence: 1, startedAt: now });
        expect(run).toMatchObject({
          jobId: job.id,
          attempt: 1,
          fence: 1,
          account: 'a',
          agent: 'developer',
          status: 'running',
          probe: false,
          startedAt: now,
          directory: `/runs/${run.id}`,
        });
        expect(task).toBeNull();
        expect(await store.running()).toEqual([{ run, job: taken }]);
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
        expect(await store.job(job.id)).toEqual(job);
        expect(await claim()).not.toBeNull();
      });

      it('starts agents alone where the forge does not answer, and everything elsewhere', async () => {
        await enqueue({ agent: null, account: null });
        const agent = await enqueue();
        const other = await enqueue({ project: 'web', agent: null, account: null });
        const agentsOnly = ['api'];
        const begun = new Set([
          (await claimed({ agentsOnly })).job.id,
          (await claimed({ agentsOnly })).job.id,
        ]);
        expect(begun).toEqual(new Set([agent.id, other.id]));
        expect(await claim({ agentsOnly })).toBeNull();
      });

      it('keeps the caps of project, account and worker exact, counted from what runs', async () => {
        await store.configure(
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
        const { runningByAccount, runningByProject } = await store.counts();
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
        await store.configure([project('api', { maxConcurrency: 9 })], ['a']);
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
        await store.configure([project('api', { maxConcurrency: 9 })], ['a']);
        const { task } = await submit();
        await enqueue({ taskId: task.id, branch: 'orch/other' });
        const first = await claimed();
        expect(await claim()).toBeNull();
        await finish(first);
        expect(await claim()).not.toBeNull();
      });

      it('runs one job at a time in a project after five failures in a row, until one succeeds', async () => {
        await store.configure([project('api', { maxConcurrency: 3 })], ['a']);
        for (let i = 0; i < 12; i++) await enqueue();
        for (let i = 0; i < 5; i++) await fail(await claimed());
        expect((await store.counts()).failedInRow.get('api')).toBe(5);
        const slow = await claimed();
        expect(await claim()).toBeNull();
        await finish(slow);
        expect((await store.counts()).failedInRow.get('api') ?? 0).toBe(0);
        expect(
          [await claim(), await claim(), await claim(), await claim()].filter((c) => c !== null),
        ).toHaveLength(3);
      });

      it('leaves a delayed job alone until it is due, and then starts it at its old age', async () => {
        const delayed = await enqueue();
        await enqueue();
        await end(await claimed(), {
          job: { status: 'queued', attempts: 0, availableAt: now + MINUTE },
          run: ENDED,
        });
        expect(await store.nextDue(now)).toBe(now + MINUTE);
        now += MINUTE - 1;
        expect(await store.ahead(await enqueue())).toBe(1);
        await release(await claimed());
        now += 1;
        const due = await claimed();
        expect(due.job).toMatchObject({ id: delayed.id, availableAt: null });
        expect(await store.nextDue(now)).toBeNull();
      });

      it('never starts a held job, whatever its priority, and starts it once a person lets it go', async () => {
        const held = await enqueue({ hold: 'approval.pending', priority: 9 });
        expect(held).toMatchObject({ hold: 'approval.pending', holdSince: T0 });
        now += MINUTE;
        expect(await claim()).toBeNull();
        await command(held.id, { job: { hold: null } });
        expect((await claimed()).job).toMatchObject({ id: held.id, hold: null, holdSince: null });
      });

      it('does not wake up for a held job whose delay is over', async () => {
        const held = await enqueue();
        await end(await claimed(), {
          job: { status: 'queued', hold: 'question.pending', availableAt: now + SECOND },
          run: ENDED,
        });
        now += MINUTE;
        expect(await store.nextDue(now)).toBeNull();
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
        await store.configure([project('web')], ['a']);
        expect(await claim()).toBeNull();
        await store.configure([project('api')], ['a']);
        expect(await claim()).not.toBeNull();
      });

      it('starts no new work where there are open pull requests enough, but what has begun, and jobs without a task', async () => {
        await store.configure([project('api', { maxConcurrency: 9 })], ['a']);
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
        const unmerged = async () => Object.fromEntries((await store.counts()).unmergedByProject);
        await store.setPullRequest(task.id, { ...pr, state: 'draft' });
        expect(await unmerged()).toEqual({ api: 1 });
        await store.setPullRequest(task.id, { ...pr, state: 'open' });
        expect(await unmerged()).toEqual({ api: 1 });
        await command(1, { task: { status: 'cancelled' } });
        expect(await unmerged()).toEqual({});
        await command(1, { task: { status: 'needs_you' } });
        await store.setPullRequest(task.id, { ...pr, state: 'merged' });
        expect(await unmerged()).toEqual({});
      });

      it('moves a job to the first free account of its failover, and the job says so while it runs', async () => {
        await store.configure([project('api', { maxConcurrency: 9 })], ['a', 'b', 'c']);
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
        expect(Object.fromEntries((await store.counts()).runningByAccount)).toEqual({ b: 1, c: 1 });
        await end(first, { job: { status: 'queued', account: 'a' }, run: ENDED });
        expect(await store.job(first.job.id)).toMatchObject({ account: 'a', movedFrom: null });
        await finish(second);
        expect(await store.job(second.job.id)).toMatchObject({ account: 'c', movedFrom: 'a' });
        expect((await claimed()).job).toMatchObject({ id: first.job.id, account: 'a', movedFrom: null });
      });

      it('gives a probe the oldest job, one that has not failed by its own fault if there is any', async () => {
        const failedOnce = await enqueue();
        const oldest = await enqueue({ project: 'web' });
        await enqueue({ project: 'web', priority: 5 });
        await enqueue({ priority: 5, rework: true });
        await command(failedOnce.id, { job: { attempts: 1 } });
        now += MINUTE;
        const probe = await claimed({
          probe: true,
          accounts: [{ id: 'a', slots: 1 }],
          withoutAccount: false,
        });
        expect(probe.job.id).toBe(oldest.id);
        expect(probe.run.probe).toBe(true);
        expect((await store.accounts()).find((a) => a.id === 'a')?.lastProbeAt).toBe(now);
        expect(await claim({ probe: true, accounts: [{ id: 'a', slots: 1 }] })).toBeNull();
      });

      it('lets a job that has failed before prove an account when there is no other', async () => {
        const only = await enqueue();
        await command(only.id, { job: { attempts: 2 } });
        expect((await claimed({ probe: true })).job.id).toBe(only.id);
      });

      it('tells how many jobs come before one in its project', async () => {
        await enqueue({ priority: 1 });
        await enqueue({ rework: true });
        await enqueue();
        await enqueue({ hold: 'approval.pending' });
        await enqueue({ project: 'web', priority: 9 });
        expect(await store.ahead(await enqueue())).toBe(3);
      });
    });

    describe('fairness', () => {
      it('serves every waiting project at least once in P x ceil(w_max / w_min) claims, whatever the weights', async () => {
        const weight = fc.oneof(fc.integer({ min: 1, max: 7 }), fc.constantFrom(0.5, 1.5, 2.75, 1 / 3));
        await fc.assert(
          fc.asyncProperty(
            fc.array(weight, { minLength: 2, maxLength: 6 }),
            fc.array(fc.nat({ max: 5 }), { maxLength: 12 }),
            async (weights, early) => {
              const projects = weights.map((w, i) => project(`p${i}`, { weight: w }));
              const bound = projects.length * Math.ceil(Math.max(...weights) / Math.min(...weights));
              const fresh = await open(() => now);
              try {
                await fresh.store.configure(projects, ['a']);
                const serve = async () => {
                  const taken = await fresh.store.claim(claimRequest({ now }));
                  if (taken === null) throw new Error('nothing was claimed');
                  await fresh.store.settle(refOf(taken), () => ({
                    job: { status: 'queued', attempts: 0 },
                    run: ENDED,
                  }));
                  return taken.job.project;
                };
                const wait = (key: string) =>
                  fresh.store.enqueue(newJob({ project: key }), (id) => `orch/${id}`);
                // Some projects work while the others are idle: that must earn nobody credit.
                const worked = new Set(early.map((i) => `p${i % projects.length}`));
                for (const key of worked) await wait(key);
                if (worked.size > 0) for (let i = 0; i < early.length; i++) await serve();
                for (const { key } of projects) if (!worked.has(key)) await wait(key);
                const order: string[] = [];
                for (let i = 0; i < bound * 2 + 1; i++) order.push(await serve());
                for (const { key } of projects) {
                  const gaps = gapsOf(order, key);
                  expect(
                    Math.max(...gaps),
                    `${key} of ${weights.join(' ')}: ${order.join(' ')}`,
                  ).toBeLessThanOrEqual(bound);
                }
              } finally {
                await fresh.discard();
              }
            },
          ),
          // Thirds of a step, rounded down, would fit four times into a whole one.
          { numRuns: 15, examples: [[[1, 3, 3, 3], []]] },
        );
      }, 60_000);

      it('shares claims by weight', async () => {
        await store.configure([project('api', { weight: 3 }), project('web')], ['a']);
        await enqueue();
        await enqueue({ project: 'web' });
        const served = { api: 0, web: 0 };
        for (let i = 0; i < 40; i++) {
          const taken = await claimed();
          served[taken.job.project as 'api' | 'web']++;
          await release(taken);
        }
        expect(served).toEqual({ api: 30, web: 10 });
      });

      it('gives a project that was idle its turn, and no credit for the time it was idle', async () => {
        await enqueue();
        for (let i = 0; i < 20; i++) await release(await claimed());
        await enqueue({ project: 'web' });
        const order: string[] = [];
        for (let i = 0; i < 6; i++) {
          const taken = await claimed();
          order.push(taken.job.project);
          await release(taken);
        }
        expect(order.filter((key) => key === 'web')).toHaveLength(3);
        expect(order.slice(0, 2)).toContain('web');
      });

      it('keeps its turns across a restart', async () => {
        await enqueue();
        await enqueue({ project: 'web' });
        await release(await claimed());
        store = await opened.reopen();
        expect((await claimed()).job.project).toBe('web');
      });
    });

    describe('settling', () => {
      it('settles once: the second settle of the same claim changes nothing', async () => {
        await enqueue();
        const taken = await claimed();
        expect(await finish(taken)).toBe('ok');
        const after = await dump(store);
        expect(await fail(taken)).toBe('stale');
        expect(await dump(store)).toEqual(after);
      });

      it('lets a worker that lost its claim change nothing', async () => {
        await enqueue();
        const lost = await claimed();
        await release(lost);
        const owner = await claimed();
        const before = await dump(store);
        let asked = false;
        const late = await store.settle(refOf(lost), () => {
          asked = true;
          return { job: { status: 'done' } };
        });
        expect([late, asked]).toEqual(['stale', false]);
        expect(await store.started(refOf(lost), { pid: 1 })).toBe(false);
        expect(
          await store.settle({ ...refOf(owner), fence: owner.job.fence + 1 }, () => ({
            job: { status: 'done' },
          })),
        ).toBe('stale');
        expect(await dump(store)).toEqual(before);
        expect(await finish(owner)).toBe('ok');
      });

      it('refuses a reference that mixes the run of one claim with the job of another', async () => {
        await enqueue();
        await enqueue({ project: 'web' });
        const [one, two] = [await claimed(), await claimed()];
        const before = await dump(store);
        expect(
          await store.settle({ ...refOf(one), runId: two.run.id }, () => ({
            job: { status: 'done' },
            run: ENDED,
          })),
        ).toBe('stale');
        expect(await store.started({ ...refOf(one), runId: two.run.id }, { pid: 1 })).toBe(false);
        expect(await dump(store)).toEqual(before);
      });

      it('writes job, run, task, account, next job and messages in one step', async () => {
        const { task } = await submit();
        const taken = await claimed();
        const account = makeAccount({ notBefore: 5, provenFingerprint: 'f' });
        const row = message({ key: 'k1' });
        now += SECOND;
        const result = await store.settle(refOf(taken), (state) => {
          expect(state).toMatchObject({
            job: taken.job,
            run: taken.run,
            task: { id: task.id },
            account: { id: 'a', notBefore: null },
          });
          return {
            job: { status: 'done', verdict: 'success', finishedAt: now },
            run: { ...ENDED, usage: { ...NO_USAGE, outputTokens: 45, costUsd: 0.12 } },
            task: { stage: 'review', head: 'abc', rounds: { review: 1 }, addCostMicroUsd: 120_000 },
            account,
            project: 'succeeded',
            newJobs: [newJob({ taskId: task.id, stage: 'review', branch: task.branch })],
            outbox: [row],
          };
        });
        expect(result).toBe('ok');
        expect(await store.job(taken.job.id)).toMatchObject({
          status: 'done',
          verdict: 'success',
          finishedAt: now,
        });
        expect(await store.run(taken.run.id)).toMatchObject({
          status: 'ended',
          verdict: 'success',
          usage: { outputTokens: 45, costUsd: 0.12 },
          finishedAt: now,
        });
        expect(await store.taskById(task.id)).toMatchObject({
          stage: 'review',
          head: 'abc',
          rounds: { review: 1 },
          costMicroUsd: 120_000,
          updatedAt: now,
        });
        expect((await store.accounts()).find((a) => a.id === 'a')).toEqual(account);
        expect(
          (await store.jobs({ taskId: task.id, limit: EVERYTHING })).items.map((j) => [j.stage, j.status]),
        ).toEqual([
          ['development', 'done'],
          ['review', 'queued'],
        ]);
        expect((await store.dueMessages('notify', now, EVERYTHING)).some((r) => r.key === 'k1')).toBe(true);
        expect(await store.running()).toEqual([]);
      });

      it.each([
        [
          'the decider throws',
          (): Effects => {
            throw new AppError('no', { code: 'refused' });
          },
        ],
        [
          'one of its rows cannot be written',
          (): Effects => ({
            job: { status: 'done' },
            run: ENDED,
            project: 'failed',
            outbox: [message({ key: 'k' })],
            newJobs: [newJob({ taskId: 4711 })],
          }),
        ],
      ])('changes nothing at all when %s', async (_why, decide) => {
        await enqueue();
        const taken = await claimed();
        const before = await dump(store);
        await expect(store.settle(refOf(taken), decide)).rejects.toThrow();
        expect(await dump(store)).toEqual(before);
        expect(await finish(taken)).toBe('ok');
      });

      it('notes what is known of a started process, and keeps what it was not told', async () => {
        await enqueue();
        const taken = await claimed();
        expect(
          await store.started(refOf(taken), {
            pid: 77,
            cliKind: 'claude-code',
            cliVersion: '2.1.0',
            sessionId: 's1',
          }),
        ).toBe(true);
        expect(await store.started(refOf(taken), { roundHead: 'abc' })).toBe(true);
        expect(await store.run(taken.run.id)).toMatchObject({
          pid: 77,
          cliKind: 'claude-code',
          cliVersion: '2.1.0',
          sessionId: 's1',
        });
        expect((await store.job(taken.job.id))?.context).toMatchObject({ roundHead: 'abc', sessionId: 's1' });
      });
    });

    describe('what is spent', () => {
      const usage = {
        ...NO_USAGE,
        inputTokens: 1,
        outputTokens: 20,
        cacheReadTokens: 300,
        cacheWriteTokens: 4000,
      };
      const day = Math.floor(T0 / (24 * 60 * MINUTE));

      it('adds up the runs of a project by the UTC day on which they end', async () => {
        await enqueue();
        await end(await claimed(), {
          job: { status: 'queued' },
          run: { ...ENDED, usage: { ...usage, costUsd: 1.25 } },
        });
        await end(await claimed(), {
          job: { status: 'queued' },
          run: { ...ENDED, usage: { ...usage, costUsd: 2 } },
        });
        now += 24 * 60 * MINUTE;
        await end(await claimed(), {
          job: { status: 'done' },
          run: { ...ENDED, usage: { ...usage, costUsd: 4 } },
        });
        expect(await store.spending(day)).toEqual(
          new Map([['api', { microUsd: 3_250_000, tokens: 8642, unknownCosts: 0 }]]),
        );
        store = await opened.reopen();
        expect((await store.spending(day + 1)).get('api')?.microUsd).toBe(4_000_000);
        expect(await store.spending(day + 2)).toEqual(new Map());
      });

      it('counts a cost nobody told as unknown, for the day and for the task', async () => {
        await submit();
        await end(await claimed(), { job: { status: 'queued' }, run: { ...ENDED, usage } });
        await end(await claimed(), {
          job: { status: 'queued' },
          run: { ...ENDED, usage: { ...usage, costUsd: 0.5 } },
          task: { addCostMicroUsd: 500_000, budgetFromMicroUsd: 250_000 },
        });
        expect((await store.spending(day)).get('api')).toEqual({
          microUsd: 500_000,
          tokens: 8642,
          unknownCosts: 1,
        });
        expect(await store.task('API-1')).toMatchObject({
          costMicroUsd: 500_000,
          unknownCosts: 1,
          budgetFromMicroUsd: 250_000,
        });
      });

      it('is nothing for a stage that runs no agent', async () => {
        await enqueue({ agent: null, account: null, stage: 'deploy' });
        await finish(await claimed());
        expect(await store.spending(day)).toEqual(new Map());
      });
    });

    describe('commands of people', () => {
      it('gives the decider the job meant, or the latest job of the task', async () => {
        const { task } = await submit();
        const latest = await enqueue({ taskId: task.id, stage: 'review' });
        const byTask = await store.command(
          { kind: 'task', key: 'API-1' },
          ({ job, task: t }) => {
            expect([job.id, t?.id]).toEqual([latest.id, task.id]);
            return {
              job: { priority: 1 } as Effects['job'] & object,
              task: { status: 'needs_you', reason: { code: 'x', detail: 'y' } },
            };
          },
          AUDIT,
        );
        expect(byTask.task).toMatchObject({ status: 'needs_you', reason: { code: 'x', detail: 'y' } });
        await store.command(
          { kind: 'task', key: 'API-1' },
          () => ({ task: { status: 'active', reason: null } }),
          AUDIT,
        );
        expect((await store.task('API-1'))?.reason).toBeNull();
      });

      it('says so when the task or job does not exist', async () => {
        await expect(store.command({ kind: 'task', key: 'API-9' }, () => ({}), AUDIT)).rejects.toMatchObject({
          code: 'not_found',
        });
        await expect(store.command({ kind: 'job', id: 9 }, () => ({}), AUDIT)).rejects.toMatchObject({
          code: 'not_found',
        });
      });

      it('passes on what the decider throws, and then has changed nothing', async () => {
        const job = await enqueue();
        const before = await dump(store);
        const refused = store.command(
          { kind: 'job', id: job.id },
          () => {
            throw new AppError('stale', { code: 'approval.stale' });
          },
          AUDIT,
        );
        await expect(refused).rejects.toMatchObject({ code: 'approval.stale' });
        await expect(
          command(job.id, { job: { status: 'cancelled' }, newJobs: [newJob({ taskId: 4711 })] }),
        ).rejects.toThrow();
        expect(await dump(store)).toEqual(before);
      });

      it('asks a running job to end without touching its claim', async () => {
        await enqueue();
        const taken = await claimed();
        await command(taken.job.id, { job: { cancelRequested: true } });
        expect(await store.job(taken.job.id)).toMatchObject({
          status: 'running',
          fence: 1,
          cancelRequested: true,
        });
        expect(await end(taken, { job: { status: 'cancelled', cancelRequested: false }, run: ENDED })).toBe(
          'ok',
        );
      });
    });

    describe('pauses and gates', () => {
      it('remembers a pause across a restart, changes its note but not since when, and ends it once', async () => {
        await store.pause(
          { scope: 'project', id: 'api', note: 'release', by: 'mara', since: now, until: null },
          AUDIT,
        );
        await store.pause(
          {
            scope: 'project',
            id: 'api',
            note: 'longer',
            by: 'jon',
            since: now + MINUTE,
            until: now + 2 * MINUTE,
          },
          AUDIT,
        );
        await store.pause({ scope: 'all', id: '', note: '', by: 'mara', since: now, until: null }, AUDIT);
        store = await opened.reopen();
        expect(await store.pauses()).toEqual([
          { scope: 'all', id: '', note: '', by: 'mara', since: now, until: null },
          { scope: 'project', id: 'api', note: 'longer', by: 'jon', since: now, until: now + 2 * MINUTE },
        ]);
        expect([
          await store.resume('project', 'api', AUDIT),
          await store.resume('project', 'api', AUDIT),
        ]).toEqual([true, false]);
        expect((await store.pauses()).map((p) => p.scope)).toEqual(['all']);
      });
    });

    describe('accounts', () => {
      it('knows every configured account, untouched at first, and keeps what is learned of one', async () => {
        expect(await store.accounts()).toMatchObject([
          { id: 'a', hold: null, breaker: CLOSED_BREAKER },
          { id: 'b' },
        ]);
        const hold = {
          reason: 'limit',
          since: now,
          until: now + MINUTE,
          guessed: false,
          refusals: 0,
          detail: 'resets soon',
          fingerprint: 'f',
        } as const;
        const changed = await store.updateAccount('a', (account) => ({
          ...account,
          hold,
          windows: [{ name: 'five_hour', utilization: 0.4, resetAt: 1, seenAt: now }],
        }));
        expect(changed.hold).toEqual(hold);
        await store.configure([project('api')], ['a', 'b', 'c']);
        store = await opened.reopen();
        expect(await store.accounts()).toEqual([
          changed,
          expect.objectContaining({ id: 'b', hold: null }),
          expect.objectContaining({ id: 'c' }),
        ]);
      });

      it('neither writes nor wakes anyone when a change changes nothing', async () => {
        let woken = 0;
        store.onWake(() => woken++);
        await store.updateAccount('a', (account) => account);
        expect(woken).toBe(0);
        await store.updateAccount('a', (account) => ({ ...account, notBefore: 1 }));
        expect(woken).toBe(1);
      });
    });

    describe('the outbox', () => {
      const NOTIFY = 'notify';
      const write = async (...rows: Partial<NewOutboxRow>[]) => {
        const job = await enqueue({ hold: 'approval.pending' });
        await command(job.id, { outbox: rows.map(message) });
      };
      const dueOf = async (destination = NOTIFY, limit = EVERYTHING) =>
        (await store.dueMessages(destination, now, limit)).map((row) => row.key);
      const rowOf = async (key: string, destination = NOTIFY) => {
        const row = (await store.dueMessages(destination, now, EVERYTHING)).find((each) => each.key === key);
        if (row === undefined) throw new Error(`${key} is not due`);
        return row;
      };
      const idOf = async (key: string, destination = NOTIFY) => (await rowOf(key, destination)).id;
      const deliver = async (key: string) => {
        const id = await idOf(key);
        expect(await store.trying(id)).toBe(true);
        await store.delivered(id, now);
      };
      const failed = (fields: Partial<Undelivered> = {}): Undelivered => ({
        error: '503',
        retryAt: now + MINUTE,
        unsure: true,
        ...fields,
      });
      const unanswered = (fields: Partial<Unanswered> = {}): Unanswered => ({
        since: now,
        failures: 1,
        error: '503',
        triedAt: now,
        nextTryAt: now + MINUTE,
        ...fields,
      });
      const bury = async (key: string, destination = NOTIFY) => {
        const id = await idOf(key, destination);
        await store.trying(id);
        await store.undelivered(
          id,
          { error: 'refused', retryAt: null, unsure: false, unanswered: null },
          now,
        );
        return id;
      };
      const letters = async (filter: Partial<LetterFilter> = {}) =>
        (await store.letters({ limit: EVERYTHING, ...filter })).items;

      it('hands out the rows of one order key one at a time, in the order they were written', async () => {
        await write({ key: 'a1', orderKey: 'a' }, { key: 'b1', orderKey: 'b' }, { key: 'a2', orderKey: 'a' });
        expect(await dueOf()).toEqual(['a1', 'b1']);
        await deliver('a1');
        expect(await dueOf()).toEqual(['b1', 'a2']);
      });

      it('keeps one key once, also after it was delivered', async () => {
        await write({ key: 'a1' });
        await deliver('a1');
        await write({ key: 'a1' }, { key: 'a2' });
        expect(await dueOf()).toEqual(['a2']);
      });

      it('does not hand out a row before its time', async () => {
        await write({ key: 'later', availableAt: now + SECOND });
        expect([await dueOf(), await store.dueDestinations(now)]).toEqual([[], []]);
        expect(await store.nextDue(now)).toBe(now + SECOND);
        now += SECOND;
        expect([await dueOf(), await store.dueDestinations(now)]).toEqual([['later'], [NOTIFY]]);
      });

      it('hands out each destination by itself', async () => {
        await write(
          { key: 'slow1', destination: 'tracker:web' },
          { key: 'slow2', destination: 'tracker:web' },
          { key: 'quick', destination: 'tracker:api' },
        );
        expect(await store.dueDestinations(now)).toEqual(['tracker:api', 'tracker:web']);
        expect([await dueOf('tracker:api'), await dueOf('tracker:web', 1)]).toEqual([['quick'], ['slow1']]);
      });

      it('is unsure of a row from the moment it is tried, also after a restart', async () => {
        await write({ key: 'a1' });
        expect(await rowOf('a1')).toMatchObject({ tries: 0, unsure: false, dueFrom: now });
        await store.trying(await idOf('a1'));
        store = await opened.reopen();
        expect(await rowOf('a1')).toMatchObject({ tries: 1, unsure: true });
        await store.undelivered(await idOf('a1'), failed({ unsure: false, retryAt: now }), now);
        expect(await rowOf('a1')).toMatchObject({ tries: 1, unsure: false });
      });

      it('tries again when it is time, holds the rows behind it back, and lets them pass when it gives up', async () => {
        await write({ key: 'a1', orderKey: 'a' }, { key: 'a2', orderKey: 'a' });
        const first = await idOf('a1');
        await store.trying(first);
        await store.undelivered(first, failed(), now);
        expect(await dueOf()).toEqual([]);
        expect(await store.nextDue(now)).toBe(now + MINUTE);
        now += MINUTE;
        expect(await store.dueMessages(NOTIFY, now, 1)).toMatchObject([{ key: 'a1', tries: 1 }]);
        await bury('a1');
        expect(await dueOf()).toEqual(['a2']);
        expect(await store.trying(first)).toBe(false);
        await store.delivered(first, now);
        expect(await dueOf()).toEqual(['a2']);
        expect(await letters()).toMatchObject([{ id: first, state: 'dead' }]);
      });

      it('hands out nothing of a destination that is not to be asked yet, and counts no try of it', async () => {
        await write({ key: 'a1' }, { key: 'a2' }, { key: 'b1', destination: 'forge:api' });
        const first = await idOf('a1');
        await store.trying(first);
        await store.undelivered(first, failed({ unanswered: unanswered() }), now);
        expect([await dueOf(), await store.dueDestinations(now)]).toEqual([[], ['forge:api']]);
        expect(await store.nextDue(now)).toBe(now + MINUTE);
        expect(await store.troubles()).toEqual([
          { name: NOTIFY, unanswered: unanswered(), dead: null, retried: false },
        ]);
        now += MINUTE;
        // Another one finds out: a message that it chokes on does not stop the rest.
        expect(await store.dueMessages(NOTIFY, now, EVERYTHING)).toMatchObject([
          { key: 'a2', tries: 0 },
          { key: 'a1', tries: 1 },
        ]);
      });

      it('wakes when a destination is to be asked again, also when the row that asked was given up', async () => {
        await write({ key: 'a1' }, { key: 'a2' });
        const first = await idOf('a1');
        await store.trying(first);
        await store.undelivered(first, failed({ retryAt: null, unanswered: unanswered() }), now);
        expect([await dueOf(), await store.nextDue(now)]).toEqual([[], now + MINUTE]);
      });

      it('forgets that a destination did not answer when it does, or when nothing waits for it', async () => {
        await write({ key: 'a1' }, { key: 'a2' });
        for (const key of ['a1', 'a2']) {
          const id = await idOf(key);
          await store.trying(id);
          await store.undelivered(
            id,
            failed({ retryAt: now, unanswered: unanswered({ nextTryAt: now }) }),
            now,
          );
          expect(await store.troubles()).toHaveLength(1);
          await store.delivered(id, now);
          expect(await store.troubles()).toEqual([]);
        }
        await write({ key: 'a3' });
        const last = await idOf('a3');
        await store.trying(last);
        await store.undelivered(last, failed({ retryAt: null, unanswered: unanswered() }), now);
        expect(await store.troubles()).toEqual([
          { name: NOTIFY, unanswered: null, dead: { count: 1, newestAt: now, error: '503' }, retried: false },
        ]);
      });

      it('remembers over a restart since when a destination does not answer', async () => {
        await write({ key: 'a1' });
        const id = await idOf('a1');
        await store.undelivered(id, failed({ unanswered: unanswered({ since: now - 9 }) }), now);
        await store.undelivered(id, failed({ unanswered: unanswered({ since: now - 9, failures: 2 }) }), now);
        store = await opened.reopen();
        expect(await store.troubles()).toEqual([
          {
            name: NOTIFY,
            unanswered: unanswered({ since: now - 9, failures: 2 }),
            dead: null,
            retried: false,
          },
        ]);
      });

      it('lists what was given up and what is stuck, with the task it speaks of', async () => {
        const { task } = await submit();
        await store.delivered((await store.dueMessages('tracker:api', now, 1))[0]?.id ?? 0, now);
        await write(
          {
            key: 'c1',
            destination: 'tracker:api',
            message: { kind: 'tracker.comment', project: 'api', workItemId: task.workItemId, body: 'x' },
          },
          {
            key: 'p1',
            destination: 'forge:api',
            message: { kind: 'forge.pull_request', project: 'api', taskId: task.id, action: 'open' },
          },
          { key: 'n1' },
        );
        expect(await letters()).toEqual([]);
        await bury('c1', 'tracker:api');
        const stuck = await rowOf('p1', 'forge:api');
        await store.trying(stuck.id);
        await store.undelivered(stuck.id, failed(), now);
        expect(await letters()).toMatchObject([
          {
            key: 'c1',
            state: 'dead',
            task: 'API-1',
            error: 'refused',
            deadAt: now,
            nextTryAt: null,
            tries: 1,
          },
          { key: 'p1', state: 'stuck', task: 'API-1', error: '503', deadAt: null, nextTryAt: now + MINUTE },
        ]);
        expect(await letters({ state: 'dead' })).toMatchObject([{ key: 'c1' }]);
        expect(await letters({ destination: 'forge:api' })).toMatchObject([{ key: 'p1' }]);
        const page = await store.letters({ limit: 1 });
        expect(page).toMatchObject({ items: [{ key: 'c1' }] });
        expect((await store.letters({ limit: 1, after: page.next ?? 0 })).items).toMatchObject([
          { key: 'p1' },
        ]);
        expect(await store.troubles()).toMatchObject([{ name: 'tracker:api', dead: { count: 1 } }]);
      });

      it('tries a dead message anew with all its time before it, and what stands behind it waits again', async () => {
        await write({ key: 'a1', orderKey: 'a' }, { key: 'a2', orderKey: 'a' }, { key: 'b1' });
        const id = await bury('a1');
        await bury('b1');
        now += MINUTE;
        expect(await store.retryLetters([id], now, AUDIT)).toEqual({ retried: 1, overtaken: 0 });
        expect(await rowOf('a1')).toMatchObject({ tries: 0, dueFrom: now });
        expect(await store.troubles()).toMatchObject([{ name: NOTIFY, dead: { count: 1 }, retried: true }]);
        expect(await dueOf()).toEqual(['a1']);
        expect(await letters()).toMatchObject([{ key: 'b1' }]);
      });

      it('tries all of a destination anew, and asks it at once', async () => {
        await write({ key: 'a1' }, { key: 'a2' }, { key: 'c1', destination: 'forge:api' });
        await bury('a1');
        await bury('c1', 'forge:api');
        const id = await idOf('a2');
        await store.trying(id);
        await store.undelivered(id, failed({ unanswered: unanswered() }), now);
        expect(await store.retryLetters({ destination: NOTIFY }, now, AUDIT)).toEqual({
          retried: 2,
          overtaken: 0,
        });
        expect((await dueOf()).sort()).toEqual(['a1', 'a2']);
        expect(await rowOf('a2')).toMatchObject({ unsure: true });
        expect(await store.retryLetters({ destination: null }, now, AUDIT)).toEqual({
          retried: 2,
          overtaken: 0,
        });
        expect(await letters({ state: 'dead' })).toEqual([]);
      });

      it('does not say anew what a later message of its order has overtaken', async () => {
        const told = (status: 'in_progress' | 'done'): NewOutboxRow['message'] => ({
          ...{ kind: 'tracker.status', project: 'api', workItemId: '9', stage: 's', status },
        });
        await write(
          { key: 'a1', orderKey: 'a', message: told('in_progress') },
          { key: 'a2', orderKey: 'a' },
          { key: 'a3', orderKey: 'a', message: told('done') },
        );
        await bury('a1');
        const digest = await bury('a2');
        await deliver('a3');
        expect(await store.retryLetters({ destination: null }, now, AUDIT)).toEqual({
          retried: 1,
          overtaken: 1,
        });
        expect(await rowOf('a2')).toMatchObject({ id: digest });
        expect(await letters({ state: 'dead' })).toEqual([]);
      });

      it('drops a message for good when a person says so, and what stands behind it goes on', async () => {
        await write({ key: 'a1', orderKey: 'a' }, { key: 'a2', orderKey: 'a' });
        const id = await idOf('a1');
        await store.trying(id);
        await store.undelivered(id, failed({ unanswered: unanswered() }), now);
        await store.dropLetter(id, 'the item is gone', now, AUDIT);
        expect([await letters(), await store.troubles()]).toMatchObject([
          [],
          [{ unanswered: { failures: 1 } }],
        ]);
        now += MINUTE;
        expect(await dueOf()).toEqual(['a2']);
        await write({ key: 'a1' });
        expect(await dueOf()).toEqual(['a2']);
      });

      it('knows no message that was delivered, dropped or never there', async () => {
        await write({ key: 'a1' }, { key: 'a2' });
        const [done, dropped] = [await idOf('a1'), await idOf('a2')];
        await deliver('a1');
        await store.dropLetter(dropped, 'x', now, AUDIT);
        for (const id of [done, dropped, 999]) {
          await expect(store.retryLetters([id], now, AUDIT)).rejects.toMatchObject({ code: 'not_found' });
          await expect(store.dropLetter(id, 'x', now, AUDIT)).rejects.toMatchObject({ code: 'not_found' });
        }
      });

      it('does not reopen a pull request that is merged, however late the answer comes', async () => {
        const { task } = await submit();
        const pr = { number: 1, url: null, state: 'draft' as const };
        await store.setPullRequest(task.id, pr);
        await store.setPullRequest(task.id, { ...pr, state: 'merged' });
        await store.setPullRequest(task.id, { ...pr, state: 'open' });
        expect((await store.taskById(task.id))?.pr).toMatchObject({ state: 'merged' });
      });

      it('remembers on which message an incident was told', async () => {
        const incident = {
          key: 'job_1',
          channel: 'telegram:1',
          messageRef: '77',
          text: 'failed',
          openedAt: now,
          updatedAt: now,
          resolvedAt: null,
        };
        expect(await store.incident('job_1', 'telegram:1')).toBeNull();
        await store.saveIncident(incident);
        await store.saveIncident({ ...incident, text: 'resolved', updatedAt: now + 1, resolvedAt: now + 1 });
        expect(await store.incident('job_1', 'telegram:1')).toEqual({
          ...incident,
          text: 'resolved',
          updatedAt: now + 1,
          resolvedAt: now + 1,
        });
        expect(await store.incident('job_1', 'telegram:2')).toBeNull();
      });
    });

    describe('the local board', () => {
      it('tells how many items of a project are not over, and the latest that are', async () => {
        const { board } = store;
        for (const title of ['One', 'Two', 'Three', 'Four'])
          await board.create({ project: 'api', key: null, title, body: '' }, now);
        expect(await board.survey('api', 2)).toEqual({ items: 4, open: 4, nearest: [] });
        for (const id of ['1', '2', '3']) await board.setStatus('api', id, 'done', now);
        expect(await board.survey('api', 2)).toEqual({
          items: 4,
          open: 1,
          nearest: [
            { key: 'API-3', status: 'done' },
            { key: 'API-2', status: 'done' },
          ],
        });
        expect(await board.survey('web', 2)).toEqual({ items: 0, open: 0, nearest: [] });
      });

      it('creates an item once per key, and counts keys of its own per project', async () => {
        const { board } = store;
        const first = await board.create({ project: 'api', key: null, title: 'One', body: '' }, now);
        const own = await board.create({ project: 'api', key: 'API-7', title: 'Seven', body: '' }, now);
        expect([first.key, own.key]).toEqual(['API-1', 'API-7']);
        expect((await board.create({ project: 'api', key: null, title: 'Next', body: '' }, now)).key).toBe(
          'API-8',
        );
        expect(await board.create({ project: 'api', key: 'API-7', title: 'Again', body: '' }, now)).toEqual(
          own,
        );
        await expect(
          board.create({ project: 'web', key: 'API-7', title: '', body: '' }, now),
        ).rejects.toMatchObject({ code: 'usage.key_taken' });
        expect(await board.item('web', first.id)).toBeNull();
      });

      it('has a comment once, however often it is delivered', async () => {
        const { board } = store;
        const item = await board.create({ project: 'api', key: null, title: 'One', body: '' }, now);
        for (const at of [1, 2]) await board.comment('api', item.id, 'usage:run_1', 'spent', at);
        await board.comment('api', item.id, 'usage:run_2', 'spent again', 3);
        await board.setStatus('api', item.id, 'done', now);
        expect(await board.item('api', item.id)).toMatchObject({
          status: 'done',
          comments: [
            { body: 'spent', at: 1 },
            { body: 'spent again', at: 3 },
          ],
        });
      });

      it('opens one pull request per branch, numbered per project', async () => {
        const { board } = store;
        const first = await board.openPullRequest('api', 'orch/one', 'One', '', 'draft', now);
        expect(await board.openPullRequest('api', 'orch/one', 'One', '', 'open', now)).toEqual(first);
        expect((await board.openPullRequest('api', 'orch/two', 'Two', '', 'draft', now)).number).toBe(2);
        expect((await board.openPullRequest('web', 'orch/one', 'One', '', 'draft', now)).number).toBe(1);
        expect(await board.readyPullRequest('api', 1, 'text', now)).toMatchObject({
          number: 1,
          state: 'open',
        });
        await board.setPullRequestState('api', 1, 'merged', now);
        expect(await board.readyPullRequest('api', 1, 'late', now)).toMatchObject({
          number: 1,
          state: 'merged',
        });
        expect(await board.openPullRequest('api', 'orch/one', 'One', '', 'draft', now)).toMatchObject({
          number: 1,
          state: 'merged',
        });
        for (const at of [1, 2]) await board.pullRequestComment('api', 1, 'k', 'text', at);
      });
    });

    describe('reading', () => {
      it('pages through jobs, runs and tasks in order, without a gap or a repeat', async () => {
        for (let i = 1; i <= 5; i++)
          await submit({ key: `API-${i}`, workItemId: String(i), branch: `orch/${i}` });
        for (let i = 0; i < 3; i++) await finish(await claimed());
        const walk = async (
          read: (
            after: number | undefined,
          ) => Promise<{ items: readonly { id: number }[]; next: number | null }>,
        ) => {
          const ids: number[] = [];
          for (let after: number | null | undefined; after !== null; ) {
            const page = await read(after);
            ids.push(...page.items.map((item) => item.id));
            after = page.next;
          }
          return ids;
        };
        const from = (after: number | undefined) =>
          after === undefined ? { limit: 2 } : { limit: 2, after };
        expect(
          await walk((after) => store.tasks({ ...from(after), project: 'api', status: ['active', 'done'] })),
        ).toHaveLength(5);
        expect(
          await walk((after) => store.jobs({ ...from(after), status: ['queued'], project: 'api' })),
        ).toHaveLength(2);
        expect(await walk((after) => store.runs({ ...from(after), status: 'ended' }))).toHaveLength(3);
        expect((await store.jobs({ limit: 5 })).next).toBeNull();
        expect((await store.runs({ jobId: 1, limit: 5 })).items).toHaveLength(1);
      });

      it('counts jobs and tasks by status, and what runs where', async () => {
        await submit();
        await enqueue({ project: 'web', account: 'b' });
        await enqueue({ project: 'web' });
        await finish(await claimed());
        now += SECOND;
        await claimed();
        expect(await store.counts()).toEqual({
          jobs: { queued: 1, running: 1, done: 1, failed: 0, cancelled: 0 },
          tasks: { active: 1, needs_you: 0, done: 0, cancelled: 0 },
          runningByProject: new Map([['web', 1]]),
          runningByAccount: new Map([['b', 1]]),
          failedInRow: new Map(),
          unmergedByProject: new Map(),
          lastRunEndedAt: T0,
        });
      });

      it('wakes listeners after what may let a job start, until they leave', async () => {
        let woken = 0;
        const leave = store.onWake(() => woken++);
        const wakes = async (work: () => Promise<unknown>) => {
          const before = woken;
          await work();
          return woken > before;
        };
        const job = await enqueue();
        expect(woken).toBe(1);
        const taken = await claimed();
        expect(await wakes(() => finish(taken))).toBe(true);
        expect(await wakes(() => finish(taken))).toBe(false);
        expect(await wakes(() => submit())).toBe(true);
        expect(await wakes(() => submit())).toBe(false);
        expect(await wakes(() => command(job.id, {}))).toBe(true);
        expect(await wakes(() => store.configure([project('api')], ['a']))).toBe(true);
        expect(await wakes(() => store.resume('all', '', AUDIT))).toBe(true);
        leave();
        expect(await wakes(() => enqueue())).toBe(false);
      });

      it('has everything again after a restart', async () => {
        const { task } = await submit();
        await store.setPullRequest(task.id, { number: 3, url: null, state: 'draft' });
        await enqueue({
          context: {
            ...EMPTY_CONTEXT,
            note: 'mock the clock',
            findings: [{ severity: 'high', file: 'a.ts', line: 3, title: 't', detail: 'd' }],
          },
        });
        const taken = await claimed();
        await store.setMeta('boot', '7');
        const before = await dump(store);
        store = await opened.reopen();
        expect(await dump(store)).toEqual(before);
        expect([await store.meta('boot'), await store.meta('none')]).toEqual(['7', null]);
        expect((await store.task('API-1'))?.pr).toEqual({ number: 3, url: null, state: 'draft' });
        expect(await finish(taken)).toBe('ok');
      });
    });

    followsTheModel(open);
  });
}

/** Claims a project waited for each of its turns, counted from the start and from turn to turn. */
function gapsOf(order: readonly string[], key: string): number[] {
  const turns = order.flatMap((served, i) => (served === key ? [i + 1] : []));
  return [0, ...turns].map((at, i, all) => (all[i + 1] ?? order.length + 1) - at);
}

/** Everything a store shows, to compare before and after. */
async function dump(store: Store): Promise<unknown> {
  return {
    jobs: await store.jobs({ limit: EVERYTHING }),
    runs: await store.runs({ limit: EVERYTHING }),
    tasks: await store.tasks({ limit: EVERYTHING }),
    accounts: await store.accounts(),
    counts: await store.counts(),
    outbox: await Promise.all(
      ['notify', 'tracker:api', 'forge:api'].map((destination) =>
        store.dueMessages(destination, Number.MAX_SAFE_INTEGER, EVERYTHING),
      ),
    ),
    troubles: await store.troubles(),
    pauses: await store.pauses(),
  };
}
