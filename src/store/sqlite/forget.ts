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

  const forget = db.transaction((before: { messages: number; shapes: number }, after: number) => {
    const rows = walk.all(after) as Row[];
    let forgotten = after === 0 ? dropIncidents.run(before.messages).changes : 0;
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
