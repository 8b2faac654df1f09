import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import type { StoreKit } from './store-kit.contract.ts';
import { AUDIT, MINUTE, T0 } from './store-rows.contract.ts';

const mara = { name: 'Mara', role: 'admin', passwordHash: 'h1' } as const;
const fine = () => undefined;

/** Who may sign in, what they hold, and what was written down of what they did. */
export function knowsPeople(kit: StoreKit): void {
  const { submit, command } = kit;
  const users = () => kit.store.users;
  const session = (hash: string, userId: number) =>
    users().openSession({ hash, userId, createdAt: T0, seenAt: T0, agent: 'Firefox', address: '::1' });

  describe('users', () => {
    it('have a name of their own, whatever its case, and are there after a restart', async () => {
      const created = await users().create(mara, AUDIT);
      await expect(users().create({ ...mara, name: 'mARA' }, AUDIT)).rejects.toMatchObject({
        code: 'user.name_taken',
      });
      await kit.reopen();
      expect(await users().byName('mara')).toEqual(created);
      expect(await users().all()).toEqual([{ ...created, name: 'Mara', role: 'admin', disabledAt: null }]);
    });

    it('are changed in the fields that are named, unless the check refuses', async () => {
      const { id } = await users().create(mara, AUDIT);
      const refuse = () => {
        throw new AppError('no', { code: 'user.last_admin' });
      };
      await expect(users().change(id, { role: 'viewer' }, refuse, AUDIT)).rejects.toMatchObject({
        code: 'user.last_admin',
      });
      expect(await users().byId(id)).toMatchObject({ role: 'admin' });
      const changed = await users().change(id, { role: 'viewer' }, fine, { ...AUDIT, action: 'user.role' });
      expect(changed).toMatchObject({ role: 'viewer', passwordHash: 'h1' });
      const [entry] = (await kit.store.audits({ limit: 1 })).items;
      expect(entry).toMatchObject({
        action: 'user.role',
        before: { role: 'admin' },
        after: { role: 'viewer' },
      });
      expect(JSON.stringify(entry)).not.toContain('h1');
    });

    it('lose every session and token when they are disabled', async () => {
      const { id } = await users().create(mara, AUDIT);
      await session('s1', id);
      await users().addToken(
        {
          hash: 't1',
          name: 'ci',
          userId: id,
          role: 'viewer',
          createdBy: 'mara',
          createdAt: T0,
          expiresAt: T0 + MINUTE,
        },
        AUDIT,
      );
      await users().change(id, { disabledAt: T0 }, fine, AUDIT);
      expect([await users().session('s1'), await users().token('t1')]).toEqual([null, null]);
    });
  });

  describe('sessions and tokens', () => {
    it('are found by hash, with their user; a session ends for its own user alone', async () => {
      const { id } = await users().create(mara, AUDIT);
      const one = await session('s1', id);
      const two = await session('s2', id);
      await users().seen(one.id, T0 + MINUTE);
      await users().seen(one.id, T0);
      expect(await users().session('s1')).toMatchObject({
        session: { ...one, seenAt: T0 + MINUTE },
        user: { name: 'Mara' },
      });
      expect(await users().endSession(one.id, id + 1)).toBe(false);
      expect((await users().sessions(id)).map((each) => each.id)).toEqual([two.id, one.id]);
      expect(await users().endSessions(id, two.id)).toBe(1);
      expect(await users().session('s1')).toBeNull();
      expect(await users().endSession(two.id, null)).toBe(true);
    });

    it('of nobody stand for themselves, and a revoked token is gone', async () => {
      const token = { name: 'ci', userId: null, role: 'operator', createdBy: 'mara' } as const;
      const added = await users().addToken(
        { ...token, hash: 't1', createdAt: T0, expiresAt: T0 + MINUTE },
        AUDIT,
      );
      await users().used(added.id, T0 + 5);
      expect(await users().token('t1')).toEqual({ token: { ...added, usedAt: T0 + 5 }, user: null });
      expect(await users().revokeToken(added.id, 7, AUDIT)).toBe(false);
      expect(await users().revokeToken(added.id, null, { ...AUDIT, action: 'token.revoke' })).toBe(true);
      expect(await users().token('t1')).toBeNull();
      expect((await kit.store.audits({ action: 'token.revoke', limit: 5 })).items).toMatchObject([
        { target: 'token:ci' },
      ]);
    });

    it('that are over are forgotten, the others stay', async () => {
      const { id } = await users().create(mara, AUDIT);
      await session('s1', id);
      expect(await users().forget({ idle: T0, created: T0, expired: T0 })).toBe(0);
      expect(await users().forget({ idle: T0 + 1, created: T0, expired: T0 })).toBe(1);
    });
  });

  describe('an invitation', () => {
    it('sets one password, once, in its time', async () => {
      const { id } = await users().create({ ...mara, passwordHash: null }, AUDIT);
      await users().putInvite(id, 'c1', T0 + MINUTE);
      await users().putInvite(id, 'c2', T0 + MINUTE);
      expect(await users().takeInvite('c1', 'h2', T0)).toBeNull();
      expect(await users().takeInvite('c2', 'h2', T0 + MINUTE)).toBeNull();
      expect(await users().takeInvite('c2', 'h2', T0)).toMatchObject({ passwordHash: 'h2' });
      expect(await users().takeInvite('c2', 'h3', T0)).toBeNull();
    });
  });

  describe('the audit log', () => {
    it('tells what a command changed, newest first, in pages and by filter', async () => {
      const { task } = await submit();
      const job = (await kit.store.jobs({ taskId: task.id, limit: 1 })).items[0];
      await command(job?.id ?? 0, { job: { status: 'cancelled' } });
      for (let i = 1; i <= 3; i++)
        await kit.store.audit({
          by: 'otto',
          surface: 'web',
          action: 'submit',
          target: `API-${i}`,
          at: T0 + i,
        });
      const first = await kit.store.audits({ limit: 2 });
      expect(first.items.map(({ target }) => target)).toEqual(['API-3', 'API-2']);
      const rest = await kit.store.audits({ limit: 5, after: first.next ?? 0 });
      expect(rest).toMatchObject({
        next: null,
        items: [{ target: 'API-1' }, { before: { status: 'queued' }, after: { status: 'cancelled' } }],
      });
      const found = await kit.store.audits({
        by: 'otto',
        target: 'api-2',
        since: T0,
        surface: 'web',
        limit: 5,
      });
      expect(found.items).toHaveLength(1);
      expect((await kit.store.audits({ until: T0, by: 'otto', limit: 5 })).items).toEqual([]);
      await kit.store.audit({ by: 'otto', surface: 'web', action: 'tick', target: 'API-1 TC-3', at: T0 + 9 });
      await kit.store.audit({ by: 'otto', surface: 'web', action: 'retry', target: 'API-12', at: T0 + 9 });
      const about = await kit.store.audits({ about: ['API-1', 'job_99'], by: 'otto', limit: 9 });
      expect(about.items.map((entry) => entry.target)).toEqual(['API-1 TC-3', 'API-1']);
    });
  });
}
