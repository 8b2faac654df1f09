/**
 * Looks at the rows of the database by a connection of its own: what is really there, whatever the engine
 * believes. Reads only, at a moment when nobody writes.
 */
import Database from 'better-sqlite3';

export interface JobRow {
  readonly id: number;
  readonly task_id: number | null;
  readonly project: string;
  readonly branch: string;
  readonly stage: string | null;
  readonly agent: string | null;
  readonly account: string | null;
  readonly status: string;
  readonly ready: number;
  readonly attempts: number;
  readonly max_attempts: number;
  readonly transient_attempts: number;
  readonly lost_attempts: number;
  readonly fence: number;
  readonly available_at: number | null;
  readonly hold: string | null;
  readonly fresh: number;
  readonly urgent: number;
  readonly cancel_requested: number;
  readonly error: string | null;
  readonly verdict: string | null;
  readonly context: string;
}

export interface RunRow {
  readonly id: number;
  readonly job_id: number;
  readonly task_id: number | null;
  readonly fence: number;
  readonly agent: string | null;
  readonly account: string | null;
  readonly status: string;
  readonly probe: number;
  readonly verdict: string | null;
  readonly reason: string | null;
  readonly session_id: string | null;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cache_read_tokens: number;
  readonly cache_write_tokens: number;
  readonly cost_micro_usd: number | null;
  readonly started_at: number;
  readonly finished_at: number | null;
}

export interface TaskRow {
  readonly id: number;
  readonly key: string;
  readonly project: string;
  readonly work_item_id: string;
  readonly branch: string;
  readonly forge: string | null;
  readonly stage: string;
  readonly status: string;
  readonly reason_code: string | null;
  readonly reason_detail: string | null;
  readonly head: string | null;
  readonly pr: string | null;
  readonly thread: string;
}

export interface AccountRow {
  readonly id: string;
  readonly hold: string | null;
  readonly breaker_state: string;
  readonly breaker_probe_at: number | null;
  readonly last_probe_at: number | null;
}

export type Eye = ReturnType<typeof openEye>;

export function openEye(path: string) {
  const db = new Database(path);
  /** Another one after every commit of the engine: what was read under this one is still so. */
  const version = db.prepare('PRAGMA data_version').pluck();
  const many = <T>(sql: string) => {
    const statement = db.prepare(sql);
    return (...params: unknown[]) => statement.all(...params) as T[];
  };
  /** The same rows are looked at by many, and after every write. */
  const all = <T>(sql: string) => {
    const statement = db.prepare(sql);
    let seen: { readonly version: unknown; readonly rows: readonly T[] } | null = null;
    return (): readonly T[] => {
      const now = version.get();
      if (seen === null || seen.version !== now) seen = { version: now, rows: statement.all() as T[] };
      return seen.rows;
    };
  };
  const one = <T>(sql: string) => {
    const statement = db.prepare(sql);
    return (...params: unknown[]) => statement.get(...params) as T | undefined;
  };
  const rows = ['jobs', 'agent_runs', 'tasks', 'accounts', 'outbox', 'spending', 'projects'].map((table) =>
    db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`),
  );
  return {
    job: one<JobRow>('SELECT * FROM jobs WHERE id = ?'),
    run: one<RunRow>('SELECT * FROM agent_runs WHERE id = ?'),
    task: one<TaskRow>('SELECT * FROM tasks WHERE id = ?'),
    taskByKey: one<TaskRow>('SELECT * FROM tasks WHERE key = ?'),
    account: one<AccountRow>('SELECT * FROM accounts WHERE id = ?'),
    accounts: all<AccountRow>('SELECT * FROM accounts ORDER BY id'),
    tasks: all<TaskRow>('SELECT * FROM tasks ORDER BY id'),
    unfinished: all<TaskRow>(`SELECT * FROM tasks WHERE status IN ('active', 'needs_you') ORDER BY id`),
    runs: all<RunRow>('SELECT * FROM agent_runs ORDER BY id'),
    jobs: all<JobRow>('SELECT * FROM jobs ORDER BY id'),
    openJobs: all<JobRow>(`SELECT * FROM jobs WHERE status IN ('queued', 'running') ORDER BY id`),
    running: all<JobRow>(`SELECT * FROM jobs WHERE status = 'running' ORDER BY id`),
    jobsOf: many<JobRow>('SELECT * FROM jobs WHERE task_id = ? ORDER BY id'),
    /** What ended the task for a while or for good. */
    cancelsOf: many<{ id: number }>(`SELECT id FROM audit WHERE action = 'cancel' AND target = ?`),
    // By way of the jobs, of which few are running: there are many runs.
    liveRuns: all<RunRow>(
      `SELECT r.* FROM jobs j JOIN agent_runs r ON r.job_id = j.id WHERE j.status = 'running' AND r.status = 'running' ORDER BY r.id`,
    ),
    projects: all<{
      key: string;
      active: number;
      weight: number;
      max_concurrency: number;
      failed_in_row: number;
    }>('SELECT * FROM projects ORDER BY key'),
    outbox: all<{ id: number; destination: string; key: string; status: string; error: string | null }>(
      `SELECT id, destination, key, status, error FROM outbox WHERE status <> 'delivered' ORDER BY id`,
    ),
    pauses: all<{ scope: 'all' | 'project' | 'account'; id: string; until: number | null }>(
      'SELECT scope, id, until FROM pauses',
    ),
    spending: all<{ day: number; project: string; micro_usd: number; tokens: number; unknown_costs: number }>(
      'SELECT * FROM spending ORDER BY day, project',
    ),
    /** Everything that a settle may write, as one text: equal when nothing was changed. */
    everything: () => rows.map((every) => JSON.stringify(every.all())).join('\n'),
    close: () => db.close(),
  };
}
