import { stepOf, URGENT_EVERY } from '../../core/fairness.ts';
import { saidIn } from '../../core/question.ts';
import { usualMs } from '../../core/usual.ts';
import type { Ended, FinishedRow, ReportStore, UsageQuery, UsageRow } from '../report-store.ts';
import type { Db } from './database.ts';
import { jobOf, type Row, taskOf } from './rows.ts';

/** Of all projects; what lies further back says little of today. */
const NEWEST_RUNS = 2000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const GROUPS: Readonly<Record<UsageQuery['by'], string>> = {
  project: 'j.project',
  account: 'r.account',
  model: 'r.model',
  stage: 'coalesce(j.stage, r.agent)',
  task: '(SELECT key FROM tasks WHERE tasks.id = r.task_id)',
};

const UNKNOWN = 'sum(r.cost_micro_usd IS NULL AND r.agent IS NOT NULL)';

/** What no single row tells: what comes next, what ended, what it took. */
export function prepareReports(db: Db): ReportStore {
  const turns =
    db.prepare(`SELECT key, weight, max(vtime, (SELECT vclock FROM counters)) AS vtime, served FROM projects
    WHERE active = 1 AND EXISTS (SELECT 1 FROM jobs WHERE status = 'queued' AND ready = 1 AND project = key)`);
  const lane = db.prepare('SELECT urgent_rest FROM counters').pluck();
  const ofProject =
    db.prepare(`SELECT id, urgent FROM jobs WHERE status = 'queued' AND ready = 1 AND project = ?
    ORDER BY urgent DESC, priority DESC, rework DESC, id LIMIT ?`);
  const jobById = db.prepare('SELECT * FROM jobs WHERE id = ?');
  const endedRuns =
    db.prepare(`SELECT coalesce(verdict, 'lost') AS verdict, count(*) AS runs, coalesce(sum(cost_micro_usd), 0) AS micro_usd,
    sum(cost_micro_usd IS NULL AND agent IS NOT NULL) AS unknown FROM agent_runs INDEXED BY agent_runs_ended WHERE finished_at >= ? AND finished_at IS NOT NULL GROUP BY 1 ORDER BY 2 DESC`);
  const endedPerHour =
    db.prepare(`SELECT CAST((finished_at - @since) / ${HOUR_MS} AS INTEGER) AS hour, coalesce(verdict, 'lost') AS verdict, count(*) AS runs
    FROM agent_runs INDEXED BY agent_runs_ended WHERE finished_at >= @since AND finished_at IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2`);
  const endedCounts = db
    .prepare(
      `SELECT status, count(*) FROM tasks INDEXED BY tasks_ended WHERE updated_at >= ? AND status IN ('done', 'cancelled') GROUP BY status`,
    )
    .raw();
  const endedTasks = db.prepare(
    `SELECT * FROM tasks INDEXED BY tasks_ended WHERE updated_at >= ? AND status IN ('done', 'cancelled') ORDER BY updated_at DESC LIMIT ?`,
  );
  const undelivered = db
    .prepare(
      `SELECT destination, count(*) FROM outbox INDEXED BY outbox_due WHERE status = 'pending' GROUP BY 1`,
    )
    .raw();
  const said = db.prepare(`SELECT key, created_at AS at, message ->> 'body' AS body FROM outbox
    WHERE (key >= @asked AND key < @asked || x'7f') OR (key >= @answered AND key < @answered || x'7f') ORDER BY id`);
  // One step in the index per account, however many runs there are.
  const lastSuccess = db
    .prepare(
      `SELECT id, (SELECT max(finished_at) FROM agent_runs INDEXED BY agent_runs_success WHERE account = accounts.id AND verdict = 'success') AS at FROM accounts WHERE at IS NOT NULL`,
    )
    .raw();
  const durations = db
    .prepare(
      `SELECT j.stage, r.finished_at - r.started_at FROM agent_runs r CROSS JOIN jobs j ON j.id = r.job_id
      WHERE r.id > (SELECT coalesce(max(id), 0) - ${NEWEST_RUNS} FROM agent_runs) AND r.verdict = 'success' AND r.finished_at IS NOT NULL
      AND j.project = ? AND j.stage IS NOT NULL ORDER BY r.id DESC`,
    )
    .raw();
  const usage = new Map(
    Object.entries(GROUPS).map(([by, group]) => [
      by,
      db.prepare(`SELECT ${group} AS key, r.finished_at / ${DAY_MS} AS day, count(*) AS runs, sum(coalesce(r.verdict, 'lost') <> 'success') AS failed,
        sum(input_tokens) AS input, sum(output_tokens) AS output, sum(cache_read_tokens) AS cache_read, sum(cache_write_tokens) AS cache_write,
        sum(turns) AS turns, coalesce(sum(cost_micro_usd), 0) AS micro_usd, ${UNKNOWN} AS unknown,
        coalesce(sum(CASE WHEN r.account IN (SELECT value FROM json_each(@plans)) THEN cost_micro_usd END), 0) AS plan_micro_usd
        FROM agent_runs r JOIN jobs j ON j.id = r.job_id WHERE r.finished_at >= @since AND r.finished_at < @until AND (@project IS NULL OR j.project = @project)
        GROUP BY 1, 2 ORDER BY 2, 1`),
    ]),
  );
  // Both conditions on the status: the first is that of the index, the second what is asked.
  const finished = new Map(
    Object.entries(GROUPS).map(([by, group]) => [
      by,
      db.prepare(`SELECT ${group} AS key, count(DISTINCT t.id) AS tasks, coalesce(sum(r.cost_micro_usd), 0) AS micro_usd, ${UNKNOWN} AS unknown
        FROM tasks t INDEXED BY tasks_ended CROSS JOIN agent_runs r ON r.task_id = t.id JOIN jobs j ON j.id = r.job_id
        WHERE t.updated_at >= @since AND t.updated_at < @until AND t.status IN ('done', 'cancelled') AND t.status = 'done'
        AND r.finished_at IS NOT NULL AND (@project IS NULL OR t.project = @project) GROUP BY 1 ORDER BY 1`),
    ]),
  );

  return {
    async nextUp(limit) {
      const projects = (turns.all() as Row[]).map((row) => ({
        key: String(row['key']),
        weight: Number(row['weight']),
        vtime: Number(row['vtime']),
        served: Number(row['served']),
      }));
      const order = (a: (typeof projects)[number], b: (typeof projects)[number]) =>
        a.vtime - b.vtime || a.served - b.served || (a.key < b.key ? -1 : 1);
      // Whoever is further back than that has no turn among the next ones.
      const near = projects.sort(order).slice(0, limit);
      const queues = new Map(
        near.map(({ key }) => [key, ofProject.all(key, limit) as { id: number; urgent: number }[]]),
      );
      let rest = Number(lane.get());
      const ids: number[] = [];
      while (ids.length < limit) {
        const waiting = near.filter(({ key }) => (queues.get(key)?.length ?? 0) > 0).sort(order);
        const urgent = rest > 0 ? undefined : waiting.find(({ key }) => queues.get(key)?.[0]?.urgent === 1);
        const turn = urgent ?? waiting[0];
        const job = turn === undefined ? undefined : queues.get(turn.key)?.shift();
        if (turn === undefined || job === undefined) break;
        rest = urgent !== undefined && urgent !== waiting[0] ? URGENT_EVERY - 1 : rest - 1;
        turn.vtime += stepOf(turn.weight);
        turn.served += 1;
        ids.push(job.id);
      }
      return ids.map((id) => jobOf(jobById.get(id) as Row));
    },

    async ended(since): Promise<Ended> {
      const runs = (endedRuns.all(since) as Row[]).map((row) => ({
        verdict: String(row['verdict']),
        runs: Number(row['runs']),
        microUsd: Number(row['micro_usd']),
        unknownCosts: Number(row['unknown']),
      }));
      const tasks = new Map(endedCounts.all(since) as [string, number][]);
      return { runs, tasksDone: tasks.get('done') ?? 0, tasksCancelled: tasks.get('cancelled') ?? 0 };
    },
    async endedPerHour(since) {
      return (endedPerHour.all({ since }) as Row[]).map((row) => ({
        hour: Number(row['hour']),
        verdict: String(row['verdict']),
        runs: Number(row['runs']),
      }));
    },
    async endedTasks(since, limit) {
      return (endedTasks.all(since, limit) as Row[]).map(taskOf);
    },

    async undelivered() {
      return new Map(undelivered.all() as [string, number][]);
    },

    async said(taskKey) {
      const rows = said.all({ asked: `question:${taskKey}:`, answered: `answer:${taskKey}:` });
      return (rows as { key: string; at: number; body: string }[]).map((row) => saidIn(taskKey, row));
    },

    async lastSuccess() {
      return new Map(lastSuccess.all() as [string, number][]);
    },

    async usual(project) {
      const byStage = new Map<string, number[]>();
      for (const [stage, ms] of durations.all(project) as [string, number][])
        byStage.set(stage, [...(byStage.get(stage) ?? []), ms]);
      return new Map(
        [...byStage].flatMap(([stage, all]): [string, number][] => {
          const usual = usualMs(all);
          return usual === null ? [] : [[stage, usual]];
        }),
      );
    },

    async usage({ by, since, until, project, plans }): Promise<UsageRow[]> {
      const rows = usage.get(by)?.all({ since, until, project, plans: JSON.stringify(plans) }) as Row[];
      return rows.map((row) => ({
        key: row['key'] === null ? null : String(row['key']),
        day: Number(row['day']),
        runs: Number(row['runs']),
        failed: Number(row['failed']),
        inputTokens: Number(row['input']),
        outputTokens: Number(row['output']),
        cacheReadTokens: Number(row['cache_read']),
        cacheWriteTokens: Number(row['cache_write']),
        turns: Number(row['turns']),
        microUsd: Number(row['micro_usd']),
        planMicroUsd: Number(row['plan_micro_usd']),
        unknownCosts: Number(row['unknown']),
      }));
    },

    async finished({ by, since, until, project }): Promise<FinishedRow[]> {
      const rows = finished.get(by)?.all({ since, until, project }) as Row[];
      return rows.map((row) => ({
        key: row['key'] === null ? null : String(row['key']),
        tasks: Number(row['tasks']),
        microUsd: Number(row['micro_usd']),
        unknownCosts: Number(row['unknown']),
      }));
    },
  };
}
