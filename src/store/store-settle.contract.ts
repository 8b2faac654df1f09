import { describe, expect, it } from 'vitest';
import type { Effects } from '../core/effects.ts';
import { AppError } from '../core/errors.ts';
import { account as makeAccount } from '../core/test-kit.ts';
import { NO_USAGE } from '../core/usage.ts';
import { dump, type StoreKit } from './store-kit.contract.ts';
import { ENDED, EVERYTHING, MINUTE, message, newJob, refOf, SECOND, T0 } from './store-rows.contract.ts';

/** How a claim ends, once, and what it has spent. */
export function settles(kit: StoreKit): void {
  const { enqueue, claimed, end, finish, fail, release, submit } = kit;

  describe('settling', () => {
    it('settles once: the second settle of the same claim changes nothing', async () => {
      await enqueue();
      const taken = await claimed();
      expect(await finish(taken)).toBe('ok');
      const after = await dump(kit.store);
      expect(await fail(taken)).toBe('stale');
      expect(await dump(kit.store)).toEqual(after);
    });

    it('lets a worker that lost its claim change nothing', async () => {
      await enqueue();
      const lost = await claimed();
      await release(lost);
      const owner = await claimed();
      const before = await dump(kit.store);
      let asked = false;
      const late = await kit.store.settle(refOf(lost), () => {
        asked = true;
        return { job: { status: 'done' } };
      });
      expect([late, asked]).toEqual(['stale', false]);
      expect(await kit.store.started(refOf(lost), { pid: 1 })).toBe(false);
      expect(
        await kit.store.settle({ ...refOf(owner), fence: owner.job.fence + 1 }, () => ({
          job: { status: 'done' },
        })),
      ).toBe('stale');
      expect(await dump(kit.store)).toEqual(before);
      expect(await finish(owner)).toBe('ok');
    });

    it('refuses a reference that mixes the run of one claim with the job of another', async () => {
      await enqueue();
      await enqueue({ project: 'web' });
      const [one, two] = [await claimed(), await claimed()];
      const before = await dump(kit.store);
      expect(
        await kit.store.settle({ ...refOf(one), runId: two.run.id }, () => ({
          job: { status: 'done' },
          run: ENDED,
        })),
      ).toBe('stale');
      expect(await kit.store.started({ ...refOf(one), runId: two.run.id }, { pid: 1 })).toBe(false);
      expect(await dump(kit.store)).toEqual(before);
    });

    it('writes job, run, task, account, next job and messages in one step', async () => {
      const { task } = await submit();
      const taken = await claimed();
      const account = makeAccount({ notBefore: 5, provenFingerprint: 'f' });
      const row = message({ key: 'k1' });
      kit.now += SECOND;
      const result = await kit.store.settle(refOf(taken), (state) => {
        expect(state).toMatchObject({
          job: taken.job,
          run: taken.run,
          task: { id: task.id },
          account: { id: 'a', notBefore: null },
        });
        return {
          job: { status: 'done', verdict: 'success', finishedAt: kit.now },
          run: { ...ENDED, usage: { ...NO_USAGE, outputTokens: 45, costUsd: 0.12 } },
          task: { stage: 'review', head: 'abc', rounds: { review: 1 }, addCostMicroUsd: 120_000 },
          account,
          project: 'succeeded',
          newJobs: [newJob({ taskId: task.id, stage: 'review', branch: task.branch })],
          outbox: [row],
        };
      });
      expect(result).toBe('ok');
      expect(await kit.store.job(taken.job.id)).toMatchObject({
        status: 'done',
        verdict: 'success',
        finishedAt: kit.now,
      });
      expect(await kit.store.run(taken.run.id)).toMatchObject({
        status: 'ended',
        verdict: 'success',
        usage: { outputTokens: 45, costUsd: 0.12 },
        finishedAt: kit.now,
      });
      expect(await kit.store.taskById(task.id)).toMatchObject({
        stage: 'review',
        head: 'abc',
        rounds: { review: 1 },
        costMicroUsd: 120_000,
        updatedAt: kit.now,
      });
      expect((await kit.store.accounts()).find((a) => a.id === 'a')).toEqual(account);
      expect(
        (await kit.store.jobs({ taskId: task.id, limit: EVERYTHING })).items.map((j) => [j.stage, j.status]),
      ).toEqual([
        ['development', 'done'],
        ['review', 'queued'],
      ]);
      expect((await kit.store.dueMessages('notify', kit.now, EVERYTHING)).some((r) => r.key === 'k1')).toBe(
        true,
      );
      expect(await kit.store.running()).toEqual([]);
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
      const before = await dump(kit.store);
      await expect(kit.store.settle(refOf(taken), decide)).rejects.toThrow();
      expect(await dump(kit.store)).toEqual(before);
      expect(await finish(taken)).toBe('ok');
    });

    it('keeps a merged pull request merged when an older answer of the forge comes late', async () => {
      const { task } = await submit();
      const pr = { number: 1, url: null };
      await kit.store.setPullRequest(task.id, { ...pr, state: 'open' });
      await end(await claimed(), {
        run: ENDED,
        job: { status: 'done' },
        task: { pr: { ...pr, state: 'merged' } },
      });
      await kit.store.setPullRequest(task.id, { ...pr, state: 'draft' });
      expect((await kit.store.taskById(task.id))?.pr?.state).toBe('merged');
    });

    it('notes what is known of a started process, and keeps what it was not told', async () => {
      await enqueue();
      const taken = await claimed();
      expect(
        await kit.store.started(refOf(taken), {
          pid: 77,
          cliKind: 'claude-code',
          cliVersion: '2.1.0',
          sessionId: 's1',
        }),
      ).toBe(true);
      const told = { destination: 'notify', key: 'started', orderKey: 'started', availableAt: null };
      const message = { kind: 'notify.digest', event: 'run', line: 'started' } as const;
      for (let i = 0; i < 2; i++)
        expect(
          await kit.store.started(refOf(taken), { roundHead: 'abc', outbox: [{ ...told, message }] }),
        ).toBe(true);
      expect(
        await kit.store.started(
          { ...refOf(taken), fence: 99 },
          { outbox: [{ ...told, key: 'late', message }] },
        ),
      ).toBe(false);
      expect((await kit.store.dueMessages('notify', kit.now, 9)).map(({ key }) => key)).toEqual(['started']);
      expect(await kit.store.run(taken.run.id)).toMatchObject({
        pid: 77,
        cliKind: 'claude-code',
        cliVersion: '2.1.0',
        sessionId: 's1',
      });
      expect((await kit.store.job(taken.job.id))?.context).toMatchObject({
        roundHead: 'abc',
        sessionId: 's1',
      });
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
      kit.now += 24 * 60 * MINUTE;
      await end(await claimed(), {
        job: { status: 'done' },
        run: { ...ENDED, usage: { ...usage, costUsd: 4 } },
      });
      expect(await kit.store.spending(day)).toEqual(
        new Map([['api', { microUsd: 3_250_000, tokens: 8642, unknownCosts: 0 }]]),
      );
      await kit.reopen();
      expect((await kit.store.spending(day + 1)).get('api')?.microUsd).toBe(4_000_000);
      expect(await kit.store.spending(day + 2)).toEqual(new Map());
    });

    it('counts a cost nobody told as unknown, for the day and for the task', async () => {
      await submit();
      await end(await claimed(), { job: { status: 'queued' }, run: { ...ENDED, usage } });
      await end(await claimed(), {
        job: { status: 'queued' },
        run: { ...ENDED, usage: { ...usage, costUsd: 0.5 } },
        task: { addCostMicroUsd: 500_000, budgetFromMicroUsd: 250_000 },
      });
      expect((await kit.store.spending(day)).get('api')).toEqual({
        microUsd: 500_000,
        tokens: 8642,
        unknownCosts: 1,
      });
      expect(await kit.store.task('API-1')).toMatchObject({
        costMicroUsd: 500_000,
        unknownCosts: 1,
        budgetFromMicroUsd: 250_000,
      });
    });

    it('is nothing for a stage that runs no agent', async () => {
      await enqueue({ agent: null, account: null, stage: 'deploy' });
      await finish(await claimed());
      expect(await kit.store.spending(day)).toEqual(new Map());
    });
  });
}
