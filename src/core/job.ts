import { type BackoffRule, retryDelayMs } from './backoff.ts';
import type { Verdict } from './failure.ts';
import type { Job, JobContext, JobStatus } from './model.ts';

export interface Budgets {
  readonly maxTransientAttempts: number;
  readonly maxLostAttempts: number;
  readonly backoff: BackoffRule;
}

export interface AttemptEnd {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly retryAfterMs: number | null;
  /** For `cancelled`: the job is only released (shutdown, pause), not cancelled by a person. */
  readonly released: boolean;
  /** Trying again cannot help: a failure is final whatever budget is left. */
  readonly final: boolean;
}

/** The part of a job that the end of an attempt changes. */
export interface JobAfter {
  readonly status: JobStatus;
  readonly attempts: number;
  readonly transientAttempts: number;
  readonly lostAttempts: number;
  readonly availableAt: number | null;
  readonly error: string | null;
}

/**
 * The table of verdicts (what each end of an attempt does to its job). The claim has already spent
 * an attempt; the verdicts that are not the job's own fault give it back.
 */
export function jobAfter(job: Job, end: AttemptEnd, budgets: Budgets, now: number, jitter: number): JobAfter {
  const kept: JobAfter = {
    status: 'queued',
    attempts: job.attempts,
    transientAttempts: job.transientAttempts,
    lostAttempts: job.lostAttempts,
    availableAt: null,
    error: end.reason,
  };
  const givenBack = { ...kept, attempts: Math.max(0, job.attempts - 1) };
  switch (end.verdict) {
    case 'success':
      return { ...kept, status: 'done', error: null };
    case 'no_change':
    case 'permanent':
    case 'timeout':
    case 'stalled':
      return { ...kept, status: job.attempts < job.maxAttempts && !end.final ? 'queued' : 'failed' };
    case 'transient': {
      const transientAttempts = job.transientAttempts + 1;
      if (transientAttempts >= budgets.maxTransientAttempts)
        return { ...givenBack, transientAttempts, status: 'failed' };
      const delay = retryDelayMs(transientAttempts, end.retryAfterMs, budgets.backoff, jitter);
      return { ...givenBack, transientAttempts, availableAt: now + delay };
    }
    case 'auth':
    case 'usage_limit':
      return givenBack;
    case 'lost': {
      const lostAttempts = job.lostAttempts + 1;
      return {
        ...givenBack,
        lostAttempts,
        status: lostAttempts >= budgets.maxLostAttempts ? 'failed' : 'queued',
      };
    }
    case 'cancelled':
      return { ...givenBack, status: end.released ? 'queued' : 'cancelled' };
  }
}

/** Ends after which the same CLI session is resumed rather than started afresh. */
export function resumesSession(verdict: Verdict): boolean {
  switch (verdict) {
    case 'transient':
    case 'auth':
    case 'usage_limit':
    case 'lost':
    case 'timeout':
    case 'stalled':
    case 'cancelled':
      return true;
    case 'success':
    case 'no_change':
    case 'permanent':
      return false;
  }
}

/** The context once a run has started: a new session has cost nothing yet. */
export function contextAtStart(
  context: JobContext,
  facts: { readonly sessionId?: string; readonly roundHead?: string },
  account: string | null,
): JobContext {
  const sessionId = facts.sessionId ?? context.sessionId;
  return {
    ...context,
    roundHead: facts.roundHead ?? context.roundHead,
    sessionId,
    sessionAccount: facts.sessionId === undefined ? context.sessionAccount : account,
    sessionCostMicroUsd: sessionId === context.sessionId ? context.sessionCostMicroUsd : 0,
  };
}
