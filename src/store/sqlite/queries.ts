import type { Statement } from 'better-sqlite3';
import type { Job, Pause, Run, Task } from '../../core/model.ts';
import type { Counts, Page, Store } from '../store.ts';
import type { Db } from './database.ts';
import { accountOf, cliVersionOf, jobOf, pauseOf, type Row, runOf, taskOf } from './rows.ts';

type Queries = Pick<
  Store,
  | 'job'
  | 'run'
  | 'task'
  | 'taskById'
  | 'jobs'
  | 'runs'
  | 'tasks'
  | 'running'
  | 'accounts'
  | 'cliVersions'
  | 'pauses'
  | 'counts'
  | 'spending'
  | 'ahead'
>;

/** Everything that only reads. */
export function prepareQueries(db: Db): Queries {
  const jobById = db.prepare('SELECT * FROM jobs WHERE id = ?');
  const runById = db.prepare('SELECT * FROM agent_runs WHERE id = ?');
  const taskById = db.prepare('SELECT * FROM tasks WHERE id = ?');
  const taskByKey = db.prepare('SELECT * FROM tasks WHERE key = ?');

  const spent = db.prepare('SELECT * FROM spending WHERE day = ?');
  const aheadInProject = db
    .prepare(`SELECT count(*) FROM jobs WHERE status = 'queued' AND ready = 1 AND project = @project
      AND ((urgent, priority, rework) > (@urgent, @priority, @rework) OR ((urgent, priority, rework) = (@urgent, @priority, @rework) AND id < @id))`)
    .pluck();
  const urgentElsewhere = db
    .prepare(
      `SELECT count(*) FROM jobs INDEXED BY jobs_urgent WHERE status = 'queued' AND ready = 1 AND urgent = 1 AND project <> ?`,
    )
    .pluck();

  /** A tick asks the same again and again, and filters make a handful of statements: each is prepared once. */
  const statements = new Map<string, Statement>();
  function prepared(sql: string): Statement {
    const known = statements.get(sql) ?? db.prepare(sql);
    statements.set(sql, known);
    return known;
  }

  function page<T extends { readonly id: number }>(
    table: string,
    where: readonly string[],
    filter: { readonly after?: number; readonly limit: number; readonly newestFirst?: boolean },
    of: (row: Row) => T,
  ): Page<T> {
    const { limit, newestFirst = false, after } = filter;
    const all = after === undefined ? where : [...where, newestFirst ? 'id < @after' : 'id > @after'];
    const only = all.length === 0 ? '' : `WHERE ${all.join(' AND ')}`;
    const sql = `SELECT * FROM ${table} ${only} ORDER BY id ${newestFirst ? 'DESC' : ''} LIMIT @limit`;
    const rows = prepared(sql).all({ ...params(filter), limit: limit + 1 }) as Row[];
    const items = rows.slice(0, limit).map(of);
    return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
  }

  return {
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
        // In the words of a partial index, so that a list of open or failed jobs does not walk the done ones.
        isWithin(filter.status, ['queued', 'running']) ? `status IN ('queued', 'running')` : null,
        isWithin(filter.status, ['failed']) ? `status = 'failed'` : null,
        ...equals(filter, ['project', 'stage', 'account', 'agent']),
        filter.taskId === undefined ? null : 'task_id = @taskId',
        filter.q === undefined
          ? null
          : `(instr(lower(branch), lower(@q)) > 0 OR instr(lower(coalesce(error, '')), lower(@q)) > 0 OR task_id IN (SELECT id FROM tasks WHERE ${taskHas}))`,
      ]);
      return page<Job>('jobs', where, filter, jobOf);
    },
    async runs(filter) {
      const where = conditions([
        filter.jobId === undefined ? null : 'job_id = @jobId',
        filter.taskId === undefined ? null : 'task_id = @taskId',
        ...equals(filter, ['status', 'account', 'agent']),
        filter.project === undefined ? null : '(SELECT project FROM jobs WHERE jobs.id = job_id) = @project',
        filter.verdict === undefined ? null : 'verdict IN (SELECT value FROM json_each(@verdict))',
        filter.since === undefined ? null : 'started_at >= @since',
      ]);
      return page<Run>('agent_runs', where, filter, runOf);
    },
    async tasks(filter) {
      const where = conditions([
        filter.status === undefined ? null : 'status IN (SELECT value FROM json_each(@status))',
        ...equals(filter, ['project', 'stage']),
        filter.changedSince === undefined ? null : 'updated_at >= @changedSince',
        filter.label === undefined ? null : '@label IN (SELECT value FROM json_each(labels))',
        filter.q === undefined ? null : taskHas,
      ]);
      return page<Task>('tasks', where, filter, taskOf);
    },

    async running() {
      const rows = prepared(
        `SELECT r.* FROM jobs j INDEXED BY jobs_running JOIN agent_runs r ON r.job_id = j.id AND r.fence = j.fence WHERE j.status = 'running' ORDER BY r.id`,
      ).all() as Row[];
      return rows.map((row) => ({ run: runOf(row), job: jobOf(jobById.get(row['job_id']) as Row) }));
    },
    async accounts() {
      return (prepared('SELECT * FROM accounts ORDER BY id').all() as Row[]).map(accountOf);
    },
    async cliVersions() {
      return (prepared('SELECT * FROM cli_versions ORDER BY kind, version').all() as Row[]).map(cliVersionOf);
    },
    async pauses() {
      return (prepared('SELECT * FROM pauses ORDER BY scope, id').all() as Row[]).map(
        pauseOf,
      ) as readonly Pause[];
    },

    async counts() {
      const group = (sql: string) =>
        new Map((prepared(sql).raw().all() as [string, number][]).map(([key, n]) => [key, n]));
      const n = prepared('SELECT * FROM counters').get() as Record<string, number>;
      return {
        jobs: {
          queued: n['jobs_queued'] ?? 0,
          running: n['jobs_running'] ?? 0,
          done: n['jobs_done'] ?? 0,
          failed: n['jobs_failed'] ?? 0,
          cancelled: n['jobs_cancelled'] ?? 0,
        },
        tasks: {
          active: n['tasks_active'] ?? 0,
          needs_you: n['tasks_needs_you'] ?? 0,
          done: n['tasks_done'] ?? 0,
          cancelled: n['tasks_cancelled'] ?? 0,
        },
        runningByProject: group(
          `SELECT project, count(*) FROM jobs WHERE status = 'running' GROUP BY project`,
        ),
        runningByAccount: group(
          `SELECT account, count(*) FROM jobs WHERE status = 'running' AND account IS NOT NULL GROUP BY account`,
        ),
        failedInRow: group('SELECT key, failed_in_row FROM projects WHERE failed_in_row > 0'),
        unmergedByProject: group(
          `SELECT project, count(*) FROM tasks INDEXED BY tasks_unmerged WHERE status IN ('active', 'needs_you') AND pr ->> 'state' IN ('draft', 'open') GROUP BY project`,
        ),
        lastRunEndedAt: n['last_ended_at'] ?? null,
      } satisfies Counts;
    },

    async spending(day) {
      const rows = spent.all(day) as Row[];
      return new Map(
        rows.map((row) => [
          String(row['project']),
          {
            microUsd: Number(row['micro_usd']),
            tokens: Number(row['tokens']),
            unknownCosts: Number(row['unknown_costs']),
          },
        ]),
      );
    },

    async ahead(job) {
      const { project, id, priority } = job;
      const before = aheadInProject.get({
        project,
        id,
        urgent: job.urgent ? 1 : 0,
        priority,
        rework: job.rework ? 1 : 0,
      });
      return { jobs: Number(before), urgent: job.urgent ? 0 : Number(urgentElsewhere.get(project)) };
    },
  };
}

const taskHas = 'instr(lower(key), lower(@q)) + instr(lower(title), lower(@q)) > 0';

function conditions(parts: readonly (string | null)[]): string[] {
  return parts.filter((part) => part !== null);
}

/** Columns named as the fields of the filter, for those that are set. */
function equals<F extends object>(filter: F, fields: readonly (keyof F & string)[]): string[] {
  return fields.filter((field) => filter[field] !== undefined).map((field) => `${field} = @${field}`);
}

function isWithin(statuses: readonly string[] | undefined, set: readonly string[]): boolean {
  return statuses !== undefined && statuses.length > 0 && statuses.every((status) => set.includes(status));
}

function params(filter: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(filter)
      .filter(([key]) => key !== 'newestFirst')
      .map(([key, value]) => [key, Array.isArray(value) ? JSON.stringify(value) : value]),
  );
}
