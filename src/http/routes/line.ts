import { Hono } from 'hono';
import type { PauseWire, ProjectWire } from '../contract.ts';
import type { AppEnv, HttpOptions } from '../server.ts';
import { iso, isoOrNull } from '../wire.ts';

/** The line itself: its projects with their stages, and what is paused. */
export function lineRoutes({ engine }: Pick<HttpOptions, 'engine'>) {
  const routes = new Hono<AppEnv>();

  routes.get('/projects', (c) => {
    const projects = [...engine.projects()].map(
      ([key, project]): ProjectWire => ({
        key,
        base: project.base,
        maxConcurrency: project.maxConcurrency,
        accounts: [...project.rules.accounts],
        pipelines: project.pipelines.map(({ name, stages }) => ({
          name,
          stages: stages.map(({ stage, kind }) => ({ stage, kind })),
        })),
      }),
    );
    return c.json({ projects, slots: engine.slots() });
  });

  routes.get('/pauses', async (c) => {
    const now = Date.now();
    const pauses = (await engine.store.pauses())
      .filter(({ until }) => until === null || until > now)
      .map(
        (pause): PauseWire => ({
          scope: pause.scope,
          id: pause.id,
          note: pause.note,
          by: pause.by,
          since: iso(pause.since),
          until: isoOrNull(pause.until),
        }),
      );
    return c.json({ pauses });
  });

  return routes;
}
