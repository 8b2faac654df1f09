import type { Lock } from '../../core/dispatch-state.ts';
import {
  type JobHistory,
  type JobWait,
  type LedgerEntry,
  type LedgerRow,
  type LedgerValue,
} from '../../core/ledger.ts';
import type { Job } from '../../core/model.ts';
import { STALE, staleValue } from '../../core/stale.ts';
import type { HistoryFilter, Store } from '../store.ts';
import type { Db } from './database.ts';
import { jobOf, type Row, runOf } from './rows.ts';

/** A gate that closes again within this time keeps its first `since`: no flapping. */
const FLAP_MS = 5 * 60 * 1000;
/** Jobs before the instant asked for that are looked through for those that were open then. */
const MAX_WALKED = 100_000;
/** Rows one prune deletes at most: the server waits meanwhile. */
const PRUNE_ROWS = 10_000;

type Interval = { gate: number; since: number; until: number | null; first_since: number; mark: string };
type Open = Interval & { code: string; kind: string; scope: string };

/** The decision ledger: one row while a gate of a scope is closed. A look writes only what changed. */
export function prepareLedger(db: Db): Pick<Store, 'noteGates' | 'history' | 'forget'> {
  const lastTick = db.prepare(`SELECT value FROM meta WHERE key = 'tick_at'`).pluck();
  const ticked = db.prepare(
    `INSERT INTO meta(key, value) VALUES('tick_at', ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value`,
  );
  const open = db.prepare(
    'SELECT i.gate, i.since, i.first_since, i.mark, g.code, g.kind, g.scope FROM gate_intervals i INDEXED BY gate_intervals_open JOIN gates g ON g.id = i.gate WHERE i.until IS NULL',
  );
  const end = db.prepare(
    'UPDATE gate_intervals SET until = max(since, @at) WHERE gate = @gate AND since = @since',
  );
  const endAll = db.prepare('UPDATE gate_intervals SET until = max(since, ?) WHERE until IS NULL');
  const gateOf = db.prepare(
    'INSERT INTO gates(code, kind, scope) VALUES(@code, @kind, @id) ON CONFLICT(code, kind, scope) DO UPDATE SET code = code RETURNING id',
  );
  const latest = db.prepare(
    'SELECT until, first_since FROM gate_intervals WHERE gate = ? ORDER BY since DESC LIMIT 1',
  );
  const begin =
    db.prepare(`INSERT INTO gate_intervals(gate, since, until, first_since, mark, value) VALUES(@gate, @since, @until, @firstSince, @mark, @value)
    ON CONFLICT(gate, since) DO UPDATE SET until = excluded.until, mark = excluded.mark, value = excluded.value`);

  function start(entry: LedgerEntry, now: number, awaySince: number | null): number {
    const { id: gate } = gateOf.get({ code: entry.code, kind: entry.kind, id: entry.id }) as { id: number };
    const before = latest.get(gate) as { until: number | null; first_since: number } | undefined;
    const goesOn =
      before !== undefined &&
      before.until !== null &&
      (before.until >= now - FLAP_MS || (awaySince !== null && before.until >= awaySince));
    const firstSince = goesOn ? before.first_since : now;
    const value = JSON.stringify(entry.value);
    begin.run({ gate, since: now, until: null, firstSince, mark: entry.mark, value });
    return firstSince;
  }

  /** Ends what was open when the scheduler was last seen, and writes the time since then as `scheduler.stale`. */
  function noteAbsence(from: number, now: number): void {
    endAll.run(from);
    const { id: gate } = gateOf.get(STALE) as { id: number };
    const value = JSON.stringify(staleValue(from));
    begin.run({ gate, since: from, until: now, firstSince: from, mark: '', value });
  }

  const note = db.transaction((entries: readonly LedgerEntry[], now: number, staleAfterMs: number) => {
    const last = lastTick.get() as string | undefined;
    const awaySince = last !== undefined && now - Number(last) > staleAfterMs ? Number(last) : null;
    if (awaySince !== null) noteAbsence(awaySince, now);
    ticked.run(String(now));
    const since = new Map<string, number>();
    const wanted = new Map(entries.map((entry) => [keyOf(entry.code, entry.kind, entry.id), entry]));
    const changed: LedgerEntry[] = [];
    for (const row of open.all() as Open[]) {
      const key = keyOf(row.code, row.kind, row.scope);
      const entry = wanted.get(key);
      wanted.delete(key);
      if (entry?.mark === row.mark) since.set(key, row.first_since);
      else end.run({ at: now, gate: row.gate, since: row.since });
      if (entry !== undefined && entry.mark !== row.mark) changed.push(entry);
    }
    for (const entry of [...changed, ...wanted.values()])
      since.set(keyOf(entry.code, entry.kind, entry.id), start(entry, now, awaySince));
    return since;
  });

  // In this order of joins: left to itself the planner walks every interval there is.
  const covering =
    db.prepare(`SELECT g.code, g.kind, g.scope, i.since, i.until, i.first_since, i.value FROM gates g CROSS JOIN gate_intervals i
      ON i.gate = g.id AND i.since = (SELECT l.since FROM gate_intervals l WHERE l.gate = g.id AND l.since <= @at ORDER BY l.since DESC LIMIT 1)
    WHERE i.until IS NULL OR i.until > @at`);
  const jobById = db.prepare('SELECT * FROM jobs WHERE id = ?');
  const jobsOfTask = db.prepare('SELECT * FROM jobs WHERE task_id = ? AND created_at <= ? ORDER BY id');
  const openAt = db.prepare(`SELECT * FROM jobs WHERE id IN (
      SELECT id FROM (SELECT id, finished_at FROM jobs WHERE created_at <= @at ORDER BY id DESC LIMIT ${MAX_WALKED}) WHERE finished_at IS NULL OR finished_at > @at
      UNION SELECT id FROM jobs INDEXED BY jobs_open WHERE status IN ('queued', 'running')
    ) AND created_at <= @at AND (@project IS NULL OR project = @project) ORDER BY id LIMIT @limit`);
  const taskOfJob = db.prepare('SELECT key, branch, begun_at FROM tasks WHERE id = ?');
  const runsOf = db.prepare('SELECT * FROM agent_runs WHERE job_id = ? AND started_at <= ? ORDER BY id');
  const waitsOf = db.prepare(
    'SELECT code, detail, since, until FROM job_waits WHERE job = ? AND since <= ? ORDER BY since',
  );
  const lockedBy =
    db.prepare(`SELECT r.id, r.job_id, r.task_id, r.started_at FROM tasks t JOIN agent_runs r ON r.task_id = t.id
    WHERE t.project = @project AND t.branch = @branch AND r.job_id <> @job AND r.started_at <= @at AND (r.finished_at IS NULL OR r.finished_at > @at)`);

  function historyOf(job: Job, at: number): JobHistory {
    const task =
      job.taskId === null
        ? undefined
        : (taskOfJob.get(job.taskId) as { key: string; begun_at: number | null });
    const { project, branch } = job;
    const locks = (lockedBy.all({ project, branch, job: job.id, at }) as Row[]).map(
      (row): Lock => ({
        runId: Number(row['id']),
        jobId: Number(row['job_id']),
        taskId: Number(row['task_id']),
        project,
        branch,
        since: Number(row['started_at']),
      }),
    );
    return {
      job,
      key: task?.key ?? null,
      begunAt: task?.begun_at ?? null,
      runs: (runsOf.all(job.id, at) as Row[]).map(runOf),
      waits: waitsOf.all(job.id, at) as JobWait[],
      locks,
    };
  }

  function jobsOf(filter: HistoryFilter, at: number, limit: number): Row[] {
    if ('jobId' in filter) return [jobById.get(filter.jobId)].filter((row) => row !== undefined) as Row[];
    if ('taskId' in filter) return jobsOfTask.all(filter.taskId, at) as Row[];
    return openAt.all({ at, project: filter.project, limit }) as Row[];
  }

  const read = db.transaction((at: number, filter: HistoryFilter, limit: number) => ({
    rows: (covering.all({ at }) as Row[]).map(
      (row): LedgerRow => ({
        code: String(row['code']),
        kind: String(row['kind']),
        id: String(row['scope']),
        value: JSON.parse(String(row['value'])) as LedgerValue,
        firstSince: Number(row['first_since']),
        since: Number(row['since']),
        until: row['until'] == null ? null : Number(row['until']),
      }),
    ),
    jobs: jobsOf(filter, at, limit).map((row) => historyOf(jobOf(row), at)),
  }));

  const forgetGates = db.prepare(`DELETE FROM gate_intervals WHERE (gate, since) IN
    (SELECT gate, since FROM gate_intervals INDEXED BY gate_intervals_ended WHERE until IS NOT NULL AND until < ? LIMIT ${PRUNE_ROWS})`);
  const forgetWaits = db.prepare(`DELETE FROM job_waits WHERE (job, since, code) IN
    (SELECT job, since, code FROM job_waits INDEXED BY job_waits_ended WHERE until IS NOT NULL AND until < ? LIMIT ${PRUNE_ROWS})`);

  return {
    async noteGates(entries, now, staleAfterMs) {
      return note.immediate(entries, now, staleAfterMs);
    },
    async history(at, filter, limit) {
      return read(at, filter, limit);
    },
    async forget(before) {
      return forgetGates.run(before).changes + forgetWaits.run(before).changes;
    },
  };
}

function keyOf(code: string, kind: string, id: string): string {
  return `${code}:${kind}:${id}`;
}
