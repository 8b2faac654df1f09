import { beforeEach, describe, expect, it } from 'vitest';
import type { Delivery } from '../core/delivery.ts';
import type { PullRequest } from '../core/model.ts';
import { delivery, failing } from '../core/test-kit.ts';
import type { Forge } from './forge.ts';

/** A forge with a repository whose branch `work` is one commit ahead of `main`. */
export interface OpenedForge {
  readonly forge: Forge;
  /** The commit at the tip of `work`. */
  readonly head: string;
  /** Pull requests that people see there, with their comments, without a marker of ours. */
  pullRequests(): Promise<{ number: number; state: string; comments: string[] }[]>;
  /** Commits on `main`, newest first. */
  base(): Promise<string[]>;
  /** A person merges `work` into `main` with git alone. */
  mergeByHand(): Promise<void>;
  /** The next write is done, and its answer gets lost. */
  loseNext(): void;
}

/** What every forge keeps, whatever happens between it and us. */
export function forgeContract(kind: string, open: () => Promise<OpenedForge>): void {
  describe(`${kind} as a forge`, () => {
    let here: OpenedForge;
    beforeEach(async () => {
      here = await open();
    });

    const again = (key: string) => delivery(key, { again: true });
    const request = () => ({
      branch: 'work',
      base: 'main',
      head: here.head,
      title: 'API-1: First',
      body: 'text',
    });
    const lost = async (act: () => Promise<unknown>) => {
      here.loseNext();
      expect(await failing(act())).toMatchObject({ kind: 'unreachable', done: 'unknown' });
    };
    const opened = async (asked: Delivery): Promise<PullRequest> => {
      const pr = await here.forge.open(request(), asked);
      if (pr === null) throw new Error('nothing to open a pull request for');
      return pr;
    };
    const merge = { branch: 'work', base: 'main', message: 'API-1: First' };

    it('opens a branch one draft, however often it is asked', async () => {
      const pr = await opened(delivery('pr'));
      expect(pr.state).toBe('draft');
      for (const asked of [delivery('pr'), again('pr'), delivery('another')])
        expect(await opened(asked)).toEqual(pr);
      expect(await here.pullRequests()).toEqual([{ number: pr.number, state: 'draft', comments: [] }]);
    });

    it('opens one when the answer got lost after it was there', async () => {
      await lost(() => opened(delivery('pr')));
      const pr = await opened(again('pr'));
      expect((await here.pullRequests()).map(({ number }) => number)).toEqual([pr.number]);
    });

    it('opens none for a branch that was merged without one', async () => {
      await here.mergeByHand();
      expect(await here.forge.open(request(), delivery('pr'))).toBeNull();
      expect(await here.forge.look({ ...merge, pr: null, head: here.head })).toMatchObject({
        kind: 'merged',
      });
      expect(await here.pullRequests()).toEqual([]);
    });

    it('makes it ready, again for a later text, and when an answer got lost', async () => {
      const pr = await opened(delivery('pr'));
      await lost(() => here.forge.ready(pr, 'matrix', delivery('ready')));
      const ready = await here.forge.ready(pr, 'matrix', again('ready'));
      expect(ready).toMatchObject({ number: pr.number, state: 'open' });
      expect(await here.forge.ready(ready, 'later matrix', delivery('ready 2'))).toEqual(ready);
    });

    it('has a comment once, also when the answer got lost', async () => {
      const pr = await opened(delivery('pr'));
      await lost(() => here.forge.comment(pr, 'spent', delivery('c1')));
      await here.forge.comment(pr, 'spent', again('c1'));
      await here.forge.comment(pr, 'spent', delivery('c2'));
      await here.forge.comment(pr, 'spent', again('c2'));
      expect((await here.pullRequests())[0]?.comments).toEqual(['spent', 'spent']);
    });

    it('merges once: what is merged is answered with its commit, also when the answer got lost', async () => {
      const pr = await opened(delivery('pr'));
      const asked = { ...merge, pr, head: here.head };
      expect(await here.forge.look(asked)).toMatchObject({ kind: 'open' });
      await lost(() => here.forge.merge(asked));
      const merged = await here.base();
      expect(await here.forge.merge(asked)).toEqual({ kind: 'merged', commit: merged[0] });
      expect(await here.forge.look(asked)).toEqual({ kind: 'merged', commit: merged[0] });
      expect(await here.base()).toEqual(merged);
      expect(await here.pullRequests()).toMatchObject([{ state: 'merged' }]);
    });

    it('does not reopen what is merged, however late it is told to make it ready', async () => {
      const pr = await opened(delivery('pr'));
      await here.forge.merge({ ...merge, pr, head: here.head });
      expect(await here.forge.ready(pr, 'late', again('ready'))).toMatchObject({ state: 'merged' });
      await here.forge.comment(pr, 'still said', delivery('c1'));
      expect(await here.pullRequests()).toMatchObject([{ state: 'merged', comments: ['still said'] }]);
    });

    it('begins nothing once the delivery is given up', async () => {
      const signal = AbortSignal.abort();
      await expect(here.forge.open(request(), delivery('pr', { signal }))).rejects.toThrow();
      expect(await here.pullRequests()).toEqual([]);
      const pr = await opened(delivery('pr'));
      await expect(here.forge.ready(pr, 'x', delivery('r', { signal }))).rejects.toThrow();
      await expect(here.forge.comment(pr, 'x', delivery('c', { signal }))).rejects.toThrow();
      expect(await here.pullRequests()).toMatchObject([{ state: 'draft', comments: [] }]);
    });
  });
}
