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
  /** One line for a person. Never contains a credential. */
  readonly detail: string;
}
