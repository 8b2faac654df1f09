import type { Expiring } from './account-warning.ts';
import { type BreakerRule, breakerNow } from './breaker.ts';
import type { AccountHold, AccountState } from './model.ts';
import type { ReasonCode } from './reason-codes.ts';
import { type ReserveNow, reservedBy } from './reserve.ts';
import { mayStart, type SignIn } from './sign-in.ts';

/** A run needs at least this long to get to its first request: so much before a stated reset it may start. */
const EARLY_MS = 2000;
/** A limit that outlives its reset is probed at intervals that double, up to this one. */
const SLOWEST_PROBE_MS = 60 * 60 * 1000;

export interface AccountRules extends BreakerRule {
  readonly probeIntervalMs: number;
  readonly expirySkewMs: number;
  readonly checkAuth: boolean;
  readonly authStrict: boolean;
}

/** What the dispatcher may do on an account now. `held`: by more than a passing pause, so that failover counts. */
export type AccountGate =
  | { readonly kind: 'open' }
  | {
      /** One start, and no other until it has ended. */
      readonly kind: 'single';
      /** The start is the account's canary. */
      readonly probe: boolean;
      /** No start while any run lives on the account: the next one renews the sign-in. */
      readonly alone: boolean;
      readonly held: boolean;
      readonly code: ReasonCode;
      readonly detail: string;
    }
  | {
      readonly kind: 'closed';
      readonly code: ReasonCode;
      readonly detail: string;
      readonly state: 'waiting' | 'needs_you';
      readonly held: boolean;
      readonly since: number | null;
      readonly clearsAt: number | null;
      /** True when `clearsAt` is our guess, not the vendor's word. */
      readonly guessed: boolean;
      /** When a canary may start; null = it takes something else. */
      readonly probeAt: number | null;
    };

/** The gate with what lives on the account now. */
export type AccountEntry = AccountGate & {
  readonly running: number;
  readonly slots: number;
  /** Whether a canary lives. */
  readonly probing: boolean;
  /** Whether its login ends soon; left out = it cannot be told now. */
  readonly expiring?: Expiring | null;
};

/** An account of which one run at a time is asked, and that one lives. */
export function isBusy(entry: AccountEntry): boolean {
  return entry.kind === 'single' && (entry.probing || (entry.alone && entry.running > 0));
}

/** Whether the one run asked of the account is the canary of its hold. */
export function isCanaryOfHold(entry: AccountEntry): boolean {
  return entry.kind === 'single' && entry.probe && entry.held && entry.code === 'account.probing';
}

export interface AccountView {
  readonly account: AccountState;
  /** Why the CLI does not answer `--version`; null when it does. */
  readonly versionError: string | null;
  readonly signIn: SignIn;
  readonly fingerprint: string | null;
  /** The share kept for people at this hour; null or left out = none. */
  readonly reserve?: ReserveNow | null;
  /** Whether a canary lives; left out = no. */
  readonly probing?: boolean;
  /** The CLI whose version nothing has proven yet, such as `codex 0.170.0`; null or left out = none. */
  readonly unproven?: string | null;
}

/** The account's gate, in the order the dispatcher explains it: sign-in, hold, throttle, reserve, breaker, new version. */
export function accountGate(view: AccountView, rules: AccountRules, now: number): AccountGate {
  const { account } = view;
  if (view.versionError !== null)
    return closed('gate.failed', view.versionError, { state: 'needs_you', held: true });
  const signIn = rules.checkAuth ? signInGate(view, rules, now) : null;
  if (signIn?.kind === 'closed') return { ...signIn, since: account.hold?.since ?? null };
  const alone = signIn?.alone ?? false;
  if (account.hold !== null) return holdGate(account.hold, view, rules, alone, now);
  if (account.notBefore !== null && now < account.notBefore)
    return closed('account.limit', 'the vendor asked for a pause between requests', {
      clearsAt: account.notBefore,
    });
  const reserved = view.reserve == null ? null : reservedBy(account.windows, view.reserve, now);
  if (reserved !== null)
    return closed('account.reserved', reserved.detail, { held: true, clearsAt: reserved.clearsAt });
  const breaker = breakerNow(account.breaker, now);
  if (breaker === 'open')
    return closed('breaker.open', `${account.breaker.failures} transient failures in a row`, {
      held: true,
      since: account.breaker.since,
      clearsAt: account.breaker.probeAt,
    });
  if (view.unproven != null) return trialGate(view.unproven, alone);
  if (breaker === 'half_open')
    return {
      kind: 'single',
      probe: true,
      alone,
      held: true,
      code: 'breaker.probing',
      detail: 'one probe at a time until it succeeds',
    };
  return signIn ?? { kind: 'open' };
}

type ClosedGate = Extract<AccountGate, { kind: 'closed' }>;

function closed(code: ReasonCode, detail: string, fields: Partial<ClosedGate>): ClosedGate {
  return {
    kind: 'closed',
    code,
    detail,
    state: 'waiting',
    held: false,
    since: null,
    clearsAt: null,
    guessed: false,
    probeAt: null,
    ...fields,
  };
}

/** The gate of an account that has not been judged yet. */
export const CHECKING = closed('account.probing', 'the sign-in is being checked', {});

function signInGate(
  { signIn, fingerprint, account }: AccountView,
  rules: AccountRules,
  now: number,
): Exclude<AccountGate, { kind: 'open' }> | null {
  const expired = signIn.expiresAt !== null && signIn.expiresAt <= now + rules.expirySkewMs;
  if (!mayStart(signIn) || (expired && rules.authStrict && signIn.source === 'stored_login'))
    return closed('account.signed_out', signIn.detail, { state: 'needs_you', held: true });
  const single = { kind: 'single', held: false, code: 'account.probing' } as const;
  if (signIn.state === 'ready_refresh_due')
    return {
      ...single,
      probe: expired,
      alone: true,
      detail: 'the sign-in is renewed by one run at a time',
    };
  if (signIn.state === 'unknown' && (fingerprint === null || account.provenFingerprint !== fingerprint))
    return {
      ...single,
      probe: true,
      alone: false,
      detail: 'one run proves a sign-in that cannot be judged offline',
    };
  return null;
}

/** A version that nothing has proven runs alone until one of its runs succeeds. What fails in a known way spends its own budgets. */
function trialGate(version: string, alone: boolean): Exclude<AccountGate, { kind: 'open' | 'closed' }> {
  const detail = `${version} is new here: one run at a time until one succeeds`;
  return { kind: 'single', probe: true, alone, held: false, code: 'agent.unproven_version', detail };
}

/** The code under which a hold is told. */
export function codeOfHold({ reason }: AccountHold): ReasonCode {
  switch (reason) {
    case 'limit':
      return 'account.limit';
    case 'signed_out':
      return 'account.signed_out';
    case 'unproven_version':
      return 'agent.unproven_version';
  }
}

function holdGate(
  hold: AccountHold,
  { account, probing = false }: AccountView,
  rules: AccountRules,
  alone: boolean,
  now: number,
): AccountGate {
  // Tokens would be spent on what Orch may not be able to read: a person decides.
  if (hold.reason === 'unproven_version')
    return closed(codeOfHold(hold), hold.detail, { state: 'needs_you', held: true, since: hold.since });
  const probeAt = nextProbe(hold, account, rules, now);
  if (probing || now >= probeAt)
    return {
      kind: 'single',
      probe: true,
      alone,
      held: true,
      code: 'account.probing',
      detail: `held: ${hold.detail}`,
    };
  const clearsAt = hold.until !== null && hold.guessed ? Math.max(hold.until, probeAt) : hold.until;
  return closed(codeOfHold(hold), hold.detail, {
    state: hold.reason === 'limit' && hold.until !== null ? 'waiting' : 'needs_you',
    held: true,
    since: hold.since,
    clearsAt,
    guessed: hold.guessed,
    probeAt,
  });
}

/**
 * When the hold's next canary may start: a little before a stated reset, at a guessed one, else after the
 * interval; never sooner than the interval since the last one, nor than breaker and throttle allow.
 */
function nextProbe(hold: AccountHold, account: AccountState, rules: AccountRules, now: number): number {
  const { lastProbeAt, breaker } = account;
  const grown = rules.probeIntervalMs * 2 ** Math.min(Math.max(0, hold.refusals - 1), 20);
  const step = Math.max(rules.probeIntervalMs, Math.min(grown, SLOWEST_PROBE_MS));
  const wanted = hold.until === null ? hold.since + step : hold.guessed ? hold.until : hold.until - EARLY_MS;
  return Math.max(
    wanted,
    lastProbeAt === null ? 0 : lastProbeAt + step,
    account.notBefore ?? 0,
    breakerNow(breaker, now) === 'open' ? (breaker.probeAt ?? 0) : 0,
  );
}
