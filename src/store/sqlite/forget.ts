import type { Store } from '../store.ts';
import type { Db } from './database.ts';

/** Rows one call looks at: the server waits meanwhile. */
const ROWS = 2000;
/** A message with such a key remembers that a shape of CLI output was told. */
const SHAPE = 'notify:shape:';

interface Row {
  id: number;
  key: string;
  created_at: number;
  delivered_at: number | null;
}

/** Forgets what was delivered long ago. Goes by id, which is by age: no index has to be kept for it. */
export function prepareForget(db: Db): Pick<Store, 'forgetMessages'> {
  const walk = db.prepare(
    `SELECT id, key, created_at, CASE WHEN status = 'delivered' THEN finished_at END AS delivered_at FROM outbox WHERE id > ? ORDER BY id LIMIT ${ROWS}`,
  );
  const drop = db.prepare('DELETE FROM outbox WHERE id = ?');
  const dropIncidents = db.prepare(
    `DELETE FROM incidents WHERE (key, channel) IN (SELECT key, channel FROM incidents WHERE resolved_at < ? LIMIT ${ROWS})`,
  );

  const dropMatters = db.prepare(
    `DELETE FROM matters WHERE key IN (SELECT key FROM matters WHERE changed_at < ? AND (state = 'resolved' OR value ->> 'event' = 'done') LIMIT ${ROWS})`,
  );
  const dropTickets = db.prepare(
    `DELETE FROM tickets WHERE nonce IN (SELECT nonce FROM tickets WHERE expires_at < ? LIMIT ${ROWS})`,
  );
  // A line of shared news is over when it was told.
  const dropNews = db.prepare(
    `DELETE FROM incidents WHERE (key, channel) IN (SELECT i.key, i.channel FROM incidents i WHERE i.digest = 1 AND i.updated_at < ?
      AND NOT EXISTS (SELECT 1 FROM matters m WHERE m.key = i.key) LIMIT ${ROWS})`,
  );

  const forget = db.transaction((before: { messages: number; shapes: number }, after: number) => {
    const rows = walk.all(after) as Row[];
    let forgotten = 0;
    if (after === 0)
      for (const drop of [dropMatters, dropIncidents, dropNews, dropTickets])
        forgotten += drop.run(before.messages).changes;
    for (const { id, key, delivered_at: at } of rows) {
      if (at === null || at >= (key.startsWith(SHAPE) ? before.shapes : before.messages)) continue;
      forgotten += drop.run(id).changes;
    }
    const last = rows.at(-1);
    const isYoung = last === undefined || last.created_at >= Math.max(before.messages, before.shapes);
    return { forgotten, next: isYoung || rows.length < ROWS ? null : last.id };
  });

  return {
    async forgetMessages(before, after) {
      return forget.immediate(before, after);
    },
  };
}
