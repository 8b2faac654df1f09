export interface BackoffRule {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** A stated Retry-After is honoured beyond the backoff's own maximum, but never past a day (S9). */
const RETRY_AFTER_CAP_MS = 24 * 60 * 60 * 1000;

/**
 * Delay before the n-th transient retry (n >= 1). A stated delay wins; otherwise exponential with
 * jitter in [1/2, 1] of the step, so that many jobs hit by one outage do not come back together.
 * `jitter` is a random number in [0, 1).
 */
export function retryDelayMs(n: number, statedMs: number | null, rule: BackoffRule, jitter: number): number {
  if (statedMs !== null) return Math.min(Math.max(statedMs, 0), RETRY_AFTER_CAP_MS);
  const step = Math.min(rule.baseMs * 2 ** Math.max(0, n - 1), rule.maxMs);
  return Math.round(step * (0.5 + jitter / 2));
}
