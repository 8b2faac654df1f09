import { SLOW_AFTER_FAILURES } from '../../core/closed-gates.ts';
import type { Claimed, ClaimRequest } from '../store.ts';
import type { Db } from './database.ts';
import { jobOf, type Row, runOf, taskOf } from './rows.ts';

/** One claim moves a project's virtual time by this, divided by its weight. */
const VTIME_STEP = 1_000_000;

/** Running rows are few: one pass counts them for every account. */
const OPEN_ACCOUNTS = `
WITH live AS MATERIALIZED (
  SELECT r.account AS id, count(*) AS n FROM jobs r INDEXED BY jobs_running WHERE r.status = 'running' AND r.account IS NOT NULL GROUP BY r.account
), a AS MATERIALIZED (
  SELECT x.value ->> 'waitsFor' AS id, x.value ->> 'project' AS project, x.value ->> 'id' AS runs, x.key AS rank
  FROM json_each(@accounts) x LEFT JOIN live ON live.id = x.value ->> 'id'
  WHERE coalesce(live.n, 0) < x.value ->> 'slots'
)`;

const PROJECT_MAY = `
p.active = 1
AND p.key NOT IN (SELECT value FROM json_each(@closed))
AND (SELECT count(*) FROM jobs r INDEXED BY jobs_running WHERE r.status = 'running' AND r.project = p.key)
  < CASE WHEN p.failed_in_row >= ${SLOW_AFTER_FAILURES} THEN 1 ELSE p.max_concurrency END`;

/** A job without an agent waits for no account: ''. An agent's job without an account waits for a person: NULL, never equal. */
const FIRST_JOB = (index: string, only: string, order: string) => `
SELECT q.id FROM jobs q INDEXED BY ${index}
WHERE q.status = 'queued' AND q.ready = 1 AND q.project = p.key AND (CASE WHEN q.agent IS NULL THEN '' ELSE q.account END) = a.id ${only}
  AND NOT EXISTS (SELECT 1 FROM jobs l INDEXED BY jobs_running
    WHERE l.status = 'running' AND l.project = q.project AND (l.branch = q.branch OR l.task_id = q.task_id))
ORDER BY ${order} LIMIT 1`;

/**
 * The first job of the project that waits for one of the open accounts. Where no new work may start it is
 * looked up in an index of its own, so that none of the new work is walked past.
 */
const FIRST_JOB_OF_ANY = (indexes: { all: string; begun: string }, order: readonly string[]) => {
  const inner = order.map((term) => term.replace('job.', 'q.')).join(', ');
  return `
SELECT i.id FROM a CROSS JOIN jobs i ON i.id = CASE
  WHEN p.key IN (SELECT value FROM json_each(@withoutNewWork)) THEN (${FIRST_JOB(indexes.begun, 'AND q.fresh = 0', inner)})
  ELSE (${FIRST_JOB(indexes.all, '', inner)}) END
WHERE (a.project IS NULL OR a.project = p.key)
  AND (a.id = '' OR p.key NOT IN (SELECT value FROM json_each(@withoutAgents)))
  AND (a.id <> '' OR p.key NOT IN (SELECT value FROM json_each(@agentsOnly)))
ORDER BY ${order.map((term) => term.replace('job.', 'i.')).join(', ')}, a.rank LIMIT 1`;
};

/**
 * Fair order: the project with the least virtual time (ties: served longest ago), inside it by
 * priority, rework before new work, then age. Caps are counted from running rows, so nothing can leak.
 */
const PICK_FAIR = `${OPEN_ACCOUNTS}
SELECT j.id, j.account, p.key AS project, p.vtime, p.weight
FROM projects p INDEXED BY projects_order CROSS JOIN jobs j
  ON j.id = (${FIRST_JOB_OF_ANY({ all: 'jobs_ready', begun: 'jobs_begun' }, ['job.priority DESC', 'job.rework DESC', 'job.id'])})
WHERE ${PROJECT_MAY}
ORDER BY p.vtime, p.served, p.key LIMIT 1`;

/**
 * A probe takes the oldest job, whatever its project's turn. A queued job that has spent an attempt
 * failed by its own fault: it comes after all others, for its next failure would prove nothing.
 */
const PICK_OLDEST = `${OPEN_ACCOUNTS}
SELECT j.id, j.account, p.key AS project, p.vtime, p.weight
FROM projects p CROSS JOIN jobs j
  ON j.id = (${FIRST_JOB_OF_ANY({ all: 'jobs_oldest', begun: 'jobs_begun_oldest' }, ['(job.attempts > 0)', 'job.id'])})
WHERE ${PROJECT_MAY}
ORDER BY (j.attempts > 0), j.id LIMIT 1`;

/** Prepares the claim statements once; the returned function is one immediate transaction. */
export function prepareClaim(db: Db): (request: ClaimRequest) => Claimed | null {
  const due = db.prepare(
    `SELECT 1 FROM jobs INDEXED BY jobs_deferred WHERE status = 'queued' AND ready = 0 AND available_at <= ? AND hold IS NULL LIMIT 1`,
  );
  const promote = db.prepare(
    `UPDATE jobs INDEXED BY jobs_deferred SET ready = 1, available_at = NULL WHERE status = 'queued' AND ready = 0 AND available_at <= ? AND hold IS NULL`,
  );
  const running = db
    .prepare(`SELECT count(*) FROM jobs INDEXED BY jobs_running WHERE status = 'running'`)
    .pluck();
  const fair = db.prepare(PICK_FAIR);
  const oldest = db.prepare(PICK_OLDEST);
  const take =
    db.prepare(`UPDATE jobs SET status = 'running', attempts = attempts + 1, fence = fence + 1, started_at = @now, cancel_requested = 0,
    moved_from = CASE WHEN account <> @account THEN account END, account = coalesce(@account, account)
    WHERE id = @id AND status = 'queued' RETURNING *`);
  const ordinal = db.prepare(`SELECT count(*) + 1 FROM agent_runs WHERE job_id = ?`).pluck();
  const insertRun =
    db.prepare(`INSERT INTO agent_runs(id, job_id, task_id, attempt, fence, agent, account, directory, status, probe, started_at)
    VALUES(@id, @jobId, @taskId, @attempt, @fence, @agent, @account, @directory, 'running', @probe, @now) RETURNING *`);
  const runningOn = db
    .prepare(`SELECT count(*) FROM jobs INDEXED BY jobs_running WHERE status = 'running' AND account = ?`)
    .pluck();
  const clock = db.prepare(`SELECT vclock, served, last_run FROM counters WHERE id = 1`);
  const setClock = db.prepare(`UPDATE counters SET vclock = ?, served = ?, last_run = ? WHERE id = 1`);
  const serve = db.prepare(`UPDATE projects SET vtime = ?, served = ? WHERE key = ?`);
  const probed = db.prepare(`UPDATE accounts SET last_probe_at = ? WHERE id = ?`);
  const taskById = db.prepare(`SELECT * FROM tasks WHERE id = ?`);

  /** The account the picked job runs on: its own, or the first free one of its failover. */
  function placeFor(pick: { project: string }, waitsFor: string, places: readonly Place[]): string {
    const free = places.find(
      (place) =>
        place.waitsFor === waitsFor &&
        (place.project === null || place.project === pick.project) &&
        Number(runningOn.get(place.id)) < place.slots,
    );
    return free?.id ?? waitsFor;
  }

  return db.transaction((request: ClaimRequest): Claimed | null => {
    if (Number(running.get()) >= request.slots) return null;
    if (due.get(request.now) !== undefined) promote.run(request.now);
    const places = placesOf(request);
    const pick = (request.probe ? oldest : fair).get({
      accounts: JSON.stringify(places),
      closed: JSON.stringify(request.closedProjects),
      withoutAgents: JSON.stringify(request.withoutAgents),
      agentsOnly: JSON.stringify(request.agentsOnly),
      withoutNewWork: JSON.stringify(request.withoutNewWork),
    }) as { id: number; project: string; vtime: number; weight: number; account: string | null } | undefined;
    if (pick === undefined) return null;
    const account = pick.account === null ? null : placeFor(pick, pick.account, places);
    const job = jobOf(take.get({ id: pick.id, now: request.now, account }) as Row);
    const { vclock, served, last_run } = clock.get() as { vclock: number; served: number; last_run: number };
    const runId = last_run + 1;
    const inserted = insertRun.get({
      id: runId,
      directory: request.directoryFor(runId),
      jobId: job.id,
      taskId: job.taskId,
      attempt: Number(ordinal.get(job.id)),
      fence: job.fence,
      agent: job.agent,
      account: job.account,
      probe: request.probe ? 1 : 0,
      now: request.now,
    }) as Row;
    const start = Math.max(pick.vtime, vclock);
    // Rounded up: R small steps of a heavy project then never fit into one of a light one, R = ceil(w_max / w_min).
    serve.run(start + Math.ceil(VTIME_STEP / pick.weight), served + 1, pick.project);
    setClock.run(start, served + 1, runId);
    if (request.probe && job.account !== null) probed.run(request.now, job.account);
    const task = job.taskId === null ? null : (taskById.get(job.taskId) as Row);
    return { job, run: runOf(inserted), task: task === null ? null : taskOf(task) };
  }).immediate;
}

/** An account with a slot, and whose jobs it takes: its own, or those of another in one project. */
interface Place {
  readonly id: string;
  readonly slots: number;
  readonly waitsFor: string;
  readonly project: string | null;
}

function placesOf({ accounts, failover, withoutAccount }: ClaimRequest): Place[] {
  const own = accounts.map(({ id, slots }) => ({ id, slots, waitsFor: id, project: null }));
  const moved = failover.flatMap(({ project, from, to }) =>
    accounts.filter(({ id }) => id === to).map(({ id, slots }) => ({ id, slots, waitsFor: from, project })),
  );
  const none = withoutAccount ? [{ id: '', slots: 1, waitsFor: '', project: null }] : [];
  return [...own, ...moved, ...none];
}
