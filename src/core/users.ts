import { AppError } from './errors.ts';
import { type Role } from './roles.ts';

/** People and programs that may sign in, and for how long what they hold counts. Instants are epoch ms. */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
export const SESSION_IDLE_MS = 12 * HOUR_MS;
export const SESSION_MAX_MS = 7 * DAY_MS;
export const INVITE_MS = 7 * DAY_MS;
export const TOKEN_DAYS = { least: 1, usual: 90, most: 365 } as const;
const PASSWORD_CHARS = { least: 10, most: 200 } as const;

export interface User {
  readonly id: number;
  /** Unique, whatever its case; what the audit log, reviewers and approvals name. */
  readonly name: string;
  readonly role: Role;
  /** argon2id; null = cannot sign in with a password (yet). */
  readonly passwordHash: string | null;
  readonly createdAt: number;
  readonly disabledAt: number | null;
}

/** A browser that is signed in. Its secret is known to it alone: the store has a hash. */
export interface Session {
  readonly id: number;
  readonly userId: number;
  readonly createdAt: number;
  readonly seenAt: number;
  /** What the browser called itself, and from where; for the person who looks at the list. */
  readonly agent: string;
  readonly address: string;
}

/** A bearer token, of a user or of a program. */
export interface ApiToken {
  readonly id: number;
  readonly name: string;
  /** Its user; null = it stands for itself, and acts as `token:NAME`. */
  readonly userId: number | null;
  readonly role: Role;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly usedAt: number | null;
}

export function isLiveSession(session: Session, now: number): boolean {
  return now - session.seenAt < SESSION_IDLE_MS && now - session.createdAt < SESSION_MAX_MS;
}

export function isLiveToken(token: ApiToken, now: number): boolean {
  return now < token.expiresAt;
}

/** Throws `usage.user_name`. A colon is left out on purpose: `token:ci` can then be nobody's name. */
export function checkUserName(name: string): void {
  if (/^[\p{L}\p{N}][\p{L}\p{N}._@-]{0,39}$/u.test(name)) return;
  throw new AppError(`name ${JSON.stringify(name.slice(0, 60))} is not a user name`, {
    code: 'usage.user_name',
    hint: 'name: 1 to 40 letters, digits, dots, dashes, underscores or @, a letter or digit first',
  });
}

/** Throws `usage.password`, without the password in it. */
export function checkPassword(password: string, name: string): void {
  const problem =
    password.length < PASSWORD_CHARS.least
      ? `shorter than ${PASSWORD_CHARS.least} characters`
      : password.length > PASSWORD_CHARS.most
        ? `longer than ${PASSWORD_CHARS.most} characters`
        : password.toLowerCase().includes(name.toLowerCase()) && password.length < 2 * PASSWORD_CHARS.least
          ? 'made of the name'
          : new Set(password).size < 4
            ? 'the same few characters again and again'
            : null;
  if (problem === null) return;
  throw new AppError(`password: it is ${problem}`, {
    code: 'usage.password',
    hint: `password: ${PASSWORD_CHARS.least} to ${PASSWORD_CHARS.most} characters that a stranger would not guess, such as four words`,
  });
}

/** Would the installation be left without an admin who can sign in? Throws `user.last_admin`. */
export function checkAnAdminIsLeft(
  users: readonly User[],
  changed: Pick<User, 'id' | 'role' | 'disabledAt'>,
): void {
  const after = users.map((user) => (user.id === changed.id ? { ...user, ...changed } : user));
  const had = users.some(isUsableAdmin);
  if (!had || after.some(isUsableAdmin)) return;
  throw new AppError('nobody would be left who may manage users', {
    code: 'user.last_admin',
    hint: 'make somebody else an admin first: orch users role NAME admin',
  });
}

export function isUsableAdmin(user: User): boolean {
  return user.role === 'admin' && user.disabledAt === null && user.passwordHash !== null;
}
