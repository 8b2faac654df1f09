import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../lib/clock.ts';

/** Plane's own default for a key; a larger allowance is learned from its answers. */
const DEFAULT_PER_MINUTE = 60;
const WINDOW_MS = 60_000;
/** Requests that reads leave to writes: a poll may wait, a promise to the world should not. */
const KEPT_FOR_WRITES = 10;
/** A longer wait is the caller's: it is told how long. */
const MAX_WAIT_MS = 15_000;

/**
 * What one key may still ask. Plane counts every request of the last minute, whoever made it, so all that use
 * the key share this; what it says of the rest (`learn`) corrects for others we do not see.
 */
export interface RateBudget {
  /** Waits for a turn; writes go before reads. Milliseconds to come back after, when that is too long to wait. */
  turn(kind: 'read' | 'write', signal: AbortSignal | undefined): Promise<number | null>;
  /** What an answer's headers say. */
  learn(headers: Headers): void;
  /** Plane refused for the rate: nothing is asked until then. */
  refused(retryAfterMs: number): void;
}

export function createRateBudget(clock: Clock, parts: { wait?: typeof sleep } = {}): RateBudget {
  const { wait = sleep } = parts;
  let asked: number[] = [];
  let allowance = DEFAULT_PER_MINUTE;
  let learnedAt = 0;
  let closedUntil = 0;
  let writesWaiting = 0;

  /** 0 = now. */
  function pauseMs(kind: 'read' | 'write', now: number): number {
    asked = asked.filter((at) => at > now - WINDOW_MS);
    if (now < closedUntil) return closedUntil - now;
    if (now - learnedAt > WINDOW_MS) allowance = DEFAULT_PER_MINUTE;
    const kept = kind === 'read' ? Math.min(KEPT_FOR_WRITES + writesWaiting, Math.ceil(allowance / 2)) : 0;
    const free = Math.max(1, allowance - kept);
    if (asked.length < free) return 0;
    const leaves = asked[asked.length - free] ?? now;
    return Math.max(1, leaves + WINDOW_MS - now);
  }

  return {
    async turn(kind, signal) {
      const until = clock() + MAX_WAIT_MS;
      if (kind === 'write') writesWaiting++;
      try {
        for (;;) {
          signal?.throwIfAborted();
          const now = clock();
          const ms = pauseMs(kind, now);
          if (ms === 0) {
            asked.push(now);
            return null;
          }
          if (now + ms > until) return ms;
          await wait(ms, undefined, signal === undefined ? {} : { signal });
        }
      } finally {
        if (kind === 'write') writesWaiting--;
      }
    },
    learn(headers) {
      const text = headers.get('x-ratelimit-remaining');
      const remaining = text === null || text.trim() === '' ? Number.NaN : Number(text);
      if (!Number.isInteger(remaining) || remaining < 0) return;
      const now = clock();
      asked = asked.filter((at) => at > now - WINDOW_MS);
      allowance = asked.length + remaining;
      learnedAt = now;
    },
    refused(retryAfterMs) {
      closedUntil = Math.max(closedUntil, clock() + retryAfterMs);
    },
  };
}
