import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { EMPTY_CONTEXT } from '../src/core/model.ts';
import { createHttpKit } from '../src/http/test-kit.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { type BenchOptions, median, percentile, type Report, timings } from './measure.ts';

const GOAL_MS = 150;
const QUEUED = 10_000;
const ENDED = 1_000_000;
const PROJECTS = 20;
const DAY_MS = 86_400_000;
/** Over which the ended runs are spread: 10,000 a day. */
const DAYS = 100;

/** How long the first page takes with a long queue and a long past. */
export async function now({ folder, quick, say }: BenchOptions): Promise<Report> {
  const path = join(mkdtempSync(join(folder, 'now-')), 'orch.db');
  const opened = openSqliteStore(path, Date.now);
  const projects = Array.from({ length: PROJECTS }, (_, i) => ({
    key: `p${i}`,
    weight: 1,
    maxConcurrency: 4,
  }));
  await opened.configure(projects, ['a0', 'a1']);
  await opened.close();
  const ended = quick ? ENDED / 10 : ENDED;
  say(`now: ${QUEUED} queued jobs, ${ended} ended runs`);
  fill(path, ended);

  const kit = createHttpKit({ path, isTicking: true });
  await kit.engine.start();
  await kit.engine.store.configure(projects, ['a0', 'a1']); // which the engine knows nothing of, so that nothing starts
  const asked = async () => {
    kit.engine.changes.note('explain'); // or the answer before would do
    const response = await kit.ask('/api/v1/now');
    const { explain } = (await response.json()) as {
      explain: { verdict: string; counts: { queued: number; waiting: number; needsYou: number } };
    };
    if (response.status !== 200 || explain.verdict === 'unknown') throw new Error('the engine did not tick');
  };
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await timings(5, asked);
  const before = process.cpuUsage();
  const spent = await timings(40, asked);
  const { user, system } = process.cpuUsage(before);
  const usage = await timings(3, () => kit.ask('/api/v1/usage?by=project'));
  await kit.engine.stop();
  await kit.close();
  const p95 = percentile(spent, 0.95);
  return {
    figures: [
      {
        part: 'now',
        what: `GET /now, ${QUEUED} queued, ${ended} ended runs, p50`,
        value: median(spent),
        unit: 'ms',
      },
      { part: 'now', what: 'GET /now, p95', value: p95, unit: 'ms' },
      {
        part: 'now',
        what: 'GET /now, processor time of one',
        value: (user + system) / 1000 / 40,
        unit: 'ms',
      },
      { part: 'now', what: 'GET /usage of 30 days by project, p50', value: median(usage), unit: 'ms' },
    ],
    gates: [{ goal: `the first page in ${GOAL_MS} ms (p95)`, measured: p95, pass: p95 <= GOAL_MS }],
    skipped: [],
  };
}

function fill(path: string, ended: number): void {
  const db = new Database(path);
  db.pragma('foreign_keys = OFF');
  const now = Date.now();
  const context = JSON.stringify(EMPTY_CONTEXT);
  db.exec(
    `CREATE TEMP TABLE n AS WITH RECURSIVE s(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM s WHERE value < ${Math.max(ended, QUEUED)}) SELECT value FROM s`,
  );
  db.prepare(`INSERT INTO jobs(project, repo, branch, stage, agent, account, status, max_attempts, context, created_at)
    SELECT 'p' || (value % ${PROJECTS}), 'r', 'orch/job-' || value, 'development', 'developer', 'a' || (value % 2), 'queued', 3, ?, ?
    FROM n WHERE value <= ${QUEUED}`).run(context, now);
  db.prepare(`INSERT INTO jobs(project, repo, branch, stage, agent, account, status, max_attempts, context, created_at, finished_at)
    SELECT 'p' || (value % ${PROJECTS}), 'r', 'orch/job-' || (value + ${QUEUED}), 'development', 'developer', 'a0', 'done', 3, ?, ?, ?
    FROM n WHERE value <= ${ended}`).run(context, now, now);
  db.prepare(`INSERT INTO agent_runs(id, job_id, attempt, fence, agent, account, directory, status, verdict, cost_micro_usd, input_tokens, started_at, finished_at)
    SELECT value, value + ${QUEUED}, 1, 1, 'developer', 'a0', '/nowhere', 'ended', iif(value % 10 = 0, 'permanent', 'success'), 120000, 1000, @now - @span * value / ${ended}, @now - @span * value / ${ended}
    FROM n WHERE value <= ${ended}`).run({ now, span: DAYS * DAY_MS });
  db.prepare('UPDATE counters SET last_run = ?').run(ended);
  db.exec('ANALYZE');
  db.close();
}
