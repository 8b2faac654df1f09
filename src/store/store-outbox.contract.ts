import { describe, expect, it } from 'vitest';
import type { Unanswered, Undelivered } from '../core/delivery.ts';
import type { NewOutboxRow } from '../core/effects.ts';
import type { LetterFilter } from './store.ts';
import type { StoreKit } from './store-kit.contract.ts';
import { AUDIT, EVERYTHING, MINUTE, message, SECOND } from './store-rows.contract.ts';

/** The promises to tell the world, and the incidents that were told. */
export function keepsPromises(kit: StoreKit): void {
  const { enqueue, command, submit } = kit;

  describe('the outbox', () => {
    const NOTIFY = 'notify';
    const write = async (...rows: Partial<NewOutboxRow>[]) => {
      const job = await enqueue({ hold: 'approval.pending' });
      await command(job.id, { outbox: rows.map(message) });
    };
    const dueOf = async (destination = NOTIFY, limit = EVERYTHING) =>
      (await kit.store.dueMessages(destination, kit.now, limit)).map((row) => row.key);
    const rowOf = async (key: string, destination = NOTIFY) => {
      const row = (await kit.store.dueMessages(destination, kit.now, EVERYTHING)).find(
        (each) => each.key === key,
      );
      if (row === undefined) throw new Error(`${key} is not due`);
      return row;
    };
    const idOf = async (key: string, destination = NOTIFY) => (await rowOf(key, destination)).id;
    const deliver = async (key: string) => {
      const id = await idOf(key);
      expect(await kit.store.trying(id)).toBe(true);
      await kit.store.delivered(id, kit.now);
    };
    const failed = (fields: Partial<Undelivered> = {}): Undelivered => ({
      error: '503',
      retryAt: kit.now + MINUTE,
      unsure: true,
      ...fields,
    });
    const unanswered = (fields: Partial<Unanswered> = {}): Unanswered => ({
      since: kit.now,
      failures: 1,
      error: '503',
      triedAt: kit.now,
      nextTryAt: kit.now + MINUTE,
      ...fields,
    });
    const bury = async (key: string, destination = NOTIFY) => {
      const id = await idOf(key, destination);
      await kit.store.trying(id);
      await kit.store.undelivered(
        id,
        { error: 'refused', retryAt: null, unsure: false, unanswered: null },
        kit.now,
      );
      return id;
    };
    const letters = async (filter: Partial<LetterFilter> = {}) =>
      (await kit.store.letters({ limit: EVERYTHING, ...filter })).items;

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
      await write({ key: 'later', availableAt: kit.now + SECOND });
      expect([await dueOf(), await kit.store.dueDestinations(kit.now)]).toEqual([[], []]);
      expect(await kit.store.nextDue(kit.now)).toBe(kit.now + SECOND);
      kit.now += SECOND;
      expect([await dueOf(), await kit.store.dueDestinations(kit.now)]).toEqual([['later'], [NOTIFY]]);
    });

    it('hands out each destination by itself', async () => {
      await write(
        { key: 'slow1', destination: 'tracker:web' },
        { key: 'slow2', destination: 'tracker:web' },
        { key: 'quick', destination: 'tracker:api' },
      );
      expect(await kit.store.dueDestinations(kit.now)).toEqual(['tracker:api', 'tracker:web']);
      expect([await dueOf('tracker:api'), await dueOf('tracker:web', 1)]).toEqual([['quick'], ['slow1']]);
    });

    it('is unsure of a row from the moment it is tried, also after a restart', async () => {
      await write({ key: 'a1' });
      expect(await rowOf('a1')).toMatchObject({ tries: 0, unsure: false, dueFrom: kit.now });
      await kit.store.trying(await idOf('a1'));
      await kit.reopen();
      expect(await rowOf('a1')).toMatchObject({ tries: 1, unsure: true });
      await kit.store.undelivered(await idOf('a1'), failed({ unsure: false, retryAt: kit.now }), kit.now);
      expect(await rowOf('a1')).toMatchObject({ tries: 1, unsure: false });
    });

    it('tries again when it is time, holds the rows behind it back, and lets them pass when it gives up', async () => {
      await write({ key: 'a1', orderKey: 'a' }, { key: 'a2', orderKey: 'a' });
      const first = await idOf('a1');
      await kit.store.trying(first);
      await kit.store.undelivered(first, failed(), kit.now);
      expect(await dueOf()).toEqual([]);
      expect(await kit.store.nextDue(kit.now)).toBe(kit.now + MINUTE);
      kit.now += MINUTE;
      expect(await kit.store.dueMessages(NOTIFY, kit.now, 1)).toMatchObject([{ key: 'a1', tries: 1 }]);
      await bury('a1');
      expect(await dueOf()).toEqual(['a2']);
      expect(await kit.store.trying(first)).toBe(false);
      await kit.store.delivered(first, kit.now);
      expect(await dueOf()).toEqual(['a2']);
      expect(await letters()).toMatchObject([{ id: first, state: 'dead' }]);
    });

    it('hands out nothing of a destination that is not to be asked yet, and counts no try of it', async () => {
      await write({ key: 'a1' }, { key: 'a2' }, { key: 'b1', destination: 'forge:api' });
      const first = await idOf('a1');
      await kit.store.trying(first);
      await kit.store.undelivered(first, failed({ unanswered: unanswered() }), kit.now);
      expect([await dueOf(), await kit.store.dueDestinations(kit.now)]).toEqual([[], ['forge:api']]);
      expect(await kit.store.nextDue(kit.now)).toBe(kit.now + MINUTE);
      expect(await kit.store.troubles()).toEqual([
        { name: NOTIFY, unanswered: unanswered(), dead: null, retried: false },
      ]);
      kit.now += MINUTE;
      // Another one finds out: a message that it chokes on does not stop the rest.
      expect(await kit.store.dueMessages(NOTIFY, kit.now, EVERYTHING)).toMatchObject([
        { key: 'a2', tries: 0 },
        { key: 'a1', tries: 1 },
      ]);
    });

    it('wakes when a destination is to be asked again, also when the row that asked was given up', async () => {
      await write({ key: 'a1' }, { key: 'a2' });
      const first = await idOf('a1');
      await kit.store.trying(first);
      await kit.store.undelivered(first, failed({ retryAt: null, unanswered: unanswered() }), kit.now);
      expect([await dueOf(), await kit.store.nextDue(kit.now)]).toEqual([[], kit.now + MINUTE]);
    });

    it('forgets that a destination did not answer when it does, or when nothing waits for it', async () => {
      await write({ key: 'a1' }, { key: 'a2' });
      for (const key of ['a1', 'a2']) {
        const id = await idOf(key);
        await kit.store.trying(id);
        await kit.store.undelivered(
          id,
          failed({ retryAt: kit.now, unanswered: unanswered({ nextTryAt: kit.now }) }),
          kit.now,
        );
        expect(await kit.store.troubles()).toHaveLength(1);
        await kit.store.delivered(id, kit.now);
        expect(await kit.store.troubles()).toEqual([]);
      }
      await write({ key: 'a3' });
      const last = await idOf('a3');
      await kit.store.trying(last);
      await kit.store.undelivered(last, failed({ retryAt: null, unanswered: unanswered() }), kit.now);
      expect(await kit.store.troubles()).toEqual([
        {
          name: NOTIFY,
          unanswered: null,
          dead: { count: 1, newestAt: kit.now, error: '503' },
          retried: false,
        },
      ]);
    });

    it('remembers over a restart since when a destination does not answer', async () => {
      await write({ key: 'a1' });
      const id = await idOf('a1');
      await kit.store.undelivered(id, failed({ unanswered: unanswered({ since: kit.now - 9 }) }), kit.now);
      await kit.store.undelivered(
        id,
        failed({ unanswered: unanswered({ since: kit.now - 9, failures: 2 }) }),
        kit.now,
      );
      await kit.reopen();
      expect(await kit.store.troubles()).toEqual([
        {
          name: NOTIFY,
          unanswered: unanswered({ since: kit.now - 9, failures: 2 }),
          dead: null,
          retried: false,
        },
      ]);
    });

    it('lists what was given up and what is stuck, with the task it speaks of', async () => {
      const { task } = await submit();
      await kit.store.delivered(
        (await kit.store.dueMessages('tracker:api', kit.now, 1))[0]?.id ?? 0,
        kit.now,
      );
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
      await kit.store.trying(stuck.id);
      await kit.store.undelivered(stuck.id, failed(), kit.now);
      expect(await letters()).toMatchObject([
        {
          key: 'c1',
          state: 'dead',
          task: 'API-1',
          error: 'refused',
          deadAt: kit.now,
          nextTryAt: null,
          tries: 1,
        },
        { key: 'p1', state: 'stuck', task: 'API-1', error: '503', deadAt: null, nextTryAt: kit.now + MINUTE },
      ]);
      expect(await letters({ state: 'dead' })).toMatchObject([{ key: 'c1' }]);
      expect(await letters({ destination: 'forge:api' })).toMatchObject([{ key: 'p1' }]);
      const page = await kit.store.letters({ limit: 1 });
      expect(page).toMatchObject({ items: [{ key: 'c1' }] });
      expect((await kit.store.letters({ limit: 1, after: page.next ?? 0 })).items).toMatchObject([
        { key: 'p1' },
      ]);
      expect(await kit.store.troubles()).toMatchObject([{ name: 'tracker:api', dead: { count: 1 } }]);
    });

    it('tries a dead message anew with all its time before it, and what stands behind it waits again', async () => {
      await write({ key: 'a1', orderKey: 'a' }, { key: 'a2', orderKey: 'a' }, { key: 'b1' });
      const id = await bury('a1');
      await bury('b1');
      kit.now += MINUTE;
      expect(await kit.store.retryLetters([id], kit.now, AUDIT)).toEqual({ retried: 1, overtaken: 0 });
      expect(await rowOf('a1')).toMatchObject({ tries: 0, dueFrom: kit.now });
      expect(await kit.store.troubles()).toMatchObject([{ name: NOTIFY, dead: { count: 1 }, retried: true }]);
      expect(await dueOf()).toEqual(['a1']);
      expect(await letters()).toMatchObject([{ key: 'b1' }]);
    });

    it('tries all of a destination anew, and asks it at once', async () => {
      await write({ key: 'a1' }, { key: 'a2' }, { key: 'c1', destination: 'forge:api' });
      await bury('a1');
      await bury('c1', 'forge:api');
      const id = await idOf('a2');
      await kit.store.trying(id);
      await kit.store.undelivered(id, failed({ unanswered: unanswered() }), kit.now);
      expect(await kit.store.retryLetters({ destination: NOTIFY }, kit.now, AUDIT)).toEqual({
        retried: 2,
        overtaken: 0,
      });
      expect((await dueOf()).sort()).toEqual(['a1', 'a2']);
      expect(await rowOf('a2')).toMatchObject({ unsure: true });
      expect(await kit.store.retryLetters({ destination: null }, kit.now, AUDIT)).toEqual({
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
      expect(await kit.store.retryLetters({ destination: null }, kit.now, AUDIT)).toEqual({
        retried: 1,
        overtaken: 1,
      });
      expect(await rowOf('a2')).toMatchObject({ id: digest });
      expect(await letters({ state: 'dead' })).toEqual([]);
    });

    it('drops a message for good when a person says so, and what stands behind it goes on', async () => {
      await write({ key: 'a1', orderKey: 'a' }, { key: 'a2', orderKey: 'a' });
      const id = await idOf('a1');
      await kit.store.trying(id);
      await kit.store.undelivered(id, failed({ unanswered: unanswered() }), kit.now);
      await kit.store.dropLetter(id, 'the item is gone', kit.now, AUDIT);
      expect([await letters(), await kit.store.troubles()]).toMatchObject([
        [],
        [{ unanswered: { failures: 1 } }],
      ]);
      kit.now += MINUTE;
      expect(await dueOf()).toEqual(['a2']);
      await write({ key: 'a1' });
      expect(await dueOf()).toEqual(['a2']);
    });

    it('knows no message that was delivered, dropped or never there', async () => {
      await write({ key: 'a1' }, { key: 'a2' });
      const [done, dropped] = [await idOf('a1'), await idOf('a2')];
      await deliver('a1');
      await kit.store.dropLetter(dropped, 'x', kit.now, AUDIT);
      for (const id of [done, dropped, 999]) {
        await expect(kit.store.retryLetters([id], kit.now, AUDIT)).rejects.toMatchObject({
          code: 'not_found',
        });
        await expect(kit.store.dropLetter(id, 'x', kit.now, AUDIT)).rejects.toMatchObject({
          code: 'not_found',
        });
      }
    });

    it('does not reopen a pull request that is merged, however late the answer comes', async () => {
      const { task } = await submit();
      const pr = { number: 1, url: null, state: 'draft' as const };
      await kit.store.setPullRequest(task.id, pr);
      await kit.store.setPullRequest(task.id, { ...pr, state: 'merged' });
      await kit.store.setPullRequest(task.id, { ...pr, state: 'open' });
      expect((await kit.store.taskById(task.id))?.pr).toMatchObject({ state: 'merged' });
    });

    it('lets a row wait on that was not tried after all, as sure as it was', async () => {
      await kit.store.tell([message({ key: 'p1' })]);
      const row = async () =>
        (await kit.store.dueMessages(NOTIFY, kit.now, 9)).find(({ key }) => key === 'p1');
      const before = await row();
      if (before === undefined) throw new Error('nothing is due');
      await kit.store.trying(before.id);
      await kit.store.postpone(before.id, kit.now + 5000, false);
      expect(await row()).toBeUndefined();
      expect(await kit.store.nextDue(kit.now)).toBe(kit.now + 5000);
      expect((await kit.store.letters({ limit: 9 })).items).toEqual([]);
      kit.now += 5000;
      expect(await row()).toEqual(before);
    });
  });
}
