import type { Delivery } from '../core/delivery.ts';
import type { PullRequest } from '../core/model.ts';

/**
 * Where code is merged. Errors are AppError `forge.refused` (a repeat would get the same answer; nothing was
 * done) and `forge.unreachable` (no answer, or one that may change), told apart and with the facts as at
 * `Tracker`. What a caller of `look` and `merge` must branch on is a value.
 */
export interface Forge {
  readonly kind: string;
  /**
   * Opens the pull request of a branch as a draft, or returns the one that the branch has: it looks first,
   * whatever the delivery says, for people open them too. There is never a second open one.
   */
  open(
    request: { branch: string; base: string; title: string; body: string },
    by: Delivery,
  ): Promise<PullRequest>;
  /**
   * Makes it ready for people and gives it this text; safe to repeat, also for a later text. One that is merged
   * or closed stays so, and is returned as it is.
   */
  ready(pr: PullRequest, body: string, by: Delivery): Promise<PullRequest>;
  /** Adds a comment, once per key, as a tracker does; also to one that is merged or closed. */
  comment(pr: PullRequest, body: string, by: Delivery): Promise<void>;
  /** How a branch at `head` stands: merged by whomever, closed unmerged, or neither. Changes nothing. */
  look(request: { pr: PullRequest | null; branch: string; base: string; head: string }): Promise<Standing>;
  /**
   * Merges exactly `head` into the base. Safe to repeat: it looks first, and what is merged already is answered
   * with the commit that it became.
   */
  merge(request: {
    pr: PullRequest | null;
    branch: string;
    base: string;
    head: string;
    message: string;
  }): Promise<MergeResult>;
}

export type Standing =
  | { readonly kind: 'open' }
  | { readonly kind: 'merged'; readonly commit: string }
  | { readonly kind: 'closed' };

export type MergeResult =
  | { readonly kind: 'merged'; readonly commit: string }
  | { readonly kind: 'conflict'; readonly files: readonly string[] }
  /** Not until a person changes something; `detail` says what and how. */
  | { readonly kind: 'refused'; readonly detail: string }
  /** Not now, worth another try soon: the base moved under us, the forge is still checking. */
  | { readonly kind: 'retry'; readonly detail: string };
