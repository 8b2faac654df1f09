import { describe, expect, it } from 'vitest';
import { CLOSED_BREAKER } from '../core/breaker.ts';
import type { StoreKit } from './store-kit.contract.ts';
import { AUDIT, MINUTE, project } from './store-rows.contract.ts';

/** What holds work back: pauses and accounts. */
export function keepsGates(kit: StoreKit): void {
  describe('pauses', () => {
    it('remembers a pause across a restart, changes its note but not since when, and ends it once', async () => {
      await kit.store.pause(
        { scope: 'project', id: 'api', note: 'release', by: 'mara', since: kit.now, until: null },
        AUDIT,
      );
      await kit.store.pause(
        {
          scope: 'project',
          id: 'api',
          note: 'longer',
          by: 'jon',
          since: kit.now + MINUTE,
          until: kit.now + 2 * MINUTE,
        },
        AUDIT,
      );
      await kit.store.pause(
        { scope: 'all', id: '', note: '', by: 'mara', since: kit.now, until: null },
        AUDIT,
      );
      await kit.reopen();
      expect(await kit.store.pauses()).toEqual([
        { scope: 'all', id: '', note: '', by: 'mara', since: kit.now, until: null },
        {
          scope: 'project',
          id: 'api',
          note: 'longer',
          by: 'jon',
          since: kit.now,
          until: kit.now + 2 * MINUTE,
        },
      ]);
      expect([
        await kit.store.resume('project', 'api', AUDIT),
        await kit.store.resume('project', 'api', AUDIT),
      ]).toEqual([true, false]);
      expect((await kit.store.pauses()).map((p) => p.scope)).toEqual(['all']);
    });
  });

  describe('accounts', () => {
    it('knows every configured account, untouched at first, and keeps what is learned of one', async () => {
      expect(await kit.store.accounts()).toMatchObject([
        { id: 'a', hold: null, breaker: CLOSED_BREAKER },
        { id: 'b' },
      ]);
      const hold = {
        reason: 'limit',
        since: kit.now,
        until: kit.now + MINUTE,
        guessed: false,
        refusals: 0,
        detail: 'resets soon',
        fingerprint: 'f',
      } as const;
      const changed = await kit.store.updateAccount('a', (account) => ({
        ...account,
        hold,
        windows: [{ name: 'five_hour', utilization: 0.4, resetAt: 1, seenAt: kit.now }],
      }));
      expect(changed.hold).toEqual(hold);
      await kit.store.configure([project('api')], ['a', 'b', 'c']);
      await kit.reopen();
      expect(await kit.store.accounts()).toEqual([
        changed,
        expect.objectContaining({ id: 'b', hold: null }),
        expect.objectContaining({ id: 'c' }),
      ]);
    });

    it('neither writes nor wakes anyone when a change changes nothing', async () => {
      let woken = 0;
      kit.store.onWake(() => woken++);
      await kit.store.updateAccount('a', (account) => account);
      expect(woken).toBe(0);
      await kit.store.updateAccount('a', (account) => ({ ...account, notBefore: 1 }));
      expect(woken).toBe(1);
    });
  });
}
