import type { Audit } from '../../core/audit.ts';
import { AppError } from '../../core/errors.ts';
import type { Snooze } from '../../core/snooze.ts';
import type { ApiToken, Session, User } from '../../core/users.ts';
import type { UserStore } from '../user-store.ts';
import type { Db } from './database.ts';
import type { Row } from './rows.ts';

/** Rows that one call deletes at most. */
const FORGET_ROWS = 500;

/** People, sessions, tokens and invitations. */
export function prepareUsers(db: Db, world: { audit: (entry: Audit) => void }): UserStore {
  const byId = db.prepare('SELECT * FROM users WHERE id = ?');
  const byName = db.prepare('SELECT * FROM users WHERE name = ?');
  const all = db.prepare('SELECT * FROM users ORDER BY id');
  const insert = db.prepare(
    'INSERT INTO users(name, role, password_hash, created_at) VALUES(@name, @role, @passwordHash, @at) RETURNING *',
  );
  const update = db.prepare(
    'UPDATE users SET role = @role, password_hash = @passwordHash, disabled_at = @disabledAt WHERE id = @id RETURNING *',
  );
  const openSession = db.prepare(
    `INSERT INTO sessions(hash, user_id, created_at, seen_at, agent, address)
     VALUES(@hash, @userId, @createdAt, @seenAt, @agent, @address) RETURNING *`,
  );
  const sessionByHash = db.prepare('SELECT * FROM sessions WHERE hash = ?');
  const snoozesOf = db.prepare(
    'SELECT code, kind, id, at, until, held FROM snoozes WHERE who = ? ORDER BY at',
  );
  const putSnooze = db.prepare(
    'INSERT OR REPLACE INTO snoozes(who, code, kind, id, at, until, held) VALUES(@who, @code, @kind, @id, @at, @until, @held)',
  );
  const dropSnooze = db.prepare(
    'DELETE FROM snoozes WHERE who = @who AND code = @code AND kind = @kind AND id = @id',
  );
  const dropSnoozes = db.prepare('DELETE FROM snoozes WHERE until < ?');
  const seen = db.prepare('UPDATE sessions SET seen_at = max(seen_at, ?) WHERE id = ?');
  const sessionsOf = db.prepare('SELECT * FROM sessions WHERE user_id = ? ORDER BY id DESC');
  const endSession = db.prepare(
    'DELETE FROM sessions WHERE id = @id AND (@userId IS NULL OR user_id = @userId)',
  );
  const endSessions = db.prepare('DELETE FROM sessions WHERE user_id = @userId AND id IS NOT @except');
  const addToken = db.prepare(
    `INSERT INTO api_tokens(hash, name, user_id, role, created_by, created_at, expires_at)
     VALUES(@hash, @name, @userId, @role, @createdBy, @createdAt, @expiresAt) RETURNING *`,
  );
  const tokenByHash = db.prepare('SELECT * FROM api_tokens WHERE hash = ?');
  const used = db.prepare('UPDATE api_tokens SET used_at = ? WHERE id = ?');
  const tokens = db.prepare(
    'SELECT * FROM api_tokens WHERE @userId IS NULL OR user_id = @userId ORDER BY id',
  );
  const revoke = db.prepare(
    'DELETE FROM api_tokens WHERE id = @id AND (@userId IS NULL OR user_id = @userId) RETURNING *',
  );
  const putInvite = db.prepare(
    `INSERT INTO invites(user_id, hash, expires_at) VALUES(@userId, @hash, @expiresAt)
     ON CONFLICT(user_id) DO UPDATE SET hash = @hash, expires_at = @expiresAt`,
  );
  const takeInvite = db
    .prepare('DELETE FROM invites WHERE hash = @hash AND expires_at > @now RETURNING user_id')
    .pluck();
  const forgetSessions = db.prepare(
    'DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE seen_at < @idle OR created_at < @created LIMIT @limit)',
  );
  const forgetTokens = db.prepare(
    'DELETE FROM api_tokens WHERE id IN (SELECT id FROM api_tokens WHERE expires_at < @expired LIMIT @limit)',
  );
  const inTransaction = <T>(work: () => T): T => db.transaction(work).immediate();

  function userNamed(id: number): User {
    const row = byId.get(id) as Row | undefined;
    if (row === undefined)
      throw new AppError('there is no such user', { code: 'not_found', hint: 'orch users' });
    return userOf(row);
  }

  return {
    async create(user, audit) {
      return inTransaction(() => {
        if (byName.get(user.name) !== undefined)
          throw new AppError(`there is a user ${user.name} already`, {
            code: 'user.name_taken',
            hint: 'name: choose another, or orch users role NAME ROLE',
          });
        const created = userOf(insert.get({ ...user, at: audit.at }) as Row);
        world.audit({ ...audit, after: { role: created.role } });
        return created;
      });
    },
    async byName(name) {
      const row = byName.get(name) as Row | undefined;
      return row === undefined ? null : userOf(row);
    },
    async byId(id) {
      const row = byId.get(id) as Row | undefined;
      return row === undefined ? null : userOf(row);
    },
    async all() {
      return (all.all() as Row[]).map(userOf);
    },
    async change(id, change, check, audit) {
      return inTransaction(() => {
        const before = userNamed(id);
        const after = { ...before, ...change };
        check((all.all() as Row[]).map(userOf), after);
        const written = userOf(update.get({ ...after }) as Row);
        if (written.disabledAt !== null) {
          endSessions.run({ userId: id, except: null });
          for (const { id: token } of (tokens.all({ userId: id }) as Row[]).map(tokenOf))
            revoke.run({ id: token, userId: id });
        }
        world.audit({ ...audit, before: told(before), after: told(written) });
        return written;
      });
    },

    async openSession(session) {
      return sessionOf(openSession.get({ ...session }) as Row);
    },
    async session(hash) {
      const row = sessionByHash.get(hash) as Row | undefined;
      if (row === undefined) return null;
      const session = sessionOf(row);
      return { session, user: userNamed(session.userId) };
    },
    async seen(id, now) {
      seen.run(now, id);
    },
    async sessions(userId) {
      return (sessionsOf.all(userId) as Row[]).map(sessionOf);
    },
    async endSession(id, userId) {
      return endSession.run({ id, userId }).changes > 0;
    },
    async endSessions(userId, except) {
      return endSessions.run({ userId, except }).changes;
    },

    async addToken(token, audit) {
      return inTransaction(() => {
        const added = tokenOf(addToken.get({ ...token }) as Row);
        world.audit({
          ...audit,
          after: { role: added.role, expiresAt: new Date(added.expiresAt).toISOString() },
        });
        return added;
      });
    },
    async token(hash) {
      const row = tokenByHash.get(hash) as Row | undefined;
      if (row === undefined) return null;
      const token = tokenOf(row);
      return { token, user: token.userId === null ? null : userNamed(token.userId) };
    },
    async used(id, now) {
      used.run(now, id);
    },
    async tokens(userId) {
      return (tokens.all({ userId }) as Row[]).map(tokenOf);
    },
    async revokeToken(id, userId, audit) {
      return inTransaction(() => {
        const row = revoke.get({ id, userId }) as Row | undefined;
        if (row === undefined) return false;
        world.audit({ ...audit, target: `token:${tokenOf(row).name}` });
        return true;
      });
    },

    async putInvite(userId, hash, expiresAt) {
      putInvite.run({ userId, hash, expiresAt });
    },
    async takeInvite(hash, passwordHash, now) {
      return inTransaction(() => {
        const userId = takeInvite.get({ hash, now }) as number | undefined;
        if (userId === undefined) return null;
        const user = userNamed(userId);
        if (user.disabledAt !== null) return null;
        const written = userOf(update.get({ ...user, passwordHash }) as Row);
        world.audit({
          by: user.name,
          surface: 'web',
          action: 'user.password',
          target: `user:${user.name}`,
          at: now,
        });
        return written;
      });
    },

    async snoozes(who) {
      return snoozesOf.all(who) as Snooze[];
    },
    async snooze(who, snooze, audit) {
      db.transaction(() => {
        dropSnoozes.run(audit.at);
        putSnooze.run({ ...snooze, who });
        world.audit(audit);
      }).immediate();
    },
    async unsnooze(who, { code, kind, id }) {
      return dropSnooze.run({ who, code, kind, id }).changes > 0;
    },

    async forget(before) {
      const { idle, created, expired } = before;
      const limit = FORGET_ROWS;
      return (
        forgetSessions.run({ idle, created, limit }).changes + forgetTokens.run({ expired, limit }).changes
      );
    },
  };
}

function told(user: User) {
  return {
    role: user.role,
    disabled: user.disabledAt !== null,
    password: user.passwordHash !== null,
  };
}

function userOf(row: Row): User {
  return {
    id: Number(row['id']),
    name: String(row['name']),
    role: String(row['role']) as User['role'],
    passwordHash: row['password_hash'] === null ? null : String(row['password_hash']),
    createdAt: Number(row['created_at']),
    disabledAt: numberOrNull(row['disabled_at']),
  };
}

function sessionOf(row: Row): Session {
  return {
    id: Number(row['id']),
    userId: Number(row['user_id']),
    createdAt: Number(row['created_at']),
    seenAt: Number(row['seen_at']),
    agent: String(row['agent']),
    address: String(row['address']),
  };
}

function tokenOf(row: Row): ApiToken {
  return {
    id: Number(row['id']),
    name: String(row['name']),
    userId: numberOrNull(row['user_id']),
    role: String(row['role']) as ApiToken['role'],
    createdBy: String(row['created_by']),
    createdAt: Number(row['created_at']),
    expiresAt: Number(row['expires_at']),
    usedAt: numberOrNull(row['used_at']),
  };
}

function numberOrNull(value: unknown): number | null {
  return value === null ? null : Number(value);
}
