import { type BreakerRule, breakerAfterAnswer, breakerAfterFailure } from './breaker.ts';
import type { Judgement } from './failure.ts';
import type { AccountHold, AccountState, CliSeen, SeenWindow } from './model.ts';
import { mayStart, type SignIn } from './sign-in.ts';

const HOLD_MIN_MS = 60 * 1000;
const HOLD_MAX_MS = 8 * 24 * 60 * 60 * 1000;
/** A stated 429 delay stops new starts on the account, but not for longer than this. */
const THROTTLE_MAX_MS = 60 * 1000;
/** A window used up to this share may be the one that a limit without a stated reset speaks of. */
const SPENT_SHARE = 0.9;
/** A refused canary ends within this: for so long a hold waits for the one that lives, past its own end. */
const CANARY_PATIENCE_MS = 60 * 1000;

export interface RunFacts {
  readonly startedAt: number;
  readonly judgement: Judgement;
  /** Fingerprint of the credential that the run was started with. */
  readonly fingerprint: string | null;
  /** The same at its end: the CLI may have renewed it meanwhile. Left out = as at the start. */
  readonly endFingerprint?: string | null;
  /** Set when it ended in a way that no rule knows, on a version that is not proven. */
  readonly unproven?: { readonly cli: CliSeen; readonly detail: string } | null;
}

/** What an ended run teaches about its account. Only a real answer ends a hold; no error ever does. */
export function accountAfterRun(
  account: AccountState,
  run: RunFacts,
  rules: BreakerRule,
  now: number,
): AccountState {
  const { startedAt, judgement, fingerprint } = run;
  const learned = withWindows(answered(account, startedAt, judgement, fingerprint), judgement, now);
  switch (judgement.verdict) {
    case 'auth':
      return {
        ...learned,
        hold: holdSignedOut(learned.hold, run, now),
        provenFingerprint: null,
      };
    case 'usage_limit':
      return { ...learned, hold: holdLimit(learned, run, now), provenFingerprint: null };
    case 'transient':
      return {
        ...learned,
        breaker: breakerAfterFailure(account.breaker, rules, now),
        notBefore:
          judgement.retryAfterMs === null
            ? learned.notBefore
            : Math.max(learned.notBefore ?? 0, now + Math.min(judgement.retryAfterMs, THROTTLE_MAX_MS)),
      };
    case 'permanent':
      return { ...learned, hold: holdUnproven(learned.hold, run, now) };
    case 'success':
    case 'no_change':
    case 'timeout':
    case 'stalled':
    case 'lost':
    case 'cancelled':
      return learned;
  }
}

function answered(
  account: AccountState,
  startedAt: number,
  judgement: Judgement,
  fingerprint: string | null,
): AccountState {
  if (!judgement.realAnswer) return account;
  // An answer of the model proves a sign-in; that Orch can read a version only a success proves.
  const holdOver =
    account.hold !== null && account.hold.reason !== 'unproven_version' && startedAt > account.hold.since;
  return {
    ...account,
    hold: holdOver ? null : account.hold,
    breaker: judgement.verdict === 'transient' ? account.breaker : breakerAfterAnswer(account.breaker),
    provenFingerprint: fingerprint ?? account.provenFingerprint,
  };
}

/** Each window as last reported: a run that tells of one says nothing of the others. */
function withWindows(account: AccountState, judgement: Judgement, now: number): AccountState {
  if (judgement.windows.length === 0) return account;
  const told = new Set(judgement.windows.map((window) => window.name));
  return {
    ...account,
    windows: [
      ...judgement.windows.map((window) => ({ ...window, seenAt: now })),
      ...account.windows.filter((window) => !told.has(window.name)),
    ],
  };
}

/** A run from before the hold says nothing of a sign-in that came after it. */
function holdSignedOut(
  hold: AccountHold | null,
  { startedAt, judgement, fingerprint }: RunFacts,
  now: number,
): AccountHold {
  const before = hold?.reason === 'signed_out' ? hold : null;
  return {
    reason: 'signed_out',
    since: before?.since ?? now,
    until: null,
    guessed: false,
    refusals: 0,
    detail: judgement.reason,
    fingerprint: before !== null && startedAt <= before.since ? before.fingerprint : fingerprint,
  };
}

/**
 * A canary of another hold takes its place: else it would be followed by the next one, and no job would
 * pay for it. A run from before that hold leaves it: once it is over the version is tried again.
 */
function holdUnproven(
  hold: AccountHold | null,
  { unproven = null, fingerprint, startedAt }: RunFacts,
  now: number,
): AccountHold | null {
  const before = hold?.reason === 'unproven_version' ? hold : null;
  if (unproven === null || (before === null && hold !== null && startedAt <= hold.since)) return hold;
  return {
    reason: 'unproven_version',
    since: before?.since ?? now,
    until: null,
    guessed: false,
    refusals: 0,
    detail: unproven.detail,
    fingerprint,
    cli: unproven.cli,
  };
}

/**
 * The credential at the end counts: a login that the CLI renewed on the way to the refusal is no new
 * sign-in, and must not end the hold.
 */
function holdLimit(account: AccountState, run: RunFacts, now: number): AccountHold {
  const { judgement } = run;
  const before = account.hold?.reason === 'limit' ? account.hold : null;
  const refusedAgain = before !== null && run.startedAt > before.since;
  const told = resetTime(judgement.resetAt, account.windows, refusedAgain, now);
  const known = told ?? (refusedAgain || before === null ? NEVER : before);
  return {
    reason: 'limit',
    since: before?.since ?? now,
    until: known.until,
    guessed: known.guessed,
    refusals: before === null ? 0 : before.refusals + (refusedAgain ? 1 : 0),
    detail: judgement.reason,
    fingerprint: run.endFingerprint === undefined ? run.fingerprint : run.endFingerprint,
  };
}

interface ResetTime {
  readonly until: number | null;
  readonly guessed: boolean;
}

const NEVER: ResetTime = { until: null, guessed: false };

/**
 * The stated reset, clamped; else the end of the window that looks used up. It is a guess when the vendor
 * named no time, or one that is over already: at a guess one run is tried, at a stated reset the hold ends.
 */
function resetTime(
  stated: number | null,
  windows: readonly SeenWindow[],
  refusedAgain: boolean,
  now: number,
): ResetTime | null {
  const clamped = (at: number) => Math.min(Math.max(at, now + HOLD_MIN_MS), now + HOLD_MAX_MS);
  if (stated !== null) {
    // Refused at its reset, and told the same time again: that time is no use any more.
    const isAhead = stated > now + (refusedAgain ? HOLD_MIN_MS : 0);
    return { until: clamped(stated), guessed: !isAhead || stated > now + HOLD_MAX_MS };
  }
  const resets = windows
    .filter(({ utilization }) => utilization !== null && utilization >= SPENT_SHARE)
    .map(({ resetAt }) => resetAt ?? 0)
    .filter((resetAt) => resetAt > now);
  return resets.length === 0 ? null : { until: clamped(Math.max(...resets)), guessed: true };
}

/**
 * A hold that is over by its own terms: the stated reset has passed, or the credentials changed and look
 * good. `probing`: a canary lives, whose answer is waited for a moment longer than the reset.
 */
export function holdIsOver(
  hold: AccountHold,
  signIn: SignIn,
  fingerprint: string | null,
  now: number,
  probing = false,
): boolean {
  if (hold.reason === 'unproven_version') return false;
  const patienceMs = probing ? CANARY_PATIENCE_MS : 0;
  if (hold.until !== null && !hold.guessed && now >= hold.until + patienceMs) return true;
  return fingerprint !== null && fingerprint !== hold.fingerprint && mayStart(signIn);
}

/**
 * Whether a hold because of a CLI's version is over: the binary answers with another version, or those it
 * is held for are proven by now, here or on another account.
 */
export function versionHoldIsOver(
  hold: AccountHold,
  version: string | null,
  isProven: (version: string) => boolean,
): boolean {
  const { cli } = hold;
  if (hold.reason !== 'unproven_version' || cli === undefined) return false;
  return (version !== null && version !== cli.versions[0]) || cli.versions.every(isProven);
}
