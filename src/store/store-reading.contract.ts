import { describe, expect, it } from 'vitest';
import { EMPTY_CONTEXT } from '../core/model.ts';
import { dump, type StoreKit } from './store-kit.contract.ts';
import { AUDIT, project, SECOND, T0 } from './store-rows.contract.ts';

/** What readers see, are woken by, and find again after a restart. */
export function showsWhatIsThere(kit: StoreKit): void {
  const { enqueue, claimed, finish, submit, command } = kit;

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
      const from = (after: number | undefined) => (after === undefined ? { limit: 2 } : { limit: 2, after });
      expect(
        await walk((after) =>
          kit.store.tasks({ ...from(after), project: 'api', status: ['active', 'done'] }),
        ),
      ).toHaveLength(5);
      expect(
        await walk((after) => kit.store.jobs({ ...from(after), status: ['queued'], project: 'api' })),
      ).toHaveLength(2);
      expect(await walk((after) => kit.store.runs({ ...from(after), status: 'ended' }))).toHaveLength(3);
      expect((await kit.store.jobs({ limit: 5 })).next).toBeNull();
      expect((await kit.store.runs({ jobId: 1, limit: 5 })).items).toHaveLength(1);
    });

    it('counts jobs and tasks by status, and what runs where', async () => {
      await submit();
      await enqueue({ project: 'web', account: 'b' });
      await enqueue({ project: 'web' });
      await finish(await claimed());
      kit.now += SECOND;
      await claimed();
      expect(await kit.store.counts()).toEqual({
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
      const leave = kit.store.onWake(() => woken++);
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
      expect(await wakes(() => kit.store.configure([project('api')], ['a']))).toBe(true);
      expect(await wakes(() => kit.store.resume('all', '', AUDIT))).toBe(true);
      leave();
      expect(await wakes(() => enqueue())).toBe(false);
    });

    it('has everything again after a restart', async () => {
      const { task } = await submit();
      await kit.store.setPullRequest(task.id, { number: 3, url: null, state: 'draft' });
      await enqueue({
        context: {
          ...EMPTY_CONTEXT,
          note: 'mock the clock',
          findings: [{ severity: 'high', file: 'a.ts', line: 3, title: 't', detail: 'd' }],
        },
      });
      const taken = await claimed();
      await kit.store.setMeta('boot', '7');
      const before = await dump(kit.store);
      await kit.reopen();
      expect(await dump(kit.store)).toEqual(before);
      expect([await kit.store.meta('boot'), await kit.store.meta('none')]).toEqual(['7', null]);
      expect((await kit.store.task('API-1'))?.pr).toEqual({ number: 3, url: null, state: 'draft' });
      expect(await finish(taken)).toBe('ok');
    });
  });
}
