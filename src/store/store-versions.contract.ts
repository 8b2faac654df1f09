import { describe, expect, it } from 'vitest';
import type { CliProof } from '../core/cli-version.ts';
import { AppError } from '../core/errors.ts';
import type { StoreKit } from './store-kit.contract.ts';
import { AUDIT, ENDED, MINUTE, refOf, T0 } from './store-rows.contract.ts';

/** Which versions of CLIs have worked here. */
export function knowsVersions(kit: StoreKit): void {
  const { enqueue, claimed, end } = kit;
  describe('versions of CLIs', () => {
    const proof = { kind: 'codex', version: '0.170.0', at: T0, bin: null, by: null };
    const version = {
      kind: 'codex',
      version: '0.170.0',
      bin: '/opt/codex',
      firstSuccessAt: T0,
      lastSuccessAt: T0 + MINUTE,
      trustedBy: null,
      trustedAt: null,
    };
    const prove = async (...proofs: CliProof[]) => {
      await enqueue();
      await end(await claimed(), { job: { status: 'done' }, run: ENDED, proofs });
    };

    it('are proven by the settle of a run: first and last time, and the binary as last told', async () => {
      expect(await kit.store.cliVersions()).toEqual([]);
      await prove({ ...proof, bin: '/opt/codex' });
      await prove({ ...proof, at: T0 + MINUTE });
      await kit.reopen();
      expect(await kit.store.cliVersions()).toEqual([version]);
    });

    it('are there for the settle of a run of that CLI, and of no other', async () => {
      await prove({ ...proof, bin: '/opt/codex', at: T0 + MINUTE }, { ...proof, kind: 'opencode' });
      const taken = await (await enqueue(), claimed());
      await kit.store.started(refOf(taken), { cliKind: 'codex', cliVersion: '0.171.0', cliBin: '/opt/next' });
      let seen: unknown;
      await kit.store.settle(refOf(taken), ({ cliVersions, run }) => {
        seen = [cliVersions.map(({ kind }) => kind), run.cliVersion, run.cliBin];
        return { job: { status: 'done' }, run: ENDED };
      });
      expect(seen).toEqual([['codex'], '0.171.0', '/opt/next']);
    });

    it('are trusted by a person, who is named once, with the account that it was about', async () => {
      const trust = (by: string) =>
        kit.store.commandAccount(
          'a',
          (account) => ({ account: { ...account, hold: null }, proofs: [{ ...proof, by }] }),
          AUDIT,
        );
      await trust('mara');
      await trust('tom');
      expect(await kit.store.cliVersions()).toEqual([
        {
          ...version,
          bin: null,
          firstSuccessAt: null,
          lastSuccessAt: null,
          trustedBy: 'mara',
          trustedAt: T0,
        },
      ]);
      await prove({ ...proof, bin: '/opt/codex', at: T0 + MINUTE });
      expect(await kit.store.cliVersions()).toMatchObject([
        { trustedBy: 'mara', firstSuccessAt: T0 + MINUTE, bin: '/opt/codex' },
      ]);
    });

    it('stay as they were when the person is refused', async () => {
      const refused = kit.store.commandAccount(
        'a',
        () => {
          throw new AppError('no', { code: 'refused' });
        },
        AUDIT,
      );
      await expect(refused).rejects.toMatchObject({ code: 'refused' });
      expect(await kit.store.cliVersions()).toEqual([]);
    });

    it('may be pinned for an account, across a restart', async () => {
      const pinned = {
        version: '0.169.0',
        bin: '/opt/old',
        insteadOf: { bin: 'codex', versions: ['0.170.0'] },
        by: 'mara',
        since: T0,
      };
      await kit.store.commandAccount(
        'a',
        (account) => ({ account: { ...account, pinned }, proofs: [] }),
        AUDIT,
      );
      await kit.reopen();
      expect((await kit.store.accounts())[0]?.pinned).toEqual(pinned);
    });
  });
}
