import { timingSafeEqual } from 'node:crypto';
import type { Audit, Surface } from '../core/audit.ts';
import { AppError } from '../core/errors.ts';
import { isAtLeast, lesser, type Role } from '../core/roles.ts';
import {
  type ApiToken,
  checkAnAdminIsLeft,
  checkPassword,
  checkUserName,
  INVITE_MS,
  isLiveSession,
  isLiveToken,
  isUsableAdmin,
  SESSION_IDLE_MS,
  SESSION_MAX_MS,
  type Session,
  TOKEN_DAYS,
  type User,
} from '../core/users.ts';
import type { Clock } from '../lib/clock.ts';
import { hashPassword, hashSecret, isPassword, newCode, newSecret, plainCode } from '../lib/password.ts';
import { createRateLimit } from '../lib/rate-limit.ts';
import type { Store } from '../store/store.ts';
import type { Actor } from './intake.ts';

const DAY_MS = 86_400_000;
const WINDOW_MS = 15 * 60_000;
const TRIES_PER_NAME = 10;
const TRIES_PER_ADDRESS = 30;
/** What is known of a session or token is written at most this often. */
const SEEN_EVERY_MS = 60_000;
const MAX_AGENT = 200;

/** Somebody who may use Orch, as far as a surface needs to know. */
export interface Person {
  readonly name: string;
  readonly role: Role;
  /** Null for what stands for no user: the token of this machine, of the environment, of a program. */
  readonly userId: number | null;
  readonly sessionId: number | null;
}

/** From where somebody comes: what the rate limit counts and the list of sessions shows. */
export interface From {
  readonly address: string;
  readonly agent: string;
}

/**
 * Users, their sessions, tokens and invitations: who somebody is, and what an admin does about it. Secrets are
 * made here, told once and kept as hashes.
 */
export function createPeople({ store, clock }: { readonly store: Store; readonly clock: Clock }) {
  const { users } = store;
  const names = createRateLimit({ most: TRIES_PER_NAME, perMs: WINDOW_MS, clock });
  const addresses = createRateLimit({ most: TRIES_PER_ADDRESS, perMs: WINDOW_MS, clock });
  /** Alive while there is no admin; of this process alone. */
  let setupCode: string | null = null;

  const entry = (actor: Actor, action: string, target: string): Audit => ({
    ...{ by: actor.by, surface: actor.surface, action, target },
    at: clock(),
  });

  async function hasAdmin(): Promise<boolean> {
    return (await users.all()).some(isUsableAdmin);
  }

  async function named(name: string): Promise<User> {
    const user = await users.byName(name);
    if (user === null)
      throw new AppError(`there is no user ${name}`, { code: 'user.unknown', hint: 'orch users list' });
    return user;
  }

  /** Counts a try before it is judged: many at once cannot slip through together. */
  function countTry(name: string, from: From): () => void {
    const key = name.toLowerCase();
    const waitMs = Math.max(names.take(key), addresses.take(from.address));
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1000);
      throw new AppError('too many tries to sign in', {
        code: 'auth.too_many',
        hint: `try again in ${seconds} s`,
        facts: { retryAfterSeconds: seconds },
      });
    }
    return () => {
      names.giveBack(key);
      addresses.giveBack(from.address);
    };
  }

  async function open(
    user: User,
    from: From,
  ): Promise<{ readonly secret: string; readonly session: Session }> {
    const secret = newSecret();
    const now = clock();
    const session = await users.openSession({
      hash: hashSecret(secret),
      userId: user.id,
      createdAt: now,
      seenAt: now,
      agent: from.agent.slice(0, MAX_AGENT),
      address: from.address,
    });
    return { secret, session };
  }

  async function signedIn(user: User, from: From, surface: Surface) {
    const opened = await open(user, from);
    await store.audit(entry({ by: user.name, surface }, 'session.start', `user:${user.name}`));
    return { ...opened, user };
  }

  async function checkCredentials(name: string, password: string, from: From): Promise<User> {
    const fits = countTry(name, from);
    const user = await users.byName(name);
    if (
      !(await isPassword(password, user?.passwordHash ?? null)) ||
      user === null ||
      user.disabledAt !== null
    )
      throw new AppError('name or password is not right', {
        code: 'auth.wrong',
        hint: 'try again, or ask an admin: orch users password NAME',
      });
    fits();
    return user;
  }

  return {
    hasAdmin,

    /** The code that makes the first admin; null once there is one. The same until it is used. */
    async setup(): Promise<{ readonly code: string } | null> {
      if (await hasAdmin()) {
        setupCode = null;
        return null;
      }
      setupCode ??= newCode();
      return { code: setupCode };
    },

    /** Makes the first admin, once. Throws `auth.setup_done`, `auth.wrong_code`, `auth.too_many`, `usage.*`. */
    async becomeFirstAdmin(code: string, name: string, password: string, from: From) {
      if (await hasAdmin()) throw setupDone();
      const fits = countTry('setup code', from);
      if (setupCode === null || !isSame(plainCode(code), plainCode(setupCode)))
        throw new AppError('the setup code is not right', {
          code: 'auth.wrong_code',
          hint: 'code: orch up prints it; a restart makes a new one',
        });
      fits();
      checkUserName(name);
      checkPassword(password, name);
      const passwordHash = await hashPassword(password);
      if (setupCode === null) throw setupDone(); // somebody was faster
      setupCode = null;
      const user = await users.create(
        { name, role: 'admin', passwordHash },
        entry({ by: name, surface: 'web' }, 'setup', `user:${name}`),
      );
      return signedIn(user, from, 'web');
    },

    /** Throws `auth.wrong` (the same for every reason) and `auth.too_many`. */
    async signIn(name: string, password: string, from: From) {
      return signedIn(await checkCredentials(name, password, from), from, 'web');
    },

    /** A token for a CLI whose person knows name and password. */
    async tokenFor(name: string, password: string, tokenName: string, days: number | null, from: From) {
      const user = await checkCredentials(name, password, from);
      const person: Person = { name: user.name, role: user.role, userId: user.id, sessionId: null };
      return this.createToken(
        person,
        { name: tokenName, role: null, days },
        { by: user.name, surface: 'cli' },
      );
    },

    /** Whose session it is; null when it is none, or over. */
    async ofSession(secret: string): Promise<Person | null> {
      const found = await users.session(hashSecret(secret));
      const now = clock();
      if (found === null || found.user.disabledAt !== null || !isLiveSession(found.session, now)) return null;
      if (now - found.session.seenAt > SEEN_EVERY_MS) await users.seen(found.session.id, now);
      const { name, role, id } = found.user;
      return { name, role, userId: id, sessionId: found.session.id };
    },

    /** Whose token it is; null when it is none, or over. Never more than its user may now. */
    async ofToken(secret: string): Promise<Person | null> {
      const found = await users.token(hashSecret(secret));
      const now = clock();
      if (found === null || !isLiveToken(found.token, now)) return null;
      const { token, user } = found;
      if (user !== null && user.disabledAt !== null) return null;
      if (now - (token.usedAt ?? 0) > SEEN_EVERY_MS) await users.used(token.id, now);
      return {
        name: user?.name ?? `token:${token.name}`,
        role: user === null ? token.role : lesser(token.role, user.role),
        userId: user?.id ?? null,
        sessionId: null,
      };
    },

    sessions: (userId: number) =>
      users.sessions(userId).then((all) => all.filter((s) => isLiveSession(s, clock()))),
    /** Safe to repeat. */
    endSession: (id: number, userId: number | null) => users.endSession(id, userId),

    all: () => users.all(),

    /** A new user without a password, and the code with which the person sets one. */
    async invite(
      name: string,
      role: Role,
      actor: Actor,
    ): Promise<{ readonly user: User; readonly code: string }> {
      checkUserName(name);
      const user = await users.create(
        { name, role, passwordHash: null },
        entry(actor, 'user.invite', `user:${name}`),
      );
      return { user, code: await inviteAgain(user) };
    },
    /** Ends the invitation and signs in. Throws `auth.wrong_code`, `usage.password`, `auth.too_many`. */
    async acceptInvite(code: string, name: string, password: string, from: From) {
      const fits = countTry(name, from);
      checkPassword(password, name);
      const passwordHash = await hashPassword(password);
      const user = await users.takeInvite(inviteHash(name, code), passwordHash, clock());
      if (user === null)
        throw new AppError('the invitation is not right, used or over', {
          code: 'auth.wrong_code',
          hint: 'ask an admin for another: orch users password NAME',
        });
      fits();
      return signedIn(user, from, 'web');
    },
    /** A way in for somebody who forgot the password: the old one counts until the code is used. */
    async newInvite(name: string, actor: Actor): Promise<{ readonly user: User; readonly code: string }> {
      const user = await named(name);
      await store.audit(entry(actor, 'user.invite', `user:${user.name}`));
      return { user, code: await inviteAgain(user) };
    },
    async setRole(name: string, role: Role, actor: Actor): Promise<User> {
      const user = await named(name);
      return users.change(
        user.id,
        { role },
        checkAnAdminIsLeft,
        entry(actor, 'user.role', `user:${user.name}`),
      );
    },
    /** A disabled user is signed out everywhere, and the tokens are gone. */
    async setDisabled(name: string, disabled: boolean, actor: Actor): Promise<User> {
      const user = await named(name);
      return users.change(
        user.id,
        { disabledAt: disabled ? clock() : null },
        checkAnAdminIsLeft,
        entry(actor, 'user.disable', `user:${user.name}`),
      );
    },
    /** Signs every other session of the user out. Throws `usage.password`. */
    async setPassword(name: string, password: string, actor: Actor, keep: number | null): Promise<User> {
      const user = await named(name);
      checkPassword(password, user.name);
      const changed = await users.change(
        user.id,
        { passwordHash: await hashPassword(password) },
        () => undefined,
        entry(actor, 'user.password', `user:${user.name}`),
      );
      await users.endSessions(user.id, keep);
      return changed;
    },
    /** One's own, with the one before. Throws `usage.password`, `auth.too_many`. */
    async changeOwnPassword(person: Person, before: string, password: string, from: From): Promise<void> {
      const user = await checkCredentials(person.name, before, from).catch((error: unknown) => {
        // Who asks is signed in: it is what they typed that is wrong, not who they are.
        if (!(error instanceof AppError) || error.code !== 'auth.wrong') throw error;
        throw new AppError('before: this is not the password', {
          code: 'usage.password',
          hint: 'type the one that you sign in with now',
        });
      });
      await this.setPassword(user.name, password, { by: user.name, surface: 'web' }, person.sessionId);
    },

    /**
     * A token with at most the maker's own role, told this once. A user's token acts as the user; that of this
     * machine or of the environment makes tokens that stand for themselves.
     */
    async createToken(
      maker: Person,
      asked: { readonly name: string; readonly role: Role | null; readonly days: number | null },
      actor: Actor,
    ): Promise<{ readonly token: ApiToken; readonly secret: string }> {
      const role = asked.role ?? maker.role;
      if (!isAtLeast(maker.role, role))
        throw new AppError(`a ${maker.role} cannot make a token of role ${role}`, {
          code: 'auth.forbidden',
          hint: `role: at most ${maker.role}`,
        });
      const days = asked.days ?? TOKEN_DAYS.usual;
      const secret = newSecret('orch_pat_');
      const now = clock();
      const token = await users.addToken(
        {
          hash: hashSecret(secret),
          name: asked.name,
          userId: maker.userId,
          role,
          createdBy: actor.by,
          createdAt: now,
          expiresAt: now + Math.min(TOKEN_DAYS.most, Math.max(TOKEN_DAYS.least, days)) * DAY_MS,
        },
        entry(actor, 'token.create', `token:${asked.name}`),
      );
      return { token, secret };
    },
    tokens: (userId: number | null) => users.tokens(userId),
    /** Throws `not_found`. */
    async revokeToken(id: number, userId: number | null, actor: Actor): Promise<void> {
      if (await users.revokeToken(id, userId, entry(actor, 'token.revoke', `token ${id}`))) return;
      throw new AppError(`there is no token ${id}`, { code: 'not_found', hint: 'orch tokens list' });
    },

    /** Forgets what is over. */
    async tidy(): Promise<void> {
      const now = clock();
      const before = {
        idle: now - SESSION_IDLE_MS,
        created: now - SESSION_MAX_MS,
        expired: now - 30 * DAY_MS,
      };
      while ((await users.forget(before)) > 0);
    },
  };

  async function inviteAgain(user: User): Promise<string> {
    const code = newCode();
    await users.putInvite(user.id, inviteHash(user.name, code), clock() + INVITE_MS);
    return code;
  }
}

export type People = ReturnType<typeof createPeople>;

/** With the name in it: one code guessed for anybody would be one for all. */
function inviteHash(name: string, code: string): string {
  return hashSecret(`${name.toLowerCase()}:${plainCode(code)}`);
}

function setupDone(): AppError {
  return new AppError('there is an admin already', { code: 'auth.setup_done', hint: 'sign in' });
}

function isSame(a: string, b: string): boolean {
  const given = Buffer.from(a);
  const wanted = Buffer.from(b);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
