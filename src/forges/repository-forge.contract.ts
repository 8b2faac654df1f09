import { describe, expect, it } from 'vitest';
import { delivery } from '../core/test-kit.ts';
import { finding, type onPull } from './test-kit.ts';

/** The pull request of `work`, which adds two lines in `src/new.js`, and what people see of it. */
export interface OpenedPull extends Awaited<ReturnType<typeof onPull>> {
  /** States of the statuses of ours, oldest first. */
  statuses(): string[];
  /** Bodies, without a marker of ours. */
  comments(): string[];
  reviews(): { by: string; commit: string; body: string; comments: readonly object[] }[];
  closeByHand(): void;
  /** The next write is done, and its answer gets lost. */
  loseNext(): void;
}

/** What every forge with statuses and reviews keeps; `reviewer` is whose the second token is. */
export function repositoryForgeContract(
  vendor: string,
  open: (reviewer: 'second' | 'author' | 'none') => Promise<OpenedPull>,
): void {
  describe(`a pull request on ${vendor}`, () => {
    it('is told a status once, and none of a commit that is not there', async () => {
      const { forge, head, statuses } = await open('second');
      const fine = { state: 'success', description: 'fine', url: null } as const;
      const status = { head, context: 'orch/review', ...fine };
      await forge.status(status, delivery('s'));
      await forge.status(status, delivery('s', { again: true }));
      await forge.status({ ...status, state: 'failure' }, delivery('s2', { again: true }));
      expect(statuses()).toEqual(['success', 'failure']);
      await expect(forge.status({ ...status, head: 'f'.repeat(40) }, delivery('s3'))).rejects.toMatchObject({
        code: 'forge.refused',
      });
    });

    it('that is not there takes no comment', async () => {
      const { forge } = await open('second');
      const nothing = { number: 999, url: null, state: 'open' } as const;
      await expect(forge.comment(nothing, 'x', delivery('c'))).rejects.toMatchObject({
        code: 'forge.refused',
      });
    });

    it('has a review of ours by the second account, once, with findings at their lines', async () => {
      const { forge, pr, head, reviews, loseNext } = await open('second');
      const findings = [finding('src/new.js', 2), finding('README.md', 1), finding(null, null)];
      const review = { head, event: 'request_changes', body: 'Look again.', findings } as const;
      loseNext();
      await expect(forge.review(pr, review, delivery('r'))).rejects.toMatchObject({
        code: 'forge.unreachable',
      });
      await forge.review(pr, review, delivery('r', { again: true }));
      expect(reviews()).toMatchObject([
        {
          ...{ by: 'reviewer', commit: head },
          body: 'Look again.\n\n- `README.md:1` **Wrong** (high)\n\n  because\n- **Wrong** (high)\n\n  because',
          comments: [{ path: 'src/new.js', line: 2, body: '**Wrong** (high)\n\nbecause' }],
        },
      ]);
    });

    it.each(['none', 'author'] as const)(
      'has it as a comment, once, where the second account is %s',
      async (who) => {
        const { forge, pr, head, comments, reviews } = await open(who);
        const review = { head, event: 'approve', body: 'Good.', findings: [] } as const;
        for (const again of [false, true]) await forge.review(pr, review, delivery('r', { again }));
        expect([comments(), reviews()]).toEqual([['Good.'], []]);
      },
    );

    it('has it as a comment where it takes none any more', async () => {
      const { forge, pr, head, comments, closeByHand } = await open('second');
      closeByHand();
      await forge.review(pr, { head, event: 'approve', body: 'Good.', findings: [] }, delivery('r'));
      expect(comments()).toEqual(['Good.']);
    });
  });
}
