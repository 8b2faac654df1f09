import { describe, expect, it } from 'vitest';
import type { StoreKit } from './store-kit.contract.ts';

/** Orch's own board. */
export function keepsABoard(kit: StoreKit): void {
  describe('the local board', () => {
    it('tells how many items of a project are not over, and the latest that are', async () => {
      const { board } = kit.store;
      for (const title of ['One', 'Two', 'Three', 'Four'])
        await board.create({ project: 'api', key: null, title, body: '' }, kit.now);
      expect(await board.survey('api', 2)).toEqual({ items: 4, open: 4, nearest: [] });
      for (const id of ['1', '2', '3']) await board.setStatus('api', id, 'done', kit.now);
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
      const { board } = kit.store;
      const first = await board.create({ project: 'api', key: null, title: 'One', body: '' }, kit.now);
      const own = await board.create({ project: 'api', key: 'API-7', title: 'Seven', body: '' }, kit.now);
      expect([first.key, own.key]).toEqual(['API-1', 'API-7']);
      expect((await board.create({ project: 'api', key: null, title: 'Next', body: '' }, kit.now)).key).toBe(
        'API-8',
      );
      expect(await board.create({ project: 'api', key: 'API-7', title: 'Again', body: '' }, kit.now)).toEqual(
        own,
      );
      await expect(
        board.create({ project: 'web', key: 'API-7', title: '', body: '' }, kit.now),
      ).rejects.toMatchObject({ code: 'usage.key_taken' });
      expect(await board.item('web', first.id)).toBeNull();
    });

    it('has one report of an item, in its first place, with its last text', async () => {
      const { board } = kit.store;
      const item = await board.create({ project: 'api', key: null, title: 'One', body: '' }, kit.now);
      const other = await board.create({ project: 'api', key: null, title: 'Two', body: '' }, kit.now);
      await board.report('api', item.id, 'in analysis', 1);
      await board.comment('api', item.id, 'usage:run_1', 'spent', 2);
      await board.report('api', item.id, 'in review', 3);
      await board.report('api', other.id, 'in analysis', 3);
      const bodies = async (id: string) => (await board.item('api', id))?.comments.map(({ body }) => body);
      expect(await bodies(item.id)).toEqual(['in review', 'spent']);
      expect(await bodies(other.id)).toEqual(['in analysis']);
    });

    it('has a comment once, however often it is delivered', async () => {
      const { board } = kit.store;
      const item = await board.create({ project: 'api', key: null, title: 'One', body: '' }, kit.now);
      for (const at of [1, 2]) await board.comment('api', item.id, 'usage:run_1', 'spent', at);
      await board.comment('api', item.id, 'usage:run_2', 'spent again', 3);
      await board.setStatus('api', item.id, 'done', kit.now);
      expect(await board.item('api', item.id)).toMatchObject({
        status: 'done',
        comments: [
          { body: 'spent', at: 1 },
          { body: 'spent again', at: 3 },
        ],
      });
    });

    it('opens one pull request per branch, numbered per project', async () => {
      const { board } = kit.store;
      const first = await board.openPullRequest('api', 'orch/one', 'One', '', 'draft', kit.now);
      expect(await board.openPullRequest('api', 'orch/one', 'One', '', 'open', kit.now)).toEqual(first);
      expect((await board.openPullRequest('api', 'orch/two', 'Two', '', 'draft', kit.now)).number).toBe(2);
      expect((await board.openPullRequest('web', 'orch/one', 'One', '', 'draft', kit.now)).number).toBe(1);
      expect(await board.readyPullRequest('api', 1, 'text', kit.now)).toMatchObject({
        number: 1,
        state: 'open',
      });
      await board.setPullRequestState('api', 1, 'merged', kit.now);
      expect(await board.readyPullRequest('api', 1, 'late', kit.now)).toMatchObject({
        number: 1,
        state: 'merged',
      });
      expect(await board.openPullRequest('api', 'orch/one', 'One', '', 'draft', kit.now)).toMatchObject({
        number: 1,
        state: 'merged',
      });
      for (const at of [1, 2]) await board.pullRequestComment('api', 1, 'k', 'text', at);
    });
  });
}
