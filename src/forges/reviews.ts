import type { Place } from '../clients/place.ts';
import type { Author } from '../clients/threads.ts';
import type { Delivery } from '../core/delivery.ts';
import type { Finding, PullRequest } from '../core/model.ts';
import { isStatus } from '../lib/http-client.ts';
import { hasMarker, marked, withoutMarker } from '../lib/marker.ts';
import type { ForgeReview, ReviewToWrite } from './forge.ts';

/** A review as a vendor has it. */
export interface VendorReview {
  readonly id: number;
  /** Null: somebody who is gone. */
  readonly author: Author | null;
  /** Null: it gives none. */
  readonly verdict: 'approved' | 'changes_requested' | 'dismissed' | null;
  /** Words that count of somebody without a verdict. */
  readonly isRemark: boolean;
  readonly commit: string;
  readonly body: string;
  readonly at: number;
  /** Asked for only where the review counts. */
  comments(signal?: AbortSignal): Promise<ForgeReview['comments']>;
}

/** A review of ours on its way. */
export interface OutgoingReview {
  readonly event: ReviewToWrite['event'];
  readonly head: string;
  readonly body: string;
  readonly inline: readonly { readonly file: string; readonly line: number; readonly body: string }[];
}

/** How a vendor is asked. */
export interface ReviewParts<C> {
  readonly place: Place<C>;
  list(number: number, signal?: AbortSignal): Promise<readonly VendorReview[]>;
  /** Which lines of a pull request a comment may stand at. */
  linesOf(number: number, signal: AbortSignal): Promise<(file: string, line: number) => boolean>;
  /** 422 is a review that it does not take. */
  post(as: C, number: number, review: OutgoingReview, signal: AbortSignal): Promise<unknown>;
  /** Answers that a line which is not there gets too, and that may also come after the review was written. */
  readonly unclear?: readonly number[];
  /** What is longer is cut. */
  readonly maxBody?: number;
}

export interface Reviews {
  /** The review that counts of each person, own accounts left out. */
  counting(number: number, signal?: AbortSignal): Promise<ForgeReview[]>;
  /** The same as the forge's own rules count them, with those of our accounts. */
  standing(number: number): Promise<VendorReview[]>;
  /** As `Forge.review`. */
  write(pr: PullRequest, review: ReviewToWrite, by: Delivery): Promise<void>;
}

export function createReviews<C extends { own(signal?: AbortSignal): Promise<{ readonly id: unknown }> }>(
  parts: ReviewParts<C>,
): Reviews {
  const { list, unclear = [], maxBody } = parts;
  const { client, reviewer, ownIds, mayWrite, threads } = parts.place;

  async function readable(review: VendorReview, signal?: AbortSignal): Promise<ForgeReview> {
    const { id, author, verdict, commit, body, at } = review;
    return {
      id: String(id),
      by: {
        ...{ id: author?.id ?? '0', name: author?.login ?? 'somebody' },
        mayWrite: await mayWrite(author, signal),
      },
      state: verdict === null || verdict === 'dismissed' ? 'commented' : verdict,
      ...{ commit, body: withoutMarker(body), comments: await review.comments(signal), at },
    };
  }

  /** As a review of ours; where the forge took none it is a comment, which knows of its key itself. */
  async function isWritten(number: number, key: string, signal: AbortSignal): Promise<boolean> {
    const own = await ownIds(signal);
    const found = await list(number, signal);
    return found.some(({ author, body }) => own.includes(author?.id ?? '') && hasMarker(body, key));
  }

  const textOf = (review: ReviewToWrite, findings: readonly Finding[]) =>
    whole(review, findings).slice(0, maxBody);

  return {
    async counting(number, signal) {
      const own = await ownIds(signal);
      const theirs = (await list(number, signal)).filter(({ author }) => !own.includes(author?.id ?? ''));
      return Promise.all(onePerPerson(theirs).map((each) => readable(each, signal)));
    },
    standing: async (number) => onePerPerson(await list(number)),
    async write({ number }, review, by) {
      const { signal, key, again } = by;
      if (again && (await isWritten(number, key, signal))) return;
      const asComment = () => threads.add(number, textOf(review, review.findings), by);
      if (reviewer === null) return asComment();
      const [author, second] = await Promise.all([client.own(signal), reviewer.own(signal)]);
      if (author.id === second.id) return asComment();

      const hasLine = review.findings.length === 0 ? () => false : await parts.linesOf(number, signal);
      const inline = review.findings.flatMap((finding) => {
        const { file, line } = finding;
        const isThere = file !== null && line !== null && hasLine(file, line);
        return isThere ? [{ finding, file, line, body: findingText(finding) }] : [];
      });
      const post = (at: typeof inline) => {
        const others = review.findings.filter((each) => !at.some(({ finding }) => finding === each));
        const body = marked(textOf(review, others), key);
        return parts.post(reviewer, number, { ...review, body, inline: at }, signal);
      };
      try {
        await post(inline);
      } catch (error) {
        const isUnclear = isStatus(error, ...unclear);
        if (!isUnclear && !isStatus(error, 422)) throw error;
        if (isUnclear && inline.length === 0) throw error;
        if (isUnclear && (await isWritten(number, key, signal))) return;
        // A line that moved meanwhile, a head that is gone, a pull request that takes no review.
        if (inline.length === 0) return asComment();
        await post([]).catch((second: unknown) => {
          if (isStatus(second, 422)) return asComment();
          throw second;
        });
      }
    },
  };
}

function onePerPerson(reviews: readonly VendorReview[]): VendorReview[] {
  const inOrder = reviews.toSorted((a, b) => a.id - b.id);
  const people = Map.groupBy(inOrder, ({ author }) => author?.id ?? null);
  return [...people.values()].flatMap((theirs) => theOneThatCounts(theirs) ?? []);
}

/** A verdict stands until its author gives another or it is dismissed; without one, the last remark. */
function theOneThatCounts(theirs: readonly VendorReview[]): VendorReview | undefined {
  const last = theirs.findLast(({ verdict }) => verdict !== null);
  return last === undefined || last.verdict === 'dismissed'
    ? theirs.findLast(({ isRemark }) => isRemark)
    : last;
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
