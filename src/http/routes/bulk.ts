import { setImmediate } from 'node:timers/promises';
import { createRoute } from '@hono/zod-openapi';
import type { z } from 'zod';
import { AppError, messageOf } from '../../core/errors.ts';
import { jobName } from '../../core/model.ts';
import type { Actor } from '../../engine/intake.ts';
import { bulkRequest, bulkSchema, jobsQuery } from '../contract.ts';
import { createJobSearch } from '../job-search.ts';
import { answer, createRoutes, jsonBody, route } from '../openapi.ts';
import { invalid } from '../problem.ts';
import type { HttpOptions } from '../server.ts';

/** Items of one call: as many as a person waits for. */
const MAX_ITEMS = 1000;
type Request = z.infer<typeof bulkRequest>;

/** One action on many: each is done or refused by itself, and says which. */
export function bulkRoutes({ engine }: HttpOptions) {
  const routes = createRoutes();
  const search = createJobSearch(engine);

  routes.openapi(
    createRoute({
      ...route('post', '/bulk', 'actions', 'One action on many jobs or tasks'),
      request: { body: jsonBody(bulkRequest) },
      responses: answer(bulkSchema, 'a result for each'),
    }),
    async (c) => {
      const request = c.req.valid('json');
      const { ids, more } =
        request.ids === null ? await matching(request.filter) : { ids: request.ids, more: false };
      const results = [];
      for (const id of new Set(ids)) {
        await setImmediate(); // each is a commit: others are answered between two
        const error = await act(id, request, c.get('actor')).then(() => null, refusalOf);
        results.push({ id, ok: error === null, error });
      }
      const done = results.filter(({ ok }) => ok).length;
      return c.json({ done, refused: results.length - done, results, more }, 200);
    },
  );

  async function matching(filter: Request['filter']): Promise<{ ids: string[]; more: boolean }> {
    const query = jobsQuery.safeParse({ ...filter, limit: String(MAX_ITEMS) });
    if (!query.success) throw invalid('json', query.error);
    const { items, next } = await search(query.data);
    return { ids: items.map(({ id }) => jobName(id)), more: next !== null };
  }

  async function act(id: string, request: Request, actor: Actor): Promise<unknown> {
    const target = /^\d+$/.test(id) ? `job_${id}` : id;
    switch (request.action) {
      case 'retry':
        return engine.retry(target, { note: request.note, fromStage: null, account: request.account }, actor);
      case 'cancel':
        return engine.cancel(target, request.now, actor);
      case 'urgent':
        return engine.urgent(target, true, actor);
      case 'not_urgent':
        return engine.urgent(target, false, actor);
      case 'priority':
        return engine.priority(target, request.priority ?? 0, actor);
      case 'move':
        return engine.move(target, { stage: request.stage ?? '', note: request.note }, actor);
    }
  }
  return routes;
}

/** A refusal is this item's alone; a bug of ours ends the whole call. */
function refusalOf(error: unknown) {
  if (!(error instanceof AppError)) throw error;
  return { code: error.code, title: messageOf(error), hint: error.hint ?? null };
}
