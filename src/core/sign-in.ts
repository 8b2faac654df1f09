/** Verdicts of the offline sign-in check. `ready*` and `unknown` may start; the other two need a person. */
export type SignInState =
  | 'ready'
  | 'ready_refresh_due'
  | 'ready_login_ends_soon'
  | 'ready_expiry_unknown'
  | 'login_needed'
  | 'logged_out'
  | 'unknown';

/** A login that can renew itself is renewed by the CLI from this long before its end. */
export const REFRESH_BEFORE_MS = 5 * 60 * 1000;

/** False when only a person can make it work. */
export function mayStart(signIn: SignIn): boolean {
  return signIn.state !== 'logged_out' && signIn.state !== 'login_needed';
}

/** Whether time alone has made a judgement of `judgedAt` an old one: its end, or the renewal before it, came near. */
export function isOutdated(signIn: SignIn, judgedAt: number, now: number, expirySkewMs: number): boolean {
  const { expiresAt } = signIn;
  if (expiresAt === null) return false;
  return [REFRESH_BEFORE_MS, expirySkewMs].some(
    (beforeMs) => judgedAt < expiresAt - beforeMs && expiresAt - beforeMs <= now,
  );
}

export interface SignIn {
  readonly state: SignInState;
  /** Which credential the CLI would use, e.g. `stored_login`, `ANTHROPIC_API_KEY`; null when none. */
  readonly source: string | null;
  /** Epoch milliseconds; null when unknown. */
  readonly expiresAt: number | null;
  /** When only a new login helps; left out or null: it renews itself for ever, or nobody can tell. */
  readonly endsAt?: number | null;
  /**
   * One-way fingerprint of the credential the CLI would use: it changes when, and only when, that
   * credential does. Null when there is none. A hold ends when it changes.
   */
  readonly fingerprint: string | null;
  /** One line for a person. Never contains a credential. */
  readonly detail: string;
}
