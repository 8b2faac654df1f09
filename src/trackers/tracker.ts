import type { Survey } from '../core/explain.ts';

/** Where work items live. Every write is safe to repeat with the same key. */
export interface Tracker {
  readonly kind: string;
  /** The item, or null when it is certainly gone. Throws AppError `tracker.unreachable` when it cannot be told. */
  item(id: string): Promise<TrackedItem | null>;
  /** Adds a comment; once per key. */
  comment(id: string, key: string, body: string): Promise<void>;
  setStatus(
    id: string,
    status: 'in_progress' | 'done' | 'cancelled' | 'needs_you',
    stage: string,
  ): Promise<void>;
  /** What the last look at the tracker found, with the three items that come nearest to the rule. Asks nobody anew. */
  survey(): Promise<Omit<Survey, 'project'>>;
}

export interface TrackedItem {
  readonly id: string;
  readonly key: string;
  readonly title: string;
  readonly body: string;
  readonly status: string;
}
