import { type BreakerRule, breakerAfterAnswer, breakerAfterFailure, breakerNow } from './breaker.ts';
import type { Judgement } from './failure.ts';
import type { AccountHold, AccountState } from './model.ts';
import type { SignIn } from './sign-in.ts';

const HOLD_MIN_MS = 60 * 1000;
const HOLD_MAX_MS = 8 * 24 * 60 * 60 * 1000;
/** A stated 429 delay stops new starts on the account, but not for longer than this. */
const THROTTLE_MAX_MS = 60 * 1000;

export interface AccountRules extends BreakerRule {
  readonly probeIntervalMs: number;
  readonly expirySkewMs: number;
  readonly checkAuth: boolean;
  readonly authStrict: boolean;
}

export interface RunFacts {
  readonly startedAt: number;
  readonly judgement: Judgement;
  /** Fingerprint of the credential that the run was started with. */
  readonly fingerprint: string | null;
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
      return { ...learned, hold: holdLimit(learned.hold, judgement, fingerprint, now) };
    case 'transient':
      return {
        ...learned,
        breaker: breakerAfterFailure(account.breaker, rules, now),
        notBefore:
          judgement.retryAfterMs === null
            ? learned.notBefore
            : Math.max(learned.notBefore ?? 0, now + Math.min(judgement.retryAfterMs, THROTTLE_MAX_MS)),
      };
    case 'success':
    case 'no_change':
    case 'permanent':
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
  const holdOver = account.hold !== null && startedAt > account.hold.since;
  return {
    ...account,
    hold: holdOver ? null : account.hold,
    breaker: judgement.verdict === 'transient' ? account.breaker : breakerAfterAnswer(account.breaker),
    provenFingerprint: fingerprint ?? account.provenFingerprint,
  };
}

function withWindows(account: AccountState, judgement: Judgement, now: number): AccountState {
  if (judgement.windows.length === 0) return account;
  return { ...account, windows: judgement.windows, windowsAt: now };
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
    detail: judgement.reason,
    fingerprint: before !== null && startedAt <= before.since ? before.fingerprint : fingerprint,
  };
}

function holdLimit(
  hold: AccountHold | null,
  judgement: Judgement,
  fingerprint: string | null,
  now: number,
): AccountHold {
  const until =
    judgement.resetAt === null
      ? null
      : Math.min(Math.max(judgement.resetAt, now + HOLD_MIN_MS), now + HOLD_MAX_MS);
  return {
    reason: 'limit',
    since: hold?.reason === 'limit' ? hold.since : now,
    until,
    guessed: false,
    detail: judgement.reason,
    fingerprint,
  };
}

/** A hold that is over by its own terms: the stated reset has passed, or the credentials changed and look good. */
export function holdIsOver(
  hold: AccountHold,
  signIn: SignIn,
  fingerprint: string | null,
  now: number,
): boolean {
  if (hold.until !== null && now >= hold.until) return true;
  return fingerprint !== null && fingerprint !== hold.fingerprint && mayStart(signIn);
}

function mayStart(signIn: SignIn): boolean {
  return signIn.state !== 'logged_out' && signIn.state !== 'login_needed';
}

/** What the dispatcher may do on an account now. `single`: one start, and none while another run lives on it. */
export type AccountGate =
  | { readonly kind: 'open' }
  | { readonly kind: 'single'; readonly probe: boolean; readonly code: string; readonly detail: string }
  | {
      readonly kind: 'closed';
      readonly code: string;
      readonly detail: string;
      readonly state: 'waiting' | 'needs_you';
      readonly since: number | null;
      readonly clearsAt: number | null;
    };

export interface AccountView {
  readonly account: AccountState;
  /** Why the CLI does not answer `--version`; null when it does. */
  readonly versionError: string | null;
  readonly signIn: SignIn;
  readonly fingerprint: string | null;
}

/** The account's gate, in the order the dispatcher explains it: sign-in, hold, throttle, breaker. */
export function accountGate(view: AccountView, rules: AccountRules, now: number): AccountGate {
  const { account } = view;
  if (view.versionError !== null)
    return {
      kind: 'closed',
      code: 'gate.failed',
      detail: view.versionError,
      state: 'needs_you',
      since: null,
      clearsAt: null,
    };
  const signedOut = rules.checkAuth ? signInGate(view, rules, now) : null;
  if (signedOut?.kind === 'closed') return { ...signedOut, since: account.hold?.since ?? null };
  if (account.hold !== null) return holdGate(account.hold, account, rules, now);
  if (account.notBefore !== null && now < account.notBefore)
    return {
      kind: 'closed',
      code: 'account.limit',
      detail: 'the vendor asked for a pause between requests',
      state: 'waiting',
      since: null,
      clearsAt: account.notBefore,
    };
  const breaker = breakerNow(account.breaker, now);
  if (breaker === 'open')
    return {
      kind: 'closed',
      code: 'breaker.open',
      detail: `${account.breaker.failures} transient failures in a row`,
      state: 'waiting',
      since: account.breaker.since,
      clearsAt: account.breaker.probeAt,
    };
  if (breaker === 'half_open')
    return {
      kind: 'single',
      probe: true,
      code: 'breaker.probing',
      detail: 'one probe at a time until it succeeds',
    };
  return signedOut ?? { kind: 'open' };

  function signInGate(v: AccountView, r: AccountRules, at: number): AccountGate | null {
    const expired = v.signIn.expiresAt !== null && v.signIn.expiresAt <= at + r.expirySkewMs;
    if (!mayStart(v.signIn) || (expired && r.authStrict && v.signIn.source === 'stored_login'))
      return {
        kind: 'closed',
        code: 'account.signed_out',
        detail: v.signIn.detail,
        state: 'needs_you',
        since: null,
        clearsAt: null,
      };
    if (v.signIn.state === 'ready_refresh_due')
      return {
        kind: 'single',
        probe: expired,
        code: 'account.probing',
        detail: 'the sign-in is renewed by one run at a time',
      };
    if (
      v.signIn.state === 'unknown' &&
      (v.fingerprint === null || v.account.provenFingerprint !== v.fingerprint)
    )
      return {
        kind: 'single',
        probe: true,
        code: 'account.probing',
        detail: 'one run proves a sign-in that cannot be judged offline',
      };
    return null;
  }
}

function holdGate(hold: AccountHold, account: AccountState, rules: AccountRules, now: number): AccountGate {
  const nextProbeAt = Math.max(account.lastProbeAt ?? 0, hold.since) + rules.probeIntervalMs;
  if (hold.until === null && now >= nextProbeAt)
    return { kind: 'single', probe: true, code: 'account.probing', detail: `held: ${hold.detail}` };
  return {
    kind: 'closed',
    code: hold.reason === 'limit' ? 'account.limit' : 'account.signed_out',
    detail: hold.detail,
    state: hold.reason === 'limit' && hold.until !== null ? 'waiting' : 'needs_you',
    since: hold.since,
    clearsAt: hold.until,
  };
}
