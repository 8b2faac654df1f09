import { Hono } from 'hono';
import { body } from '../body.ts';
import { salvagePruneRequest, salvageRestoreRequest } from '../contract.ts';
import type { AppEnv, HttpOptions } from '../server.ts';
import { iso } from '../wire.ts';

type Entry = Awaited<ReturnType<HttpOptions['engine']['salvage']['list']>>[number];

/** Salvaged work: listed, looked at, brought back, forgotten. */
export function salvageRoutes({ engine }: HttpOptions) {
  const routes = new Hono<AppEnv>();
  routes.get('/salvage', async (c) =>
    c.json({ salvage: (await engine.salvage.list(c.req.query('project') ?? null)).map(toWire) }),
  );
  routes.get('/salvage/:name', async (c) => {
    const found = await engine.salvage.show(c.req.param('name'));
    return c.json({
      salvage: {
        ...toWire(found),
        files: found.diff.files,
        problems: found.note.problems,
        leftOut: found.note.leftOut,
        refs: found.note.refs,
      },
    });
  });
  routes.post('/salvage/:name/restore', async (c) => {
    const { directory, branch, ref } = await body(c, salvageRestoreRequest);
    const place = directory === null ? { branch: branch ?? '' } : { directory };
    const target = ref === null ? place : { ...place, ref };
    return c.json({
      restored: c.req.param('name'),
      ...(await engine.salvage.restore(c.req.param('name'), target)),
    });
  });
  routes.post('/salvage-prune', async (c) => {
    const { project, olderThanMs } = await body(c, salvagePruneRequest);
    return c.json({ pruned: await engine.salvage.prune(project, olderThanMs) });
  });
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
