import type { Comment, Person } from '../core/comment.ts';
import type { Delivery } from '../core/delivery.ts';
import type { Survey } from '../core/explain.ts';

/**
 * Where work items live. Errors of every method are AppError:
 * - `tracker.refused`: the tracker took the request in and said no, and a repeat would get the same answer
 *   (400, 404, 409, 410, 413, 422). Nothing was done. Given up at once, a person looks.
 * - `tracker.unreachable`: no answer, or one that may change: a timeout, a cut connection, 401, 403, 408, 429,
 *   5xx. Never "the item is gone". Facts: `done: 'no'` when certainly nothing was done, `retryAfterMs` when the
 *   tracker stated it. A 5xx that only one item gets is told apart by a look at the item, and is a refusal.
 */
export interface Tracker {
  readonly kind: string;
  /** The item, or null when it is certainly gone. Changes nothing. */
  item(id: string, signal?: AbortSignal): Promise<TrackedItem | null>;
  /**
   * Adds a comment, once per key: the tracker's own idempotency (an external id) or a marker in the text that is
   * looked for when the delivery is `again`. Another key adds another comment, also with the same text. The body
   * is Markdown; what it says of the outside world is data, and never becomes markup.
   */
  comment(id: string, body: string, by: Delivery): Promise<void>;
  /**
   * Gives the item's one living comment this text, in Markdown: written the first time, edited from then on,
   * found by a marker or external id. Safe to repeat, also for a later text.
   */
  report(id: string, body: string, by: Delivery): Promise<void>;
  /** Moves the item. Safe to repeat: writing the state that it has changes nothing. */
  setStatus(id: string, status: ItemStatus, stage: string, by: Delivery): Promise<void>;
  /** What the last look at the tracker found, with the three items that come nearest to the rule. Asks nobody anew. */
  survey(): Promise<Omit<Survey, 'project'>>;
  /** Where items come in from; null when they come by hand alone (Orch's own board). */
  readonly feed: TrackerFeed | null;
}

export type ItemStatus = 'in_progress' | 'done' | 'cancelled' | 'needs_you';

/** What the line looks at again and again, and whenever a webhook says that something changed. */
export interface TrackerFeed {
  /** The match rule in words, and a fingerprint of what it looks for and where: another one admits nothing by itself. */
  readonly rule: { readonly text: string; readonly fingerprint: string };
  /** A delivery that names this place (`owner/name`, a project's id) speaks of this tracker. */
  isAbout(place: string): boolean;
  /**
   * Every open item that the rule matches, oldest first. All pages or an error, never a part. The survey is
   * made anew from what was seen.
   */
  matching(signal: AbortSignal): Promise<readonly TrackedItem[]>;
  /**
   * Comments on an item by others than Orch, oldest first: those written or edited at or after `since`, or all.
   * A tracker may answer with more. Changes nothing.
   */
  comments(id: string, since: number | null, signal: AbortSignal): Promise<readonly Comment[]>;
}

export interface TrackedItem {
  /** The tracker's own name for it in its API; stays the same. */
  readonly id: string;
  /** What people call it, unique in the installation: `API-12`. */
  readonly key: string;
  readonly title: string;
  /** Markdown. */
  readonly body: string;
  /** The state in the tracker's own words. */
  readonly status: string;
  readonly url: string | null;
  readonly labels: readonly string[];
  /** False once it is done, closed or cancelled. */
  readonly isOpen: boolean;
  /** Null: the match rule admits it. Otherwise why it does not, in a few words (`label agent is missing`). */
  readonly mismatch: string | null;
  /** Items that have to be done before this one, as the tracker knows them. */
  readonly blockedBy: readonly { readonly key: string; readonly isOpen: boolean }[];
  readonly author: Person | null;
  /** Higher goes first; 0 = the tracker says nothing. -100 to 100. */
  readonly priority: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}
