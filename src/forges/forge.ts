import type { PullRequest } from '../core/model.ts';

/** Where code is merged. Writes look first and act then: repeating one is safe. */
export interface Forge {
  readonly kind: string;
  /** Opens the pull request of a branch as a draft, or returns the one that there is, open or merged already. */
  open(request: { branch: string; base: string; title: string; body: string }): Promise<PullRequest>;
  /** Makes it ready for people and gives it this text; safe to repeat for a later text. */
  ready(pr: PullRequest, body: string): Promise<PullRequest>;
  comment(pr: PullRequest, key: string, body: string): Promise<void>;
  /** How a branch at `head` stands: merged by whomever, closed unmerged, or neither. Changes nothing. */
  look(request: { pr: PullRequest | null; branch: string; base: string; head: string }): Promise<Standing>;
  /** Merges exactly `head` into the base; says so when it is already merged. */
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
