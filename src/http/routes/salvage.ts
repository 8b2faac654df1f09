import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import {
  oneSalvageSchema,
  prunedSchema,
  restoredSchema,
  salvagePruneRequest,
  salvageQuery,
  salvageRestoreRequest,
  salvagesSchema,
} from '../contract.ts';
import { answer, createRoutes, jsonBody, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';
import { iso } from '../wire.ts';

type Entry = Awaited<ReturnType<HttpOptions['engine']['salvage']['list']>>[number];

/** Salvaged work: listed, looked at, brought back, forgotten. */
export function salvageRoutes({ engine }: HttpOptions) {
  const routes = createRoutes();
  const params = z.object({ name: z.string() });

  routes.openapi(
    createRoute({
      ...route('get', '/salvage', 'salvage', 'Work that was kept'),
      request: { query: salvageQuery },
      responses: answer(salvagesSchema, 'newest first'),
    }),
    async (c) => {
      const entries = await engine.salvage.list(c.req.valid('query').project ?? null);
      return c.json({ salvage: entries.map(toWire) }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route('get', '/salvage/{name}', 'salvage', 'What one salvage holds'),
      request: { params },
      responses: answer(oneSalvageSchema, 'its files'),
    }),
    async (c) => {
      const found = await engine.salvage.show(c.req.valid('param').name);
      const { problems, leftOut, refs } = found.note;
      const salvage = {
        ...toWire(found),
        files: found.diff.files.map((file) => ({ ...file })),
        problems: [...problems],
        leftOut: leftOut.map((each) => ({ ...each })),
        refs,
      };
      return c.json({ salvage }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route(
        'post',
        '/salvage/{name}/restore',
        'salvage',
        'Bring it back, into a new folder of the server or onto a new branch',
      ),
      request: { params, body: jsonBody(salvageRestoreRequest) },
      responses: answer(restoredSchema, 'where it is'),
    }),
    async (c) => {
      const { name } = c.req.valid('param');
      const { directory, branch, ref } = c.req.valid('json');
      const place = directory === null ? { branch: branch ?? '' } : { directory };
      const restored = await engine.salvage.restore(name, ref === null ? place : { ...place, ref });
      await engine.note(c.get('actor'), 'salvage.restore', name, { directory, branch });
      return c.json({ restored: name, ...restored }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route('post', '/salvage-prune', 'salvage', 'Forget what is older'),
      request: { body: jsonBody(salvagePruneRequest) },
      responses: answer(prunedSchema, 'the names'),
    }),
    async (c) => {
      const { project, olderThanMs } = c.req.valid('json');
      const pruned = await engine.salvage.prune(project, olderThanMs);
      await engine.note(c.get('actor'), 'salvage.prune', project ?? 'all', { pruned: pruned.length });
      return c.json({ pruned }, 200);
    },
  );
  return routes;
}

function toWire(entry: Entry) {
  return {
    name: entry.name,
    project: entry.note.project,
    key: entry.note.key,
    run: entry.note.run,
    commit: entry.commit,
    at: iso(entry.at),
  };
}
