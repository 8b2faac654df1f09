import type { Audit } from '../../core/audit.ts';
import { type FeedMarks, NO_MARKS, type TaskFeed } from '../../core/feed.ts';
import type { FeedStore } from '../feed-store.ts';
import type { Applier } from './apply.ts';
import type { Db } from './database.ts';
import { jobOf, type Row, taskOf } from './rows.ts';

/** What is remembered of trackers and forges that people act through. */
export function prepareFeed(
  db: Db,
  world: { applier: Applier; audit: (entry: Audit) => void; clock: () => number; wake: () => void },
) {
  const mark = db.prepare('INSERT INTO seen(key, at) VALUES(?, ?) ON CONFLICT(key) DO NOTHING');
  const known = db.prepare('SELECT key FROM seen WHERE key IN (SELECT value FROM json_each(?))').pluck();
  const open =
    db.prepare(`SELECT t.*, f.marks AS feed_marks, f.away AS feed_away FROM tasks t INDEXED BY tasks_status LEFT JOIN task_feeds f ON f.task = t.id
    WHERE t.status IN ('active', 'needs_you', 'cancelled') AND t.project = ? AND (t.status <> 'cancelled' OR f.away = 0) ORDER BY t.id`);
  const ofItem = db.prepare(
    `SELECT t.*, f.marks AS feed_marks, f.away AS feed_away FROM tasks t LEFT JOIN task_feeds f ON f.task = t.id WHERE t.project = ? AND t.work_item_id = ?`,
  );
  const latestJob = db.prepare('SELECT * FROM jobs WHERE task_id = ? ORDER BY id DESC LIMIT 1');
  const marksOf = db.prepare('SELECT marks AS feed_marks, away AS feed_away FROM task_feeds WHERE task = ?');
  const save = db.prepare(
    'INSERT INTO task_feeds(task, away, marks) VALUES(@task, @away, @marks) ON CONFLICT(task) DO UPDATE SET away = @away, marks = @marks',
  );
  const setUrl = db.prepare('UPDATE tasks SET url = ? WHERE id = ?');
  const accepted = db.prepare('SELECT fingerprint, left_out FROM intakes WHERE project = ?');
  const accept =
    db.prepare(`INSERT INTO intakes(project, fingerprint, left_out, by, at) VALUES(@project, @fingerprint, @leftOut, @by, @at)
    ON CONFLICT(project) DO UPDATE SET fingerprint = @fingerprint, left_out = @leftOut, by = @by, at = @at`);
  const inTransaction = <T>(work: () => T): T => db.transaction(work).immediate();

  function saveMarks(task: number, marks: FeedMarks): void {
    const { away, ...others } = marks;
    save.run({ task, away: away ? 1 : 0, marks: JSON.stringify(others) });
  }

  function read({ feed_marks: json, feed_away: away }: Row): FeedMarks {
    if (typeof json !== 'string') return NO_MARKS;
    return { ...NO_MARKS, ...(JSON.parse(json) as Partial<FeedMarks>), away: away === 1 };
  }

  function feedOf(row: Row): TaskFeed {
    const task = taskOf(row);
    return { task, job: jobOf(latestJob.get(task.id) as Row), marks: read(row) };
  }

  const part: FeedStore = {
    async seen(keys) {
      return new Set(known.all(JSON.stringify(keys)) as string[]);
    },
    async noteSeen(key, rows) {
      const isNew = inTransaction(() => {
        const now = world.clock();
        if (mark.run(key, now).changes === 0) return false;
        world.applier.insertOutbox(rows, now);
        return true;
      });
      if (isNew && rows.length > 0) world.wake();
      return isNew;
    },
    async feeds(project) {
      return (open.all(project) as Row[]).map(feedOf);
    },
    async feedOf(project, workItemId) {
      const row = ofItem.get(project, workItemId) as Row | undefined;
      return row === undefined ? null : feedOf(row);
    },
    async noteFeed(taskId, change) {
      inTransaction(() =>
        saveMarks(taskId, { ...read((marksOf.get(taskId) as Row | undefined) ?? {}), ...change }),
      );
    },
    async noteUrl(taskId, url) {
      setUrl.run(url, taskId);
    },
    async intake(project) {
      const row = accepted.get(project) as Row | undefined;
      if (row === undefined) return null;
      const leftOut = JSON.parse(String(row['left_out'])) as string[];
      return { fingerprint: String(row['fingerprint']), leftOut };
    },
    async acceptIntake(project, { fingerprint, leftOut }, entry) {
      inTransaction(() => {
        const { by, at } = entry;
        accept.run({ project, fingerprint, leftOut: JSON.stringify(leftOut), by, at });
        world.audit(entry);
      });
    },
  };

  return {
    part,
    /** False: it was there. Called inside a transaction. */
    mark: (key: string, now: number): boolean => mark.run(key, now).changes > 0,
    /** A task came from an item. Called inside the transaction that makes it. */
    taken(task: number, marks: FeedMarks, seen: readonly string[], now: number): void {
      saveMarks(task, marks);
      for (const key of seen) mark.run(key, now);
    },
  };
}
