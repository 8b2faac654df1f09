import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { delivery, failing } from '../core/test-kit.ts';
import type { Tracker } from './tracker.ts';

/** A tracker with one item in it, and what people see there. */
export interface OpenedTracker {
  readonly tracker: Tracker;
  readonly itemId: string;
  /** Bodies of the item's comments, oldest first, without a marker of ours. */
  comments(): Promise<string[]>;
  /** The item's state in Orch's words. */
  status(): Promise<string>;
  /** The next write is done, and its answer gets lost. */
  loseNext(): void;
  discard(): Promise<void>;
}

/** What every tracker keeps, whatever happens between it and us. */
export function trackerContract(kind: string, open: () => Promise<OpenedTracker>): void {
  describe(`${kind} as a tracker`, () => {
    let here: OpenedTracker;
    beforeEach(async () => {
      here = await open();
    });
    afterEach(() => here.discard());

    it('has its kind, and the item', async () => {
      expect(here.tracker.kind).toBe(kind);
      expect(await here.tracker.item(here.itemId)).toMatchObject({ id: here.itemId });
    });

    it('has a comment once, however often it is delivered', async () => {
      await here.tracker.comment(here.itemId, 'spent', delivery('k1'));
      for (let i = 0; i < 3; i++)
        await here.tracker.comment(here.itemId, 'spent', delivery('k1', { again: true }));
      expect(await here.comments()).toEqual(['spent']);
    });

    it('has a comment once when the answer got lost after it was there', async () => {
      here.loseNext();
      expect(await failing(here.tracker.comment(here.itemId, 'spent', delivery('k1')))).toMatchObject({
        kind: 'unreachable',
        done: 'unknown',
      });
      await here.tracker.comment(here.itemId, 'spent', delivery('k1', { again: true }));
      expect(await here.comments()).toEqual(['spent']);
    });

    it('has a comment that an earlier try, believed to have acted, did not write', async () => {
      await here.tracker.comment(here.itemId, 'spent', delivery('k1', { again: true }));
      expect(await here.comments()).toEqual(['spent']);
    });

    it('takes another key for another comment, whatever its text', async () => {
      await here.tracker.comment(here.itemId, 'same', delivery('k1'));
      await here.tracker.comment(here.itemId, 'same', delivery('k2'));
      expect(await here.comments()).toEqual(['same', 'same']);
    });

    it('has one report, edited in place, beside its comments, also when an answer got lost', async () => {
      await here.tracker.report(here.itemId, 'in analysis', delivery('r1'));
      await here.tracker.comment(here.itemId, 'spent', delivery('k1'));
      await here.tracker.report(here.itemId, 'in review', delivery('r2'));
      expect(await here.comments()).toEqual(['in review', 'spent']);
      here.loseNext();
      expect(await failing(here.tracker.report(here.itemId, 'in testing', delivery('r3')))).toMatchObject({
        kind: 'unreachable',
        done: 'unknown',
      });
      await here.tracker.report(here.itemId, 'in testing', delivery('r3', { again: true }));
      await here.tracker.report(here.itemId, 'done', delivery('r4'));
      expect(await here.comments()).toEqual(['done', 'spent']);
    });

    it('writes its first report once when the answer got lost', async () => {
      here.loseNext();
      await failing(here.tracker.report(here.itemId, 'in analysis', delivery('r1')));
      await here.tracker.report(here.itemId, 'in analysis', delivery('r1', { again: true }));
      expect(await here.comments()).toEqual(['in analysis']);
    });

    it('has the state it was told last, also when an answer got lost', async () => {
      await here.tracker.setStatus(here.itemId, 'in_progress', 'development', delivery('s1'));
      here.loseNext();
      expect(
        await failing(here.tracker.setStatus(here.itemId, 'done', 'deploy', delivery('s2'))),
      ).toMatchObject({
        kind: 'unreachable',
        done: 'unknown',
      });
      await here.tracker.setStatus(here.itemId, 'done', 'deploy', delivery('s2', { again: true }));
      expect(await here.status()).toBe('done');
    });

    it('refuses what concerns an item that is not there, and says so when asked for it', async () => {
      expect(await here.tracker.item('99999')).toBeNull();
      for (const act of [
        () => here.tracker.comment('99999', 'x', delivery('k1')),
        () => here.tracker.report('99999', 'x', delivery('k3')),
        () => here.tracker.setStatus('99999', 'done', 's', delivery('k2')),
      ])
        expect(await failing(act())).toMatchObject({ kind: 'refused' });
    });

    it('begins nothing once the delivery is given up', async () => {
      const signal = AbortSignal.abort();
      const before = await here.status();
      await expect(here.tracker.comment(here.itemId, 'late', delivery('k1', { signal }))).rejects.toThrow();
      await expect(here.tracker.report(here.itemId, 'late', delivery('k3', { signal }))).rejects.toThrow();
      await expect(
        here.tracker.setStatus(here.itemId, 'done', 's', delivery('k2', { signal })),
      ).rejects.toThrow();
      expect([await here.comments(), await here.status()]).toEqual([[], before]);
    });
  });
}
