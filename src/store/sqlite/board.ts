import { AppError } from '../../core/errors.ts';
import type { PullRequest } from '../../core/model.ts';
import type { BoardStore, WorkItem } from '../store.ts';
import type { Db } from './database.ts';
import type { Row } from './rows.ts';

/** Orch's own board and the pull requests of the local forge. */
export function prepareBoard(db: Db): BoardStore {
  const byKey = db.prepare('SELECT * FROM work_items WHERE key = ?');
  const byId = db.prepare('SELECT * FROM work_items WHERE project = ? AND id = ?');
  const insert = db.prepare(
    'INSERT INTO work_items(project, key, title, body, created_at, updated_at) VALUES(@project, @key, @title, @body, @now, @now) RETURNING *',
  );
  const nextNumber = db
    .prepare(
      // A restored backup notes how far the keys had come: what carries the later ones is still on disk.
      `SELECT max(coalesce(max(CAST(substr(key, length(@prefix) + 1) AS INTEGER)), 0),
        coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'board_number:' || @project), 0)) + 1
      FROM work_items WHERE project = @project AND key GLOB @prefix || '[0-9]*'`,
    )
    .pluck();
  const comments = db.prepare('SELECT body, at FROM work_item_comments WHERE work_item_id = ? ORDER BY id');
  const insertComment = db.prepare(
    'INSERT INTO work_item_comments(work_item_id, key, body, at) VALUES(?, ?, ?, ?) ON CONFLICT(key) DO NOTHING',
  );
  const writeReport = db.prepare(
    'INSERT INTO work_item_comments(work_item_id, key, body, at) VALUES(?, ?, ?, ?) ON CONFLICT(key) DO UPDATE SET body = excluded.body, at = excluded.at',
  );
  const tally = db.prepare(
    `SELECT count(*) AS items, coalesce(sum(status NOT IN ('done', 'cancelled')), 0) AS open FROM work_items WHERE project = ?`,
  );
  const over = db.prepare(
    `SELECT key, status FROM work_items WHERE project = ? AND status IN ('done', 'cancelled') ORDER BY id DESC LIMIT ?`,
  );
  const setStatus = db.prepare(
    'UPDATE work_items SET status = ?, updated_at = ? WHERE project = ? AND id = ?',
  );
  const prByBranch = db.prepare('SELECT * FROM pull_requests WHERE project = ? AND branch = ?');
  const insertPr =
    db.prepare(`INSERT INTO pull_requests(project, number, branch, title, body, state, created_at, updated_at)
    VALUES(@project, (SELECT coalesce(max(number), 0) + 1 FROM pull_requests WHERE project = @project), @branch, @title, @body, @state, @now, @now) RETURNING *`);
  const setPr = db.prepare(
    'UPDATE pull_requests SET state = ?, updated_at = ? WHERE project = ? AND number = ?',
  );
  const openPr = db.prepare(
    `UPDATE pull_requests SET state = 'open', body = ?, updated_at = ? WHERE project = ? AND number = ? AND state IN ('draft', 'open')`,
  );
  const prByNumber = db.prepare('SELECT * FROM pull_requests WHERE project = ? AND number = ?');
  const prComment = db.prepare(
    'INSERT INTO pull_request_comments(project, number, key, body, at) VALUES(?, ?, ?, ?, ?) ON CONFLICT(key) DO NOTHING',
  );

  const itemOf = (row: Row): WorkItem => ({
    id: String(row['id']),
    project: String(row['project']),
    key: String(row['key']),
    title: String(row['title']),
    body: String(row['body']),
    status: String(row['status']),
    createdAt: Number(row['created_at']),
    updatedAt: Number(row['updated_at']),
    comments: (comments.all(row['id']) as { body: string; at: number }[]).map(({ body, at }) => ({
      body,
      at,
    })),
  });
  const prOf = (row: Row): PullRequest => ({
    number: Number(row['number']),
    url: null,
    state: String(row['state']) as PullRequest['state'],
  });

  const create = db.transaction(
    (item: { project: string; key: string | null; title: string; body: string }, now: number): WorkItem => {
      const prefix = `${item.project.toUpperCase()}-`;
      const key = item.key ?? `${prefix}${Number(nextNumber.get({ project: item.project, prefix }))}`;
      const existing = byKey.get(key) as Row | undefined;
      if (existing === undefined) return itemOf(insert.get({ ...item, key, now }) as Row);
      if (existing['project'] !== item.project)
        throw new AppError(`${key} already belongs to project ${String(existing['project'])}`, {
          code: 'usage.key_taken',
          hint: 'choose another --key',
        });
      return itemOf(existing);
    },
  );

  return {
    async create(item, now) {
      return create.immediate(item, now);
    },
    async survey(project, limit) {
      const { items, open } = tally.get(project) as { items: number; open: number };
      return { items, open, nearest: over.all(project, limit) as { key: string; status: string }[] };
    },
    async item(project, id) {
      const row = byId.get(project, Number(id)) as Row | undefined;
      return row === undefined ? null : itemOf(row);
    },
    async comment(_project, id, key, body, now) {
      insertComment.run(Number(id), key, body, now);
    },
    async report(_project, id, body, now) {
      writeReport.run(Number(id), `report:${id}`, body, now);
    },
    async setStatus(project, id, status, now) {
      setStatus.run(status, now, project, Number(id));
    },
    async pullRequestOf(project, branch) {
      const row = prByBranch.get(project, branch) as Row | undefined;
      return row === undefined ? null : prOf(row);
    },
    async openPullRequest(project, branch, title, body, state, now) {
      const existing = prByBranch.get(project, branch) as Row | undefined;
      return prOf(existing ?? (insertPr.get({ project, branch, title, body, state, now }) as Row));
    },
    async setPullRequestState(project, number, state, now) {
      setPr.run(state, now, project, number);
    },
    async readyPullRequest(project, number, body, now) {
      openPr.run(body, now, project, number);
      return prOf(prByNumber.get(project, number) as Row);
    },
    async pullRequestComment(project, number, key, body, now) {
      prComment.run(project, number, key, body, now);
    },
  };
}
