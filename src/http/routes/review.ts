import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { type ChangesWire, changesSchema, promptSchema } from '../contract.ts';
import { createLookUp } from '../look-up.ts';
import { answer, createRoutes, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';
import { iso } from '../wire.ts';

const MAX_PROMPT_BYTES = 1024 * 1024;

/** What a person looks at before deciding: what a task changes, and what its agent was told. */
export function reviewRoutes({ engine }: HttpOptions) {
  const lookUp = createLookUp(engine);
  const routes = createRoutes();

  routes.openapi(
    createRoute({
      ...route('get', '/tasks/{key}/changes', 'work', 'What a task changes, against where it left the base'),
      request: { params: z.object({ key: z.string() }) },
      responses: answer(changesSchema, 'files, commits and the patch'),
    }),
    async (c) => {
      const task = await lookUp.task(c.req.valid('param').key);
      const { files, commits, patch, isCut, work, ...rest } = await engine.review.changes(task);
      const wire: ChangesWire = {
        ...rest,
        files: [...files],
        commits: commits.map(({ sha, author, subject, committedAt }) => ({
          sha,
          author: author.name,
          subject,
          at: iso(committedAt),
        })),
        patch: { text: patch, isCut },
        work: work === null ? null : { text: work.patch, isCut: work.isCut },
      };
      return c.json(wire, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...route('get', '/runs/{id}/prompt', 'work', 'What the agent of a run was told'),
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
