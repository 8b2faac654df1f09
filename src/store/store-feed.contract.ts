import { describe, expect, it } from 'vitest';
import { NO_MARKS } from '../core/feed.ts';
import { reportRow } from '../core/task.ts';
import { dump, type StoreKit } from './store-kit.contract.ts';
import { AUDIT } from './store-rows.contract.ts';

/** What is remembered of trackers that people act through. */
export function remembersItems(kit: StoreKit): void {
  const { submit } = kit;
  const marks = { ...NO_MARKS, rule: 'r1', labels: ['agent'] };
  const take = () => submit({ feed: { marks, seen: ['c1', 'c2'], thread: 'mara: hi' } });
  const comment = (key: string) => ({
    ...{ destination: 'tracker:api', key, orderKey: key, availableAt: null },
    message: { kind: 'tracker.comment' as const, project: 'api', workItemId: '9', body: key },
  });
  const due = async () => (await kit.store.dueMessages('tracker:api', kit.now, 99)).map(({ key }) => key);

  describe('items and comments', () => {
    it('remembers what was seen with an item, in the transaction that takes it on', async () => {
      const { task } = await take();
      expect(task.thread).toBe('mara: hi');
      expect(await kit.store.seen(['c1', 'c2', 'c3'])).toEqual(new Set(['c1', 'c2']));
      expect(await kit.store.feeds('api')).toMatchObject([
        { task: { id: task.id }, job: { taskId: task.id }, marks },
      ]);
      expect(await kit.store.feeds('web')).toEqual([]);
      expect(await kit.store.feedOf('api', task.workItemId)).toMatchObject({ marks });
      expect(await kit.store.feedOf('api', 'another')).toBeNull();
      await kit.reopen();
      expect(await kit.store.seen(['c1'])).toEqual(new Set(['c1']));
    });

    it('has a command with a key once, and remembers nothing of one that was refused', async () => {
      const { task } = await submit();
      const target = { kind: 'task', key: task.key } as const;
      const audit = { ...AUDIT, once: 'c7' };
      const before = await dump(kit.store);
      const refused = kit.store.command(
        target,
        () => {
          throw new Error('not so');
        },
        audit,
      );
      await expect(refused).rejects.toThrow('not so');
      expect([await dump(kit.store), await kit.store.seen(['c7'])]).toEqual([before, new Set()]);
      await kit.store.command(target, () => ({ outbox: [comment('reply:c7')] }), audit);
      const after = await dump(kit.store);
      const again = await kit.store.command(target, () => ({ task: { status: 'cancelled' } }), audit);
      expect(again).toMatchObject({ repeated: true, task: { status: 'active' } });
      expect(await dump(kit.store)).toEqual(after);
      expect(await due()).toContain('reply:c7');
    });

    it('marks a key once, with what it brings about', async () => {
      expect(await kit.store.noteSeen('c1', [comment('reply:c1')])).toBe(true);
      expect(await kit.store.noteSeen('c1', [comment('another')])).toBe(false);
      expect(await due()).toEqual(['reply:c1']);
    });

    it('has one report wait, whatever it is to tell, and another once that one was begun', async () => {
      const { task } = await submit();
      const report = (event: string) => kit.store.tell([reportRow(task, event)]);
      const reports = async () =>
        (await kit.store.dueMessages('tracker:api', kit.now, 99)).filter(
          ({ message }) => message.kind === 'tracker.report',
        );
      for (const event of ['1', '2', '3']) await report(event);
      const [first, ...more] = await reports();
      expect([first?.key, more]).toEqual([`report:${task.key}:1`, []]);
      await kit.store.trying(first?.id ?? 0);
      for (const event of ['4', '5']) await report(event);
      await kit.store.delivered(first?.id ?? 0, kit.now);
      expect((await reports()).map(({ key }) => key)).toEqual([`report:${task.key}:4`]);
    });

    it('knows a task that is over until its item was seen to be so, and one that is taken up again as away', async () => {
      const { task } = await take();
      const become = (status: 'cancelled' | 'active') =>
        kit.store.command({ kind: 'task', key: task.key }, () => ({ task: { status } }), AUDIT);
      await become('cancelled');
      expect(await kit.store.feeds('api')).toHaveLength(1);
      await kit.store.noteFeed(task.id, { away: true });
      expect(await kit.store.feeds('api')).toEqual([]);
      await kit.store.noteFeed(task.id, { away: false, commentsSince: 7 });
      await become('active');
      expect(await kit.store.feeds('api')).toMatchObject([
        { marks: { ...marks, away: true, commentsSince: 7 } },
      ]);
    });

    it('knows what a person let in, the last word of each project', async () => {
      expect(await kit.store.intake('api')).toBeNull();
      await kit.store.acceptIntake('api', { fingerprint: 'r1', leftOut: ['4'] }, AUDIT);
      await kit.store.acceptIntake('api', { fingerprint: 'r2', leftOut: [] }, AUDIT);
      expect(await kit.store.intake('api')).toEqual({ fingerprint: 'r2', leftOut: [] });
      expect(await kit.store.intake('web')).toBeNull();
    });

    it('shows a changed title, text and thread of a task', async () => {
      const { task } = await submit();
      const change = { title: 'Other', body: 'More.', thread: 'ada: so' };
      await kit.store.command({ kind: 'task', key: task.key }, () => ({ task: change }), AUDIT);
      expect(await kit.store.task(task.key)).toMatchObject(change);
    });
  });
}
