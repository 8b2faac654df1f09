/**
 * Circuit breaker of one account: closed -> open after N transient failures in a row -> half-open
 * (one probe) -> closed on success. Sign-in failures and usage limits never feed it.
 */
export interface Breaker {
  readonly state: 'closed' | 'open' | 'half_open';
  /** Transient failures in a row. */
  readonly failures: number;
  /** When an open breaker lets one probe through; epoch ms. */
  readonly probeAt: number | null;
  readonly since: number | null;
}

export interface BreakerRule {
  readonly threshold: number;
  readonly cooldownMs: number;
}

export const CLOSED_BREAKER: Breaker = { state: 'closed', failures: 0, probeAt: null, since: null };

export function breakerAfterFailure(breaker: Breaker, rule: BreakerRule, now: number): Breaker {
  const failures = breaker.failures + 1;
  if (breaker.state === 'closed' && failures < rule.threshold) return { ...breaker, failures };
  return { state: 'open', failures, probeAt: now + rule.cooldownMs, since: breaker.since ?? now };
}

export function breakerAfterAnswer(breaker: Breaker): Breaker {
  return breaker.state === 'closed' && breaker.failures === 0 ? breaker : CLOSED_BREAKER;
}

/** The state to act on now: an open breaker whose time has come is half-open. */
export function breakerNow(breaker: Breaker, now: number): Breaker['state'] {
  if (breaker.state === 'open' && breaker.probeAt !== null && now >= breaker.probeAt) return 'half_open';
  return breaker.state;
}
