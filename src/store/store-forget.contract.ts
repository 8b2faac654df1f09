import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from './store.ts';
import { EVERYTHING, MINUTE, message, type OpenedStore, type OpenStore, T0 } from './store-rows.contract.ts';
import { MATTER, TICKET, TOLD } from './store-talk.contract.ts';

/** What is kept for a while only: every store forgets it alike. */
export function forgets(open: OpenStore): void {
  describe('forgetting', () => {
    let opened: OpenedStore;
    let store: Store;
    let now = T0;
    beforeEach(async () => {
      now = T0;
      opened = await open(() => now);
      store = opened.store;
    });
    afterEach(() => opened.discard());

    const tell = (...keys: string[]) => store.tell(keys.map((key) => message({ key, orderKey: key })));
    const deliver = async (at: number, ...keys: string[]) => {
      for (const row of await store.dueMessages('notify', now, EVERYTHING))
        if (keys.includes(row.key)) await store.delivered(row.id, at);
    };
    /** Keys of which a message is still known: it is not written again. */
    const known = async (...keys: string[]) => {
      const before = new Set((await store.dueMessages('notify', now, EVERYTHING)).map(({ key }) => key));
      await tell(...keys);
      const due = (await store.dueMessages('notify', now, EVERYTHING)).map(({ key }) => key);
      return keys.filter((key) => before.has(key) || !due.includes(key));
    };

    it('messages that were delivered before, and no others', async () => {
      await tell('old', 'young', 'waiting', 'given up');
      await deliver(T0, 'old');
      await deliver(T0 + MINUTE, 'young');
      const dead = (await store.dueMessages('notify', now, EVERYTHING)).find(({ key }) => key === 'given up');
      await store.undelivered(dead?.id ?? 0, { error: 'gone', retryAt: null, unsure: false }, T0);
      const before = { messages: T0 + 1, shapes: T0 + 1 };
      expect(await store.forgetMessages(before, 0)).toEqual({ forgotten: 1, next: null });
      expect(await known('old', 'young', 'waiting', 'given up')).toEqual(['young', 'waiting', 'given up']);
    });

    it('that a shape was told at its own time', async () => {
      await tell('notify:shape:abc', 'notify:other');
      await deliver(T0, 'notify:shape:abc', 'notify:other');
      expect(await store.forgetMessages({ messages: T0 + 1, shapes: T0 }, 0)).toMatchObject({ forgotten: 1 });
      expect(await known('notify:shape:abc', 'notify:other')).toEqual(['notify:shape:abc']);
      expect(await store.forgetMessages({ messages: 0, shapes: T0 + 1 }, 0)).toMatchObject({ forgotten: 1 });
    });

    it('incidents that are over, and never one that is open', async () => {
      const told = { ...TOLD, openedAt: T0, updatedAt: T0, sentAt: T0 };
      await store.talk.saveTold([
        { ...told, key: 'over', resolvedAt: T0 },
        { ...told, key: 'open', resolvedAt: null },
      ]);
      await store.talk.saveMatter({ ...MATTER, key: 'over', state: 'resolved', changedAt: T0 }, []);
      await store.talk.saveMatter({ ...MATTER, key: 'open', changedAt: T0 }, []);
      await store.talk.issue([
        { ...TICKET, nonce: 'over', expiresAt: T0 },
        { ...TICKET, nonce: 'open', expiresAt: T0 + 1 },
      ]);
      expect(await store.forgetMessages({ messages: T0 + 1, shapes: 0 }, 0)).toMatchObject({ forgotten: 3 });
      for (const [name, isKept] of [
        ['over', false],
        ['open', true],
      ] as const)
        expect([
          (await store.talk.told(TOLD.channel, name)) !== null,
          (await store.talk.matter(name)) !== null,
          (await store.talk.ticket(name)) !== null,
        ]).toEqual([isKept, isKept, isKept]);
    });

    it('a part at a time, until there is no next', async () => {
      const keys = Array.from({ length: 4500 }, (_, i) => `m${i}`);
      await tell(...keys);
      await deliver(T0, ...keys);
      const parts: number[] = [];
      for (let after: number | null = 0; after !== null; ) {
        const { forgotten, next } = await store.forgetMessages({ messages: T0 + 1, shapes: 0 }, after);
        parts.push(forgotten);
        after = next;
      }
      expect(parts.reduce((sum, part) => sum + part, 0)).toBe(4500);
      expect(parts.length).toBeGreaterThan(1);
    });
  });
}
