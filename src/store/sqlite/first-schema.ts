/** The schema of the first build: entry one of `MIGRATIONS`, and never changed since. */
export const FIRST_SCHEMA = `
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE projects(
  key TEXT PRIMARY KEY,
  active INTEGER NOT NULL DEFAULT 1,
  weight REAL NOT NULL DEFAULT 1,
  max_concurrency INTEGER NOT NULL DEFAULT 1,
  -- Weighted virtual time: grows by 1e6 / weight with every claim; the smallest is served next.
  vtime INTEGER NOT NULL DEFAULT 0,
  served INTEGER NOT NULL DEFAULT 0,
  failed_in_row INTEGER NOT NULL DEFAULT 0
) STRICT;
-- One row that every claim and settle writes anyway, so that it costs them one page:
-- start tag and sequence of the last claim (an idle project re-enters at the clock, without credit), the
-- last run id ever given, and how many rows are in each status, for display only: caps never use these.
CREATE TABLE counters(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  vclock INTEGER NOT NULL DEFAULT 0,
  served INTEGER NOT NULL DEFAULT 0,
  last_run INTEGER NOT NULL DEFAULT 0,
  last_ended_at INTEGER,
  jobs_queued INTEGER NOT NULL DEFAULT 0,
  jobs_running INTEGER NOT NULL DEFAULT 0,
  jobs_done INTEGER NOT NULL DEFAULT 0,
  jobs_failed INTEGER NOT NULL DEFAULT 0,
  jobs_cancelled INTEGER NOT NULL DEFAULT 0,
  tasks_active INTEGER NOT NULL DEFAULT 0,
  tasks_needs_you INTEGER NOT NULL DEFAULT 0,
  tasks_done INTEGER NOT NULL DEFAULT 0,
  tasks_cancelled INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO counters(id) VALUES(1);
CREATE INDEX projects_order ON projects(vtime, served, key);

CREATE TABLE accounts(
  id TEXT PRIMARY KEY,
  hold TEXT,
  breaker_state TEXT NOT NULL DEFAULT 'closed',
  breaker_failures INTEGER NOT NULL DEFAULT 0,
  breaker_probe_at INTEGER,
  breaker_since INTEGER,
  not_before INTEGER,
  last_probe_at INTEGER,
  proven_fingerprint TEXT,
  windows TEXT NOT NULL DEFAULT '[]',
  windows_at INTEGER
) STRICT;

CREATE TABLE tasks(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  project TEXT NOT NULL,
  work_item_id TEXT NOT NULL,
  repo TEXT NOT NULL,
  branch TEXT NOT NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  stage TEXT NOT NULL,
  status TEXT NOT NULL CHECK(status IN ('active','needs_you','done','cancelled')),
  reason_code TEXT,
  reason_detail TEXT,
  head TEXT,
  pr TEXT,
  rounds TEXT NOT NULL DEFAULT '{}',
  cost_micro_usd INTEGER NOT NULL DEFAULT 0,
  priority INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE(project, work_item_id)
) STRICT;
CREATE INDEX tasks_status ON tasks(status, id);

CREATE TABLE jobs(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task_id INTEGER REFERENCES tasks(id),
  project TEXT NOT NULL,
  repo TEXT NOT NULL,
  branch TEXT NOT NULL,
  stage TEXT,
  agent TEXT,
  account TEXT,
  status TEXT NOT NULL DEFAULT 'queued' CHECK(status IN ('queued','running','done','failed','cancelled')),
  -- 0 while the job has its own reason to wait (backoff, approval, question): never scanned by a claim.
  ready INTEGER NOT NULL DEFAULT 1,
  attempts INTEGER NOT NULL DEFAULT 0,
  max_attempts INTEGER NOT NULL,
  transient_attempts INTEGER NOT NULL DEFAULT 0,
  lost_attempts INTEGER NOT NULL DEFAULT 0,
  fence INTEGER NOT NULL DEFAULT 0,
  priority INTEGER NOT NULL DEFAULT 0,
  rework INTEGER NOT NULL DEFAULT 0,
  available_at INTEGER,
  hold TEXT,
  hold_since INTEGER,
  cancel_requested INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  verdict TEXT,
  context TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER
) STRICT;
CREATE INDEX jobs_ready ON jobs(project, (CASE WHEN agent IS NULL THEN '' ELSE account END), priority DESC, rework DESC, id) WHERE status = 'queued' AND ready = 1;
CREATE INDEX jobs_oldest ON jobs(project, (CASE WHEN agent IS NULL THEN '' ELSE account END), (attempts > 0), id) WHERE status = 'queued' AND ready = 1;
CREATE INDEX jobs_deferred ON jobs(available_at) WHERE status = 'queued' AND ready = 0 AND hold IS NULL AND available_at IS NOT NULL;
-- Few rows, and all that caps and locks ask of them: counted here, so nothing can leak.
CREATE INDEX jobs_running ON jobs(project, branch, account, task_id) WHERE status = 'running';
CREATE INDEX jobs_open ON jobs(id) WHERE status IN ('queued', 'running');
CREATE INDEX jobs_failed ON jobs(id) WHERE status = 'failed';
CREATE INDEX jobs_task ON jobs(task_id, id) WHERE task_id IS NOT NULL;
CREATE TRIGGER jobs_added AFTER INSERT ON jobs BEGIN
  UPDATE counters SET jobs_queued = jobs_queued + (new.status = 'queued'), jobs_running = jobs_running + (new.status = 'running'), jobs_done = jobs_done + (new.status = 'done'), jobs_failed = jobs_failed + (new.status = 'failed'), jobs_cancelled = jobs_cancelled + (new.status = 'cancelled');
END;
CREATE TRIGGER jobs_moved AFTER UPDATE OF status ON jobs WHEN new.status <> old.status BEGIN
  UPDATE counters SET jobs_queued = jobs_queued + (new.status = 'queued') - (old.status = 'queued'), jobs_running = jobs_running + (new.status = 'running') - (old.status = 'running'), jobs_done = jobs_done + (new.status = 'done') - (old.status = 'done'), jobs_failed = jobs_failed + (new.status = 'failed') - (old.status = 'failed'), jobs_cancelled = jobs_cancelled + (new.status = 'cancelled') - (old.status = 'cancelled');
END;
CREATE TRIGGER jobs_removed AFTER DELETE ON jobs BEGIN
  UPDATE counters SET jobs_queued = jobs_queued - (old.status = 'queued'), jobs_running = jobs_running - (old.status = 'running'), jobs_done = jobs_done - (old.status = 'done'), jobs_failed = jobs_failed - (old.status = 'failed'), jobs_cancelled = jobs_cancelled - (old.status = 'cancelled');
END;
CREATE TRIGGER tasks_added AFTER INSERT ON tasks BEGIN
  UPDATE counters SET tasks_active = tasks_active + (new.status = 'active'), tasks_needs_you = tasks_needs_you + (new.status = 'needs_you'), tasks_done = tasks_done + (new.status = 'done'), tasks_cancelled = tasks_cancelled + (new.status = 'cancelled');
END;
CREATE TRIGGER tasks_moved AFTER UPDATE OF status ON tasks WHEN new.status <> old.status BEGIN
  UPDATE counters SET tasks_active = tasks_active + (new.status = 'active') - (old.status = 'active'), tasks_needs_you = tasks_needs_you + (new.status = 'needs_you') - (old.status = 'needs_you'), tasks_done = tasks_done + (new.status = 'done') - (old.status = 'done'), tasks_cancelled = tasks_cancelled + (new.status = 'cancelled') - (old.status = 'cancelled');
END;
CREATE TRIGGER tasks_removed AFTER DELETE ON tasks BEGIN
  UPDATE counters SET tasks_active = tasks_active - (old.status = 'active'), tasks_needs_you = tasks_needs_you - (old.status = 'needs_you'), tasks_done = tasks_done - (old.status = 'done'), tasks_cancelled = tasks_cancelled - (old.status = 'cancelled');
END;

CREATE TABLE agent_runs(
  id INTEGER PRIMARY KEY,
  job_id INTEGER NOT NULL REFERENCES jobs(id),
  task_id INTEGER,
  attempt INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  agent TEXT,
  cli_kind TEXT,
  cli_version TEXT,
  account TEXT,
  pid INTEGER,
  directory TEXT NOT NULL,
  status TEXT NOT NULL CHECK(status IN ('running','ended')),
  probe INTEGER NOT NULL DEFAULT 0,
  exit_code INTEGER,
  signal TEXT,
  result_ok INTEGER,
  verdict TEXT,
  reason TEXT,
  rule TEXT,
  session_id TEXT,
  input_tokens INTEGER NOT NULL DEFAULT 0,
  output_tokens INTEGER NOT NULL DEFAULT 0,
  cache_read_tokens INTEGER NOT NULL DEFAULT 0,
  cache_write_tokens INTEGER NOT NULL DEFAULT 0,
  turns INTEGER NOT NULL DEFAULT 0,
  cost_micro_usd INTEGER,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  UNIQUE(job_id, fence)
) STRICT;
CREATE INDEX agent_runs_task ON agent_runs(task_id, id) WHERE task_id IS NOT NULL;

CREATE TABLE outbox(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  destination TEXT NOT NULL,
  key TEXT NOT NULL UNIQUE,
  order_key TEXT NOT NULL,
  message TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending' CHECK(status IN ('pending','delivered','dead')),
  tries INTEGER NOT NULL DEFAULT 0,
  available_at INTEGER NOT NULL,
  error TEXT,
  created_at INTEGER NOT NULL,
  finished_at INTEGER
) STRICT;
CREATE INDEX outbox_pending ON outbox(available_at, id) WHERE status = 'pending';
CREATE INDEX outbox_order ON outbox(order_key, id) WHERE status = 'pending';

CREATE TABLE incidents(
  key TEXT NOT NULL,
  channel TEXT NOT NULL,
  message_ref TEXT NOT NULL,
  text TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  resolved_at INTEGER,
  PRIMARY KEY(key, channel)
) STRICT;

CREATE TABLE pauses(
  scope TEXT NOT NULL,
  id TEXT NOT NULL,
  note TEXT NOT NULL,
  by TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER,
  PRIMARY KEY(scope, id)
) STRICT;

-- Scope intervals of the decision ledger: one row while a gate is closed, not one per job.
CREATE TABLE gate_intervals(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  code TEXT NOT NULL,
  scope TEXT NOT NULL,
  detail TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER
) STRICT;
CREATE UNIQUE INDEX gate_intervals_open ON gate_intervals(code, scope) WHERE until IS NULL;
CREATE INDEX gate_intervals_recent ON gate_intervals(code, scope, until);

CREATE TABLE audit(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  by TEXT NOT NULL,
  surface TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL
) STRICT;

CREATE TABLE work_items(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project TEXT NOT NULL,
  key TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'todo',
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE TABLE work_item_comments(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  work_item_id INTEGER NOT NULL REFERENCES work_items(id),
  key TEXT NOT NULL UNIQUE,
  body TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE TABLE pull_requests(
  project TEXT NOT NULL,
  number INTEGER NOT NULL,
  branch TEXT NOT NULL,
  title TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY(project, number),
  UNIQUE(project, branch)
) STRICT;
CREATE TABLE pull_request_comments(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project TEXT NOT NULL,
  number INTEGER NOT NULL,
  key TEXT NOT NULL UNIQUE,
  body TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
`;
