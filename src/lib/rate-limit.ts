import type { Clock } from './clock.ts';

/** Keys remembered at most; the ones that have all their tries again go first. */
const MAX_KEYS = 10_000;

/**
 * So many tries per key and time, given back evenly (a token bucket). `take` answers how long to wait, 0 when the
 * try may go on; `giveBack` undoes a try that was none. In memory: a restart forgets.
 */
export function createRateLimit(options: {
  readonly most: number;
  readonly perMs: number;
  readonly clock: Clock;
}) {
  const { most, perMs, clock } = options;
  const perTry = Math.ceil(perMs / most);
  const full = perTry * most;
  /** What is left in milliseconds of waiting: a try costs `perTry` of them. */
  const buckets = new Map<string, { left: number; at: number }>();

  function now(bucket: { left: number; at: number }): number {
    return Math.min(full, bucket.left + clock() - bucket.at);
  }

  function bucketOf(key: string) {
    const known = buckets.get(key);
    if (known === undefined && buckets.size >= MAX_KEYS) makeRoom();
    const bucket = { left: known === undefined ? full : now(known), at: clock() };
    buckets.set(key, bucket);
    return bucket;
  }

  function makeRoom(): void {
    for (const [key, bucket] of buckets) if (now(bucket) === full) buckets.delete(key);
    const [oldest] = buckets.keys();
    if (buckets.size >= MAX_KEYS && oldest !== undefined) buckets.delete(oldest);
  }

  return {
    /** Milliseconds until this key may try again; 0 = this try counts and may go on. */
    take(key: string): number {
      const bucket = bucketOf(key);
      if (bucket.left < perTry) return perTry - bucket.left;
      bucket.left -= perTry;
      return 0;
    },
    giveBack(key: string): void {
      const bucket = bucketOf(key);
      bucket.left = Math.min(full, bucket.left + perTry);
    },
  };
}
