import type { GithubPlace } from '../../clients/github/github-place.ts';
import { authorOf } from '../../clients/threads.ts';
import { createReviews, type Reviews, type VendorReview } from '../reviews.ts';

const PULL = '/repos/{owner}/{repo}/pulls/{pull_number}';
const VERDICTS: Readonly<Record<string, VendorReview['verdict']>> = {
  APPROVED: 'approved',
  CHANGES_REQUESTED: 'changes_requested',
  DISMISSED: 'dismissed',
};
/** GitHub takes 65,536 characters. */
const MAX_BODY = 60_000;

export function createGithubReviews(place: GithubPlace): Reviews {
  const { client, repo } = place;

  return createReviews({
    place,
    maxBody: MAX_BODY,
    async list(pull_number, signal) {
      const found = await client.all(`GET ${PULL}/reviews`, { ...repo, pull_number }, (all) => all, signal);
      /** Of all reviews together, asked for once. */
      let remarks: ReturnType<typeof remarksOn> | null = null;
      const remarksOn = (end?: AbortSignal) =>
        client.all(`GET ${PULL}/comments`, { ...repo, pull_number }, (all) => all, end);
      return found.map(
        (review): VendorReview => ({
          ...{ id: Number(review.id), author: authorOf(review.user, review.author_association) },
          ...{ verdict: VERDICTS[review.state] ?? null, isRemark: review.state === 'COMMENTED' },
          ...{ commit: review.commit_id ?? '', body: review.body, at: Date.parse(review.submitted_at ?? '') },
          async comments(end) {
            remarks ??= remarksOn(end);
            return (await remarks)
              .filter((remark) => String(remark.pull_request_review_id) === String(review.id))
              .map(({ path, line, body }) => ({ file: path, line: line ?? null, body }));
          },
        }),
      );
    },
    async linesOf(pull_number, signal) {
      const files = await client.all(`GET ${PULL}/files`, { ...repo, pull_number }, (all) => all, signal);
      const lines = new Map(files.map(({ filename, patch = '' }) => [filename, linesOf(patch)]));
      return (file, line) => lines.get(file)?.has(line) === true;
    },
    post(as, pull_number, { event, head, body, inline }, signal) {
      const review = {
        event: event === 'approve' ? ('APPROVE' as const) : ('REQUEST_CHANGES' as const),
        comments: inline.map((each) => ({
          ...{ path: each.file, line: each.line, side: 'RIGHT', body: each.body },
        })),
      };
      const params = { ...repo, pull_number, commit_id: head, body, ...review };
      return as.send(`POST ${PULL}/reviews`, params, signal);
    },
  });
}

/** Of the right side of a patch: what was added, and what stands around it. */
export function linesOf(patch: string): Set<number> {
  const lines = new Set<number>();
  let next = 0;
  for (const line of patch.split('\n')) {
    const start = /^@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(line)?.[1];
    if (start !== undefined) next = Number(start);
    else if (line.startsWith('+') || line.startsWith(' ')) lines.add(next++);
  }
  return lines;
}
