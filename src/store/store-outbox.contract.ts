import { describe, expect, it } from 'vitest';
import type { NewOutboxRow } from '../core/effects.ts';
import type { StoreKit } from './store-kit.contract.ts';
import { EVERYTHING, MINUTE, message, SECOND } from './store-rows.contract.ts';

/** The promises to tell the world, and the incidents that were told. */
export function keepsPromises(kit: StoreKit): void {
  const { enqueue, command } = kit;

  describe('the outbox', () => {
    const write = async (...rows: Partial<NewOutboxRow>[]) => {
      const job = await enqueue({ hold: 'approval.pending' });
      await command(job.id, { outbox: rows.map(message) });
    };
    const due = async (limit = EVERYTHING) =>
      (await kit.store.dueMessages(kit.now, limit)).map((row) => row.key);
    const idOf = async (key: string) =>
      (await kit.store.dueMessages(kit.now, EVERYTHING)).find((row) => row.key === key)?.id ?? 0;

    it('hands out the rows of one order key one at a time, in the order they were written', async () => {
      await write({ key: 'a1', orderKey: 'a' }, { key: 'b1', orderKey: 'b' }, { key: 'a2', orderKey: 'a' });
      expect(await due()).toEqual(['a1', 'b1']);
      await kit.store.delivered(await idOf('a1'), kit.now);
      expect(await due()).toEqual(['b1', 'a2']);
    });

    it('keeps one key once, also after it was delivered', async () => {
      await write({ key: 'a1' });
      await kit.store.delivered(await idOf('a1'), kit.now);
      await write({ key: 'a1' }, { key: 'a2' });
      expect(await due()).toEqual(['a2']);
    });

    it('tries again when it is time, holds the rows behind it back, and lets them pass when it gives up', async () => {
      await write({ key: 'a1', orderKey: 'a' }, { key: 'a2', orderKey: 'a' });
      const first = await idOf('a1');
      await kit.store.undelivered(first, '503', kit.now + MINUTE, kit.now);
      expect(await due()).toEqual([]);
      expect(await kit.store.nextDue(kit.now)).toBe(kit.now + MINUTE);
      kit.now += MINUTE;
      expect(await kit.store.dueMessages(kit.now, 1)).toMatchObject([{ key: 'a1', tries: 1 }]);
      await kit.store.undelivered(first, '410', null, kit.now);
      expect(await due()).toEqual(['a2']);
      await kit.store.delivered(first, kit.now);
      expect(await due()).toEqual(['a2']);
    });

    it('does not hand out a row before its time', async () => {
      await write({ key: 'later', availableAt: kit.now + SECOND });
      expect(await due()).toEqual([]);
      kit.now += SECOND;
      expect(await due()).toEqual(['later']);
    });

    it('lets no destination with a long line push another one out', async () => {
      await write(
        ...Array.from({ length: 20 }, (_, i) => ({
          key: `slow${i}`,
          orderKey: `slow${i}`,
          destination: 'notify',
        })),
        { key: 'quick', orderKey: 'quick', destination: 'tracker:api' },
      );
      expect(await due(2)).toEqual(['slow0', 'quick']);
    });

    it('remembers on which message an incident was told', async () => {
      const incident = {
        key: 'job_1',
        channel: 'telegram:1',
        messageRef: '77',
        text: 'failed',
        openedAt: kit.now,
        updatedAt: kit.now,
        resolvedAt: null,
      };
      expect(await kit.store.incident('job_1', 'telegram:1')).toBeNull();
      await kit.store.saveIncident(incident);
      await kit.store.saveIncident({
        ...incident,
        text: 'resolved',
        updatedAt: kit.now + 1,
        resolvedAt: kit.now + 1,
      });
      expect(await kit.store.incident('job_1', 'telegram:1')).toEqual({
        ...incident,
        text: 'resolved',
        updatedAt: kit.now + 1,
        resolvedAt: kit.now + 1,
      });
      expect(await kit.store.incident('job_1', 'telegram:2')).toBeNull();
    });
  });
}
