import { z } from 'zod';
import type { GiteaPlace } from '../../clients/gitea/gitea-place.ts';
import { changedFile, reviewComment, review as reviewShape } from '../../clients/gitea/wire.ts';
import { authorOf } from '../../clients/threads.ts';
import { path } from '../../lib/http-client.ts';
import { createReviews, type Reviews, type VendorReview } from '../reviews.ts';

const VERDICTS: Readonly<Record<string, VendorReview['verdict']>> = {
  APPROVED: 'approved',
  REQUEST_CHANGES: 'changes_requested',
};

export function createGiteaReviews(place: GiteaPlace): Reviews {
  const { client, at } = place;
  const pulls = path`/repos/${at.owner}/${at.name}/pulls`;
  const get = (below: string, signal?: AbortSignal) =>
    ({ method: 'GET', path: `${pulls}/${below}`, ...(signal && { signal }) }) as const;

  return createReviews({
    place,
    async list(number, signal) {
      const found = await client.all(z.array(reviewShape), (all) => all, get(`${number}/reviews`, signal));
      return found.map(({ id, user, state, body, commit_id: commit, dismissed, ...more }): VendorReview => {
        const verdict = VERDICTS[state] ?? null;
        const hasWords = body.trim() !== '' || more.comments_count > 0;
        return {
          ...{ id, author: authorOf(user), commit, body, at: more.submitted_at },
          verdict: verdict !== null && dismissed ? 'dismissed' : verdict,
          isRemark: state === 'COMMENT' && !dismissed && hasWords,
          async comments(end) {
            if (more.comments_count === 0) return [];
            const request = get(`${number}/reviews/${id}/comments`, end);
            return (await client.one(z.array(reviewComment), request)).map((each) => ({
              ...{ file: each.path, body: each.body, line: each.position > 0 ? each.position : null },
            }));
          },
        };
      });
    },
    /** Its diff is not at hand: a line that it does not have is told by the answer to the review. */
    async linesOf(number, signal) {
      const files = await client.all(z.array(changedFile), (all) => all, get(`${number}/files`, signal));
      const changed = new Set(files.map(({ filename }) => filename));
      return (file) => changed.has(file);
    },
    post(as, number, { event, head, body, inline }, signal) {
      const review = {
        ...{ event: event === 'approve' ? 'APPROVED' : 'REQUEST_CHANGES', body, commit_id: head },
        comments: inline.map((each) => ({
          ...{ path: each.file, new_position: each.line, old_position: 0, body: each.body },
        })),
      };
      return as.send({ method: 'POST', path: `${pulls}/${number}/reviews`, body: review, signal });
    },
    unclear: [500],
  });
}
