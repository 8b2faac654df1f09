import { SLOW_AFTER_FAILURES } from '../../core/closed-gates.ts';
import { MAX_BORROWED_TURNS, stepOf, URGENT_EVERY, VTIME_STEP } from '../../core/fairness.ts';
import type { Claimed, ClaimRequest } from '../store.ts';
import type { Db } from './database.ts';
import { jobOf, type Row, runOf, taskOf } from './rows.ts';

/** Running rows are few: one pass counts them for every account. Each is there for begun and for new work. */
const OPEN_ACCOUNTS = `
WITH live AS MATERIALIZED (
  SELECT r.account AS id, count(*) AS n FROM jobs r INDEXED BY jobs_running WHERE r.status = 'running' AND r.account IS NOT NULL GROUP BY r.account
), a AS MATERIALIZED (
  SELECT x.value ->> 'waitsFor' AS id, x.value ->> 'project' AS project, x.value ->> 'id' AS runs, x.key AS rank, f.column1 AS fresh
  FROM json_each(@accounts) x CROSS JOIN (VALUES(0), (1)) f LEFT JOIN live ON live.id = x.value ->> 'id'
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
WHERE q.status = 'queued' AND q.ready = 1 AND q.project = p.key AND (CASE WHEN q.agent IS NULL THEN '' ELSE q.account END) = a.id
  AND q.fresh = a.fresh ${only}
  AND NOT EXISTS (SELECT 1 FROM jobs l INDEXED BY jobs_running
    WHERE l.status = 'running' AND l.project = q.project AND (l.branch = q.branch OR l.task_id = q.task_id))
ORDER BY ${order} LIMIT 1`;

/**
 * The first job of the project that waits for one of the open accounts. Where no new work may start only what
 * has begun is looked up, so that none of the new work is walked past.
 */
const FIRST_JOB_OF_ANY = (index: string, order: readonly string[], only = '') => {
  const terms = (alias: string) => order.map((term) => term.replace('job.', `${alias}.`)).join(', ');
  return `
SELECT i.id FROM a CROSS JOIN jobs i ON i.id = (${FIRST_JOB(index, only, terms('q'))})
WHERE (a.project IS NULL OR a.project = p.key)
  AND (a.fresh = 0 OR p.key NOT IN (SELECT value FROM json_each(@withoutNewWork)))
  AND (a.id = '' OR p.key NOT IN (SELECT value FROM json_each(@withoutAgents)))
  AND (a.id <> '' OR p.key NOT IN (SELECT value FROM json_each(@agentsOnly)))
ORDER BY ${terms('i')}, a.rank LIMIT 1`;
};

const INSIDE_A_PROJECT = ['job.urgent DESC', 'job.priority DESC', 'job.rework DESC', 'job.id'];

/**
 * Fair order: the project with the least virtual time (ties: served longest ago), inside it urgent work,
 * then by priority, rework before new work, then age. Caps are counted from running rows, so nothing can leak.
 */
const PICK_FAIR = `${OPEN_ACCOUNTS}
SELECT j.id, j.account, p.key AS project, p.vtime, p.weight
FROM projects p INDEXED BY projects_order CROSS JOIN jobs j ON j.id = (${FIRST_JOB_OF_ANY('jobs_ready', INSIDE_A_PROJECT)})
WHERE ${PROJECT_MAY}
ORDER BY p.vtime, p.served, p.key LIMIT 1`;

/** The same order among the projects that have urgent work and may still borrow a turn. */
const PICK_URGENT = `${OPEN_ACCOUNTS}
SELECT j.id, j.account, p.key AS project, p.vtime, p.weight
FROM projects p INDEXED BY projects_order CROSS JOIN jobs j ON j.id = (${FIRST_JOB_OF_ANY('jobs_ready', INSIDE_A_PROJECT, 'AND q.urgent = 1')})
WHERE EXISTS (SELECT 1 FROM jobs u INDEXED BY jobs_urgent WHERE u.status = 'queued' AND u.ready = 1 AND u.urgent = 1 AND u.project = p.key)
  AND p.vtime - @vclock <= ${MAX_BORROWED_TURNS} * ceil(${VTIME_STEP} / p.weight)
  AND ${PROJECT_MAY}
ORDER BY p.vtime, p.served, p.key LIMIT 1`;

/**
 * A probe takes the oldest job, whatever its project's turn. A queued job that has spent an attempt
 * failed by its own fault: it comes after all others, for its next failure would prove nothing. Those that an
 * overload has failed more often come later, so that a long one spends no single job's budget.
 */
const PICK_OLDEST = `${OPEN_ACCOUNTS}
SELECT j.id, j.account, p.key AS project, p.vtime, p.weight
FROM projects p CROSS JOIN jobs j ON j.id = (${FIRST_JOB_OF_ANY('jobs_oldest', ['(job.attempts > 0)', 'job.transient_attempts', 'job.id'])})
WHERE ${PROJECT_MAY}
ORDER BY (j.attempts > 0), j.transient_attempts, j.id LIMIT 1`;

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
  const held = db.prepare(`SELECT id FROM accounts WHERE hold IS NOT NULL`).pluck();
  const paused = db.prepare(`SELECT scope, id FROM pauses WHERE until IS NULL OR until > ?`);
  const fair = db.prepare(PICK_FAIR);
  const anyUrgent = db.prepare(
    `SELECT 1 FROM jobs INDEXED BY jobs_urgent WHERE status = 'queued' AND ready = 1 AND urgent = 1 LIMIT 1`,
  );
  const urgent = db.prepare(PICK_URGENT);
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
  const clock = db.prepare(`SELECT vclock, served, last_run, urgent_rest FROM counters WHERE id = 1`);
  const setClock = db.prepare(
    `UPDATE counters SET vclock = ?, served = ?, last_run = ?, urgent_rest = ? WHERE id = 1`,
  );
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
    const pauses = paused.all(request.now) as PauseNow[];
    if (pauses.some(({ scope }) => scope === 'all')) return null;
    const places = placesOf(stillOpen(request, pauses, held.all() as string[]));
    const allowed = {
      accounts: JSON.stringify(places),
      closed: JSON.stringify([...request.closedProjects, ...idsOf(pauses, 'project')]),
      withoutAgents: JSON.stringify(request.withoutAgents),
      agentsOnly: JSON.stringify(request.agentsOnly),
      withoutNewWork: JSON.stringify(request.withoutNewWork),
    };
    const { vclock, served, last_run, urgent_rest } = clock.get() as Counters;
    const mayBorrow = !request.probe && urgent_rest === 0 && anyUrgent.get() !== undefined;
    const borrowed = mayBorrow ? (urgent.get({ ...allowed, vclock }) as Pick | undefined) : undefined;
    const pick = borrowed ?? ((request.probe ? oldest : fair).get(allowed) as Pick | undefined);
    if (pick === undefined) return null;
    const account = pick.account === null ? null : placeFor(pick, pick.account, places);
    const job = jobOf(take.get({ id: pick.id, now: request.now, account }) as Row);
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
    serve.run(start + stepOf(pick.weight), served + 1, pick.project);
    // A borrowed turn leaves the clock alone: it would carry everybody past turns that they still have.
    if (borrowed === undefined) setClock.run(start, served + 1, runId, Math.max(0, urgent_rest - 1));
    else setClock.run(vclock, served + 1, runId, URGENT_EVERY - 1);
    if (request.probe && job.account !== null) probed.run(request.now, job.account);
    const task = job.taskId === null ? null : (taskById.get(job.taskId) as Row);
    return { job, run: runOf(inserted), task: task === null ? null : taskOf(task) };
  }).immediate;
}

interface Pick {
  readonly id: number;
  readonly project: string;
  readonly vtime: number;
  readonly weight: number;
  readonly account: string | null;
}

interface Counters {
  readonly vclock: number;
  readonly served: number;
  readonly last_run: number;
  readonly urgent_rest: number;
}

/** An account with a slot, and whose jobs it takes: its own, or those of another in one project. */
interface Place {
  readonly id: string;
  readonly slots: number;
  readonly waitsFor: string;
  readonly project: string | null;
}

interface PauseNow {
  readonly scope: 'all' | 'project' | 'account';
  readonly id: string;
}

function idsOf(pauses: readonly PauseNow[], scope: PauseNow['scope']): string[] {
  return pauses.filter((pause) => pause.scope === scope).map(({ id }) => id);
}

/** Since the caller looked, a person may have paused an account, or another run of it may have come back refused. */
function stillOpen(
  request: ClaimRequest,
  pauses: readonly PauseNow[],
  held: readonly string[],
): ClaimRequest {
  const paused = new Set(idsOf(pauses, 'account'));
  const closed = new Set(request.probe && request.ofHold === true ? paused : [...paused, ...held]);
  return {
    ...request,
    accounts: request.accounts.filter(({ id }) => !closed.has(id)),
    // Who pauses an account means its jobs to wait.
    failover: request.failover.filter(({ from }) => !paused.has(from)),
  };
}

function placesOf({ accounts, failover, withoutAccount }: ClaimRequest): Place[] {
  const own = accounts.map(({ id, slots }) => ({ id, slots, waitsFor: id, project: null }));
  const moved = failover.flatMap(({ project, from, to }) =>
    accounts.filter(({ id }) => id === to).map(({ id, slots }) => ({ id, slots, waitsFor: from, project })),
  );
  const none = withoutAccount ? [{ id: '', slots: 1, waitsFor: '', project: null }] : [];
  return [...own, ...moved, ...none];
}
