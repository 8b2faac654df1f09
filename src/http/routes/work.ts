import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import {
  jobsQuery,
  jobsSchema,
  MAX_LIMIT,
  oneJobSchema,
  oneRunQuery,
  oneRunSchema,
  oneTaskSchema,
  runsQuery,
  runsSchema,
  tasksQuery,
  tasksSchema,
} from '../contract.ts';
import { given } from '../given.ts';
import { createJobSearch } from '../job-search.ts';
import { createLookUp } from '../look-up.ts';
import { answer, createRoutes, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';
import { iso, proofToWire, runToWire, taskToWire, turnsToWire } from '../wire.ts';

/** Whoever asks for one run and its worktree waits this long for the first look at that. */
const FIRST_LOOK_MS = 1500;

/** Tasks, jobs and runs: pages of them, and each by itself. */
export function workRoutes({ engine }: HttpOptions) {
  const { store } = engine;
  const lookUp = createLookUp(engine);
  const search = createJobSearch(engine);
  const routes = createRoutes();

  routes.openapi(
    createRoute({
      ...route('get', '/jobs', 'work', 'Jobs'),
      request: { query: jobsQuery },
      responses: answer(jobsSchema, 'a page of jobs'),
    }),
    async (c) => {
      const found = await search(c.req.valid('query'));
      return c.json({ jobs: await Promise.all(found.items.map(lookUp.jobToWire)), next: found.next }, 200);
    },
  );

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
      request: { params: z.object({ id: z.string() }), query: oneRunQuery },
      responses: answer(oneRunSchema, 'the run'),
    }),
    async (c) => {
      const run = await lookUp.run(c.req.valid('param').id);
      const [proof, gates, turns] = await Promise.all([
        engine.runProof.of(run.id, c.req.valid('query').look ? FIRST_LOOK_MS : 0),
        engine.looks.gatesOf(run),
        engine.turnsOf(run),
      ]);
      return c.json(
        { run: runToWire(run), proof: proofToWire(proof), turns: turnsToWire(turns), gates },
        200,
      );
    },
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
      const [jobs, runs, said, usual] = await Promise.all([
        store.jobs({ taskId: task.id, limit: MAX_LIMIT }),
        store.runs({ taskId: task.id, limit: MAX_LIMIT }),
        store.reports.said(task.key),
        store.reports.usual(task.project),
      ]);
      const wire = {
        ...taskToWire(task),
        body: task.body,
        usualMs: Object.fromEntries(usual),
        thread: task.thread,
        said: said.map((each) => ({ ...each, at: iso(each.at) })),
        jobs: await Promise.all(jobs.items.map(lookUp.jobToWire)),
        runs: runs.items.map(runToWire),
      };
      return c.json({ task: wire }, 200);
    },
  );
  return routes;
}
