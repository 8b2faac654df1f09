import { describe, expect, it } from 'vitest';
import { CLOSED_BREAKER } from '../core/breaker.ts';
import type { StoreKit } from './store-kit.contract.ts';
import { AUDIT, ENDED, MINUTE, project } from './store-rows.contract.ts';

/** What holds work back: pauses and accounts. */
export function keepsGates(kit: StoreKit): void {
  const { enqueue, claim, claimed, end, release, command } = kit;

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

  describe('a claim behind gates', () => {
    it('gives a probe the oldest job, one that has not failed by its own fault if there is any', async () => {
      const failedOnce = await enqueue();
      const oldest = await enqueue({ project: 'web' });
      await enqueue({ project: 'web', priority: 5 });
      await enqueue({ priority: 5, rework: true });
      await command(failedOnce.id, { job: { attempts: 1 } });
      kit.now += MINUTE;
      const probe = await claimed({
        probe: true,
        accounts: [{ id: 'a', slots: 1 }],
        withoutAccount: false,
      });
      expect(probe.job.id).toBe(oldest.id);
      expect(probe.run.probe).toBe(true);
      expect((await kit.store.accounts()).find((a) => a.id === 'a')?.lastProbeAt).toBe(kit.now);
      expect(await claim({ probe: true, accounts: [{ id: 'a', slots: 1 }] })).toBeNull();
    });

    it("starts nothing but the hold's own probe on an account that was refused since the look", async () => {
      await kit.store.configure([project('api', { maxConcurrency: 9 })], ['a', 'b']);
      await enqueue();
      await enqueue({ account: 'b' });
      const accounts = ['a', 'b'].map((id) => ({ id, slots: 5 }));
      const failover = [{ project: 'api', from: 'a', to: 'b' }];
      const hold = {
        reason: 'signed_out',
        since: kit.now,
        until: null,
        guessed: false,
        refusals: 0,
      } as const;
      for (const id of ['a', 'b'])
        await kit.store.updateAccount(id, (account) => ({
          ...account,
          hold: { ...hold, detail: 'refused', fingerprint: null },
        }));
      expect(await claim({ accounts, failover })).toBeNull();
      expect(await claim({ accounts, probe: true }), 'a probe of something else').toBeNull();
      expect((await claimed({ accounts, probe: true, ofHold: true })).job.account).toBe('a');
      await kit.store.updateAccount('b', (account) => ({ ...account, hold: null }));
      expect((await claimed({ accounts, failover })).job.account).toBe('b');
    });

    it.each([
      ['all', ''],
      ['project', 'api'],
      ['account', 'a'],
    ] as const)(
      'starts nothing that was paused since the look (%s), until the pause is over',
      async (scope, id) => {
        const job = await enqueue();
        const pause = { scope, id, note: '', by: 'mara', since: kit.now, until: kit.now + MINUTE };
        const moves = { failover: [{ project: 'api', from: 'a', to: 'b' }] };
        await kit.store.pause(pause, AUDIT);
        expect(await claim()).toBeNull();
        expect(await claim({ probe: true, ofHold: true })).toBeNull();
        expect(await claim(moves), 'a stand-in').toBeNull();
        kit.now += MINUTE - 1;
        expect(await claim()).toBeNull();
        expect(await kit.store.job(job.id)).toEqual(job);
        kit.now += 1;
        await release(await claimed());
        await kit.store.pause({ ...pause, until: null }, AUDIT);
        kit.now += MINUTE;
        expect(await claim()).toBeNull();
        await kit.store.resume(scope, id, AUDIT);
        expect((await claimed()).job.id).toBe(job.id);
      },
    );

    it('starts what a pause of something else does not mean', async () => {
      await enqueue();
      const deploy = await enqueue({ agent: null, account: null, stage: 'deploy' });
      const pause = (scope: 'project' | 'account', id: string) =>
        kit.store.pause({ scope, id, note: '', by: 'mara', since: kit.now, until: null }, AUDIT);
      for (const other of ['web', 'a', '']) await pause('project', other);
      for (const other of ['api', 'b']) await pause('account', other);
      await release(await claimed());
      await pause('account', 'a');
      expect((await claimed()).job.id, 'it needs no account').toBe(deploy.id);
    });

    it('starts agents alone where the forge does not answer, and everything elsewhere', async () => {
      await enqueue({ agent: null, account: null });
      const agent = await enqueue();
      const other = await enqueue({ project: 'web', agent: null, account: null });
      const agentsOnly = ['api'];
      const begun = new Set([(await claimed({ agentsOnly })).job.id, (await claimed({ agentsOnly })).job.id]);
      expect(begun).toEqual(new Set([agent.id, other.id]));
      expect(await claim({ agentsOnly })).toBeNull();
    });

    it('takes turns with the probes of a long overload, so that no single job pays for it', async () => {
      const jobs = [await enqueue(), await enqueue(), await enqueue({ project: 'web' })];
      const probed: number[] = [];
      for (let i = 0; i < 6; i++) {
        const probe = await claimed({ probe: true });
        probed.push(probe.job.id);
        await end(probe, {
          job: { status: 'queued', attempts: 0, transientAttempts: probe.job.transientAttempts + 1 },
          run: ENDED,
        });
      }
      const ids = jobs.map(({ id }) => id);
      expect(probed).toEqual([...ids, ...ids]);
    });

    it('lets a job that has failed before prove an account when there is no other', async () => {
      const only = await enqueue();
      await command(only.id, { job: { attempts: 2 } });
      expect((await claimed({ probe: true })).job.id).toBe(only.id);
    });
  });
}
