import type Database from 'better-sqlite3';

/** What holds after every transaction of ours; each query names the rows that break it. */
const INVARIANTS: readonly { readonly broken: string; readonly rows: string }[] = [
  {
    broken: 'running without a live run of its fence',
    rows: `SELECT 'job_' || j.id FROM jobs j WHERE j.status = 'running'
      AND NOT EXISTS (SELECT 1 FROM agent_runs r WHERE r.job_id = j.id AND r.fence = j.fence AND r.status = 'running')`,
  },
  {
    broken: 'running for a job that is not, or has a later fence',
    rows: `SELECT 'run_' || r.id FROM agent_runs r JOIN jobs j ON j.id = r.job_id
      WHERE r.status = 'running' AND (j.status <> 'running' OR j.fence <> r.fence)`,
  },
  {
    broken: 'has a run with a later fence than its own',
    rows: `SELECT DISTINCT 'job_' || j.id FROM jobs j JOIN agent_runs r ON r.job_id = j.id WHERE r.fence > j.fence`,
  },
  {
    broken: 'has two running jobs',
    rows: `SELECT project || ' ' || branch FROM jobs WHERE status = 'running' GROUP BY project, branch HAVING count(*) > 1`,
  },
  {
    broken: 'is newer than the last run id given',
    rows: `SELECT 'run_' || id FROM agent_runs WHERE id > (SELECT last_run FROM counters)`,
  },
  {
    broken: 'is counted wrongly',
    rows: `SELECT 'jobs' FROM counters WHERE jobs_queued <> (SELECT count(*) FROM jobs WHERE status = 'queued')
        OR jobs_running <> (SELECT count(*) FROM jobs WHERE status = 'running') OR jobs_done <> (SELECT count(*) FROM jobs WHERE status = 'done')
        OR jobs_failed <> (SELECT count(*) FROM jobs WHERE status = 'failed') OR jobs_cancelled <> (SELECT count(*) FROM jobs WHERE status = 'cancelled')
      UNION ALL SELECT 'tasks' FROM counters WHERE tasks_active <> (SELECT count(*) FROM tasks WHERE status = 'active')
        OR tasks_needs_you <> (SELECT count(*) FROM tasks WHERE status = 'needs_you') OR tasks_done <> (SELECT count(*) FROM tasks WHERE status = 'done')
        OR tasks_cancelled <> (SELECT count(*) FROM tasks WHERE status = 'cancelled')`,
  },
];
const SHOWN = 5;

/** What is wrong with the rows, in words: references that lead nowhere, and invariants of ours that are broken. */
export function brokenInvariants(db: Database.Database): string[] {
  const loose = db.prepare('SELECT DISTINCT "table", parent FROM pragma_foreign_key_check').all() as {
    table: string;
    parent: string;
  }[];
  return [
    ...loose.map(({ table, parent }) => `${table} has rows whose ${parent} is not there`),
    ...INVARIANTS.flatMap(({ broken, rows }) => {
      const found = db
        .prepare(`SELECT * FROM (${rows}) LIMIT ${SHOWN + 1}`)
        .pluck()
        .all() as string[];
      const names = found.slice(0, SHOWN).join(', ');
      return found.length === 0 ? [] : [`${names}${found.length > SHOWN ? ', ...' : ''}: ${broken}`];
    }),
  ];
}
