import type { NewOutboxRow } from '../../core/effects.ts';
import type { Matter } from '../../core/matter.ts';
import type { TalkStore, Ticket, ToldRow } from '../../core/talk.ts';
import type { Db } from './database.ts';
import type { Row } from './rows.ts';

/** What people were told, as matters and as messages, and what they may answer to. */
export function prepareTalk(
  db: Db,
  world: { readonly insertOutbox: (rows: readonly NewOutboxRow[]) => void; readonly wake: () => void },
): TalkStore {
  const matterBy = db.prepare('SELECT value FROM matters WHERE key = ?').pluck();
  const saveMatter = db.prepare(
    `INSERT INTO matters(key, value, state, changed_at) VALUES(@key, @value, @state, @changedAt)
    ON CONFLICT(key) DO UPDATE SET value = excluded.value, state = excluded.state, changed_at = excluded.changed_at
    WHERE excluded.value ->> 'lastRow' > value ->> 'lastRow'`,
  );
  const untold = db
    .prepare(
      `SELECT m.value FROM matters m WHERE m.changed_at >= @since AND m.state = 'open' AND NOT EXISTS
        (SELECT 1 FROM incidents i WHERE i.key = m.key AND i.channel = @channel AND i.resolved_at IS NULL)
      ORDER BY m.changed_at, m.value ->> 'lastRow' LIMIT @limit`,
    )
    .pluck();

  const told = db.prepare('SELECT * FROM incidents WHERE channel = ? AND key = ?');
  const toldIn = db.prepare(
    'SELECT * FROM incidents WHERE channel = ? AND message_ref = ? ORDER BY opened_at, key',
  );
  const saveTold =
    db.prepare(`INSERT INTO incidents(key, channel, message_ref, text, opened_at, updated_at, resolved_at, sent_at, level, digest)
    VALUES(@key, @channel, @messageRef, @text, @openedAt, @updatedAt, @resolvedAt, @sentAt, @level, @digest)
    ON CONFLICT(key, channel) DO UPDATE SET message_ref = @messageRef, text = @text, opened_at = @openedAt, updated_at = @updatedAt,
      resolved_at = @resolvedAt, sent_at = @sentAt, level = @level, digest = @digest`);
  const sentSince = db
    .prepare('SELECT count(*) FROM incidents WHERE channel = ? AND sent_at >= ? AND digest = 0')
    .pluck();

  const issue =
    db.prepare(`INSERT INTO tickets(nonce, channel, action, matter, about, commit_sha, message_ref, expires_at, uses)
    VALUES(@nonce, @channel, @action, @matter, @about, @commit, @messageRef, @expiresAt, @uses)`);
  const bind = db.prepare('UPDATE tickets SET message_ref = ? WHERE nonce = ?');
  const ticket = db.prepare('SELECT * FROM tickets WHERE nonce = ?');
  const ticketAt = db.prepare(
    'SELECT * FROM tickets WHERE channel = ? AND message_ref = ? AND action = ? ORDER BY expires_at DESC LIMIT 1',
  );
  const used = db.prepare('UPDATE tickets SET uses = uses + 1 WHERE nonce = ?');

  const mute = db.prepare(
    'INSERT INTO mutes(channel, scope, until) VALUES(?, ?, ?) ON CONFLICT(channel, scope) DO UPDATE SET until = excluded.until',
  );
  const muted = db.prepare('SELECT until FROM mutes WHERE channel = ? AND scope = ? AND until > ?').pluck();
  const dropCodes = db.prepare('DELETE FROM link_codes WHERE user_id = ?');
  const putCode = db.prepare('INSERT OR REPLACE INTO link_codes(code, user_id, expires_at) VALUES(?, ?, ?)');
  const takeCode = db
    .prepare('DELETE FROM link_codes WHERE code = ? AND expires_at > ? RETURNING user_id')
    .pluck();
  const link = db.prepare(
    'INSERT INTO links(channel, external_id, user_id, linked_at) VALUES(?, ?, ?, ?) ON CONFLICT(channel, external_id) DO UPDATE SET user_id = excluded.user_id, linked_at = excluded.linked_at',
  );
  const linked = db.prepare('SELECT user_id FROM links WHERE channel = ? AND external_id = ?').pluck();
  const done = db.prepare('SELECT 1 FROM audit WHERE once = ?').pluck();

  const inTransaction = <T>(work: () => T): T => db.transaction(work).immediate();

  return {
    async matter(key) {
      const value = matterBy.get(key) as string | undefined;
      return value === undefined ? null : (JSON.parse(value) as Matter);
    },
    async saveMatter(matter, rows) {
      inTransaction(() => {
        const { key, state, changedAt } = matter;
        saveMatter.run({ key, value: JSON.stringify(matter), state, changedAt });
        world.insertOutbox(rows);
      });
      if (rows.length > 0) world.wake();
    },
    async untold(channel, since, limit) {
      return (untold.all({ channel, since, limit }) as string[]).map((value) => JSON.parse(value) as Matter);
    },
    async told(channel, key) {
      const row = told.get(channel, key) as Row | undefined;
      return row === undefined ? null : toldOf(row);
    },
    async toldIn(channel, messageRef) {
      return (toldIn.all(channel, messageRef) as Row[]).map(toldOf);
    },
    async saveTold(rows) {
      inTransaction(() => {
        for (const { isDigest, ...row } of rows) saveTold.run({ ...row, digest: isDigest ? 1 : 0 });
      });
    },
    async sentSince(channel, since) {
      return Number(sentSince.get(channel, since));
    },
    async issue(tickets) {
      inTransaction(() => {
        for (const each of tickets) issue.run({ ...each });
      });
    },
    async bind(nonces, messageRef) {
      inTransaction(() => {
        for (const nonce of nonces) bind.run(messageRef, nonce);
      });
    },
    async ticket(nonce) {
      const row = ticket.get(nonce) as Row | undefined;
      return row === undefined ? null : ticketOf(row);
    },
    async ticketAt(channel, messageRef, action) {
      const row = ticketAt.get(channel, messageRef, action) as Row | undefined;
      return row === undefined ? null : ticketOf(row);
    },
    async used(nonce) {
      used.run(nonce);
    },
    async mute(channel, scope, until) {
      mute.run(channel, scope, until);
      world.wake();
    },
    async mutedUntil(channel, scopes, now) {
      const ends = scopes.flatMap((scope) => {
        const until = muted.get(channel, scope, now) as number | undefined;
        return until === undefined ? [] : [until];
      });
      return ends.length === 0 ? null : Math.max(...ends);
    },
    async putLinkCode(code, userId, expiresAt) {
      inTransaction(() => {
        dropCodes.run(userId);
        putCode.run(code, userId, expiresAt);
      });
    },
    async takeLinkCode(code, channel, externalId, now) {
      return inTransaction(() => {
        const userId = takeCode.get(code, now) as number | undefined;
        if (userId === undefined) return null;
        link.run(channel, externalId, userId, now);
        return userId;
      });
    },
    async linkOf(channel, externalId) {
      return (linked.get(channel, externalId) as number | undefined) ?? null;
    },
    async wasDone(once) {
      return done.get(once) !== undefined;
    },
  };
}

function toldOf(row: Row): ToldRow {
  return {
    key: String(row['key']),
    channel: String(row['channel']),
    messageRef: String(row['message_ref']),
    text: String(row['text']),
    level: Number(row['level']),
    openedAt: Number(row['opened_at']),
    updatedAt: Number(row['updated_at']),
    sentAt: Number(row['sent_at']),
    resolvedAt: row['resolved_at'] === null ? null : Number(row['resolved_at']),
    isDigest: row['digest'] === 1,
  };
}

function ticketOf(row: Row): Ticket {
  return {
    nonce: String(row['nonce']),
    channel: String(row['channel']),
    action: String(row['action']),
    matter: String(row['matter']),
    about: String(row['about']),
    commit: row['commit_sha'] === null ? null : String(row['commit_sha']),
    messageRef: row['message_ref'] === null ? null : String(row['message_ref']),
    expiresAt: Number(row['expires_at']),
    uses: Number(row['uses']),
  };
}
