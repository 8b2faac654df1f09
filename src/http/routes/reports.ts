import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import type { AuditEntry } from '../../core/audit.ts';
import { AppError } from '../../core/errors.ts';
import { jobName, runName } from '../../core/model.ts';
import type { Change } from '../../engine/looks.ts';
import type { FinishedRow, UsageRow } from '../../store/report-store.ts';
import {
  type AuditEntryWire,
  auditQuery,
  auditSchema,
  type changeSetSchema,
  historySchema,
  MAX_LIMIT,
  oneApprovalSchema,
  runDiffSchema,
  taskDiffSchema,
  type UsageWire,
  usageQuery,
  usageSchema,
} from '../contract.ts';
import { csv } from '../csv.ts';
import { createLookUp } from '../look-up.ts';
import { answer, createRoutes, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';
import { iso, taskToWire } from '../wire.ts';

const DAY_MS = 86_400_000;
const USUAL_DAYS = 30;
/** Days in one answer: each is a row for each key. */
const MAX_DAYS = 366;
/** Rows of one exported audit log. */
const MAX_EXPORTED = 100_000;
const AMOUNTS = [
  'runs',
  'failed',
  'inputTokens',
  'outputTokens',
  'cacheReadTokens',
  'cacheWriteTokens',
  'turns',
  'microUsd',
  'planMicroUsd',
  'unknownCosts',
] as const;
const text = { 'text/csv': { schema: z.string() } };

/** What it cost, who did what, what a change is. */
export function reportRoutes({ engine }: HttpOptions) {
  const { store, looks } = engine;
  const lookUp = createLookUp(engine);
  const routes = createRoutes();

  routes.openapi(
    createRoute({
      ...route('get', '/usage', 'reports', 'Cost and tokens by project, account, model, stage or task'),
      request: { query: usageQuery },
      responses: {
        200: {
          description: 'of the runs that ended in the span; without one, of the last 30 days',
          content: { 'application/json': { schema: usageSchema }, ...text },
        },
      },
    }),
    async (c) => {
      const { by, project, format, ...span } = c.req.valid('query');
      const until = span.until ?? Date.now();
      const since = span.since ?? until - USUAL_DAYS * DAY_MS;
      if (since >= until || until - since > MAX_DAYS * DAY_MS)
        throw new AppError(
          `since: the span is ${since >= until ? 'empty' : `longer than ${MAX_DAYS} days`}`,
          {
            code: 'usage.query',
            hint: `since: up to ${MAX_DAYS} days before until`,
          },
        );
      const asked = { since, until, project: project ?? null };
      const plans = (await store.accounts()).filter(({ windows }) => windows.length > 0);
      const [days, finished, inAll] = await Promise.all([
        store.reports.usage({ by, ...asked, plans: plans.map(({ id }) => id) }),
        store.reports.finished({ by, ...asked }),
        // A task has one project: only there no task counts twice.
        by === 'project' ? null : store.reports.finished({ by: 'project', ...asked }),
      ]);
      const finishedOf = (key: string | null) => finished.filter((row) => row.key === key);
      const keys = new Set([...days, ...finished].map(({ key }) => key));
      const usage: UsageWire = {
        ...{ by, since: iso(since), until: iso(until) },
        rows: [...keys]
          .map((key) => ({
            key,
            ...amountsOf(days.filter((row) => row.key === key)),
            finished: finishedIn(finishedOf(key)),
          }))
          .sort((a, b) => b.costUsd - a.costUsd || b.runs - a.runs),
        days: days.map((row) => ({
          day: iso(row.day * DAY_MS).slice(0, 10),
          key: row.key,
          ...amountsOf([row]),
        })),
        total: { ...amountsOf(days), finished: finishedIn(inAll ?? finished) },
      };
      if (format === 'json') return c.json(usage, 200);
      const rows = usage.days.map(({ day, key, ...rest }) => [
        day,
        key,
        ...CSV_COLUMNS.map((name) => rest[name]),
      ]);
      return attachment(c, `usage-by-${by}.csv`, csv(['day', by, ...CSV_COLUMNS], rows));
    },
  );

  routes.openapi(
    createRoute({
      ...route('get', '/audit', 'reports', 'Who did what, newest first'),
      request: { query: auditQuery },
      responses: {
        200: {
          description: 'a page of entries; as CSV all that match, up to 100 000',
          content: { 'application/json': { schema: auditSchema }, ...text },
        },
      },
    }),
    async (c) => {
      const { format, limit, ...query } = c.req.valid('query');
      const filter = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
      if (format === 'json') {
        const page = await store.audits({ ...filter, limit: Math.min(limit, MAX_LIMIT) });
        return c.json({ entries: page.items.map(entryToWire), next: page.next }, 200);
      }
      const entries = await allAudits(filter);
      const head = ['at', 'by', 'surface', 'action', 'target', 'before', 'after'] as const;
      return attachment(
        c,
        'audit.csv',
        csv(
          head,
          entries.map((entry) => head.map((name) => entry[name])),
        ),
      );
    },
  );

  routes.openapi(
    createRoute({
      ...route('get', '/tasks/{key}/history', 'reports', 'What people did to a task, its jobs and runs'),
      request: { params: z.object({ key: z.string() }) },
      responses: answer(historySchema, 'newest first, 1000 at most'),
    }),
    async (c) => {
      const task = await lookUp.task(c.req.valid('param').key);
      const [jobs, runs] = await Promise.all([
        store.jobs({ taskId: task.id, limit: MAX_LIMIT }),
        store.runs({ taskId: task.id, limit: MAX_LIMIT }),
      ]);
      const about = [
        task.key,
        ...jobs.items.map(({ id }) => jobName(id)),
        ...runs.items.map(({ id }) => runName(id)),
      ];
      const { items } = await store.audits({ about, since: task.createdAt, limit: MAX_LIMIT });
      return c.json({ entries: items.map(entryToWire) }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route('get', '/tasks/{key}/diff', 'reports', 'All that a task changed'),
      request: { params: z.object({ key: z.string() }) },
      responses: answer(taskDiffSchema, 'the patch, up to 1 MiB'),
    }),
    async (c) => {
      const change = await looks.ofTask(await lookUp.task(c.req.valid('param').key));
      const diff = { patch: change?.patch ?? '', cut: change?.cut ?? false, change: changeToWire(change) };
      return c.json({ diff }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route('get', '/runs/{id}/diff', 'reports', 'What the round of a run changed so far'),
      request: { params: z.object({ id: z.string() }) },
      responses: answer(runDiffSchema, 'the patch, up to 1 MiB'),
    }),
    async (c) => {
      const diff = await looks.ofRun(await lookUp.run(c.req.valid('param').id));
      return c.json({ diff: diff ?? { patch: '', cut: false } }, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...route('get', '/approvals/{id}', 'reports', 'What exactly waits for an approval'),
      request: { params: z.object({ id: z.string() }) },
      responses: answer(oneApprovalSchema, 'of a task, by its key or its waiting job'),
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const task = await lookUp.task(id);
      const open = await store.jobs({ taskId: task.id, status: ['queued'], limit: 1, newestFirst: true });
      const job = open.items.find(({ hold }) => hold === 'approval.pending');
      if (job === undefined)
        throw new AppError(`${task.key} does not wait for an approval`, {
          code: 'not_found',
          hint: `orch why ${task.key}`,
        });
      const [change, summary] = await Promise.all([looks.ofTask(task), looks.summaryOf(task)]);
      const { reviewers, kind } = looks.gateOf(task);
      const approval = {
        task: taskToWire(task),
        job: await lookUp.jobToWire(job),
        ...{ stage: task.stage, kind, commit: task.head, since: iso(job.holdSince ?? job.createdAt) },
        reviewers: [...reviewers],
        mayDecide: reviewers.length === 0 || reviewers.includes(c.get('person').name),
        change: changeToWire(change),
        checks: {
          green: task.head !== null && task.checked?.head === task.head,
          commit: task.checked?.head ?? null,
          passed: task.checked?.green ?? 0,
          total: task.checked?.total ?? 0,
        },
        findings: job.context.findings.map((finding) => ({ ...finding })),
        summary,
        costUsd: task.costMicroUsd / 1e6,
        unknownCosts: task.unknownCosts,
      };
      return c.json({ approval }, 200);
    },
  );
  return routes;

  /** Not a page of it: who takes a log away takes all that matches, up to what fits in one answer. */
  async function allAudits(filter: object): Promise<AuditEntryWire[]> {
    const entries: AuditEntryWire[] = [];
    let page = await store.audits({ ...filter, limit: MAX_LIMIT });
    entries.push(...page.items.map(entryToWire));
    while (page.next !== null && entries.length < MAX_EXPORTED) {
      page = await store.audits({ ...filter, after: page.next, limit: MAX_LIMIT });
      entries.push(...page.items.map(entryToWire));
    }
    return entries;
  }
}

function attachment(
  c: { body: (text: string, status: 200, headers: Record<string, string>) => Response },
  name: string,
  body: string,
) {
  return c.body(body, 200, {
    'content-type': 'text/csv; charset=utf-8',
    'content-disposition': `attachment; filename="${name}"`,
  }) as never;
}

const CSV_COLUMNS = [
  ...['runs', 'failed', 'inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens', 'turns'],
  ...['costUsd', 'planUsd', 'unknownCosts'],
] as (keyof Omit<UsageWire['total'], 'finished'>)[];

function finishedIn(rows: readonly FinishedRow[]): UsageWire['total']['finished'] {
  return {
    tasks: rows.reduce((sum, { tasks }) => sum + tasks, 0),
    costUsd: rows.reduce((sum, { microUsd }) => sum + microUsd, 0) / 1e6,
    unknownCosts: rows.reduce((sum, { unknownCosts }) => sum + unknownCosts, 0),
  };
}

function amountsOf(rows: readonly UsageRow[]): Omit<UsageWire['total'], 'finished'> {
  const sum = (name: (typeof AMOUNTS)[number]) => rows.reduce((total, row) => total + row[name], 0);
  return {
    runs: sum('runs'),
    failed: sum('failed'),
    inputTokens: sum('inputTokens'),
    outputTokens: sum('outputTokens'),
    cacheReadTokens: sum('cacheReadTokens'),
    cacheWriteTokens: sum('cacheWriteTokens'),
    turns: sum('turns'),
    costUsd: sum('microUsd') / 1e6,
    planUsd: sum('planMicroUsd') / 1e6,
    unknownCosts: sum('unknownCosts'),
  };
}

function entryToWire(entry: AuditEntry): AuditEntryWire {
  return { ...entry, at: iso(entry.at) };
}

function changeToWire(change: Change | null): z.infer<typeof changeSetSchema> | null {
  if (change === null) return null;
  const { from, to, stat } = change;
  const files = change.files.map((file) => ({ ...file, from: file.from ?? null, risks: [...file.risks] }));
  return { from, to, stat, files, risks: [...new Set(files.flatMap(({ risks }) => risks))] };
}
