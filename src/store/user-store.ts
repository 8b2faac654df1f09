import type { Audit } from '../core/audit.ts';
import type { Role } from '../core/roles.ts';
import type { Snooze } from '../core/snooze.ts';
import type { ApiToken, Session, User } from '../core/users.ts';

/**
 * Part of the store port: who may sign in, and what they hold. Secrets (session ids, tokens, one-time codes)
 * come in as hashes alone. A change is written with its audit entry, or not at all.
 */
export interface UserStore {
  /** Throws `user.name_taken`, whatever the case of the name. */
  create(
    user: { readonly name: string; readonly role: Role; readonly passwordHash: string | null },
    audit: Audit,
  ): Promise<User>;
  /** Any case. */
  byName(name: string): Promise<User | null>;
  byId(id: number): Promise<User | null>;
  /** In the order they came. */
  all(): Promise<readonly User[]>;
  /** Changes what is named. `check` sees all users first and throws to refuse; then nothing changed. */
  change(
    id: number,
    change: {
      readonly role?: Role;
      readonly passwordHash?: string;
      readonly disabledAt?: number | null;
    },
    check: (users: readonly User[], after: User) => void,
    audit: Audit,
  ): Promise<User>;

  openSession(session: Omit<Session, 'id'> & { readonly hash: string }): Promise<Session>;
  session(hash: string): Promise<{ readonly session: Session; readonly user: User } | null>;
  seen(sessionId: number, now: number): Promise<void>;
  /** Of one user, newest first. */
  sessions(userId: number): Promise<readonly Session[]>;
  /** Safe to repeat. With `userId` only when it is that user's. */
  endSession(id: number, userId: number | null): Promise<boolean>;
  /** All of a user but one: a new password ends the others. */
  endSessions(userId: number, except: number | null): Promise<number>;

  addToken(
    token: Omit<ApiToken, 'id' | 'usedAt'> & { readonly hash: string },
    audit: Audit,
  ): Promise<ApiToken>;
  token(hash: string): Promise<{ readonly token: ApiToken; readonly user: User | null } | null>;
  used(tokenId: number, now: number): Promise<void>;
  /** Of one user, or all; oldest first. */
  tokens(userId: number | null): Promise<readonly ApiToken[]>;
  /** False when there is none (of that user). */
  revokeToken(id: number, userId: number | null, audit: Audit): Promise<boolean>;

  /** A one-time code with which a user sets the first password; replaces the one before. */
  putInvite(userId: number, hash: string, expiresAt: number): Promise<void>;
  /** Sets the password and ends the code; null when there is no such live code. */
  takeInvite(hash: string, passwordHash: string, now: number): Promise<User | null>;

  /** What somebody put off, over or not. */
  snoozes(who: string): Promise<readonly Snooze[]>;
  /** Replaces what that person put off of the same code and scope; forgets what is long over. */
  snooze(who: string, snooze: Snooze, audit: Audit): Promise<void>;
  /** False when there is none. */
  unsnooze(who: string, of: Pick<Snooze, 'code' | 'kind' | 'id'>): Promise<boolean>;

  /** Deletes sessions and tokens that ended before, a bounded number of rows. Repeat until 0. */
  forget(before: {
    readonly idle: number;
    readonly created: number;
    readonly expired: number;
  }): Promise<number>;
}
