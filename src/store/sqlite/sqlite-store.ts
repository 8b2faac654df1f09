import { statSync } from 'node:fs';
import { SqliteError } from 'better-sqlite3';
import { CLOSED_BREAKER } from '../../core/breaker.ts';
import { AppError } from '../../core/errors.ts';
import { contextAtStart } from '../../core/job.ts';
import type { AccountState, Job, Pause, Run, Task } from '../../core/model.ts';
import type { Audit, Counts, Page, Store } from '../store.ts';
import { prepareApply } from './apply.ts';
import { prepareBoard } from './board.ts';
import { prepareClaim } from './claim.ts';
import { openDatabase, schemaVersion, storeError } from './database.ts';
import { prepareLedger } from './ledger.ts';
import { prepareOutbox } from './outbox.ts';
import { accountOf, jobOf, pauseOf, type Row, runOf, taskOf } from './rows.ts';

/** Opens the embedded store: one file, one writing process. `clock` stamps what is written. */
export function openSqliteStore(path: string, clock: () => number): Store {
  const db = openDatabase(path);
  const applier = prepareApply(db);
  const claim = prepareClaim(db);
  const wakers = new Set<() => void>();
  const wake = () => {
    for (const waker of wakers) waker();
  };

  const jobById = db.prepare('SELECT * FROM jobs WHERE id = ?');
  const runById = db.prepare('SELECT * FROM agent_runs WHERE id = ?');
  const taskById = db.prepare('SELECT * FROM tasks WHERE id = ?');
  const taskByKey = db.prepare('SELECT * FROM tasks WHERE key = ?');
  const taskByItem = db.prepare('SELECT * FROM tasks WHERE project = ? AND work_item_id = ?');
  const latestJob = db.prepare('SELECT * FROM jobs WHERE task_id = ? ORDER BY id DESC LIMIT 1');
  const accountById = db.prepare('SELECT * FROM accounts WHERE id = ?');
  const insertTask =
    db.prepare(`INSERT INTO tasks(key, project, work_item_id, repo, branch, title, body, stage, status, priority, created_at, updated_at)
    VALUES(@key, @project, @workItemId, @repo, @branch, @title, @body, @stage, 'active', @priority, @now, @now) RETURNING *`);
  const setBranch = db.prepare('UPDATE jobs SET branch = ? WHERE id = ? RETURNING *');
  const heldJob = db.prepare(
    `SELECT * FROM jobs WHERE id = @jobId AND fence = @fence AND status = 'running'`,
  );
  const heldRun = db.prepare(
    `SELECT * FROM agent_runs WHERE id = @runId AND job_id = @jobId AND fence = @fence AND status = 'running'`,
  );
  const noteStart =
    db.prepare(`UPDATE agent_runs SET pid = coalesce(@pid, pid), cli_kind = coalesce(@cliKind, cli_kind), cli_version = coalesce(@cliVersion, cli_version),
    session_id = coalesce(@sessionId, session_id) WHERE id = @runId AND status = 'running'`);
  const setContext = db.prepare('UPDATE jobs SET context = ? WHERE id = ?');
  const setTaskPr = db.prepare('UPDATE tasks SET pr = ?, updated_at = ? WHERE id = ?');
  const audit = db.prepare(
    'INSERT INTO audit(at, by, surface, action, target) VALUES(@at, @by, @surface, @action, @target)',
  );
  const inTransaction = <T>(work: () => T): T => db.transaction(work).immediate();

  function account(id: string): AccountState {
    const row = accountById.get(id) as Row | undefined;
    if (row !== undefined) return accountOf(row);
    return {
      id,
      hold: null,
      breaker: CLOSED_BREAKER,
      notBefore: null,
      lastProbeAt: null,
      provenFingerprint: null,
      windows: [],
      windowsAt: null,
    };
  }

  function page<T>(
    sql: string,
    params: Record<string, unknown>,
    limit: number,
    of: (row: Row) => T,
    id: (item: T) => number,
  ): Page<T> {
    const rows = db.prepare(sql).all({ ...params, limit: limit + 1 }) as Row[];
    const items = rows.slice(0, limit).map(of);
    const last = items.at(-1);
    return { items, next: rows.length > limit && last !== undefined ? id(last) : null };
  }

  const store: Store = {
    board: atTheEdge(prepareBoard(db), path),
    ...prepareOutbox(db),
    ...prepareLedger(db),

    async configure(projects, accounts) {
      inTransaction(() => {
        db.prepare('UPDATE projects SET active = 0').run();
        const upsert =
          db.prepare(`INSERT INTO projects(key, weight, max_concurrency) VALUES(@key, @weight, @maxConcurrency)
          ON CONFLICT(key) DO UPDATE SET active = 1, weight = @weight, max_concurrency = @maxConcurrency`);
        for (const project of projects) upsert.run({ ...project });
        const known = db.prepare('INSERT INTO accounts(id) VALUES(?) ON CONFLICT(id) DO NOTHING');
        for (const id of accounts) known.run(id);
      });
      wake();
    },

    async submit(item, firstJob) {
      const result = inTransaction(() => {
        const existing = taskByItem.get(item.project, item.workItemId) as Row | undefined;
        if (existing !== undefined) return { task: taskOf(existing), created: false };
        if (taskByKey.get(item.key) !== undefined)
          throw new AppError(`${item.key} is already the key of another work item`, {
            code: 'task.key_taken',
            hint: 'give the item another key',
          });
        const now = clock();
        const task = taskOf(insertTask.get({ ...item, now }) as Row);
        applier.insertJob(firstJob(task), now);
        applier.insertOutbox(
          [
            {
              destination: `tracker:${task.project}`,
              key: `status:${task.key}:taken`,
              orderKey: `item:${task.project}:${task.workItemId}`,
              availableAt: null,
              message: {
                kind: 'tracker.status',
                project: task.project,
                workItemId: task.workItemId,
                status: 'in_progress',
                stage: task.stage,
              },
            },
          ],
          now,
        );
        return { task, created: true };
      });
      if (result.created) wake();
      return result;
    },

    async enqueue(job, branchFor) {
      const queued = inTransaction(() => {
        const inserted = applier.insertJob({ ...job, branch: '' }, clock());
        return jobOf(setBranch.get(branchFor(inserted.id), inserted.id) as Row);
      });
      wake();
      return queued;
    },

    async claim(request) {
      return claim(request);
    },

    async started(ref, facts) {
      return inTransaction(() => {
        const row = heldJob.get(ref) as Row | undefined;
        if (row === undefined || heldRun.get(ref) === undefined) return false;
        noteStart.run({
          runId: ref.runId,
          pid: facts.pid ?? null,
          cliKind: facts.cliKind ?? null,
          cliVersion: facts.cliVersion ?? null,
          sessionId: facts.sessionId ?? null,
        });
        const job = jobOf(row);
        if (facts.roundHead !== undefined || facts.sessionId !== undefined)
          setContext.run(JSON.stringify(contextAtStart(job.context, facts)), job.id);
        return true;
      });
    },

    async settle(ref, decide) {
      const settled = inTransaction(() => {
        const row = heldJob.get(ref) as Row | undefined;
        const runRow = heldRun.get(ref) as Row | undefined;
        if (row === undefined || runRow === undefined) return 'stale' as const;
        const job = jobOf(row);
        const run = runOf(runRow);
        const task = job.taskId === null ? null : taskOf(taskById.get(job.taskId) as Row);
        const effects = decide({
          job,
          run,
          task,
          account: run.account === null ? null : account(run.account),
        });
        applier.apply(effects, { job, runId: run.id }, clock());
        return 'ok' as const;
      });
      if (settled === 'ok') wake();
      return settled;
    },

    async command(target, decide, entry) {
      const result = inTransaction(() => {
        const found =
          target.kind === 'job' ? (jobById.get(target.id) as Row | undefined) : jobOfTask(target.key);
        if (found === undefined) throw notFound(target.kind === 'job' ? `job_${target.id}` : target.key);
        const job = jobOf(found);
        const task = job.taskId === null ? null : taskOf(taskById.get(job.taskId) as Row);
        applier.apply(decide({ task, job }), { job, runId: null }, clock());
        writeAudit(entry);
        const after = jobOf(jobById.get(job.id) as Row);
        return { job: after, task: job.taskId === null ? null : taskOf(taskById.get(job.taskId) as Row) };
      });
      wake();
      return result;
    },

    async updateAccount(id, change) {
      const { before, after } = inTransaction(() => {
        const before = account(id);
        const after = change(before);
        if (after !== before) applier.saveAccount(after);
        return { before, after };
      });
      if (after !== before) wake();
      return after;
    },

    async tell(rows) {
      inTransaction(() => applier.insertOutbox(rows, clock()));
      wake();
    },

    async setPullRequest(taskId, pr) {
      setTaskPr.run(JSON.stringify(pr), clock(), taskId);
    },

    async pause(pause, entry) {
      inTransaction(() => {
        db.prepare(
          'INSERT INTO pauses(scope, id, note, by, since, until) VALUES(@scope, @id, @note, @by, @since, @until) ON CONFLICT(scope, id) DO UPDATE SET note = @note, by = @by, until = @until',
        ).run({ ...pause });
        writeAudit(entry);
      });
      wake();
    },

    async resume(scope, id, entry) {
      const resumed = inTransaction(() => {
        const { changes } = db.prepare('DELETE FROM pauses WHERE scope = ? AND id = ?').run(scope, id);
        writeAudit(entry);
        return changes > 0;
      });
      wake();
      return resumed;
    },

    async job(id) {
      const row = jobById.get(id) as Row | undefined;
      return row === undefined ? null : jobOf(row);
    },
    async run(id) {
      const row = runById.get(id) as Row | undefined;
      return row === undefined ? null : runOf(row);
    },
    async task(key) {
      const row = taskByKey.get(key) as Row | undefined;
      return row === undefined ? null : taskOf(row);
    },
    async taskById(id) {
      const row = taskById.get(id) as Row | undefined;
      return row === undefined ? null : taskOf(row);
    },

    async jobs(filter) {
      const where = conditions([
        filter.status === undefined ? null : 'status IN (SELECT value FROM json_each(@status))',
        filter.project === undefined ? null : 'project = @project',
        filter.taskId === undefined ? null : 'task_id = @taskId',
        filter.after === undefined ? null : 'id > @after',
      ]);
      return page<Job>(
        `SELECT * FROM jobs ${where} ORDER BY id LIMIT @limit`,
        params(filter),
        filter.limit,
        jobOf,
        (j) => j.id,
      );
    },
    async runs(filter) {
      const where = conditions([
        filter.jobId === undefined ? null : 'job_id = @jobId',
        filter.taskId === undefined ? null : 'task_id = @taskId',
        filter.status === undefined ? null : 'status = @status',
        filter.after === undefined ? null : 'id > @after',
      ]);
      return page<Run>(
        `SELECT * FROM agent_runs ${where} ORDER BY id LIMIT @limit`,
        params(filter),
        filter.limit,
        runOf,
        (r) => r.id,
      );
    },
    async tasks(filter) {
      const where = conditions([
        filter.status === undefined ? null : 'status IN (SELECT value FROM json_each(@status))',
        filter.project === undefined ? null : 'project = @project',
        filter.after === undefined ? null : 'id > @after',
      ]);
      return page<Task>(
        `SELECT * FROM tasks ${where} ORDER BY id LIMIT @limit`,
        params(filter),
        filter.limit,
        taskOf,
        (t) => t.id,
      );
    },

    async running() {
      const rows = db.prepare(`SELECT * FROM agent_runs WHERE status = 'running' ORDER BY id`).all() as Row[];
      return rows.map((row) => ({ run: runOf(row), job: jobOf(jobById.get(row['job_id']) as Row) }));
    },
    async accounts() {
      return (db.prepare('SELECT * FROM accounts ORDER BY id').all() as Row[]).map(accountOf);
    },
    async pauses() {
      return (db.prepare('SELECT * FROM pauses ORDER BY scope, id').all() as Row[]).map(
        pauseOf,
      ) as readonly Pause[];
    },

    async counts() {
      const group = (sql: string) =>
        new Map((db.prepare(sql).raw().all() as [string, number][]).map(([key, n]) => [key, n]));
      const jobs = group(`SELECT status, n FROM totals WHERE of = 'jobs'`);
      const tasks = group(`SELECT status, n FROM totals WHERE of = 'tasks'`);
      const ended = db
        .prepare('SELECT max(finished_at) FROM agent_runs WHERE finished_at IS NOT NULL')
        .pluck()
        .get() as number | null;
      return {
        jobs: {
          queued: jobs.get('queued') ?? 0,
          running: jobs.get('running') ?? 0,
          done: jobs.get('done') ?? 0,
          failed: jobs.get('failed') ?? 0,
          cancelled: jobs.get('cancelled') ?? 0,
        },
        tasks: {
          active: tasks.get('active') ?? 0,
          needs_you: tasks.get('needs_you') ?? 0,
          done: tasks.get('done') ?? 0,
          cancelled: tasks.get('cancelled') ?? 0,
        },
        runningByProject: group(
          `SELECT project, count(*) FROM jobs WHERE status = 'running' GROUP BY project`,
        ),
        runningByAccount: group(
          `SELECT account, count(*) FROM jobs WHERE status = 'running' AND account IS NOT NULL GROUP BY account`,
        ),
        failedInRow: group('SELECT key, failed_in_row FROM projects WHERE failed_in_row > 0'),
        lastRunEndedAt: ended,
      } satisfies Counts;
    },

    async ahead(job) {
      return Number(
        db
          .prepare(`SELECT count(*) FROM jobs WHERE status = 'queued' AND ready = 1 AND project = @project
            AND (priority > @priority OR (priority = @priority AND (rework > @rework OR (rework = @rework AND id < @id))))`)
          .pluck()
          .get({ project: job.project, priority: job.priority, rework: job.rework ? 1 : 0, id: job.id }),
      );
    },

    async meta(key) {
      return (
        (db.prepare('SELECT value FROM meta WHERE key = ?').pluck().get(key) as string | undefined) ?? null
      );
    },
    async setMeta(key, value) {
      db.prepare(
        'INSERT INTO meta(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value',
      ).run(key, value);
    },
    onWake(callback) {
      wakers.add(callback);
      return () => wakers.delete(callback);
    },
    async info() {
      return {
        engine: 'sqlite',
        engineVersion: String(db.prepare('SELECT sqlite_version()').pluck().get()),
        schema: schemaVersion(db),
        path,
        bytes: statSync(path).size,
      };
    },
    async close() {
      wakers.clear();
      db.close();
    },
  };
  return { ...atTheEdge(store, path), onWake: store.onWake };

  function jobOfTask(key: string): Row | undefined {
    const task = taskByKey.get(key) as Row | undefined;
    return task === undefined ? undefined : (latestJob.get(task['id']) as Row | undefined);
  }

  function writeAudit(entry: Audit): void {
    audit.run({ ...entry });
  }
}

/** SQLite's errors leave as `AppError`; what a decider throws passes as it is. */
function atTheEdge<T extends object>(part: T, path: string): T {
  const wrapped = Object.entries(part).map(([name, member]) => [
    name,
    typeof member === 'function' ? guarded(member, path) : member,
  ]);
  return Object.fromEntries(wrapped) as T;
}

function guarded(method: (...args: unknown[]) => unknown, path: string) {
  return async (...args: unknown[]) => {
    try {
      return await method(...args);
    } catch (error) {
      throw error instanceof SqliteError ? storeError(error, path) : error;
    }
  };
}

function conditions(parts: readonly (string | null)[]): string {
  const used = parts.filter((part) => part !== null);
  return used.length === 0 ? '' : `WHERE ${used.join(' AND ')}`;
}

function params(filter: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(filter).map(([key, value]) => [key, Array.isArray(value) ? JSON.stringify(value) : value]),
  );
}

function notFound(name: string): AppError {
  return new AppError(`there is no ${name}`, { code: 'not_found', hint: 'orch tasks, orch jobs' });
}
