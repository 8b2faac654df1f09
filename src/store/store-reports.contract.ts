import { describe, expect, it } from 'vitest';
import { answer } from '../core/commands.ts';
import { asked } from '../core/question.ts';
import type { StoreKit } from './store-kit.contract.ts';
import { ENDED, MINUTE, project, refOf } from './store-rows.contract.ts';

const DAY = 86_400_000;

/** What people look at that no single row tells. */
export function reports(kit: StoreKit): void {
  const { enqueue, claimed, end, submit } = kit;
  const look = () => kit.store.reports;
  async function submitted(number: number) {
    const { task } = await submit({ workItemId: String(number), key: `API-${number}` });
    const [job] = (await kit.store.jobs({ taskId: task.id, limit: 1 })).items;
    if (job === undefined) throw new Error('no job');
    return { task, job };
  }

  describe('reports', () => {
    it('name the jobs that are next in the order in which claims then take them', async () => {
      await kit.store.configure(
        [project('api', { maxConcurrency: 99 }), project('web', { weight: 2, maxConcurrency: 99 })],
        ['a'],
      );
      for (let i = 0; i < 4; i++) await enqueue({ project: 'api', priority: i % 2 });
      for (let i = 0; i < 4; i++) await enqueue({ project: 'web', urgent: i === 3 });
      const said = (await look().nextUp(7)).map(({ id }) => id);
      const taken: number[] = [];
      for (let i = 0; i < 7; i++) taken.push((await claimed()).job.id);
      expect(said).toEqual(taken);
      expect((await look().nextUp(7)).length).toBe(1);
    });

    it('leave out what is held by itself', async () => {
      await enqueue({ hold: 'approval.pending' });
      expect(await look().nextUp(7)).toEqual([]);
    });

    it('know what was asked and answered of one task, as it was said', async () => {
      const { task, job } = await submitted(1);
      const other = await submitted(12);
      const question = { code: 'question.pending', detail: 'Which <b>licence</b>?' };
      for (const each of [task, other.task])
        await kit.store.tell(asked(job, each, question, each.id === task.id));
      kit.now += MINUTE;
      const { outbox = [] } = answer(
        { task, job: { ...job, hold: 'question.pending' }, superseded: false },
        'MIT',
        { by: 'mara', now: kit.now, maxAttempts: 1, project: null },
      );
      await kit.store.tell(outbox);
      expect(await look().said(task.key)).toEqual([
        { kind: 'question', at: kit.now - MINUTE, text: 'development asks: Which <b>licence</b>?' },
        { kind: 'answer', at: kit.now, text: 'mara answers: MIT' },
      ]);
      expect((await look().said(other.task.key)).map(({ kind }) => kind)).toEqual(['question']);
      expect(await look().said('API')).toEqual([]);
    });

    it('know when a run of each account last ended well', async () => {
      expect(await look().lastSuccess()).toEqual(new Map());
      const at: number[] = [];
      for (const verdict of ['success', 'success', 'permanent'] as const) {
        await enqueue();
        kit.now += MINUTE;
        at.push(kit.now);
        await end(await claimed(), { job: { status: 'done' }, run: { ...ENDED, verdict } });
      }
      expect(await look().lastSuccess()).toEqual(new Map([['a', at[1]]]));
    });

    it('know how long a stage usually takes, by what ended well in its project', async () => {
      await kit.store.configure([project('api', { maxConcurrency: 99 }), project('web')], ['a']);
      const took = async (minutes: number, job: object, verdict: 'success' | 'permanent' = 'success') => {
        await enqueue(job);
        const run = await claimed();
        kit.now += minutes * MINUTE;
        await end(run, { job: { status: 'done' }, run: { ...ENDED, verdict } });
      };
      for (const minutes of [4, 6, 50]) await took(minutes, { stage: 'review' });
      await took(1, { stage: 'review' }, 'permanent');
      await took(1, { stage: 'review', project: 'web' });
      await took(9, { stage: 'deploy' });
      expect(await look().usual('api')).toEqual(new Map([['review', 6 * MINUTE]]));
      expect(await look().usual('web')).toEqual(new Map());
    });

    it('sum up what ended since an instant, also what failed and what cost nobody knows', async () => {
      const { task } = await submit();
      await end(await claimed(), {
        job: { status: 'done' },
        task: { status: 'done' },
        run: { ...ENDED, usage: { ...ENDED.usage, inputTokens: 100, outputTokens: 10, costUsd: 0.5 } },
      });
      kit.now += DAY;
      const since = kit.now;
      await enqueue();
      const second = await claimed();
      await kit.store.started(refOf(second), { model: 'opus' });
      await end(second, {
        job: { status: 'failed' },
        run: { ...ENDED, verdict: 'permanent', usage: { ...ENDED.usage, costUsd: null } },
      });
      kit.now += MINUTE;
      expect(await look().ended(since)).toEqual({
        runs: [{ verdict: 'permanent', runs: 1, microUsd: 0, unknownCosts: 1 }],
        tasksDone: 0,
        tasksCancelled: 0,
      });
      expect(await look().ended(0)).toMatchObject({ tasksDone: 1 });
      expect(await look().endedPerHour(since - DAY - MINUTE)).toEqual([
        { hour: 0, verdict: 'success', runs: 1 },
        { hour: 24, verdict: 'permanent', runs: 1 },
      ]);
      expect((await look().endedTasks(0, 5)).map(({ id }) => id)).toEqual([task.id]);
      expect(await look().endedTasks(since, 5)).toEqual([]);

      const usage = async (by: 'project' | 'model' | 'task', from = 0) =>
        (await look().usage({ by, since: from, until: kit.now, project: null, plans: [] })).map(
          ({ key, runs, failed, microUsd, unknownCosts }) => [key, runs, failed, microUsd, unknownCosts],
        );
      expect(await usage('project')).toEqual([
        ['api', 1, 0, 500_000, 0],
        ['api', 1, 1, 0, 1],
      ]);
      expect(await usage('model', since)).toEqual([['opus', 1, 1, 0, 1]]);
      expect(await usage('task')).toEqual([
        [task.key, 1, 0, 500_000, 0],
        [null, 1, 1, 0, 1],
      ]);
      expect(
        await look().usage({ by: 'project', since: 0, until: kit.now, project: 'web', plans: [] }),
      ).toEqual([]);
    });

    it('tell what finished tasks took, whoever worked on them, and what of it are list prices of a plan', async () => {
      const { task } = await submit();
      const half = { ...ENDED, usage: { ...ENDED.usage, costUsd: 0.5 } };
      await end(await claimed(), { job: { status: 'failed' }, run: { ...half, verdict: 'permanent' } });
      await enqueue({ taskId: task.id, account: 'b', branch: task.branch });
      kit.now += MINUTE;
      await end(await claimed(), { job: { status: 'done' }, task: { status: 'done' }, run: half });
      await submit({ key: 'API-2', workItemId: '2' });
      await end(await claimed(), { job: { status: 'failed' }, run: half });
      kit.now += MINUTE;

      const query = { since: 0, until: kit.now, project: null, plans: ['b'] };
      const finished = (by: 'project' | 'account', more = {}) => look().finished({ by, ...query, ...more });
      expect(await finished('project')).toEqual([
        { key: 'api', tasks: 1, microUsd: 1_000_000, unknownCosts: 0 },
      ]);
      expect(await finished('account')).toEqual([
        { key: 'a', tasks: 1, microUsd: 500_000, unknownCosts: 0 },
        { key: 'b', tasks: 1, microUsd: 500_000, unknownCosts: 0 },
      ]);
      expect(await finished('project', { project: 'web' })).toEqual([]);
      expect(await finished('project', { since: kit.now })).toEqual([]);
      expect(
        (await look().usage({ by: 'account', ...query })).map(({ key, microUsd, planMicroUsd }) => [
          ...[key, microUsd, planMicroUsd],
        ]),
      ).toEqual([
        ['a', 1_000_000, 0],
        ['b', 500_000, 500_000],
      ]);
    });
  });
}
