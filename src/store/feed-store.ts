import type { Audit } from '../core/audit.ts';
import type { NewOutboxRow } from '../core/effects.ts';
import type { FeedMarks, TaskFeed } from '../core/feed.ts';

/** What is remembered of trackers and forges that people act through; every method is one transaction. */
export interface FeedStore {
  /** Those of these keys that were handled before (`Audit.once`, `NewTask.feed`, `noteSeen`). */
  seen(keys: readonly string[]): Promise<ReadonlySet<string>>;
  /** Marks a key as handled, with the messages that this has for its effect; false: it was before, and nothing is written. */
  noteSeen(key: string, rows: readonly NewOutboxRow[]): Promise<boolean>;
  /**
   * How the tasks of a project stand to the items they came from: those under way, and cancelled ones whose item
   * was not yet seen to match no more. Oldest first.
   */
  feeds(project: string): Promise<readonly TaskFeed[]>;
  /** The same of the task of one item, whatever became of it. */
  feedOf(project: string, workItemId: string): Promise<TaskFeed | null>;
  /** A task that was over and is taken up again is `away` until this says otherwise. */
  noteFeed(taskId: number, change: Partial<FeedMarks>): Promise<void>;
  /** Where the item of a task is looked at from now on. Not news of the task. */
  noteUrl(taskId: number, url: string): Promise<void>;
  /** What a person let a project take on; null = nothing yet. */
  intake(project: string): Promise<AcceptedIntake | null>;
  /** A person lets the items of a rule in, from now on, but for these. */
  acceptIntake(project: string, accepted: AcceptedIntake, audit: Audit): Promise<void>;
}

export interface AcceptedIntake {
  /** Of the match rule. */
  readonly fingerprint: string;
  /** Items that matched then and stay out, by the tracker's name for them. */
  readonly leftOut: readonly string[];
}
