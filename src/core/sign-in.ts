/** Verdicts of the offline sign-in check. `ready*` and `unknown` may start; the other two need a person. */
export type SignInState =
  | 'ready'
  | 'ready_refresh_due'
  | 'ready_login_ends_soon'
  | 'ready_expiry_unknown'
  | 'login_needed'
  | 'logged_out'
  | 'unknown';

export interface SignIn {
  readonly state: SignInState;
  /** Which credential the CLI would use, e.g. `stored_login`, `ANTHROPIC_API_KEY`; null when none. */
  readonly source: string | null;
  /** Epoch milliseconds; null when unknown. */
  readonly expiresAt: number | null;
  /**
   * One-way fingerprint of the credential the CLI would use: it changes when, and only when, that
   * credential does. Null when there is none. A hold ends when it changes.
   */
  readonly fingerprint: string | null;
  /** One line for a person. Never contains a credential. */
  readonly detail: string;
}
