import type { Endpoints } from '@octokit/types';
import { type GithubClient, isStatus } from '../../clients/github/github-client.ts';
import type { GithubPlace } from '../../clients/github/github-place.ts';
import type { Delivery } from '../../core/delivery.ts';
import type { Finding, PullRequest } from '../../core/model.ts';
import { hasMarker, marked, withoutMarker } from '../../lib/marker.ts';
import type { ForgeReview, ReviewToWrite } from '../forge.ts';

export interface GithubReviews {
  /** The review that counts of each person. */
  counting(number: number, signal?: AbortSignal): Promise<ForgeReview[]>;
  write(pr: PullRequest, review: ReviewToWrite, by: Delivery): Promise<void>;
}

const REVIEWS = 'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews';
type Review = Endpoints[typeof REVIEWS]['response']['data'][number];

const VERDICTS: Readonly<Record<string, ForgeReview['state']>> = {
  APPROVED: 'approved',
  CHANGES_REQUESTED: 'changes_requested',
};
/** GitHub takes 65,536 characters. */
const MAX_BODY = 60_000;

export function createReviews({ client, reviewer, at, repo, ownIds, threads }: GithubPlace): GithubReviews {
  const list = (pull_number: number, signal?: AbortSignal) =>
    client.all(REVIEWS, { ...repo, pull_number }, (reviews) => reviews, signal);

  async function isWritten(number: number, key: string, signal: AbortSignal): Promise<boolean> {
    const own = await ownIds(signal);
    return (await list(number, signal)).some(
      ({ user, body }) => own.includes(String(user?.id)) && hasMarker(body, key),
    );
  }

  /** Lines of the new files that a comment may stand at, by file. */
  async function commentable(pull_number: number, signal: AbortSignal): Promise<Map<string, Set<number>>> {
    const route = 'GET /repos/{owner}/{repo}/pulls/{pull_number}/files';
    const files = await client.all(route, { ...repo, pull_number }, (all) => all, signal);
    return new Map(files.map(({ filename, patch = '' }) => [filename, linesOf(patch)]));
  }

  async function post(
    as: GithubClient,
    pull_number: number,
    review: ReviewToWrite,
    of: { key: string; signal: AbortSignal; others: readonly Finding[]; inline: readonly Finding[] },
  ): Promise<void> {
    const params = {
      ...{ ...repo, pull_number, commit_id: review.head },
      event: review.event === 'approve' ? ('APPROVE' as const) : ('REQUEST_CHANGES' as const),
      body: marked(whole(review, of.others), of.key),
      comments: of.inline.map((each) => ({
        ...{ path: each.file ?? '', line: each.line ?? 1, side: 'RIGHT', body: findingText(each) },
      })),
    };
    await as.send('POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews', params, of.signal);
  }

  return {
    async counting(pull_number, signal) {
      const own = await ownIds(signal);
      const theirs = onePerPerson(
        (await list(pull_number, signal)).filter(({ user }) => !own.includes(String(user?.id))),
      );
      if (theirs.length === 0) return [];
      const route = 'GET /repos/{owner}/{repo}/pulls/{pull_number}/comments';
      const remarks = await client.all(route, { ...repo, pull_number }, (comments) => comments, signal);
      return Promise.all(
        theirs.map(async (review): Promise<ForgeReview> => {
          const login = review.user?.login ?? null;
          return {
            id: String(review.id),
            by: {
              ...{ id: String(review.user?.id ?? 0), name: login ?? 'somebody' },
              mayWrite: await client.mayWrite(at, login, review.author_association ?? null, signal),
            },
            state: VERDICTS[review.state] ?? 'commented',
            commit: review.commit_id ?? '',
            body: withoutMarker(review.body),
            comments: remarks
              .filter((remark) => String(remark.pull_request_review_id) === String(review.id))
              .map(({ path, line, body }) => ({ file: path, line: line ?? null, body })),
            at: Date.parse(review.submitted_at ?? ''),
          };
        }),
      );
    },
    async write(pr, review, by) {
      const { number } = pr;
      const { signal, key, again } = by;
      if (again && (await isWritten(number, key, signal))) return;
      const asComment = () => threads.add(number, whole(review, review.findings), by);
      if (reviewer === null) return asComment();
      const [author, second] = await Promise.all([client.own(signal), reviewer.own(signal)]);
      if (author.id === second.id) return asComment();

      const lines = review.findings.length === 0 ? new Map() : await commentable(number, signal);
      const isInline = ({ file, line }: Finding) => line !== null && lines.get(file)?.has(line) === true;
      const inline = review.findings.filter(isInline);
      const others = review.findings.filter((each) => !isInline(each));
      try {
        await post(reviewer, number, review, { key, signal, others, inline });
      } catch (error) {
        if (!isStatus(error, 422)) throw error;
        // A line that moved meanwhile, a head that is gone, a pull request that takes no review.
        if (inline.length === 0) return asComment();
        await post(reviewer, number, review, { key, signal, others: review.findings, inline: [] }).catch(
          (again: unknown) => {
            if (isStatus(again, 422)) return asComment();
            throw again;
          },
        );
      }
    },
  };
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

function onePerPerson(reviews: readonly Review[]): Review[] {
  const people = new Map<string, Review[]>();
  for (const each of reviews.toSorted((a, b) => Number(a.id) - Number(b.id))) {
    const id = String(each.user?.id ?? 0);
    people.set(id, [...(people.get(id) ?? []), each]);
  }
  return [...people.values()].flatMap((theirs) => theOneThatCounts(theirs) ?? []);
}

/** A verdict stands until its author gives another or it is dismissed; without one, the last remark. */
function theOneThatCounts(theirs: readonly Review[]): Review | null {
  const verdict = theirs.findLast(({ state }) => VERDICTS[state] !== undefined || state === 'DISMISSED');
  if (verdict !== undefined && verdict.state !== 'DISMISSED') return verdict;
  return theirs.findLast(({ state }) => state === 'COMMENTED') ?? null;
}

function whole({ body }: ReviewToWrite, findings: readonly Finding[]): string {
  const items = findings.map((each) => {
    const place = each.file === null ? '' : `\`${each.file}${each.line === null ? '' : `:${each.line}`}\` `;
    return `- ${place}${findingText(each).replaceAll('\n', '\n  ')}`;
  });
  return [body.trim(), items.join('\n')]
    .filter((part) => part !== '')
    .join('\n\n')
    .slice(0, MAX_BODY);
}

function findingText({ severity, title, detail }: Finding): string {
  return `**${title}** (${severity})${detail.trim() === '' ? '' : `\n\n${detail.trim()}`}`;
}
