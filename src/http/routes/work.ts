import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import type { Job } from '../../core/model.ts';
import {
  jobsQuery,
  jobsSchema,
  MAX_LIMIT,
  oneJobSchema,
  oneRunSchema,
  oneTaskSchema,
  runsQuery,
  runsSchema,
  tasksQuery,
  tasksSchema,
} from '../contract.ts';
import { createLookUp } from '../look-up.ts';
import { answer, createRoutes, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';
import { runToWire, taskToWire } from '../wire.ts';

/** Queued jobs looked at when they are asked for by what holds them. */
const MAX_HELD = 20_000;

/** Tasks, jobs and runs: pages of them, and each by itself. */
export function workRoutes({ engine }: HttpOptions) {
  const { store } = engine;
  const lookUp = createLookUp(engine);
  const routes = createRoutes();

  routes.openapi(
    createRoute({
      ...route('get', '/jobs', 'work', 'Jobs'),
      request: { query: jobsQuery },
      responses: answer(jobsSchema, 'a page of jobs'),
    }),
    async (c) => {
      const { sort, limit, state, reason, ...filter } = given(c.req.valid('query'));
      const page = { limit: Math.min(limit, MAX_LIMIT), newestFirst: sort === '-id' };
      const found =
        state === undefined && reason === undefined
          ? await store.jobs({ ...filter, ...page })
          : await inState({ ...filter, ...page }, state ?? null, reason ?? null);
      return c.json({ jobs: await Promise.all(found.items.map(lookUp.jobToWire)), next: found.next }, 200);
    },
  );

  /** By what holds them: only the explanation knows, so all that are queued are looked at. */
  async function inState(
    filter: Parameters<typeof store.jobs>[0],
    states: readonly string[] | null,
    reason: string | null,
  ) {
    const { explanation } = await engine.explain({ project: filter.project ?? null });
    const held = new Map(
      explanation.reasons.flatMap((each) => each.jobs.map((job) => [job.id, each.reason] as const)),
    );
    const fits = (job: Job) => {
      const of = job.status === 'queued' ? held.get(job.id) : undefined;
      if (reason !== null) return of?.code === reason;
      return states === null || states.includes(of?.state ?? job.status);
    };
    const { after, limit, newestFirst, ...same } = filter;
    const isQueued =
      reason !== null || states?.some((each) => ['queued', 'waiting', 'needs_you'].includes(each));
    const others = (states ?? []).filter((each): each is Job['status'] =>
      ['running', 'done', 'failed', 'cancelled'].includes(each),
    );
    const statuses: Job['status'][] = [...(isQueued ? (['queued'] as const) : []), ...others];
    const asked = same.status?.filter((each) => statuses.includes(each)) ?? statuses;
    const items: Job[] = [];
    let next: number | null = after ?? null;
    do {
      const page = await store.jobs({
        ...same,
        status: asked,
        limit: MAX_HELD,
        ...(next === null ? {} : { after: next }),
        ...(newestFirst === undefined ? {} : { newestFirst }),
      });
      items.push(...page.items.filter(fits));
      next = page.next;
    } while (next !== null && items.length <= limit);
    const shown = items.slice(0, limit);
    return { items: shown, next: items.length > limit ? (shown.at(-1)?.id ?? null) : null };
  }

  routes.openapi(
    createRoute({
      ...route('get', '/jobs/{id}', 'work', 'One job'),
      request: { params: z.object({ id: z.string() }) },
      responses: answer(oneJobSchema, 'the job'),
    }),
    async (c) => c.json({ job: await lookUp.jobToWire(await lookUp.job(c.req.valid('param').id)) }, 200),
  );

  routes.openapi(
    createRoute({
      ...route('get', '/runs', 'work', 'Runs'),
      request: { query: runsQuery },
      responses: answer(runsSchema, 'a page of runs'),
    }),
    async (c) => {
      const { sort, limit, task, job, verdict, ...filter } = given(c.req.valid('query'));
      const { items, next } = await store.runs({
        ...filter,
        ...(verdict === undefined ? {} : { verdict: verdict.split(',') }),
        ...(task === undefined ? {} : { taskId: (await lookUp.task(task)).id }),
        ...(job === undefined ? {} : { jobId: (await lookUp.job(job)).id }),
        limit: Math.min(limit, MAX_LIMIT),
        newestFirst: sort === '-id',
      });
      return c.json({ runs: items.map(runToWire), next }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route('get', '/runs/{id}', 'work', 'One run'),
      request: { params: z.object({ id: z.string() }) },
      responses: answer(oneRunSchema, 'the run'),
    }),
    async (c) => c.json({ run: runToWire(await lookUp.run(c.req.valid('param').id)) }, 200),
  );

  routes.openapi(
    createRoute({
      ...route('get', '/tasks', 'work', 'Tasks'),
      request: { query: tasksQuery },
      responses: answer(tasksSchema, 'a page of tasks'),
    }),
    async (c) => {
      const { sort, limit, ...filter } = given(c.req.valid('query'));
      const { items, next } = await store.tasks({
        ...filter,
        limit: Math.min(limit, MAX_LIMIT),
        newestFirst: sort === '-id',
      });
      return c.json({ tasks: items.map(taskToWire), next }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route('get', '/tasks/{key}', 'work', 'One task, with its jobs and runs'),
      request: { params: z.object({ key: z.string() }) },
      responses: answer(oneTaskSchema, 'the task'),
    }),
    async (c) => {
      const task = await lookUp.task(c.req.valid('param').key);
      const [jobs, runs] = await Promise.all([
        store.jobs({ taskId: task.id, limit: MAX_LIMIT }),
        store.runs({ taskId: task.id, limit: MAX_LIMIT }),
      ]);
      const wire = {
        ...taskToWire(task),
        body: task.body,
        jobs: await Promise.all(jobs.items.map(lookUp.jobToWire)),
        runs: runs.items.map(runToWire),
      };
      return c.json({ task: wire }, 200);
    },
  );
  return routes;
}

type Given<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Without the fields that were not asked for. */
function given<T extends object>(query: T): Given<T> {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) as Given<T>;
}
