import type { OutboxMessage } from '../../core/effects.ts';
import type { Incident, OutboxRow, Store } from '../store.ts';
import type { Db } from './database.ts';
import type { Row } from './rows.ts';

type OutboxPart = Pick<
  Store,
  'nextDue' | 'dueMessages' | 'delivered' | 'undelivered' | 'incident' | 'saveIncident'
>;

/** A row behind another of its order key is not due, whatever its own time says. */
const FIRST_OF_ITS_ORDER = `NOT EXISTS (SELECT 1 FROM outbox e WHERE e.status = 'pending' AND e.order_key = o.order_key AND e.id < o.id)`;

/** The outbox: due rows in order, one at a time per order key, and the memory of told incidents. */
export function prepareOutbox(db: Db): OutboxPart {
  // By turns, so that a destination with a long line does not push the others out of the limit.
  const due = db.prepare(`SELECT * FROM (
      SELECT o.*, row_number() OVER (PARTITION BY o.destination ORDER BY o.available_at, o.id) AS turn FROM outbox o
      WHERE o.status = 'pending' AND o.available_at <= @now AND ${FIRST_OF_ITS_ORDER})
    ORDER BY turn, available_at, id LIMIT @limit`);
  const done = db.prepare(
    `UPDATE outbox SET status = 'delivered', tries = tries + 1, error = NULL, finished_at = ? WHERE id = ? AND status = 'pending'`,
  );
  const again = db.prepare(
    `UPDATE outbox SET tries = tries + 1, error = ?, available_at = ? WHERE id = ? AND status = 'pending'`,
  );
  const dead = db.prepare(
    `UPDATE outbox SET status = 'dead', tries = tries + 1, error = ?, finished_at = ? WHERE id = ? AND status = 'pending'`,
  );
  const next = db
    .prepare(`SELECT min(at) FROM (
      SELECT min(available_at) AS at FROM jobs INDEXED BY jobs_deferred WHERE status = 'queued' AND ready = 0 AND hold IS NULL AND available_at > @after
      UNION ALL SELECT * FROM (SELECT o.available_at FROM outbox o WHERE o.status = 'pending' AND o.available_at > @after AND ${FIRST_OF_ITS_ORDER} ORDER BY o.available_at LIMIT 1))`)
    .pluck();
  const incident = db.prepare('SELECT * FROM incidents WHERE key = ? AND channel = ?');
  const saveIncident =
    db.prepare(`INSERT INTO incidents(key, channel, message_ref, text, opened_at, updated_at, resolved_at)
    VALUES(@key, @channel, @messageRef, @text, @openedAt, @updatedAt, @resolvedAt)
    ON CONFLICT(key, channel) DO UPDATE SET message_ref = @messageRef, text = @text, opened_at = @openedAt, updated_at = @updatedAt, resolved_at = @resolvedAt`);

  return {
    async nextDue(after) {
      return next.get({ after }) as number | null;
    },
    async dueMessages(now, limit) {
      return (due.all({ now, limit }) as Row[]).map(rowOf);
    },
    async delivered(id, now) {
      done.run(now, id);
    },
    async undelivered(id, error, retryAt, now) {
      if (retryAt === null) dead.run(error, now, id);
      else again.run(error, retryAt, id);
    },
    async incident(key, channel) {
      const row = incident.get(key, channel) as Row | undefined;
      if (row === undefined) return null;
      return {
        key,
        channel,
        messageRef: String(row['message_ref']),
        text: String(row['text']),
        openedAt: Number(row['opened_at']),
        updatedAt: Number(row['updated_at']),
        resolvedAt: row['resolved_at'] === null ? null : Number(row['resolved_at']),
      } satisfies Incident;
    },
    async saveIncident(value) {
      saveIncident.run({ ...value });
    },
  };
}

function rowOf(row: Row): OutboxRow {
  return {
    id: Number(row['id']),
    destination: String(row['destination']),
    key: String(row['key']),
    message: JSON.parse(String(row['message'])) as OutboxMessage,
    tries: Number(row['tries']),
    createdAt: Number(row['created_at']),
  };
}
