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
  item(id: string): Promise<TrackedItem | null>;
  /**
   * Adds a comment, once per key: the tracker's own idempotency (an external id) or a marker in the text that is
   * looked for when the delivery is `again`. Another key adds another comment, also with the same text.
   */
  comment(id: string, body: string, by: Delivery): Promise<void>;
  /** Moves the item. Safe to repeat: writing the state that it has changes nothing. */
  setStatus(
    id: string,
    status: 'in_progress' | 'done' | 'cancelled' | 'needs_you',
    stage: string,
    by: Delivery,
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
