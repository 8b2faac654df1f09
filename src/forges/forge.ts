import type { Comment, Person } from '../core/comment.ts';
import type { Delivery } from '../core/delivery.ts';
import type { CheckSeen, PullSeen, ReviewSeen } from '../core/forge-news.ts';
import type { Finding, PullRequest } from '../core/model.ts';

/**
 * Where code is merged. Errors are AppError `forge.refused` (a repeat would get the same answer; nothing was
 * done) and `forge.unreachable` (no answer, or one that may change), told apart and with the facts as at
 * `Tracker`. What a caller of `look` and `merge` must branch on is a value.
 */
export interface Forge {
  readonly kind: string;
  /**
   * Opens the pull request of a branch as a draft, or returns the one that the branch has, open or merged: it
   * looks first, whatever the delivery says, for people open them too. There is never a second open one. Null:
   * it has none, and `head` is in the base already, so that there is nothing to open one for.
   */
  open(
    request: { branch: string; base: string; head: string; title: string; body: string },
    by: Delivery,
  ): Promise<PullRequest | null>;
  /**
   * Makes it ready for people and gives it this text; safe to repeat, also for a later text. One that is merged
   * or closed stays so, and is returned as it is.
   */
  ready(pr: PullRequest, body: string, by: Delivery): Promise<PullRequest>;
  /** Adds a comment, once per key, as a tracker does; also to one that is merged or closed. */
  comment(pr: PullRequest, body: string, by: Delivery): Promise<void>;
  /**
   * Says how a commit fares, under a context of ours (`orch/review`): the newest word of a context counts. Safe
   * to repeat. A forge without statuses does nothing.
   */
  status(status: CommitStatus, by: Delivery): Promise<void>;
  /**
   * What Orch's reviewer found, as a review of exactly `head` by the second account, once per key; as a comment
   * where there is no second account, or where the forge takes no review of that head any more. Findings with a
   * file and line stand there, as far as the forge takes them. A forge without reviews does nothing.
   */
  review(pr: PullRequest, review: ReviewToWrite, by: Delivery): Promise<void>;
  /** How a branch at `head` stands: merged by whomever, closed unmerged, or neither. Changes nothing. */
  look(
    request: { pr: PullRequest | null; branch: string; base: string; head: string },
    signal?: AbortSignal,
  ): Promise<Standing>;
  /**
   * Merges exactly `head` into the base. Safe to repeat: it looks first, and what is merged already is answered
   * with the commit that it became. Asks the forge alone: what its own rules forbid is `refused`, never forced.
   */
  merge(request: {
    pr: PullRequest | null;
    branch: string;
    base: string;
    head: string;
    message: string;
    /**
     * The base's commit that the merge was checked on. A forge that can merges onto no other and answers `retry`;
     * one that cannot leaves it.
     */
    onto?: string;
  }): Promise<MergeResult>;
  /** What people say and do there; null for a repository without a forge. */
  readonly feed: ForgeFeed | null;
}

export interface CommitStatus {
  readonly head: string;
  /** Begins with `OWN_CONTEXT`. */
  readonly context: string;
  readonly state: 'pending' | 'success' | 'failure' | 'error';
  /** One line, at most 140 characters. */
  readonly description: string;
  readonly url: string | null;
}

/** Statuses of ours begin so; `Standing.checks` leaves them out. */
export const OWN_CONTEXT = 'orch/';

export interface ReviewToWrite {
  readonly head: string;
  readonly event: 'approve' | 'request_changes';
  /** Markdown. */
  readonly body: string;
  readonly findings: readonly Finding[];
}

export interface ForgeFeed {
  /** A delivery that names this place (`owner/name`) speaks of this forge. */
  isAbout(place: string): boolean;
  /**
   * Comments on a pull request by others than Orch, oldest first: those written or edited at or after `since`,
   * or all. A forge may answer with more. Changes nothing.
   */
  comments(pr: PullRequest, since: number | null, signal: AbortSignal): Promise<readonly Comment[]>;
}

export type Standing =
  | {
      readonly kind: 'open';
      /** Null where the forge knows no more than that (no pull request yet, a repository without a forge). */
      readonly pull: PullFacts | null;
    }
  | { readonly kind: 'merged'; readonly commit: string }
  | { readonly kind: 'closed' };

/** An open pull request as the forge has it now. */
export interface PullFacts extends PullSeen {
  readonly base: string;
  readonly reviews: readonly ForgeReview[];
}

export interface ForgeReview extends ReviewSeen {
  readonly by: Person;
  readonly at: number;
}

export type ForgeCheck = CheckSeen;

export type MergeResult =
  | { readonly kind: 'merged'; readonly commit: string }
  | { readonly kind: 'conflict'; readonly files: readonly string[] }
  /** Not until a person changes something; `detail` says what and how. */
  | { readonly kind: 'refused'; readonly detail: string }
  /** The forge's rules want the branch brought up to date with its base first. */
  | { readonly kind: 'outdated'; readonly detail: string }
  /** The forge merges by itself once its own conditions are met; look again. */
  | { readonly kind: 'scheduled'; readonly detail: string }
  /** Not now, worth another try soon: the base moved under us, the forge is still checking. */
  | { readonly kind: 'retry'; readonly detail: string };
