import { REFRESH_BEFORE_MS, type SignIn } from '../../core/sign-in.ts';
import { fingerprintOf } from '../fingerprint.ts';
import { isJsonObject } from '../json-documents.ts';
import type { LocalFile } from '../local-file.ts';

const WARN_BEFORE_MS = 3 * 24 * 3_600_000;
const NEEDED_SCOPE = 'user:inference';
const SOURCE = 'stored_login';

/** Why the CLI would not use the stored login at all. */
export interface NoLogin {
  readonly why: string;
}

/** Judges `claudeAiOauth` as the CLI would use it now; `NoLogin` when it would pass it over. */
export function judgeStoredLogin(file: LocalFile, now: number, expirySkewMs: number): SignIn | NoLogin {
  if (file.value === null) return { why: `the credentials file is ${file.kind.replaceAll('_', ' ')}` };
  const login = file.value['claudeAiOauth'];
  if (!isJsonObject(login)) return { why: 'the credentials file holds no login' };
  if (!isFilled(login['accessToken']))
    return { why: 'the stored login is empty: it was signed out, or its renewal was refused' };
  if (!hasNeededScope(login['scopes'])) return { why: `the stored login lacks the scope ${NEEDED_SCOPE}` };

  const expiresAt = instantOf(login['expiresAt']);
  const loginEndsAt = instantOf(login['refreshTokenExpiresAt']);
  const hasEnded = loginEndsAt !== null && loginEndsAt <= now;
  const canRefresh = isFilled(login['refreshToken']) && !hasEnded;
  const fingerprint = fingerprintOf(SOURCE, String(login['accessToken']), String(login['refreshToken']));
  const tell = (state: SignIn['state'], detail: string): SignIn => ({
    state,
    source: SOURCE,
    expiresAt,
    endsAt: canRefresh ? loginEndsAt : expiresAt,
    fingerprint,
    detail,
  });

  if (expiresAt === null) return tell('ready_expiry_unknown', 'stored login without a readable expiry');
  if (expiresAt <= now + Math.max(REFRESH_BEFORE_MS, expirySkewMs) && canRefresh) {
    return tell(
      'ready_refresh_due',
      `stored login ends ${isoOf(expiresAt)}; the CLI renews it at its next start`,
    );
  }
  if (expiresAt <= now + expirySkewMs) {
    const why = hasEnded ? `its renewal ended ${isoOf(loginEndsAt)}` : 'it has no refresh token';
    return tell('login_needed', `stored login ended ${isoOf(expiresAt)} and ${why}`);
  }
  if (loginEndsAt !== null && loginEndsAt < now + WARN_BEFORE_MS) {
    return tell('ready_login_ends_soon', `a new login is needed by ${isoOf(loginEndsAt)}`);
  }
  return tell('ready', `stored login until ${isoOf(expiresAt)}`);
}

function isFilled(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== '';
}

/** A text of scopes serves the CLI as well as a list of them. */
function hasNeededScope(scopes: unknown): boolean {
  return (Array.isArray(scopes) || typeof scopes === 'string') && scopes.includes(NEEDED_SCOPE);
}

/** Epoch milliseconds, also from a numeric string. Seconds count as long past, as they do for the CLI. */
function instantOf(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

function isoOf(epochMs: number): string {
  const date = new Date(epochMs);
  return Number.isNaN(date.getTime()) ? 'at an unreadable time' : `${date.toISOString().slice(0, 16)}Z`;
}
