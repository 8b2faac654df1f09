import { type Context, Hono } from 'hono';
import type { z } from 'zod';
import type { Job, Task } from '../../core/model.ts';
import { body } from '../body.ts';
import {
  commandRequest,
  enqueueRequest,
  pauseRequest,
  shutdownRequest,
  stopRequest,
  submitRequest,
  tickRequest,
  urgentRequest,
} from '../contract.ts';
import type { AppEnv, HttpOptions } from '../server.ts';
import { isoOrNull, jobToWire, taskToWire } from '../wire.ts';

/** Everything that changes something. Bodies are strict; an unknown or wrong field is named. */
export function actionRoutes({ engine, shutdown }: HttpOptions) {
  const routes = new Hono<AppEnv>();
  const actor = (c: Context<AppEnv>) => ({ by: c.get('by'), surface: 'cli' as const });
  const changed = async ({ task, job }: { task: Task | null; job: Job }) => ({
    task: task === null ? null : taskToWire(task),
    job: jobToWire(job, task?.key ?? null, await engine.reason(job)),
  });

  // Begins a pass; repositories may take long to pack, so nobody waits for its end.
  routes.post('/upkeep', (c) => {
    void engine.upkeep();
    return c.json({ begun: true }, 202);
  });

  routes.post('/items', async (c) => {
    const request = await body(c, submitRequest);
    const { task, created } = await engine.submit(request, actor(c));
    return c.json({ task: taskToWire(task), created }, created ? 201 : 200);
  });

  routes.post('/jobs', async (c) => {
    const job = await engine.enqueue(await body(c, enqueueRequest));
    return c.json({ job: jobToWire(job, null, await engine.reason(job)) }, 201);
  });

  for (const action of ['approve', 'reject', 'retry', 'cancel', 'answer'] as const)
    routes.post(`/${action}`, async (c) => {
      const request = await body(c, commandRequest);
      return c.json(await changed(await act(action, request, c)));
    });

  function act(
    action: 'approve' | 'reject' | 'retry' | 'cancel' | 'answer',
    request: z.infer<typeof commandRequest>,
    c: Context<AppEnv>,
  ) {
    switch (action) {
      case 'approve':
        return engine.approve(request.target, request.commit, actor(c));
      case 'reject':
        return engine.reject(request.target, request.reason ?? '', actor(c));
      case 'retry':
        return engine.retry(
          request.target,
          { note: request.note, fromStage: request.fromStage, account: request.account },
          actor(c),
        );
      case 'cancel':
        return engine.cancel(request.target, request.now, actor(c));
      case 'answer':
        return engine.answer(request.target, request.note ?? '', actor(c));
    }
  }

  routes.post('/tick', async (c) => {
    const request = await body(c, tickRequest);
    return c.json(await changed(await engine.tick(request.target, request.tests, actor(c))));
  });

  routes.post('/urgent', async (c) => {
    const request = await body(c, urgentRequest);
    return c.json(await changed(await engine.urgent(request.target, request.urgent, actor(c))));
  });

  routes.post('/pause', async (c) => {
    const request = await body(c, pauseRequest);
    const pause = await engine.pause(request.scope, request.id, request.note, request.forMs, actor(c));
    return c.json({
      pause: {
        scope: pause.scope,
        id: pause.id,
        note: pause.note,
        by: pause.by,
        until: isoOrNull(pause.until),
      },
    });
  });

  routes.post('/resume', async (c) => {
    const request = await body(c, pauseRequest);
    return c.json({ resumed: await engine.resume(request.scope, request.id, actor(c)) });
  });

  routes.post('/stop', async (c) => {
    const request = await body(c, stopRequest);
    await engine.pause(request.scope, request.id, 'stopped', null, actor(c));
    return c.json({ ended: await engine.endRuns(request.scope, request.id, request.now) });
  });

  routes.post('/accounts/:id/check', async (c) => {
    await engine.checkAccount(c.req.param('id'));
    return c.json({ ok: true });
  });

  routes.post('/accounts/:id/trust', async (c) => {
    await engine.trustVersion(c.req.param('id'), actor(c));
    return c.json({ ok: true });
  });
  routes.post('/accounts/:id/use-last-good', async (c) => {
    await engine.useLastGood(c.req.param('id'), actor(c));
    return c.json({ ok: true });
  });

  routes.post('/shutdown', async (c) => {
    const request = await body(c, shutdownRequest);
    setImmediate(() => shutdown(request.cancel));
    return c.json({ ok: true }, 202);
  });

  return routes;
}
