import type { Audit } from '../../core/audit.ts';
import type { DestinationTrouble } from '../../core/delivery.ts';
import type { OutboxMessage } from '../../core/effects.ts';
import { AppError } from '../../core/errors.ts';
import type { Letter, OutboxRow, Store } from '../store.ts';
import type { Db } from './database.ts';
import type { Row } from './rows.ts';

type OutboxPart = Pick<
  Store,
  | 'nextDue'
  | 'dueDestinations'
  | 'dueMessages'
  | 'trying'
  | 'delivered'
  | 'undelivered'
  | 'troubles'
  | 'letters'
  | 'retryLetters'
  | 'dropLetter'
  | 'postpone'
>;

/** A row behind another of its order key is not due, whatever its own time says. */
const FIRST_OF_ITS_ORDER = `NOT EXISTS (SELECT 1 FROM outbox e WHERE e.status = 'pending' AND e.order_key = o.order_key AND e.id < o.id)`;
/** A destination that did not answer is asked again when it is time, by one row: then by the one that waits longest. */
const MAY_BE_ASKED = `NOT EXISTS (SELECT 1 FROM destinations d WHERE d.name = o.destination AND d.next_try_at > @now)`;
/** A comment on the pull request of a task under way that has nothing to open one with yet. The cheap test comes first. */
const AWAITS_PULL_REQUEST = `o.destination GLOB 'forge:*' AND o.message ->> 'kind' = 'forge.comment' AND EXISTS (SELECT 1 FROM tasks t
  WHERE t.id = o.message ->> 'taskId' AND t.head IS NULL AND t.pr IS NULL AND t.status IN ('active', 'needs_you'))`;
const DUE = `o.status = 'pending' AND o.available_at <= @now AND ${MAY_BE_ASKED} AND ${FIRST_OF_ITS_ORDER} AND NOT (${AWAITS_PULL_REQUEST})`;

const DEAD = `o.status = 'dead' AND o.dropped IS NULL`;
const STUCK = `o.status = 'pending' AND o.error IS NOT NULL`;
/** Of these only the latest of an order is worth telling. */
const TELLS_A_STATE = `message ->> 'kind' IN ('tracker.status', 'tracker.report', 'notify.incident', 'notify.resolved')`;
const OVERTAKEN = `o.${TELLS_A_STATE} AND EXISTS (SELECT 1 FROM outbox l
  WHERE l.order_key = o.order_key AND l.id > o.id AND l.status = 'delivered' AND l.${TELLS_A_STATE})`;

/** The outbox: due rows in order, one at a time per order key; what became of them. */
export function prepareOutbox(
  db: Db,
  world: { audit: (entry: Audit) => void; wake: () => void },
): OutboxPart {
  const destinations = db
    .prepare(`SELECT DISTINCT o.destination FROM outbox o WHERE ${DUE} ORDER BY o.destination`)
    .pluck();
  const due = db.prepare(
    `SELECT o.* FROM outbox o WHERE o.destination = @destination AND ${DUE} ORDER BY o.available_at, o.id LIMIT @limit`,
  );
  const begin = db.prepare(
    `UPDATE outbox SET tries = tries + 1, unsure = 1 WHERE id = ? AND status = 'pending'`,
  );
  const done = db
    .prepare(
      `UPDATE outbox SET status = 'delivered', unsure = 0, error = NULL, finished_at = ? WHERE id = ? AND status = 'pending' RETURNING destination`,
    )
    .pluck();
  const failed = db
    .prepare(
      `UPDATE outbox SET unsure = @unsure, error = @error, available_at = coalesce(@retryAt, available_at),
        status = CASE WHEN @retryAt IS NULL THEN 'dead' ELSE status END, finished_at = CASE WHEN @retryAt IS NULL THEN @now END
      WHERE id = @id AND status = 'pending' RETURNING destination`,
    )
    .pluck();
  const next = db
    .prepare(`SELECT min(at) FROM (
      SELECT min(available_at) AS at FROM jobs INDEXED BY jobs_deferred WHERE status = 'queued' AND ready = 0 AND hold IS NULL AND available_at > @after
      UNION ALL SELECT * FROM (SELECT o.available_at FROM outbox o WHERE o.status = 'pending' AND o.available_at > @after AND ${FIRST_OF_ITS_ORDER} ORDER BY o.available_at LIMIT 1)
      UNION ALL SELECT min(next_try_at) FROM destinations WHERE next_try_at > @after)`)
    .pluck();

  const away =
    db.prepare(`INSERT INTO destinations(name, since, failures, error, tried_at, next_try_at) VALUES(@name, @since, @failures, @error, @triedAt, @nextTryAt)
    ON CONFLICT(name) DO UPDATE SET since = @since, failures = @failures, error = @error, tried_at = @triedAt, next_try_at = @nextTryAt`);
  const back = db.prepare('DELETE FROM destinations WHERE name = ?');
  // Nobody would find out any more whether it answers.
  const unasked = db.prepare(
    `DELETE FROM destinations WHERE name = @name AND NOT EXISTS
      (SELECT 1 FROM outbox o WHERE o.destination = @name AND o.status = 'pending' AND NOT (${AWAITS_PULL_REQUEST}))`,
  );
  const askNow = db.prepare(`UPDATE destinations SET next_try_at = @now WHERE @name IS NULL OR name = @name`);
  const silent = db.prepare('SELECT * FROM destinations');
  const buried =
    db.prepare(`SELECT o.destination AS name, count(*) AS count, max(o.finished_at) AS newest_at, o.error FROM outbox o
    INDEXED BY outbox_dead WHERE ${DEAD} GROUP BY o.destination`);

  const retried = db
    .prepare(
      `SELECT DISTINCT destination FROM outbox INDEXED BY outbox_retried WHERE status = 'pending' AND retried_at IS NOT NULL`,
    )
    .pluck();

  const letters = db.prepare(`SELECT o.*, (SELECT t.key FROM tasks t WHERE t.id = o.message ->> 'taskId'
      OR (t.project = o.message ->> 'project' AND t.work_item_id = o.message ->> 'workItemId')) AS task
    FROM outbox o WHERE ((${DEAD} AND @state IS NOT 'stuck') OR (${STUCK} AND @state IS NOT 'dead'))
      AND (@destination IS NULL OR o.destination = @destination) AND o.id > @after ORDER BY o.id LIMIT @limit`);
  const letterById = db.prepare(
    `SELECT o.* FROM outbox o WHERE o.id = ? AND (${DEAD} OR o.status = 'pending')`,
  );
  const letterIds = db
    .prepare(
      `SELECT o.id FROM outbox o WHERE ((${DEAD}) OR (${STUCK})) AND (@destination IS NULL OR o.destination = @destination) ORDER BY o.id`,
    )
    .pluck();
  const overtaken = db.prepare(
    `UPDATE outbox AS o SET dropped = 'what came after it was told' WHERE o.id = @id AND ${DEAD} AND ${OVERTAKEN}`,
  );
  const revive = db.prepare(
    `UPDATE outbox SET status = 'pending', tries = CASE WHEN status = 'dead' THEN 0 ELSE tries END, error = CASE WHEN status = 'dead' THEN NULL ELSE error END, available_at = @now, retried_at = @now, finished_at = NULL WHERE id = @id`,
  );
  const drop = db.prepare(
    `UPDATE outbox SET status = 'dead', dropped = @reason, finished_at = coalesce(finished_at, @now) WHERE id = @id`,
  );

  const later = db.prepare(
    `UPDATE outbox SET available_at = @until, tries = tries - 1, unsure = @unsure WHERE id = @id AND status = 'pending'`,
  );

  const inTransaction = <T>(work: () => T): T => db.transaction(work).immediate();

  function letter(id: number): Row {
    const row = letterById.get(id) as Row | undefined;
    if (row !== undefined) return row;
    throw new AppError(`no message msg_${id} waits or was given up`, {
      code: 'not_found',
      hint: 'orch outbox',
    });
  }

  return {
    async nextDue(after) {
      return next.get({ after }) as number | null;
    },
    async dueDestinations(now) {
      return destinations.all({ now }) as string[];
    },
    async dueMessages(destination, now, limit) {
      return (due.all({ destination, now, limit }) as Row[]).map(rowOf);
    },
    async trying(id) {
      return begin.run(id).changes > 0;
    },
    async delivered(id, now) {
      inTransaction(() => {
        const name = done.get(now, id);
        if (name !== undefined) back.run(name);
      });
    },
    async undelivered(id, { error, retryAt, unsure, unanswered }, now) {
      inTransaction(() => {
        const name = failed.get({ id, error, retryAt, unsure: unsure ? 1 : 0, now }) as string | undefined;
        if (name === undefined) return;
        if (unanswered === null) back.run(name);
        else if (unanswered !== undefined) away.run({ name, ...unanswered });
        if (retryAt === null) unasked.run({ name });
      });
    },
    async troubles() {
      const found = new Map<string, DestinationTrouble>();
      const note = (name: string, fields: Partial<DestinationTrouble>) => {
        const known = found.get(name) ?? { name, unanswered: null, dead: null, retried: false };
        found.set(name, { ...known, ...fields });
      };
      for (const row of silent.all() as Row[]) note(String(row['name']), { unanswered: unansweredOf(row) });
      for (const name of retried.all() as string[]) note(name, { retried: true });
      for (const row of buried.all() as Row[]) {
        const { count, newest_at: newestAt, error } = row;
        note(String(row['name']), {
          dead: { count: Number(count), newestAt: Number(newestAt), error: String(error) },
        });
      }
      return [...found.values()];
    },
    async letters({ state = null, destination = null, after = 0, limit }) {
      const rows = letters.all({ state, destination, after, limit: limit + 1 }) as Row[];
      const items = rows.slice(0, limit).map(letterOf);
      return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    async retryLetters(which, now, entry) {
      const told = inTransaction(() => {
        const ids = 'destination' in which ? (letterIds.all(which) as number[]) : which;
        const names = new Set<string | null>(
          'destination' in which ? [which.destination] : ids.map((id) => String(letter(id)['destination'])),
        );
        let passed = 0;
        for (const id of ids)
          if (overtaken.run({ id }).changes > 0) passed++;
          else revive.run({ id, now });
        for (const name of names) askNow.run({ name, now });
        world.audit(entry);
        return { retried: ids.length - passed, overtaken: passed };
      });
      world.wake();
      return told;
    },
    async dropLetter(id, reason, now, entry) {
      inTransaction(() => {
        const name = letter(id)['destination'];
        drop.run({ id, reason, now });
        unasked.run({ name });
        world.audit(entry);
      });
      world.wake();
    },
    async postpone(id, until, unsure) {
      later.run({ id, until, unsure: unsure ? 1 : 0 });
    },
  };
}

function unansweredOf(row: Row): DestinationTrouble['unanswered'] {
  return {
    since: Number(row['since']),
    failures: Number(row['failures']),
    error: String(row['error']),
    triedAt: Number(row['tried_at']),
    nextTryAt: Number(row['next_try_at']),
  };
}

function rowOf(row: Row): OutboxRow {
  return {
    id: Number(row['id']),
    destination: String(row['destination']),
    key: String(row['key']),
    message: JSON.parse(String(row['message'])) as OutboxMessage,
    tries: Number(row['tries']),
    unsure: row['unsure'] === 1,
    dueFrom: Number(row['retried_at'] ?? row['created_at']),
    createdAt: Number(row['created_at']),
  };
}

function letterOf(row: Row): Letter {
  const isDead = row['status'] === 'dead';
  return {
    ...rowOf(row),
    state: isDead ? 'dead' : 'stuck',
    task: row['task'] === null ? null : String(row['task']),
    error: String(row['error'] ?? ''),
    deadAt: isDead ? Number(row['finished_at']) : null,
    nextTryAt: isDead ? null : Number(row['available_at']),
  };
}
