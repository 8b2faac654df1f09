import { createRoute } from '@hono/zod-openapi';
import type { z } from 'zod';
import type { Job, Task } from '../../core/model.ts';
import type { Actor } from '../../engine/intake.ts';
import {
  begunSchema,
  changedSchema,
  commandRequest,
  enqueueRequest,
  ok,
  oneJobSchema,
  pausedSchema,
  pauseRequest,
  priorityRequest,
  resumedSchema,
  shutdownRequest,
  stoppedSchema,
  stopRequest,
  submitRequest,
  submittedSchema,
  tickRequest,
  urgentRequest,
} from '../contract.ts';
import { answer, createRoutes, jsonBody, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';
import { isoOrNull, jobToWire, taskToWire } from '../wire.ts';

const COMMANDS = {
  approve: "A yes, bound to a commit where one is named; a stage's reviewers only",
  reject: 'A no, with its reason as a finding',
  retry: 'A new attempt; budgets are refilled',
  cancel: 'End a task, a job or a run; branch and worktree are kept',
  answer: "Answer an agent's question; its session goes on",
  comment: 'Say something to whoever works on the task next, and on its item',
} as const;

/** Everything that changes something. Bodies are strict; an unknown or wrong field is named. */
export function actionRoutes({ engine, shutdown }: HttpOptions) {
  const routes = createRoutes();
  const changed = async ({ task, job }: { task: Task | null; job: Job }) => ({
    task: task === null ? null : taskToWire(task),
    job: jobToWire(job, task?.key ?? null, await engine.reason(job)),
  });
  const post = <const P extends string>(path: P, summary: string) => route('post', path, 'actions', summary);

  // Begins a pass; repositories may take long to pack, so nobody waits for its end.
  routes.openapi(
    createRoute({
      ...post('/upkeep', 'Apply retention now'),
      responses: answer(begunSchema, 'begun', 202),
    }),
    async (c) => {
      await engine.note(c.get('actor'), 'upkeep', 'all');
      void engine.upkeep();
      return c.json({ begun: true as const }, 202);
    },
  );

  routes.openapi(
    createRoute({
      ...post('/items', 'Take a work item on; the same key returns its task'),
      request: { body: jsonBody(submitRequest) },
      responses: { ...answer(submittedSchema, 'known already'), ...answer(submittedSchema, 'taken on', 201) },
    }),
    async (c) => {
      const { task, created } = await engine.submit(c.req.valid('json'), c.get('actor'));
      const wire = { task: taskToWire(task), created };
      return created ? c.json(wire, 201) : c.json(wire, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...post('/jobs', 'Queue one job without a task'),
      request: { body: jsonBody(enqueueRequest) },
      responses: answer(oneJobSchema, 'queued', 201),
    }),
    async (c) => {
      const job = await engine.enqueue(c.req.valid('json'), c.get('actor'));
      return c.json({ job: jobToWire(job, null, await engine.reason(job)) }, 201);
    },
  );

  for (const action of Object.keys(COMMANDS) as (keyof typeof COMMANDS)[])
    routes.openapi(
      createRoute({
        ...post(`/${action}`, COMMANDS[action]),
        request: { body: jsonBody(commandRequest) },
        responses: answer(changedSchema, 'done'),
      }),
      async (c) => c.json(await changed(await act(action, c.req.valid('json'), c.get('actor'))), 200),
    );

  function act(action: keyof typeof COMMANDS, request: z.infer<typeof commandRequest>, actor: Actor) {
    const { target, note, fromStage, account } = request;
    switch (action) {
      case 'approve':
        return engine.approve(target, request.commit, actor);
      case 'reject':
        return engine.reject(target, request.reason ?? '', actor);
      case 'retry':
        return engine.retry(target, { note, fromStage, account }, actor);
      case 'cancel':
        return engine.cancel(target, request.now, actor);
      case 'answer':
        return engine.answer(target, note ?? '', actor);
      case 'comment':
        return engine.comment(target, note ?? '', actor);
    }
  }

  routes.openapi(
    createRoute({
      ...post('/tick', 'Say that a person has looked at manual tests'),
      request: { body: jsonBody(tickRequest) },
      responses: answer(changedSchema, 'done'),
    }),
    async (c) => {
      const { target, tests } = c.req.valid('json');
      return c.json(await changed(await engine.tick(target, tests, c.get('actor'))), 200);
    },
  );
  routes.openapi(
    createRoute({
      ...post('/urgent', 'Let a task or job go first, or no longer'),
      request: { body: jsonBody(urgentRequest) },
      responses: answer(changedSchema, 'done'),
    }),
    async (c) => {
      const { target, urgent } = c.req.valid('json');
      return c.json(await changed(await engine.urgent(target, urgent, c.get('actor'))), 200);
    },
  );

  routes.openapi(
    createRoute({
      ...post('/priority', 'Higher goes first inside the project'),
      request: { body: jsonBody(priorityRequest) },
      responses: answer(changedSchema, 'done'),
    }),
    async (c) => {
      const { target, priority } = c.req.valid('json');
      return c.json(await changed(await engine.priority(target, priority, c.get('actor'))), 200);
    },
  );

  routes.openapi(
    createRoute({
      ...post('/pause', 'Start nothing new; live runs go on'),
      request: { body: jsonBody(pauseRequest) },
      responses: answer(pausedSchema, 'paused'),
    }),
    async (c) => {
      const { scope, id, note, forMs } = c.req.valid('json');
      const pause = await engine.pause(scope, id, note, forMs, c.get('actor'));
      const { by, until } = pause;
      return c.json({ pause: { scope, id: pause.id, note, by, until: isoOrNull(until) } }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...post('/resume', 'Dispatch again'),
      request: { body: jsonBody(pauseRequest) },
      responses: answer(resumedSchema, 'whether there was a pause'),
    }),
    async (c) => {
      const { scope, id } = c.req.valid('json');
      return c.json({ resumed: await engine.resume(scope, id, c.get('actor')) }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...post('/stop', 'Pause and end live runs; work and sessions are kept'),
      request: { body: jsonBody(stopRequest) },
      responses: answer(stoppedSchema, 'ended'),
    }),
    async (c) => {
      const { scope, id, now, note, forMs } = c.req.valid('json');
      await engine.pause(scope, id, note === '' ? 'stopped' : note, forMs, c.get('actor'));
      const ended = await engine.endRuns(scope, id, now);
      await engine.note(c.get('actor'), 'stop', scope === 'all' ? 'all' : `${scope}:${id}`, { ended });
      return c.json({ ended }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...post('/shutdown', 'End the service; live runs go on unless they are cancelled'),
      request: { body: jsonBody(shutdownRequest) },
      responses: answer(ok, 'ending', 202),
    }),
    async (c) => {
      const { cancel } = c.req.valid('json');
      await engine.note(c.get('actor'), 'shutdown', 'service', { cancel });
      setImmediate(() => shutdown(cancel));
      return c.json({ ok: true as const }, 202);
    },
  );
  return routes;
}
