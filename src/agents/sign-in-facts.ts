import type { SignIn, SignInState } from '../core/sign-in.ts';
import type { AgentAccount } from './agent.ts';
import { fingerprintOf } from './fingerprint.ts';
import { isJsonObject } from './json-documents.ts';

/** A variable of the account; blank as unset. */
export function variable(account: AgentAccount, name: string): string {
  return (account.env[name] ?? '').trim();
}

/** The credential that the CLI would use, where its end is not told by it. */
export function foundCredential(
  state: SignInState,
  source: string,
  credential: string,
  detail: string,
): SignIn {
  return { state, source, expiresAt: null, fingerprint: fingerprintOf(source, credential), detail };
}

/** Nothing with which the CLI could start. */
export function noCredential(detail: string): SignIn {
  return { state: 'logged_out', source: null, expiresAt: null, fingerprint: null, detail };
}

/** The `exp` claim of a JSON web token in epoch milliseconds; null when it has none. Nothing is verified. */
export function jwtExpiry(token: string): number | null {
  const [, claims = ''] = token.split('.');
  try {
    const parsed: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8'));
    const expiry = isJsonObject(parsed) ? parsed['exp'] : null;
    return typeof expiry === 'number' && Number.isFinite(expiry) && expiry > 0 ? expiry * 1000 : null;
  } catch {
    // No token of that form: its end cannot be read.
    return null;
  }
}

/** An instant for a person: `2026-11-22T09:00Z`. */
export function isoMinute(epochMs: number): string {
  const date = new Date(epochMs);
  return Number.isNaN(date.getTime()) ? 'at an unreadable time' : `${date.toISOString().slice(0, 16)}Z`;
}
