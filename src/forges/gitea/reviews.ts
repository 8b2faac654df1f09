import { z } from 'zod';
import type { GiteaClient } from '../../clients/gitea/gitea-client.ts';
import { type GiteaPlace, isStatus } from '../../clients/gitea/gitea-place.ts';
import {
  changedFile,
  type GiteaReview,
  reviewComment,
  review as reviewShape,
} from '../../clients/gitea/wire.ts';
import type { Delivery } from '../../core/delivery.ts';
import type { Finding, PullRequest } from '../../core/model.ts';
import { path } from '../../lib/http-client.ts';
import { hasMarker, marked, withoutMarker } from '../../lib/marker.ts';
import type { ForgeReview, ReviewToWrite } from '../forge.ts';

export interface GiteaReviews {
  /** The review that counts of each person. */
  counting(number: number, signal?: AbortSignal): Promise<ForgeReview[]>;
  /** Whose verdicts the forge's own rules count, the second account's too. */
  verdicts(number: number): Promise<{ readonly approvals: number; readonly rejectedBy: readonly string[] }>;
  write(pr: PullRequest, review: ReviewToWrite, by: Delivery): Promise<void>;
}

const VERDICTS: Readonly<Record<string, ForgeReview['state']>> = {
  APPROVED: 'approved',
  REQUEST_CHANGES: 'changes_requested',
};

export function createReviews({ client, reviewer, at, ownIds, threads }: GiteaPlace): GiteaReviews {
  const pulls = path`/repos/${at.owner}/${at.name}/pulls`;
  const list = (number: number, signal?: AbortSignal) =>
    client.all(z.array(reviewShape), (all) => all, {
      ...{ method: 'GET', path: `${pulls}/${number}/reviews` },
      ...(signal === undefined ? {} : { signal }),
    });

  async function readable(number: number, found: GiteaReview, signal?: AbortSignal): Promise<ForgeReview> {
    const request = {
      ...({ method: 'GET', path: `${pulls}/${number}/reviews/${found.id}/comments` } as const),
      ...(signal === undefined ? {} : { signal }),
    };
    const comments = found.comments_count === 0 ? [] : await client.one(z.array(reviewComment), request);
    const login = found.user?.login ?? null;
    return {
      id: String(found.id),
      by: {
        ...{ id: String(found.user?.id ?? 0), name: login ?? 'somebody' },
        mayWrite: await client.mayWrite(at, login, signal),
      },
      state: VERDICTS[found.state] ?? 'commented',
      commit: found.commit_id,
      body: withoutMarker(found.body),
      comments: comments.map((each) => ({
        ...{ file: each.path, body: each.body, line: each.position > 0 ? each.position : null },
      })),
      at: found.submitted_at,
    };
  }

  /** As a review of ours or, where the forge took none, as a comment. */
  async function isWritten(number: number, key: string, signal: AbortSignal): Promise<boolean> {
    const own = await ownIds(signal);
    const found = await list(number, signal);
    return found.some((each) => own.includes(each.user?.id ?? 0) && hasMarker(each.body, key));
  }

  async function changedFiles(number: number, signal: AbortSignal): Promise<Set<string>> {
    const request = { method: 'GET', path: `${pulls}/${number}/files`, signal } as const;
    const files = await client.all(z.array(changedFile), (all) => all, request);
    return new Set(files.map(({ filename }) => filename));
  }

  return {
    async counting(number, signal) {
      const own = await ownIds(signal);
      const theirs = (await list(number, signal)).filter((each) => !own.includes(each.user?.id ?? 0));
      return Promise.all(onePerPerson(theirs).map((each) => readable(number, each, signal)));
    },
    async verdicts(number) {
      const found = onePerPerson(await list(number));
      const approvals = found.filter(({ state }) => VERDICTS[state] === 'approved').length;
      const rejected = found.filter(({ state }) => VERDICTS[state] === 'changes_requested');
      return { approvals, rejectedBy: rejected.map(({ user }) => user?.login ?? 'somebody') };
    },

    async write(pr, review, by) {
      const { number } = pr;
      const { signal, key, again } = by;
      if (again && (await isWritten(number, key, signal))) return;
      const asComment = () => threads.add(number, whole(review, review.findings), by);
      if (reviewer === null) return asComment();
      const [author, second] = await Promise.all([client.own(signal), reviewer.own(signal)]);
      if (author.id === second.id) return asComment();

      const changed = review.findings.length === 0 ? new Set() : await changedFiles(number, signal);
      const isInline = ({ file, line }: Finding) => line !== null && changed.has(file);
      const inline = review.findings.filter(isInline);
      const others = review.findings.filter((each) => !isInline(each));
      try {
        await post(reviewer, number, review, { key, signal, others, inline });
      } catch (error) {
        if (!isStatus(error, 422, 500)) throw error;
        // A line that it does not find is a 500 or a 422; a 500 may also come after it was done.
        if (inline.length === 0 && !isStatus(error, 422)) throw error;
        if (isStatus(error, 500) && (await isWritten(number, key, signal))) return;
        if (inline.length === 0) return asComment();
        await post(reviewer, number, review, { key, signal, others: review.findings, inline: [] }).catch(
          (second: unknown) => {
            if (isStatus(second, 422)) return asComment();
            throw second;
          },
        );
      }
    },
  };

  async function post(
    as: GiteaClient,
    number: number,
    review: ReviewToWrite,
    of: { key: string; signal: AbortSignal; others: readonly Finding[]; inline: readonly Finding[] },
  ): Promise<void> {
    const body = {
      event: review.event === 'approve' ? 'APPROVED' : 'REQUEST_CHANGES',
      body: marked(whole(review, of.others), of.key),
      commit_id: review.head,
      comments: of.inline.map((each) => ({
        ...{ path: each.file, new_position: each.line, old_position: 0, body: findingText(each) },
      })),
    };
    await as.send({ method: 'POST', path: `${pulls}/${number}/reviews`, body, signal: of.signal });
  }
}

function onePerPerson(reviews: readonly GiteaReview[]): GiteaReview[] {
  const people = new Map<number, GiteaReview[]>();
  for (const each of reviews.toSorted((a, b) => a.id - b.id)) {
    const id = each.user?.id ?? 0;
    people.set(id, [...(people.get(id) ?? []), each]);
  }
  return [...people.values()].flatMap((theirs) => theOneThatCounts(theirs) ?? []);
}

/** A verdict stands until its author gives another or it is dismissed; without one, the last remark. */
function theOneThatCounts(theirs: readonly GiteaReview[]): GiteaReview | null {
  const verdict = theirs.findLast(({ state }) => VERDICTS[state] !== undefined);
  if (verdict !== undefined && !verdict.dismissed) return verdict;
  const isRemark = (each: GiteaReview) =>
    each.state === 'COMMENT' && !each.dismissed && (each.body.trim() !== '' || each.comments_count > 0);
  return theirs.findLast(isRemark) ?? null;
}

function whole({ body }: ReviewToWrite, findings: readonly Finding[]): string {
  const items = findings.map((each) => {
    const place = each.file === null ? '' : `\`${each.file}${each.line === null ? '' : `:${each.line}`}\` `;
    return `- ${place}${findingText(each).replaceAll(/\n(?=[^\n])/g, '\n  ')}`;
  });
  return [body.trim(), items.join('\n')].filter((part) => part !== '').join('\n\n');
}

function findingText({ severity, title, detail }: Finding): string {
  return `**${title}** (${severity})${detail.trim() === '' ? '' : `\n\n${detail.trim()}`}`;
}
