import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { type ProjectWire, projectsSchema, promptSchema } from '../contract.ts';
import { createLookUp } from '../look-up.ts';
import { answer, createRoutes, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';

const MAX_PROMPT_BYTES = 1024 * 1024;

/** The line itself: its projects with their stages, and what its agents were told. */
export function lineRoutes({ engine }: HttpOptions) {
  const lookUp = createLookUp(engine);
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
          tracker: project.tracker.kind,
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
      ...route('get', '/runs/{id}/prompt', 'line', 'What the agent of a run was told'),
      request: { params: z.object({ id: z.string() }) },
      responses: answer(promptSchema, 'the prompt, its first mebibyte'),
    }),
    async (c) => {
      const run = await lookUp.run(c.req.valid('param').id);
      return c.json({ prompt: await readStart(join(run.directory, 'prompt.md')) }, 200);
    },
  );
  return routes;
}

async function readStart(path: string): Promise<string | null> {
  const file = await open(path).catch(() => null); // runs are forgotten after a while
  if (file === null) return null;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_PROMPT_BYTES), 0, MAX_PROMPT_BYTES, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
