import { describe, expect, it } from 'vitest';
import type { Matter } from '../core/matter.ts';
import type { Ticket, ToldRow } from '../core/talk.ts';
import type { StoreKit } from './store-kit.contract.ts';
import { AUDIT } from './store-rows.contract.ts';

export const MATTER: Matter = {
  ...{ key: 'job_1', event: 'out_of_retries', project: 'api', title: 't', detail: '', urgent: true },
  ...{ commit: null, state: 'open', level: 2, atOnce: true, counted: 0, outcome: null },
  ...{ openedAt: 1, changedAt: 1, resolvedAt: null, lastRow: 1 },
};
export const TOLD: ToldRow = {
  ...{ key: 'job_1', channel: 'telegram:1', messageRef: '77', text: 't', level: 2 },
  ...{ openedAt: 1, updatedAt: 1, sentAt: 1, resolvedAt: null, isDigest: false },
};
export const TICKET: Ticket = {
  ...{ nonce: 'abcdefghij', channel: 'telegram:1', action: 'approve', matter: 'job_1', about: 'API-1' },
  ...{ commit: 'f'.repeat(40), messageRef: null, expiresAt: 1, uses: 0 },
};

/** What was told and what may be answered is remembered, over restarts too. */
export function remembersTalk(kit: StoreKit): void {
  const talk = () => kit.store.talk;

  describe('remembers', () => {
    it('a matter with the rows that show it, and no older state of it', async () => {
      const show = { kind: 'notify.show', incident: 'job_1', title: 't' } as const;
      const row = { destination: 'notify:x', key: 's1', orderKey: 's1', availableAt: null, message: show };
      await talk().saveMatter({ ...MATTER, title: 'later', lastRow: 5 }, [row]);
      await talk().saveMatter({ ...MATTER, title: 'earlier', lastRow: 4 }, []);
      await kit.reopen();
      expect(await talk().matter('job_1')).toEqual({ ...MATTER, title: 'later', lastRow: 5 });
      expect(await kit.store.dueDestinations(kit.now)).toContain('notify:x');
    });

    it('on which message a channel was told what, and what it was not told', async () => {
      await talk().saveMatter(MATTER, []);
      await talk().saveMatter({ ...MATTER, key: 'job_2', changedAt: 2 }, []);
      await talk().saveMatter({ ...MATTER, key: 'job_3', state: 'resolved' }, []);
      expect((await talk().untold('telegram:1', 0, 9)).map(({ key }) => key)).toEqual(['job_1', 'job_2']);
      await talk().saveTold([TOLD, { ...TOLD, key: 'job_2', isDigest: true }]);
      expect(await talk().untold('telegram:1', 0, 9)).toEqual([]);
      expect(await talk().untold('webhook:x', 2, 9)).toHaveLength(1);
      expect(await talk().told('telegram:1', 'job_1')).toEqual(TOLD);
      expect(await talk().told('telegram:2', 'job_1')).toBeNull();
      expect((await talk().toldIn('telegram:1', '77')).map(({ key }) => key)).toEqual(['job_1', 'job_2']);
      // One message of its own; a line of another is none.
      expect([await talk().sentSince('telegram:1', 1), await talk().sentSince('telegram:1', 2)]).toEqual([
        1, 0,
      ]);
    });

    it('what a button means, at which message it stands, and how often it was pressed', async () => {
      await talk().issue([TICKET, { ...TICKET, nonce: 'klmnopqrst', action: 'reject' }]);
      await talk().bind(['abcdefghij'], '77');
      await talk().used('abcdefghij');
      await kit.reopen();
      const bound = { ...TICKET, messageRef: '77', uses: 1 };
      expect(await talk().ticket('abcdefghij')).toEqual(bound);
      expect(await talk().ticketAt('telegram:1', '77', 'approve')).toEqual(bound);
      expect(await talk().ticketAt('telegram:1', '77', 'reject')).toBeNull();
      expect(await talk().ticket('0000000000')).toBeNull();
    });

    it('mutes, until they end', async () => {
      await talk().mute('telegram:1', 'all', 10);
      await talk().mute('telegram:1', 'project:api', 20);
      const until = (now: number, ...scopes: string[]) => talk().mutedUntil('telegram:1', scopes, now);
      expect([await until(5, 'all', 'project:api'), await until(5, 'all'), await until(5, 'job_1')]).toEqual([
        20,
        10,
        null,
      ]);
      expect(await until(10, 'all')).toBeNull();
    });

    it('which command was carried out, and carries it out once', async () => {
      const job = await kit.enqueue();
      const raise = () =>
        kit.store.command(
          { kind: 'job', id: job.id },
          (state) => ({ job: { maxAttempts: state.job.maxAttempts + 1 } }),
          { ...AUDIT, once: 'telegram:7' },
        );
      expect(await talk().wasDone('telegram:7')).toBe(false);
      await raise();
      expect((await raise()).job.maxAttempts).toBe(job.maxAttempts + 1);
      expect(await talk().wasDone('telegram:7')).toBe(true);
    });
  });
}
