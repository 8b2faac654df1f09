import { type BackoffRule, retryDelayMs } from './backoff.ts';
import { AppError, messageOf } from './errors.ts';

/** A destination that does not answer is asked again at growing intervals. */
export const DELIVERY_BACKOFF: BackoffRule = { baseMs: 1000, maxMs: 15 * 60 * 1000 };
/** A message that could not be delivered for this long is given up, at its next failing try: a receiver may be away over a weekend. */
export const GIVE_UP_AFTER_MS = 7 * 24 * 60 * 60 * 1000;
/** Tries of a message that fails by our own fault. */
export const MAX_OWN_FAILURES = 12;
/** One delivery; after that its outcome is unknown. */
export const DELIVERY_TIMEOUT_MS = 60_000;
/** A destination that has not answered for this long is told as unreachable; before, it is a hiccup. */
export const UNREACHABLE_AFTER_MS = 60_000;
/** From then on a person has to look. */
export const NEEDS_YOU_AFTER_MS = 15 * 60 * 1000;

/** How one effect is brought to its receiver; every writing method of tracker, forge and notifier takes it. */
export interface Delivery {
  /** Names the effect, the same on every repeat: for the receiver's own idempotency or a marker in the text. */
  readonly key: string;
  /**
   * An earlier try may have acted: its answer got lost, or we died before we noted it. Then look first, and act
   * only when the effect is not there. False: certainly nothing was done yet, and the look may be saved.
   */
  readonly again: boolean;
  /** Once aborted no further request is begun, and the one under way is given up. */
  readonly signal: AbortSignal;
}

/** What a destination that does not answer is known by. */
export interface Unanswered {
  /** The first failure since it last answered. */
  readonly since: number;
  /** Failures in a row. */
  readonly failures: number;
  readonly error: string;
  readonly triedAt: number;
  /** One row tries then; the others wait for what it finds out. */
  readonly nextTryAt: number;
}

/** A destination that does not answer, or that has messages which were given up. */
export interface DestinationTrouble {
  /** As outbox rows name it: `tracker:<project>`, `forge:<project>`, `notify`. */
  readonly name: string;
  readonly unanswered: Unanswered | null;
  readonly dead: { readonly count: number; readonly newestAt: number; readonly error: string } | null;
  /** A person has messages tried anew, and their outcome is not known yet. */
  readonly retried: boolean;
}

export type DeliveryFailure =
  /** The receiver said no, and no repeat will change that. Nothing was done. */
  | { readonly kind: 'refused'; readonly error: string }
  /** No answer, or one that time may change. */
  | {
      readonly kind: 'unreachable';
      readonly error: string;
      readonly done: 'no' | 'unknown';
      readonly retryAfterMs: number | null;
    }
  /** Our own fault; the destination was perhaps not even asked. */
  | { readonly kind: 'failed'; readonly error: string };

/**
 * What adapters throw, told apart by the code: `*.refused` (400, 404, 409, 410, 413, 422 ...) and
 * `*.unreachable` (no answer, 401, 403, 408, 429, 5xx), the latter with the facts `done: 'no'` when certainly
 * nothing was done (a refused connection, 429) and `retryAfterMs` when that was stated.
 */
export function failureOf(error: unknown): DeliveryFailure {
  const text = messageOf(error);
  if (!(error instanceof AppError)) return { kind: 'failed', error: text };
  if (error.code.endsWith('.refused')) return { kind: 'refused', error: text };
  if (!error.code.endsWith('.unreachable')) return { kind: 'failed', error: text };
  const { done, retryAfterMs } = error.facts;
  return {
    kind: 'unreachable',
    error: text,
    done: done === 'no' ? 'no' : 'unknown',
    retryAfterMs: typeof retryAfterMs === 'number' ? retryAfterMs : null,
  };
}

/** What is noted of a delivery that failed. */
export interface Undelivered {
  readonly error: string;
  /** Null: given up. */
  readonly retryAt: number | null;
  /** One of its tries may have acted all the same. */
  readonly unsure: boolean;
  /** How the destination stands now, null = it answers; absent = nothing was learned of it. */
  readonly unanswered?: Unanswered | null;
}

/**
 * What follows a failed try. `tries` counts it; `dueFrom` is when the row was written, or a person had it
 * tried anew; `unsure` tells of the tries before; `jitter` as in `retryDelayMs`.
 */
export function afterFailure(
  { tries, dueFrom, unsure }: { readonly tries: number; readonly dueFrom: number; readonly unsure: boolean },
  failure: DeliveryFailure,
  before: Unanswered | null,
  now: number,
  jitter: number,
): Undelivered {
  const { error } = failure;
  switch (failure.kind) {
    case 'refused':
      return { error, retryAt: null, unsure, unanswered: null };
    case 'failed': {
      const retryAt = now + retryDelayMs(tries, null, DELIVERY_BACKOFF, jitter);
      return { error, retryAt: tries >= MAX_OWN_FAILURES ? null : retryAt, unsure: true };
    }
    case 'unreachable': {
      const failures = (before?.failures ?? 0) + 1;
      const nextTryAt = now + retryDelayMs(failures, failure.retryAfterMs, DELIVERY_BACKOFF, jitter);
      return {
        error,
        retryAt: now - dueFrom >= GIVE_UP_AFTER_MS ? null : nextTryAt,
        unsure: unsure || failure.done === 'unknown',
        unanswered: { since: before?.since ?? now, failures, error, triedAt: now, nextTryAt },
      };
    }
  }
}
