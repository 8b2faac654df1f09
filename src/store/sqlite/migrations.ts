import { FIRST_SCHEMA } from './first-schema.ts';
import { FEEDS } from './migration-feeds.ts';
import { TALK_MIGRATION } from './migration-talk.ts';

/**
 * Schema, forwards only. Each entry runs once, in one transaction, in order; `user_version` counts
 * them. Never change an entry that has shipped: add one.
 */
export const MIGRATIONS: readonly string[] = [
  FIRST_SCHEMA,
  `
ALTER TABLE tasks ADD COLUMN pipeline TEXT NOT NULL DEFAULT 'full';
ALTER TABLE tasks ADD COLUMN labels TEXT NOT NULL DEFAULT '[]';
ALTER TABLE tasks ADD COLUMN size TEXT;
ALTER TABLE tasks ADD COLUMN trace TEXT;
ALTER TABLE tasks ADD COLUMN ticked TEXT NOT NULL DEFAULT '[]';
ALTER TABLE tasks ADD COLUMN session TEXT;
ALTER TABLE tasks ADD COLUMN checked_head TEXT;
ALTER TABLE tasks ADD COLUMN loops TEXT NOT NULL DEFAULT '{}';
ALTER TABLE pull_requests ADD COLUMN body TEXT NOT NULL DEFAULT '';
`,
  `
-- The account a failover took the job from; set by a claim, gone when the job is queued again.
ALTER TABLE jobs ADD COLUMN moved_from TEXT;
-- 1 while the job's task has no commit yet: the new work that \`open_prs\` holds back.
ALTER TABLE jobs ADD COLUMN fresh INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET fresh = 1 WHERE status = 'queued' AND task_id IN (SELECT id FROM tasks WHERE head IS NULL);
-- What is left of jobs_ready and jobs_oldest where no new work may start: a claim walks past none of it.
CREATE INDEX jobs_begun ON jobs(project, (CASE WHEN agent IS NULL THEN '' ELSE account END), priority DESC, rework DESC, id) WHERE status = 'queued' AND ready = 1 AND fresh = 0;
CREATE INDEX jobs_begun_oldest ON jobs(project, (CASE WHEN agent IS NULL THEN '' ELSE account END), (attempts > 0), id) WHERE status = 'queued' AND ready = 1 AND fresh = 0;

ALTER TABLE tasks ADD COLUMN unknown_costs INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN budget_from_micro_usd INTEGER NOT NULL DEFAULT 0;
CREATE INDEX tasks_unmerged ON tasks(project) WHERE status IN ('active', 'needs_you') AND pr ->> 'state' IN ('draft', 'open');

-- What the runs that ended on a UTC day (days since 1970) consumed.
CREATE TABLE spending(
  day INTEGER NOT NULL,
  project TEXT NOT NULL,
  micro_usd INTEGER NOT NULL DEFAULT 0,
  tokens INTEGER NOT NULL DEFAULT 0,
  unknown_costs INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(day, project)
) STRICT, WITHOUT ROWID;
`,
  `
-- The ledger, written anew: a gate of a scope, and the intervals in which it was closed.
DROP TABLE gate_intervals;
CREATE TABLE gates(
  id INTEGER PRIMARY KEY,
  code TEXT NOT NULL,
  kind TEXT NOT NULL,
  scope TEXT NOT NULL,
  UNIQUE(code, kind, scope)
) STRICT;
CREATE TABLE gate_intervals(
  gate INTEGER NOT NULL REFERENCES gates(id),
  since INTEGER NOT NULL,
  until INTEGER,
  -- First time the gate closed, over moments in which it was open.
  first_since INTEGER NOT NULL,
  -- When this changes, another interval begins.
  mark TEXT NOT NULL,
  -- The reason as it was when the interval began.
  value TEXT NOT NULL,
  PRIMARY KEY(gate, since)
) STRICT, WITHOUT ROWID;
CREATE INDEX gate_intervals_open ON gate_intervals(gate) WHERE until IS NULL;
CREATE INDEX gate_intervals_ended ON gate_intervals(until) WHERE until IS NOT NULL;

-- What is a job's own: holds, backoffs, and the time between its end and a retry.
CREATE TABLE job_waits(
  job INTEGER NOT NULL REFERENCES jobs(id),
  since INTEGER NOT NULL,
  code TEXT NOT NULL,
  until INTEGER,
  detail TEXT NOT NULL,
  PRIMARY KEY(job, since, code)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_waits_ended ON job_waits(until) WHERE until IS NOT NULL;
INSERT INTO job_waits(job, since, code, until, detail)
  SELECT id, coalesce(hold_since, created_at), hold, NULL, '' FROM jobs WHERE status = 'queued' AND hold IS NOT NULL;

ALTER TABLE tasks ADD COLUMN begun_at INTEGER;
UPDATE tasks SET begun_at = created_at WHERE head IS NOT NULL;
CREATE INDEX tasks_branch ON tasks(project, branch);
CREATE INDEX work_items_status ON work_items(project, status, id);
`,
  `
-- Versions of CLIs that a run or a person has proven on this installation.
CREATE TABLE cli_versions(
  kind TEXT NOT NULL,
  version TEXT NOT NULL,
  bin TEXT,
  first_success_at INTEGER,
  last_success_at INTEGER,
  trusted_by TEXT,
  trusted_at INTEGER,
  PRIMARY KEY(kind, version)
) STRICT, WITHOUT ROWID;
INSERT INTO cli_versions(kind, version, first_success_at, last_success_at)
  SELECT cli_kind, cli_version, min(coalesce(finished_at, started_at)), max(coalesce(finished_at, started_at))
  FROM agent_runs WHERE verdict = 'success' AND cli_kind IS NOT NULL AND cli_version IS NOT NULL GROUP BY cli_kind, cli_version;
ALTER TABLE agent_runs ADD COLUMN cli_bin TEXT;
ALTER TABLE accounts ADD COLUMN pinned TEXT;
`,
  `
-- 1 for work that goes first in its project, and now and then before the turn of others.
ALTER TABLE tasks ADD COLUMN urgent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN urgent INTEGER NOT NULL DEFAULT 0;
-- Claims that must go by before an urgent job may go before another project's turn again.
ALTER TABLE counters ADD COLUMN urgent_rest INTEGER NOT NULL DEFAULT 0;
-- Where no new work may start a claim looks at fresh = 0 alone: one index instead of two, and it walks past nothing.
DROP INDEX jobs_begun;
DROP INDEX jobs_begun_oldest;
DROP INDEX jobs_ready;
DROP INDEX jobs_oldest;
CREATE INDEX jobs_ready ON jobs(project, (CASE WHEN agent IS NULL THEN '' ELSE account END), fresh, urgent DESC, priority DESC, rework DESC, id) WHERE status = 'queued' AND ready = 1;
CREATE INDEX jobs_oldest ON jobs(project, (CASE WHEN agent IS NULL THEN '' ELSE account END), fresh, (attempts > 0), transient_attempts, id) WHERE status = 'queued' AND ready = 1;
-- Few rows: which projects have urgent work at all.
CREATE INDEX jobs_urgent ON jobs(project) WHERE status = 'queued' AND ready = 1 AND urgent = 1;
`,
  `
-- 1 from the moment a try begins until its end is known: the receiver may have acted.
ALTER TABLE outbox ADD COLUMN unsure INTEGER NOT NULL DEFAULT 0;
UPDATE outbox SET unsure = 1 WHERE status = 'pending' AND tries > 0;
-- When a person had it tried anew, and why one gave it up for good.
ALTER TABLE outbox ADD COLUMN retried_at INTEGER;
ALTER TABLE outbox ADD COLUMN dropped TEXT;
CREATE INDEX outbox_dead ON outbox(destination, finished_at) WHERE status = 'dead' AND dropped IS NULL;
CREATE INDEX outbox_retried ON outbox(destination) WHERE status = 'pending' AND retried_at IS NOT NULL;
CREATE INDEX outbox_story ON outbox(order_key, id);
CREATE INDEX outbox_due ON outbox(destination, available_at, id) WHERE status = 'pending';

-- Receivers that do not answer; one that does has no row.
CREATE TABLE destinations(
  name TEXT PRIMARY KEY,
  since INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  error TEXT NOT NULL,
  tried_at INTEGER NOT NULL,
  next_try_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`,
  `
-- People who may sign in. Names are unique whatever their case.
CREATE TABLE users(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE,
  role TEXT NOT NULL CHECK(role IN ('viewer','operator','admin')),
  password_hash TEXT,
  created_at INTEGER NOT NULL,
  disabled_at INTEGER
) STRICT;
-- Secrets are here as hashes alone: whoever reads this file can sign in with nothing of it.
CREATE TABLE sessions(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hash TEXT NOT NULL UNIQUE,
  user_id INTEGER NOT NULL REFERENCES users(id),
  created_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  agent TEXT NOT NULL,
  address TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_user ON sessions(user_id);
CREATE TABLE api_tokens(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hash TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  user_id INTEGER REFERENCES users(id),
  role TEXT NOT NULL CHECK(role IN ('viewer','operator','admin')),
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT;
CREATE TABLE invites(
  user_id INTEGER PRIMARY KEY REFERENCES users(id),
  hash TEXT NOT NULL UNIQUE,
  expires_at INTEGER NOT NULL
) STRICT;
-- What it was and what it became, as JSON; null where the target says it all.
ALTER TABLE audit ADD COLUMN before TEXT;
ALTER TABLE audit ADD COLUMN after TEXT;
CREATE INDEX audit_by ON audit(by, id);

ALTER TABLE agent_runs ADD COLUMN model TEXT;
-- What ended lately, without a walk over the rest.
CREATE INDEX agent_runs_ended ON agent_runs(finished_at, verdict, cost_micro_usd) WHERE finished_at IS NOT NULL;
CREATE INDEX tasks_ended ON tasks(updated_at) WHERE status IN ('done', 'cancelled');
`,
  TALK_MIGRATION,
  FEEDS,
  `
-- What a task heard from its forge and told it: marks of what was acted on, findings that wait, the last word per stage.
ALTER TABLE tasks ADD COLUMN forge TEXT;
`,
  `
-- The project's checks at checked_head: so many green, of so many.
ALTER TABLE tasks ADD COLUMN checks_green INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN checks_total INTEGER NOT NULL DEFAULT 0;
`,
  `
-- What a person put off: the reason with its scope, until when, and how many jobs it held then.
CREATE TABLE snoozes(
  who TEXT NOT NULL,
  code TEXT NOT NULL,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  until INTEGER NOT NULL,
  held INTEGER NOT NULL,
  PRIMARY KEY(who, code, kind, id)
) STRICT, WITHOUT ROWID;
`,
  `
-- Where the item is looked at in its tracker: http or https.
ALTER TABLE tasks ADD COLUMN url TEXT;
`,
  `
-- When a run of each account last succeeded, without a walk over the others.
CREATE INDEX agent_runs_success ON agent_runs(account, finished_at) WHERE verdict = 'success' AND account IS NOT NULL;
`,
];
