import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import { dump, type StoreKit } from './store-kit.contract.ts';
import { AUDIT, ENDED, EVERYTHING, newJob, newTask, T0 } from './store-rows.contract.ts';

/** How work and what people say about it come in. */
export function takesWorkOn(kit: StoreKit): void {
  const { enqueue, claimed, end, submit, command } = kit;

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
      expect(await kit.store.job(job.id)).toEqual(job);
    });

    it('takes the same work item on once: one task, one job, one word to its tracker', async () => {
      const first = await submit();
      const second = await submit({ key: 'API-99', title: 'seen again' });
      expect([first.created, second.created]).toEqual([true, false]);
      expect(second.task).toEqual(first.task);
      expect((await kit.store.jobs({ limit: EVERYTHING })).items).toHaveLength(1);
      expect(
        (await kit.store.dueMessages('tracker:api', kit.now, EVERYTHING)).map((row) => row.destination),
      ).toEqual(['tracker:api']);
    });

    it('refuses a key that another work item has, and writes nothing', async () => {
      await submit();
      const before = await dump(kit.store);
      await expect(submit({ workItemId: 'another' })).rejects.toMatchObject({ code: 'task.key_taken' });
      expect(await dump(kit.store)).toEqual(before);
    });

    it('takes nothing on when the first job cannot be made', async () => {
      const refused = kit.store.submit(newTask(), () => {
        throw new AppError('no pipeline', { code: 'pipeline.empty' });
      });
      await expect(refused).rejects.toMatchObject({ code: 'pipeline.empty' });
      expect(await kit.store.task('API-1')).toBeNull();
      expect((await submit()).created).toBe(true);
    });
  });

  describe('commands of people', () => {
    it('gives the decider the job meant, or the latest job of the task', async () => {
      const { task } = await submit();
      const latest = await enqueue({ taskId: task.id, stage: 'review' });
      const byTask = await kit.store.command(
        { kind: 'task', key: 'API-1' },
        ({ job, task: t }) => {
          expect([job.id, t?.id]).toEqual([latest.id, task.id]);
          return {
            job: { priority: 1 },
            task: { status: 'needs_you', reason: { code: 'x', detail: 'y' } },
          };
        },
        AUDIT,
      );
      expect(byTask.task).toMatchObject({ status: 'needs_you', reason: { code: 'x', detail: 'y' } });
      await kit.store.command(
        { kind: 'task', key: 'API-1' },
        () => ({ task: { status: 'active', reason: null } }),
        AUDIT,
      );
      expect((await kit.store.task('API-1'))?.reason).toBeNull();
    });

    it('says so when the task or job does not exist', async () => {
      await expect(
        kit.store.command({ kind: 'task', key: 'API-9' }, () => ({}), AUDIT),
      ).rejects.toMatchObject({
        code: 'not_found',
      });
      await expect(kit.store.command({ kind: 'job', id: 9 }, () => ({}), AUDIT)).rejects.toMatchObject({
        code: 'not_found',
      });
    });

    it('passes on what the decider throws, and then has changed nothing', async () => {
      const job = await enqueue();
      const before = await dump(kit.store);
      const refused = kit.store.command(
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
      expect(await dump(kit.store)).toEqual(before);
    });

    it('asks a running job to end without touching its claim', async () => {
      await enqueue();
      const taken = await claimed();
      await command(taken.job.id, { job: { cancelRequested: true } });
      expect(await kit.store.job(taken.job.id)).toMatchObject({
        status: 'running',
        fence: 1,
        cancelRequested: true,
      });
      expect(await end(taken, { job: { status: 'cancelled', cancelRequested: false }, run: ENDED })).toBe(
        'ok',
      );
    });
  });
}
