import { createRoute } from '@hono/zod-openapi';
import { type PauseWire, type ProjectWire, pausesSchema, projectsSchema } from '../contract.ts';
import { answer, createRoutes, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';
import { iso, isoOrNull } from '../wire.ts';

/** The line itself: its projects with their stages, and what is paused. */
export function lineRoutes({ engine }: HttpOptions) {
  const routes = createRoutes();

  routes.openapi(
    createRoute({
      ...route('get', '/projects', 'line', 'The projects, as orch.yaml has them'),
      responses: answer(projectsSchema, 'all of them'),
    }),
    (c) => {
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
      return c.json({ projects, slots: engine.slots() }, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...route('get', '/pauses', 'line', 'What is paused'),
      responses: answer(pausesSchema, 'the pauses in force'),
    }),
    async (c) => {
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
      return c.json({ pauses }, 200);
    },
  );

  return routes;
}
